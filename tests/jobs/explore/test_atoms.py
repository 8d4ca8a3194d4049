"""Atomic models that are read: their place in the box, and their bonds."""

from __future__ import annotations

import time
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.explore.atoms import find_bonds, outside_warning, read_atoms
from jobs.maths.coordinates import chimerax_to_centred
from tests.support.explored import BlobModel
from tests.support.models import write_peptide


def bonds_by_name(path: Path, model: BlobModel) -> set[frozenset[str]]:
    atoms = read_atoms(path, model)
    names = [
        f"{site.chain.name}{site.residue.seqid}{site.atom.name}"
        for site in gemmi.read_structure(str(path))[0].all()
    ]
    return {frozenset((names[a], names[b])) for a, b in atoms.bonds}


@pytest.mark.parametrize("origin", [(0.0, 0.0, 0.0), (-30.5, 10.0, 7.25)])
def test_that_positions_are_those_of_the_one_owner_of_the_conversion(tmp_path: Path, origin: tuple) -> None:
    model = BlobModel()
    model.origin_a = origin
    path = write_peptide(tmp_path / "a.pdb", centre=np.array(origin) + 48.0)
    points = np.array([a.atom.pos.tolist() for a in gemmi.read_structure(str(path))[0].all()])
    expected = chimerax_to_centred(torch.from_numpy(points), 24, 4.0, origin)
    atoms = read_atoms(path, model)
    np.testing.assert_allclose(atoms.points_a, expected, atol=1e-5)
    # the middle of the model lies at the middle of the box
    assert np.abs(atoms.points_a.mean(0)).max() < 3


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_that_bonds_are_those_of_the_peptide_and_no_others(tmp_path: Path, ending: str) -> None:
    found = bonds_by_name(write_peptide(tmp_path / f"a{ending}"), BlobModel())
    expected = set()
    for chain in "AB":
        for k in (1, 2, 3):
            for a, b in (("N", "CA"), ("CA", "C"), ("C", "O"), ("CA", "CB")):
                expected.add(frozenset((f"{chain}{k}{a}", f"{chain}{k}{b}")))
        for k in (1, 2):
            expected.add(frozenset((f"{chain}{k}C", f"{chain}{k + 1}N")))
    assert found == expected


def test_that_only_sulphur_joins_residues_that_are_no_neighbours() -> None:
    points = np.array([[0, 0, 0], [2.05, 0, 0], [10, 0, 0], [11.5, 0, 0]], float)
    chains = np.array(["A", "B", "A", "B"], object)
    residues = np.array([0, 50, 1, 51])
    elements = np.array(["S", "S", "C", "C"], object)
    names = np.array(["SG", "SG", "CB", "CB"], object)
    assert find_bonds(points, names, elements, residues, chains).tolist() == [[0, 1]]


def test_that_hydrogens_are_bonded_to_atoms_and_not_to_each_other() -> None:
    points = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]], float)
    elements = np.array(["O", "H", "H"], object)
    names = np.array(["O", "H1", "H2"], object)
    one = np.zeros(3, np.int64)
    assert find_bonds(points, names, elements, one, np.array(["W"] * 3, object)).tolist() == [[0, 1], [0, 2]]


def test_that_a_model_of_one_atom_per_residue_is_joined_along_its_chains(tmp_path: Path) -> None:
    lines = []
    # a gap between residues 3 and 4 of chain A, then chain B
    for k, (chain, x) in enumerate(
        [("A", 20), ("A", 23.8), ("A", 27.6), ("A", 50), ("A", 53.8), ("B", 57.6)]
    ):
        lines.append(
            f"ATOM  {k + 1:5d}  CA  ALA {chain}{k + 1:4d}    {x:8.3f}  48.000  48.000  1.00 20.00           C"
        )
    path = tmp_path / "trace.pdb"
    path.write_text("\n".join([*lines, "END", ""]))
    assert read_atoms(path, BlobModel()).bonds.tolist() == [[0, 1], [1, 2], [3, 4]]


def test_that_chains_and_elements_stand_beside_their_atoms(tmp_path: Path) -> None:
    atoms = read_atoms(write_peptide(tmp_path / "a.pdb"), BlobModel())
    assert atoms.chain.tolist() == ["A"] * 15 + ["B"] * 15
    assert atoms.element.tolist() == ["N", "C", "C", "O", "C"] * 6
    assert atoms.source.endswith("a.pdb")
    assert atoms.points_a.dtype == np.float32


def test_that_only_the_first_of_several_models_is_read(tmp_path: Path) -> None:
    structure = gemmi.read_structure(str(write_peptide(tmp_path / "a.pdb")))
    structure.add_model(structure[0].clone())
    structure.renumber_models()
    structure.write_pdb(str(tmp_path / "two.pdb"))
    assert len(read_atoms(tmp_path / "two.pdb", BlobModel()).points_a) == 30


def test_that_what_is_wrong_with_a_model_is_told_in_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pdb"
    empty.write_text("HEADER\nEND\n")
    with pytest.raises(UserError, match="holds no atoms"):
        read_atoms(empty, BlobModel())
    with pytest.raises(UserError, match="none of the 30 atoms lies in the box"):
        read_atoms(write_peptide(tmp_path / "far.pdb", centre=np.array([900.0, 0, 0])), BlobModel())
    with pytest.raises(UserError, match="does not exist"):
        read_atoms(tmp_path / "nothing.cif", BlobModel())
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1\n")
    with pytest.raises(UserError, match=r"broken\.cif"):
        read_atoms(broken, BlobModel())


def test_that_atoms_outside_the_box_are_counted(tmp_path: Path) -> None:
    model = BlobModel()
    assert outside_warning(read_atoms(write_peptide(tmp_path / "in.pdb"), model), model) == ""
    half_out = read_atoms(write_peptide(tmp_path / "out.pdb", centre=np.array([96.0, 48, 48])), model)
    outside = int((np.abs(half_out.points_a) > 48).any(1).sum())
    assert 0 < outside < 30
    assert outside_warning(half_out, model).startswith(f"{outside} of 30 atoms lie outside the box")


def test_that_bonds_of_a_hundred_thousand_atoms_are_found_in_about_a_second() -> None:
    n = 100_000
    rng = np.random.default_rng(1)
    # a chain that fills space about as densely as a protein
    residues = np.arange(n) // 8
    points = np.repeat(rng.uniform(0, 110, (n // 8, 3)), 8, axis=0) + rng.normal(scale=1.2, size=(n, 3))
    elements = rng.choice(np.array(["C", "N", "O", "S"], object), n)
    start = time.perf_counter()
    find_bonds(points, elements, elements, residues, np.array(["A"], object).repeat(n))
    assert time.perf_counter() - start < 3.0
