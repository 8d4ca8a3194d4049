"""What is written along the main motion of a hinge: the moving domain turns, the fixed one does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from scipy.optimize import minimize_scalar

from jobs.core.exploring import EmbeddingRequest
from jobs.dynamight.latent_model import source
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import prepare_training
from jobs.dynamight.state import write_checkpoint
from jobs.dynamight.training import Silent
from jobs.explore.embeddings import embed
from jobs.explore.exports import Exporter
from jobs.explore.tracks import along_component
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Simulation, simulate
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import along_component as along_axis

pytestmark = pytest.mark.acceptance

BOX, PIXEL_A = 40, 5.0
#: The hinge of R1: about the y axis through this point, ±30°.
PIVOT_A = np.array([0.0, 0.0, 8.0])


@pytest.fixture(scope="module")
def hinge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """A smaller R1 with a finished job ``DynaMight/job001`` beside it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("hinge")
    spec = recipe("R1").with_changes(n_images=800, box=BOX, pixel_size_a=PIXEL_A, snr=0.2)
    data = simulate(spec, folder)
    settings = TrainingSettings(n_gaussians=300, n_epochs=24, n_warmup_epochs=2, batch_size=50, seed=1)
    prepared = prepare_training(
        TrainingInput(star=data.particles, project_dir=folder, map=data.consensus),
        settings,
        torch.device("cpu"),
    )
    prepared.training.initialise()
    prepared.training.run(Silent())
    write_checkpoint(checkpoint_path(folder / "DynaMight/job001", None), prepared, data.particles.name)
    yield data
    torch.set_num_threads(before)


def rotation_deg(first: NDArray[np.floating], last: NDArray[np.floating]) -> float:
    """Angle of the rotation that best brings points onto others (Kabsch)."""
    a, b = first - first.mean(0), last - last.mean(0)
    u, _, v = np.linalg.svd(a.T @ b)
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def beads_as_atoms(data: Simulation, path: Path) -> None:
    """Write the beads as a model in the frame of the map."""
    origin = BOX // 2 * PIXEL_A
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    for number, bead in enumerate(data.truth.beads_a, 1):
        residue, atom = gemmi.Residue(), gemmi.Atom()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
        atom.name, atom.element = "CA", gemmi.Element("C")
        atom.pos = gemmi.Position(*(bead + origin).tolist())
        residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))


def coordinates(model: gemmi.Model) -> NDArray[np.float64]:
    return np.array([cra.atom.pos.tolist() for cra in model.all()])


def test_that_the_written_movie_turns_the_moving_domain_through_the_range_of_the_hinge(
    hinge: Simulation, tmp_path: Path
) -> None:
    folder = hinge.folder
    model = source(folder / "DynaMight/job001", folder).open(1)
    states = along_component(model.embedding, 1, 9)
    beads_as_atoms(hinge, tmp_path / "beads.pdb")
    movie = Exporter(folder, tmp_path, 1, model).save_movie(states, atoms=tmp_path / "beads.pdb")
    written = gemmi.read_structure(str(movie / "model.cif"))
    assert len(written) == 9
    first, last = coordinates(written[0]), coordinates(written[-1])
    moving = hinge.truth.domain == 1
    # from the 2nd to the 98th percentile of ±30° the truth turns 57.6°
    assert rotation_deg(first[moving], last[moving]) > 45
    assert rotation_deg(first[~moving], last[~moving]) < 4
    # and the same in the written maps: the part above the hinge is turned back onto itself
    with mrcfile.open(movie / "volume000.mrc") as a, mrcfile.open(movie / "volume008.mrc") as b:
        assert turn_of_maps_deg(np.array(a.data), np.array(b.data)) > 40


def turn_of_maps_deg(first: NDArray[np.float32], last: NDArray[np.float32]) -> float:
    """Angle about the y axis through the pivot that best brings the upper part of a map onto another."""
    centre = np.array([BOX // 2] * 3) + PIVOT_A[::-1] / PIXEL_A
    z = np.arange(BOX)[:, None, None]
    upper = z > centre[0] + 2

    def misfit(angle: float) -> float:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
        moved = affine_transform(first * upper, turn, offset=centre - turn @ centre, order=1)
        part = moved > 0.05 * first.max()
        return -float(np.corrcoef(moved[part], last[part])[0, 1])

    found = [minimize_scalar(misfit, bounds=(low, low + 40), method="bounded") for low in (-80, -40, 0, 40)]
    return abs(float(min(found, key=lambda f: f.fun).x))


def test_that_the_window_s_trajectory_along_the_main_motion_turns_it_too(hinge: Simulation) -> None:
    folder = hinge.folder
    model = source(folder / "DynaMight/job001", folder).open(1)
    request = EmbeddingRequest("pca", "deformation")
    embedding = embed(model.embedding, model.features(), request, lambda *_: None, lambda: False)
    plane = Plane(embedding, np.asarray(model.embedding, np.float32), (0, 1))
    made = along_axis(plane, 0, 11, 1, 99, exact=False)
    beads = hinge.truth.beads_a.astype(np.float32)
    moving = hinge.truth.domain == 1
    angles = [
        rotation_deg(model.displace(made.states[0], beads)[moving], model.displace(z, beads)[moving])
        for z in made.states
    ]
    assert angles[-1] > 45
    # equal steps of deformation are equal steps of the hinge
    steps = np.diff(angles)
    assert steps.min() > 0.5 * steps.mean()
