"""Scenes for ChimeraX: a written script is read again and a known map placed by it, against plain numpy."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import starfile
import torch
from scipy.spatial.transform import Rotation

from jobs.formats.mrc import read_map, write_map
from jobs.formats.pickles import write_pickles
from jobs.formats.placed_particles import read_places
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.tomodrgn import commands
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.trained_model import load_trained

pytestmark = pytest.mark.usefixtures("any_device")
SIDE, VOXEL = 24, 13.1


def run(*words: object) -> None:
    """Run the command, which has to succeed."""
    assert commands.main(["subtomo2chimerax", *map(str, words)]) == 0


@pytest.fixture
def data(shared: Path) -> Path:
    """Files of others."""
    return shared / "data" / "tomodrgn"


def blob_map(path: Path) -> None:
    """Write a map with three points, whose voxel 0 lies anywhere."""
    at = np.array([[18, 12, 12], [12, 16, 12], [12, 12, 20]])
    volume = np.zeros((SIDE, SIDE, SIDE), np.float32)
    volume[at[:, 2], at[:, 1], at[:, 0]] = 1
    write_map(path, volume, VOXEL, (-40.0, 25.0, 7.0))


def matrices(script: Path) -> np.ndarray:
    """Rows of all ``view matrix`` commands, as ChimeraX takes them."""
    found = re.findall(r"^view matrix mod #(\d+),(.*)$", script.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return np.array([[float(v) for v in row.split(",")] for _, row in found]).reshape(-1, 3, 4)


def expected(star: Path, offsets_a: np.ndarray) -> np.ndarray:
    """Where points about the centres of particles are, by pandas and scipy alone: ``(P, N, 3)``."""
    table = starfile.read(star)
    origin = np.stack([table.get(f"rlnOrigin{a}", 0 * table.rlnAngleRot) for a in "XYZ"], 1)
    centre = (table[[f"rlnCoordinate{a}" for a in "XYZ"]].to_numpy() - origin) * 13.1
    angles = table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    # RELION's matrix is the inverse of the intrinsic ZYZ rotation, and takes the reference to the tomogram
    turn = Rotation.from_euler("ZYZ", angles, degrees=True).inv()
    return np.stack([turn.apply(offset) for offset in offsets_a], 1) + centre[:, None]


def test_that_a_known_map_lies_where_numpy_puts_it(data: Path, tmp_path: Path) -> None:
    blob_map(tmp_path / "blobs.mrc")
    star = data / "10076_both_32_sim_vols.star"
    run(star, "--vol-path", tmp_path / "blobs.mrc", "--outdir", tmp_path / "out")
    script = tmp_path / "out" / "tomo_both.tomostar" / "mapback.cxc"
    found = matrices(script)
    assert len(found) == 144
    # what ChimeraX shows: voxel 0 of the file that the script names, at the origin of its header
    named = re.search(r"^open (\S+) id 1$", script.read_text(), re.MULTILINE)
    assert named is not None
    shown = read_map(script.parent / named[1])
    voxels = np.argwhere(shown.data > 0.5)[:, ::-1]
    points = voxels * shown.voxel_size_a + np.array(shown.origin_a)
    placed = np.einsum("pij,nj->pni", found[:, :, :3], points) + found[:, None, :, 3]
    offsets = (voxels - SIDE // 2) * VOXEL
    assert np.abs(placed - expected(star, offsets)).max() < 0.01
    # rows of a rotation to many digits: two decimals would turn a map by a third of a degree
    turned = found[:, :, :3] @ found[:, :, :3].transpose(0, 2, 1)
    assert np.abs(turned - np.eye(3)).max() < 1e-8


def test_that_markers_stand_on_the_blobs_of_the_tomogram(data: Path, tmp_path: Path) -> None:
    star = data / "10076_both_32_sim_vols.star"
    run(star, "--mode", "markers", "-o", tmp_path / "one.cxc", "--marker-radius-angstrom", 60)
    found = matrices(tmp_path / "one.cxc")
    assert "marker #144 position 0,0,0 color #b8bec8 radius 60" in (tmp_path / "one.cxc").read_text()
    tomogram = read_map(data / "tomogram_001.mrc", permissive=True)
    x, y, z = np.rint(found[:, :, 3] / tomogram.voxel_size_a).astype(int).T
    assert tomogram.data[z, y, x].mean() > 10 * tomogram.data.std()


def test_that_labels_of_any_numbers_have_colours(data: Path, tmp_path: Path) -> None:
    labels = np.array([7, -3, 1000][:3] * 48)
    write_pickles(tmp_path / "labels.pkl", labels)
    run(
        *(data / "10076_both_32_sim_vols.star", "--mode", "markers", "--outdir", tmp_path / "out"),
        *("--coloring-labels", tmp_path / "labels.pkl", "--colormap", "viridis"),
    )
    folder = tmp_path / "out" / "tomo_both.tomostar"
    rows = [line.split() for line in (folder / "rgba_labels.txt").read_text().splitlines()[1:]]
    assert [row[0] for row in rows] == ["-3", "7", "1000"]
    assert len({tuple(row[1:4]) for row in rows}) == 3
    colours = re.findall(r"^marker .* color (\S+) ", (folder / "mapback.cxc").read_text(), re.MULTILINE)
    by_label = {label: {c for c, x in zip(colours, labels, strict=True) if x == label} for label in labels}
    assert all(len(found) == 1 for found in by_label.values())
    red = [round(float(v) * 255) for v in rows[0][1:4]]
    assert by_label[-3] == {"#" + "".join(f"{v:02x}" for v in red)}


def test_that_each_particle_has_its_own_volume_whatever_the_order_of_the_rows(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    """The volume series is reversed and split into two tomograms: rows tell nothing any more."""
    tables = read_star_tables(data / "10076_both_32_sim_vols.star")
    (name, table), *_ = tables.items()
    rows = np.arange(table.n_rows)[::-1]
    table = table.select(rows)
    tomogram = np.array([f"t{k % 2}" for k in range(len(rows))], object)
    shuffled = tmp_path / "shuffled.star"
    write_star_tables(shuffled, {name: table.with_columns({"rlnMicrographName": tomogram})})
    run(trained, "--coordinates", shuffled, "--outdir", tmp_path / "out", "-d", 16, "--gpu-id", "cpu")
    from jobs.tomodrgn.old_folders import open_folder

    folder = open_folder(trained)
    names = folder.particles().particle_name.tolist()
    z = read_latent(trained / "z.pkl")[0]
    model = load_trained(folder)
    shown = []
    for part in ("t0", "t1"):
        here = tmp_path / "out" / f"tomo_{part}"
        listed = read_star_tables(here / "artiax.star")["particles"]
        for i, particle in enumerate(listed.text("rlnTomoParticleName").tolist(), 1):
            own = model.volumes(torch.from_numpy(z[[names.index(particle)]]), box=16)[0].numpy()
            written = read_map(here / f"vol_{i:04d}.mrc")
            assert np.abs(written.data - own).max() <= 1e-5 * np.abs(own).max()
            assert written.voxel_size_a == pytest.approx(26.2)
            shown.append(particle)
            assert listed.floats("tomodrgnZ1")[i - 1] == pytest.approx(z[names.index(particle), 0], rel=1e-5)
    assert sorted(shown) == sorted(names)


def test_that_the_list_for_artiax_is_read_back_to_the_same_places(data: Path, tmp_path: Path) -> None:
    star = data / "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"
    run(star, "--datadir", data, "--outdir", tmp_path)
    before = read_places(star, datadir=data)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"tomo_Unt_0{k}.tomostar" for k in (50, 76, 83, 88)]
    for tomogram in ("Unt_050.tomostar", "Unt_083.tomostar"):
        after = read_places(tmp_path / f"tomo_{tomogram}" / "artiax.star")
        own = before.select(before.tomogram == tomogram)
        assert after.name.tolist() == own.name.tolist()
        assert np.abs(after.centre_a - own.centre_a).max() < 1e-6
        assert np.abs(after.rotation - own.rotation).max() < 1e-5
    external = starfile.read(tmp_path / "tomo_Unt_050.tomostar" / "artiax.star")
    assert len(external["particles"]) == 10 and "rlnTomoTiltSeriesPixelSize" in external["optics"]


def test_that_the_poses_of_images_alone_are_told_apart_from_those_of_particles(data: Path) -> None:
    images = data / "10076_both_32_sim.star"
    from jobs.formats.placed_particles import places_of
    from jobs.formats.tilt_series import read_tilt_particles

    found = places_of(read_tilt_particles(images, data, datadir=data, require_images=False))
    exact = read_places(data / "10076_both_32_sim_vols.star")
    assert not found.known.any() and "least tilted image" in found.notes[0]
    assert np.abs(found.rotation - exact.rotation).max() < 1e-3


def test_that_what_is_missing_is_said(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vols = data / "10076_both_32_sim_vols.star"
    wrong = tmp_path / "other.star"
    wrong.write_text(vols.read_text().replace("000_0000", "900_0000").replace("001_0000", "901_0000"))
    for words, sentence in (
        ((vols,), "one of --outdir and -o"),
        ((vols, "--mode", "volume", "--outdir", tmp_path), "needs a map"),
        ((vols, "--mode", "volumes", "--outdir", tmp_path), "needs a training"),
        ((vols, "--outdir", tmp_path, "--tomoname", "nobody"), "there is no tomogram nobody"),
        ((data / "10076_both_32_sim.star", "--outdir", tmp_path), "does not say where the particles are"),
        (
            (trained, "--coordinates", wrong, "--outdir", tmp_path),
            "the particles of this file are other ones",
        ),
    ):
        assert commands.main(["subtomo2chimerax", *map(str, words)]) == 2
        assert sentence in capsys.readouterr().err
