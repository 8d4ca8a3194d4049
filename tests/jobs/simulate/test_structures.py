"""Molecules: the published chains, voxels of a map with its centre kept, atoms of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.mrc import write_map
from jobs.simulate.recipes import recipe
from jobs.simulate.specification import StructureSpec
from jobs.simulate.structures import build_structure

PDB = """\
ATOM      1  N   GLY A   1      10.000  10.000  10.000  1.00  0.00           N
ATOM      2  CA  GLY A   1      11.400  10.000  10.000  1.00  0.00           C
ATOM      3  H   GLY A   1       9.500  10.800  10.000  1.00  0.00           H
ATOM      4  CA  GLY B   1      20.000  14.000  16.000  1.00  0.00           C
HETATM    5  O   HOH C   1      90.000  90.000  90.000  1.00  0.00           O
END
"""


def test_that_the_chains_of_the_hinge_recipe_have_the_published_extent():
    structure = build_structure(recipe("R1").structure, 3.0)
    steps = np.linalg.norm(np.diff(structure.points_a, axis=0), axis=1)
    np.testing.assert_allclose(np.delete(steps, 399), 3.8, atol=1e-9)
    a, b = structure.points_a[:400], structure.points_a[400:]
    assert np.linalg.norm(a - (0, 0, -22), axis=1).max() <= 27
    assert np.linalg.norm(b - (0, 0, 30), axis=1).max() <= 19
    # Published: largest displacement of B 16.5 Å and rms 10.3 Å at 30 degrees about y through (0, 0, 8).
    arm = np.hypot(b[:, 0], b[:, 2] - 8) * 2 * np.sin(np.radians(15))
    assert arm.max() == pytest.approx(16.5, abs=0.06)
    assert np.sqrt((arm**2).mean()) == pytest.approx(10.3, abs=0.06)


def test_that_the_three_domains_hold_a_half_a_third_and_a_sixth_of_the_mass_and_do_not_collide():
    structure = build_structure(recipe("three_domains").structure, 3.0)
    assert np.bincount(structure.chain).tolist() == [300, 200, 100]
    assert np.linalg.norm(structure.points_a, axis=1).max() < 64  # room for shifts and CTF in a 192 Å box
    a, b, c = (structure.points_a[structure.chain == i] for i in range(3))
    for one, other in ((a, b), (a, c), (b, c)):
        distance = np.linalg.norm(one[:, None] - other, axis=2).min(axis=1)
        assert (distance < 3).mean() < 0.1


def test_that_voxels_of_a_map_keep_their_place_about_the_centre_voxel(tmp_path):
    volume = np.zeros(
        (9, 9, 9), dtype=np.float32
    )  # odd: the last planes are dropped, voxel 4 stays the centre
    volume[4, 4, 4], volume[5, 4, 2], volume[8, 8, 8] = 3, 2, 9
    write_map(tmp_path / "m.mrc", volume, 2.0)
    structure = build_structure(StructureSpec(path=str(tmp_path / "m.mrc"), threshold=1.0), 2.0)
    assert structure.points_a.tolist() == [[0, 0, 0], [-4, 0, 2]]
    assert structure.weights.tolist() == [3, 2]
    assert structure.sigma_a == pytest.approx(1.2)


def test_that_a_large_map_is_binned_about_its_centre_until_it_is_small_enough(tmp_path):
    axis = np.arange(48) - 24.0
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    centre = np.array([3.0, -2.0, 5.0])
    volume = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) / 50).astype(
        np.float32
    )
    write_map(tmp_path / "m.mrc", volume, 1.5)
    spec = StructureSpec(path=str(tmp_path / "m.mrc"), threshold=0.05, max_points=1500)
    structure = build_structure(spec, 1.5)
    assert 100 < len(structure.points_a) <= 1500
    found = np.average(structure.points_a, axis=0, weights=structure.weights)
    np.testing.assert_allclose(found, centre * 1.5, atol=0.05)


def test_that_the_ribosome_is_told_from_its_solvent(shared):
    path = shared / "data" / "maps" / "ribosome_70S_65px.mrc"
    structure = build_structure(StructureSpec(path=str(path), voxel_size_a=5.0), 5.0)
    # 2.5 MDa at 0.8 Da/Å3 fill 25,000 voxels; a blurred map above its middle level has about half.
    assert 8_000 < len(structure.points_a) < 30_000
    assert 100 < np.linalg.norm(structure.points_a, axis=1).max() < 165
    assert len(structure.beads) == 1000


def test_that_atoms_are_weighted_by_electrons_and_centred_without_water_and_hydrogen(tmp_path):
    (tmp_path / "m.pdb").write_text(PDB)
    structure = build_structure(StructureSpec(path=str(tmp_path / "m.pdb")), 3.0)
    assert structure.weights.tolist() == [7, 6, 6]
    assert structure.chain_names[:2] == ("A", "B")
    assert structure.chain.tolist() == [0, 0, 1]
    np.testing.assert_allclose(
        np.average(structure.points_a, axis=0, weights=structure.weights), 0, atol=1e-9
    )
    np.testing.assert_allclose(structure.points_a[2] - structure.points_a[1], [8.6, 4, 6], atol=1e-9)


def _bad(tmp_path: Path, name: str) -> StructureSpec:
    path = tmp_path / name
    if name == "empty.pdb":
        path.write_text("END\n")
    elif name == "none.mrc":
        write_map(path, np.zeros((8, 8, 8)), 1.0)
    elif name == "unsized.mrc":
        write_map(path, np.ones((8, 8, 8)), 0.0)
    return StructureSpec(path=str(path), threshold=0.5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.mrc", "missing.mrc: the structure to simulate from does not exist"),
        ("empty.pdb", "empty.pdb: the model holds no atoms"),
        ("none.mrc", "none.mrc: no voxel is above the threshold 0.5: the maximum is 0"),
        ("unsized.mrc", "unsized.mrc: the map's header has no voxel size"),
    ],
)
def test_that_structures_that_cannot_be_used_are_named(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        build_structure(_bad(tmp_path, name), 1.0)
