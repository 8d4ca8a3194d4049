"""Inputs at the edges: what a particle file may say that most do not, trained like any other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.dynamight.checks import check_inputs
from jobs.dynamight.image_frame import image_frame, views_of
from jobs.dynamight.input_facts import find_stack, particle_facts
from jobs.dynamight.params import DynaMightOptions
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.training import EpochReport, Silent
from jobs.formats.mrc import write_map, write_stack
from jobs.formats.particles import ParticleSet, read_particles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.coordinates import project_points
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.recipes import recipe
from jobs.simulate.score import score
from jobs.simulate.simulation import Simulation, simulate
from jobs.simulate.truth import GroundTruth

Prepare = Callable[..., Prepared]
#: As the training of the shared fixture, with which the others are compared.
LIKE_TRAINED: dict[str, Any] = {"n_epochs": 9, "batch_size": 25, "consensus_update_decay": 1.0}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained_of(prepared: Prepared) -> Prepared:
    prepared.training.initialise()
    prepared.training.run(Silent())
    return prepared


@torch.no_grad()
def displacements_of(prepared: Prepared, truth: GroundTruth) -> np.ndarray:
    """Displacement of every bead in every particle ``(p, n, 3)`` in Å."""
    beads = torch.from_numpy(truth.beads_a).float()
    found = np.zeros((prepared.particles.n, len(beads), 3), np.float32)
    for half in prepared.training.halves:
        found[half.rows.numpy()] = half.model.displacement(half.latents.means, beads).numpy()
    return found


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two sets of displacements."""
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def change_tables(folder: Path, change: Callable[[dict[str, StarTable]], None]) -> None:
    tables = read_star_tables(folder / "particles.star")
    change(tables)
    write_star_tables(folder / "particles.star", tables)


# --------------------------------------------------------------------- premultiplied, phase plate


def test_that_premultiplied_images_show_the_motion_of_the_plain_ones(
    own: Path, prepare: Prepare, trained: Prepared, tiny: Simulation
) -> None:
    plain = read_particles(own / "particles.star", own)
    images = torch.from_numpy(ImageStacks(plain).read(np.arange(plain.n)))
    ctf = ctf_rfft(from_particles(plain), 32, 6.0)
    write_stack(own / "particles.mrcs", rfft_to_image(image_to_rfft(images) * ctf, 32).numpy(), 6.0)

    def mark(tables: dict[str, StarTable]) -> None:
        tables["optics"] = tables["optics"].with_columns({"rlnCtfDataAreCtfPremultiplied": [1]})

    change_tables(own, mark)
    prepared = trained_of(prepare(own, **LIKE_TRAINED))
    assert prepared.particles.ctf_premultiplied.all()
    found, expected = (displacements_of(p, tiny.truth) for p in (prepared, trained))
    assert score(found, tiny.truth).motions[0].spearman > 0.8
    assert likeness(found, expected) > 0.94  # 0.92 when the file does not say that they are


def test_that_images_taken_with_a_phase_plate_show_the_same_motion(
    tmp_path: Path, prepare: Prepare, trained: Prepared, tiny: Simulation
) -> None:
    spec = recipe("R1").with_changes(
        n_images=200, box=32, pixel_size_a=6.0, snr=0.3, shift_px=1.0, astigmatism_a=500.0
    )
    plate = simulate(replace(spec, phase_shift_deg=90.0), tmp_path / "plate")
    assert np.array_equal(plate.truth.theta, tiny.truth.theta)
    prepared = trained_of(prepare(plate.folder, **LIKE_TRAINED))
    assert (prepared.particles.phase_shift_deg == 90).all()
    found, expected = (displacements_of(p, tiny.truth) for p in (prepared, trained))
    assert score(found, tiny.truth).motions[0].spearman > 0.7
    assert likeness(found, expected) > 0.8


# --------------------------------------------------------------------------- several optics groups


