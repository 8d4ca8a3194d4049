"""Coarse-graining of atomic models, against counts and distances worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.residues import read_beads
from tests.support.models import write_peptide


def atom(
    name: str,
    residue: str,
    number: int,
    place: tuple[float, float, float],
    *,
    element: str = "C",
    chain: str = "A",
    alt: str = " ",
    record: str = "ATOM",
) -> str:
    x, y, z = place
    padded = name.ljust(4) if len(element) == 2 or len(name) == 4 else f" {name:<3}"
    return (
        f"{record:<6}{number:5d} {padded}{alt}{residue:>3} {chain}{number:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 10.00          {element:>2}"
    )


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, "END", ""]))
    return path


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_that_an_alanine_is_a_main_chain_and_a_side_chain_bead(tmp_path: Path, ending: str) -> None:
    beads = read_beads(write_peptide(tmp_path / f"in{ending}"))
    assert beads.names[:2] == ("A/ALA1/main", "A/ALA1/side") and len(beads) == 12
    # N, CA, C, O have 7 + 6 + 6 + 8 electrons, CB has 6.
    assert beads.electrons.tolist() == [27.0, 6.0] * 6
    own = np.array([[0, 0, 0], [1.458, 0, 0], [2.009, 1.42, 0], [1.25, 2.39, 0]])
    middle = np.array([38.0, 48, 48]) - [3.33, 1.55, 0]
    expected = middle + (np.array([7.0, 6, 6, 8])[:, None] * own).sum(0) / 27
    np.testing.assert_allclose(beads.xyz_a[0], expected, atol=2e-3)
    np.testing.assert_allclose(beads.xyz_a[1], middle + np.array([1.99, -0.77, -1.2]), atol=2e-3)


def test_that_bonds_run_along_chains_and_to_side_chains_only(tmp_path: Path) -> None:
    beads = read_beads(write_peptide(tmp_path / "in.pdb"))
    one = [(0, 1), (0, 2), (2, 3), (2, 4), (4, 5)]
    assert beads.bonds.tolist() == [list(b) for b in one + [(a + 6, b + 6) for a, b in one]]
    assert (beads.chain[:6] == 0).all() and (beads.chain[6:] == 1).all()
    along = beads.xyz_a[2] - beads.xyz_a[0]
    assert np.linalg.norm(along) == pytest.approx(np.hypot(3.33, 1.55), abs=2e-3)


def test_that_no_bond_crosses_a_gap(tmp_path: Path) -> None:
    places = [0.0, 3.8, 7.6, 15.2, 19.0]  # the fourth residue of the chain was not built
    numbers = [1, 2, 3, 5, 6]
    lines = [atom("CA", "GLY", n, (x, 0, 0)) for n, x in zip(numbers, places, strict=True)]
    beads = read_beads(write(tmp_path / "gap.pdb", *lines))
    assert beads.bonds.tolist() == [[0, 1], [1, 2], [3, 4]]
    assert beads.n_breaks == 1 and beads.chain.tolist() == [0, 0, 0, 1, 1]
    lengths = np.linalg.norm(beads.xyz_a[beads.bonds[:, 0]] - beads.xyz_a[beads.bonds[:, 1]], axis=1)
    np.testing.assert_allclose(lengths, 3.8)


def test_that_water_hydrogen_and_second_locations_do_not_count(tmp_path: Path) -> None:
    beads = read_beads(
        write(
            tmp_path / "in.pdb",
            atom("N", "SER", 1, (0, 0, 0), element="N"),
            atom("CA", "SER", 1, (1.5, 0, 0)),
            atom("HA", "SER", 1, (1.5, 1, 0), element="H"),
            atom("C", "SER", 1, (2, 1.4, 0)),
            atom("OG", "SER", 1, (9, 0, 0), element="O", alt="A"),
            atom("OG", "SER", 1, (-9, 0, 0), element="O", alt="B"),
            atom("O", "HOH", 2, (5, 5, 5), element="O", record="HETATM"),
        )
    )
    assert beads.names == ("A/SER1/main", "A/SER1/side")
    assert beads.electrons.tolist() == [19.0, 8.0]
    np.testing.assert_allclose(beads.xyz_a[1], [9, 0, 0])
    assert (beads.n_atoms, beads.n_left_out) == (4, 3)


def nucleotide(number: int, x: float) -> list[str]:
    inside = [
        ("P", "P", 0.0), ("OP1", "O", 0.5), ("OP2", "O", -0.5), ("O5'", "O", 2.5), ("C4'", "C", 3.0),
        ("C1'", "C", 3.5), ("N9", "N", 7.0), ("C8", "C", 8.0),
    ]  # fmt: skip
    return [atom(name, "A", number, (x, at, 0), element=element) for name, element, at in inside]


def test_that_a_nucleotide_is_phosphate_sugar_and_base(tmp_path: Path) -> None:
    beads = read_beads(write(tmp_path / "rna.pdb", *nucleotide(1, 0.0), *nucleotide(2, 2.0)))
    assert [name.split("/")[2] for name in beads.names] == ["phosphate", "sugar", "base"] * 2
    assert beads.electrons.tolist() == [15.0 + 16, 8.0 + 12, 7.0 + 6] * 2
    # The sugar of one is bonded to the phosphate of the next.
    assert beads.bonds.tolist() == [[0, 1], [1, 2], [1, 3], [3, 4], [4, 5]]


def test_that_ions_are_one_bead_and_larger_ligands_keep_their_atoms(tmp_path: Path) -> None:
    ring = [atom(f"C{k}", "LIG", 2, (1.4 * k, 20, 0), record="HETATM") for k in range(9)]
    beads = read_beads(
        write(
            tmp_path / "in.pdb",
            atom("CA", "CA", 1, (0, 0, 0), element="CA", record="HETATM"),
            *ring,
            atom("S", "SO4", 3, (40, 0, 0), element="S", record="HETATM"),
            *(atom(f"O{k}", "SO4", 3, (40, 0, k), element="O", record="HETATM") for k in (-1, 1)),
        )
    )
    assert beads.electrons.tolist() == [20.0, *[6.0] * 9, 32.0]
    # A row of atoms 1.4 Å apart.
    assert beads.bonds.tolist() == [[k, k + 1] for k in range(1, 9)]
    np.testing.assert_allclose(beads.xyz_a[-1], [40, 0, 0], atol=1e-9)


def test_that_cysteines_that_touch_are_bonded(tmp_path: Path) -> None:
    def cysteine(number: int, y: float, sulphur: float, chain: str) -> list[str]:
        return [
            atom("N", "CYS", number, (0, y, 0), element="N", chain=chain),
            atom("CA", "CYS", number, (1.5, y, 0), chain=chain),
            atom("C", "CYS", number, (3.0, y, 0), chain=chain),
            atom("SG", "CYS", number, (1.5, sulphur, 0), element="S", chain=chain),
        ]

    path = write(tmp_path / "ss.pdb", *cysteine(1, 0, 2, "A"), *cysteine(2, 6, 4, "B"))
    assert read_beads(path).bonds.tolist() == [[0, 1], [1, 3], [2, 3]]


def test_that_a_file_of_water_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "sea.pdb", atom("O", "HOH", 1, (0, 0, 0), element="O", record="HETATM"))
    with pytest.raises(FormatError, match="no atoms other than water") as caught:
        read_beads(path)
    assert "sea.pdb" in str(caught.value)