@pytest.fixture(scope="module")
def two_groups(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Simulation, Simulation]]:
    """A project with particles of two microscopes: 6 Å at 300 kV, and 6.4 Å at 200 kV; one box."""
    folder = tmp_path_factory.mktemp("groups")
    spec = recipe("R1").with_changes(n_images=100, box=32, snr=0.3, shift_px=1.0)
    first = simulate(replace(spec, pixel_size_a=6.0, seed=1), folder / "one", image_prefix="one/")
    second = simulate(
        replace(spec, pixel_size_a=6.4, voltage_kv=200.0, seed=2), folder / "two", image_prefix="two/"
    )
    tables = [read_star_tables(s.particles) for s in (first, second)]
    rows = {
        name: np.concatenate([t["particles"].text(name) for t in tables])
        for name in tables[0]["particles"].columns
    }
    groups = {
        name: np.concatenate([t["optics"].text(name) for t in tables]) for name in tables[0]["optics"].columns
    }
    rows["rlnOpticsGroup"] = np.repeat([1, 2], 100)
    groups["rlnOpticsGroup"] = np.array([1, 2])
    groups["rlnOpticsGroupName"] = np.array(["one", "two"], object)
    write_star_tables(
        folder / "particles.star",
        [StarTable.from_columns("optics", groups), StarTable.from_columns("particles", rows)],
    )
    shutil.copy(folder / "one" / "consensus.mrc", folder)
    return folder, (first, second)


def test_that_points_and_ctf_of_each_group_lie_where_its_own_pixels_show_them(
    two_groups: tuple[Path, tuple[Simulation, Simulation]],
) -> None:
    folder, (first, _) = two_groups
    particles = read_particles(folder / "particles.star", folder)
    box, mean = image_frame(particles)
    assert (box, mean) == (32, pytest.approx(6.2))
    views = views_of(particles, box, 6.0)
    points = torch.from_numpy(first.truth.beads_a[:30]).float()
    seen = project_points(points, views.rotations, views.shifts_px, box, 6.0)
    for group, pixel in enumerate((6.0, 6.4)):
        rows = np.flatnonzero(particles.optics_group == group)
        alone = particles.select(rows)
        own = views_of(alone, box, pixel)
        expected = project_points(points, own.rotations, own.shifts_px, box, pixel)
        assert torch.allclose(seen[torch.from_numpy(rows)], expected, atol=1e-4)
        ours = ctf_rfft(views.ctf.select(torch.from_numpy(rows)), box, 6.0)
        assert torch.allclose(ours, ctf_rfft(from_particles(alone), box, pixel), atol=2e-4)


def test_that_particles_of_two_microscopes_are_trained_together(
    two_groups: tuple[Path, tuple[Simulation, Simulation]], prepare: Prepare
) -> None:
    folder, simulations = two_groups
    prepared = trained_of(prepare(folder, **LIKE_TRAINED))
    assert prepared.frame.voxel_size_a == pytest.approx(6.0)  # that of the map, not of the mean pixel
    for number, simulation in enumerate(simulations):
        found = displacements_of(prepared, simulation.truth)[100 * number : 100 * (number + 1)]
        assert score(found, simulation.truth).motions[0].spearman > 0.6


def test_that_very_different_pixels_and_mixed_boxes_are_refused_in_words(
    two_groups: tuple[Path, tuple[Simulation, Simulation]],
) -> None:
    folder, _ = two_groups
    particles = read_particles(folder / "particles.star", folder)
    far = np.where(particles.optics_group == 0, 6.0, 9.0)
    with pytest.raises(UserError, match="very different pixel sizes"):
        image_frame(replace(particles, pixel_size_a=far))
    with pytest.raises(UserError, match="different box sizes"):
        image_frame(replace(particles, box=np.array([32, 48])))


# ---------------------------------------------------------------------------------------- cryoSPARC


def cs_project(particles: ParticleSet, folder: Path) -> Path:
    """The particles as a refinement in cryoSPARC leaves them, dark on light; returns its ``.cs`` file."""
    (folder / "J3").mkdir(parents=True)
    (folder / "J9").mkdir()
    images = ImageStacks(particles).read(np.arange(particles.n))
    write_stack(folder / "J3" / "extracted.mrc", -images, float(particles.pixel_size_a[0]))
    turned = euler_to_matrix(torch.from_numpy(particles.euler_deg)).transpose(1, 2).numpy()
    angle = np.arccos(np.clip((np.trace(turned, axis1=1, axis2=2) - 1) / 2, -1, 1))
    axis = np.stack([turned[:, i - 1, i - 2] - turned[:, i - 2, i - 1] for i in range(3)], axis=1)
    columns: dict[str, Any] = {
        "uid": np.arange(particles.n, dtype="<u8") + 5,
        "blob/path": np.full(particles.n, b"J3/extracted.mrc", "S30"),
        "blob/idx": np.arange(particles.n, dtype="<u4"),
        "blob/shape": np.full((particles.n, 2), particles.box[0], "<u4"),
        "blob/psize_A": particles.pixel_size_a,
        "blob/sign": -np.ones(particles.n),
        "ctf/accel_kv": particles.voltage_kv,
        "ctf/cs_mm": particles.spherical_aberration_mm,
        "ctf/amp_contrast": particles.amplitude_contrast,
        "ctf/df1_A": particles.defocus_u_a,
        "ctf/df2_A": particles.defocus_v_a,
        "ctf/df_angle_rad": np.deg2rad(particles.defocus_angle_deg),
        "alignments3D/split": (particles.half - 1).astype("<u4"),
        "alignments3D/psize_A": particles.pixel_size_a,
        "alignments3D/shift": particles.origin_a / particles.pixel_size_a[:, None],
        "alignments3D/pose": axis * (angle / (2 * np.sin(angle)))[:, None],
    }
    rows = np.zeros(particles.n, [(k, v.dtype, v.shape[1:]) for k, v in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    path = folder / "J9" / "P1_J9_particles.cs"
    with path.open("wb") as file:
        np.save(file, rows)
    return path


def test_that_particles_of_cryosparc_are_trained_like_those_of_relion(
    own: Path, tmp_path: Path, prepare: Prepare
) -> None:
    star = read_particles(own / "particles.star", own)
    path = cs_project(star, tmp_path / "cryosparc")
    facts = particle_facts(path)
    assert (facts.boxes, facts.pixel_sizes_a, facts.n_particles) == ((32,), (6.0,), 200)
    assert find_stack(facts.stack, path, own) == tmp_path / "cryosparc" / "J3" / "extracted.mrc"
    assert {"rlnAngleRot", "rlnDefocusU", "rlnVoltage", "rlnOriginXAngst"} <= set(facts.columns)
    from_star = trained_of(prepare(own))
    from_cs = trained_of(prepare(own, files={"star": path}))
    for a, b in zip(from_star.training.halves, from_cs.training.halves, strict=True):
        assert torch.equal(a.rows, b.rows)
        assert torch.allclose(a.latents.means, b.latents.means, atol=5e-3)
    from_cs.particles.write(own / "again.star")
    again = read_particles(own / "again.star", own)
    assert again.stacks == from_cs.particles.stacks


# ------------------------------------------------------------------- places, batches, sizes of boxes


def test_that_a_star_file_that_links_to_another_project_is_trained_on_its_images(
    own: Path, tmp_path: Path, prepare: Prepare
) -> None:
    here = tmp_path / "here"
    (here / "Refine3D").mkdir(parents=True)
    link = here / "Refine3D" / "run_data.star"
    link.symlink_to(own / "particles.star")
    assert find_stack("particles.mrcs", link, here) == own / "particles.mrcs"
    files = {"star": link, "map": own / "consensus.mrc"}
    prepared = prepare(here, files=files)
    same = prepare(own)
    assert torch.equal(
        prepared.images.batch(torch.arange(9), 16).transforms,
        same.images.batch(torch.arange(9), 16).transforms,
    )


@pytest.mark.parametrize("preload", [True, False], ids=["kept", "streamed"])
def test_that_one_particle_more_than_full_batches_is_trained_on(
    own: Path, prepare: Prepare, preload: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.dynamight.images.SMALL_SET_BYTES", 0)

    def shorten(tables: dict[str, StarTable]) -> None:
        tables["particles"] = tables["particles"].select(np.arange(101))

    change_tables(own, shorten)
    prepared = prepare(own, preload=preload, validation_fraction=0.0, n_epochs=2)
    batch = len(prepared.training.halves[0].rows) - 1
    prepared = prepare(own, preload=preload, validation_fraction=0.0, n_epochs=2, batch_size=batch)
    assert 1 in {len(half.rows) % batch for half in prepared.training.halves}
    reports: list[EpochReport] = []
    prepared.training.initialise()
    prepared.training.run(Silent(reports.append))
    assert all(np.isfinite(list(sums.values())).all() for r in reports for sums in r.halves)


def blob(folder: Path, box: int, pixel_a: float, n: int = 8) -> TrainingInput:
    """Noisy views of eight blobs within 80 Å, all from above and without CTF."""
    folder.mkdir()
    rng = np.random.default_rng(box)
    axis = (np.arange(box, dtype=np.float32) - box // 2) * pixel_a
    line = np.exp(-((axis - 20) ** 2) / 200) + np.exp(-((axis + 20) ** 2) / 200)
    seen = line[:, None] * line
    noisy = (seen[None] + rng.standard_normal((1, box, box), np.float32) for _ in range(n))
    write_stack(folder / "p.mrcs", noisy, pixel_a)
    write_map(folder / "m.mrc", line[:, None, None] * line[:, None] * line, pixel_a)
    optics: dict[str, Any] = {
        "rlnOpticsGroup": [1],
        "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.1],
        "rlnImagePixelSize": [pixel_a],
        "rlnImageSize": [box],
    }
    particles: dict[str, Any] = {
        "rlnImageName": [f"{i + 1}@p.mrcs" for i in range(n)],
        "rlnOpticsGroup": np.ones(n, int),
        **{f"rlnAngle{a}": np.zeros(n) for a in ("Rot", "Tilt", "Psi")},
        "rlnRandomSubset": np.arange(n) % 2 + 1,
    }
    write_star_tables(
        folder / "p.star",
        [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", particles)],
    )
    return TrainingInput(star=folder / "p.star", project_dir=folder, map=folder / "m.mrc")


@pytest.mark.parametrize(
    ("box", "pixel_a", "n_gaussians"), [(32, 6.0, 20), (34, 6.0, 20), (250, 1.0, 20), (384, 4.0, 500)]
)
def test_that_any_even_box_can_be_prepared_and_stepped(
    tmp_path: Path, box: int, pixel_a: float, n_gaussians: int
) -> None:
    settings = TrainingSettings(
        n_gaussians=n_gaussians,
        n_latent=2,
        n_modes=4,
        n_neurons=16,
        n_warmup_epochs=1,
        n_epochs=2,
        batch_size=3,
        validation_fraction=0.0,
        seed=1,
    )
    prepared = prepare_training(blob(tmp_path / "p", box, pixel_a), settings, torch.device("cpu"))
    if box > 360:
        assert prepared.training.boxes[1] > 360
    trained_of(prepared)
    assert prepared.frame.box == box and prepared.training.schedule.stage == "done"
    for half in prepared.training.halves:
        assert bool(torch.isfinite(half.latents.means).all())


# -------------------------------------------------------------------------- what the window says


def test_that_the_checks_know_cryosparc_and_several_pixel_sizes(
    two_groups: tuple[Path, tuple[Simulation, Simulation]], tiny: Simulation, tmp_path: Path
) -> None:
    folder, _ = two_groups
    options = DynaMightOptions(fn_star="particles.star", fn_map="consensus.mrc")
    [problem] = check_inputs(options, CheckContext(folder))
    assert problem.severity == "warning" and "6 to 6.4 Å" in problem.message
    path = cs_project(read_particles(tiny.particles, tiny.folder), tmp_path / "cs")
    shutil.copy(tiny.folder / "consensus.mrc", path.parent.parent)
    options = DynaMightOptions(fn_star="J9/P1_J9_particles.cs", fn_map="consensus.mrc")
    assert check_inputs(options, CheckContext(path.parent.parent)) == []
    path.write_bytes(b"no such thing")
    [problem] = check_inputs(options, CheckContext(path.parent.parent))
    assert problem.severity == "error" and "this is not a cryoSPARC file" in problem.message
