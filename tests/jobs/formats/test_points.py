from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.points import read_points

PDB = """\
ATOM      1  N   ALA A  12      11.104  -6.134   2.250  1.00  0.00           N
ATOM      2  CA  ALA A  12      11.639  -6.071   0.000  1.00  0.00           C
HETATM    3 MG    MG B   1      -1.500   2.250   3.000  1.00  0.00          MG
END
"""
EXPECTED = [[11.104, -6.134, 2.25], [11.639, -6.071, 0.0], [-1.5, 2.25, 3.0]]


def test_that_pdb_and_mmcif_give_the_same_atoms_in_order(tmp_path: Path) -> None:
    (tmp_path / "model.pdb").write_text(PDB)
    gemmi.read_pdb_string(PDB).make_mmcif_document().write_file(str(tmp_path / "model.cif"))
    for name in ("model.pdb", "model.cif"):
        points = read_points(tmp_path / name)
        np.testing.assert_allclose(points.xyz_a, EXPECTED, atol=1e-9)
        assert points.names == ["A/ALA12/N", "A/ALA12/CA", "B/MG1/MG"]


def test_that_only_the_first_model_of_an_ensemble_counts(tmp_path: Path) -> None:
    atoms = PDB.removesuffix("END\n")
    (tmp_path / "two.pdb").write_text(f"MODEL 1\n{atoms}ENDMDL\nMODEL 2\n{atoms}ENDMDL\nEND\n")
    assert len(read_points(tmp_path / "two.pdb")) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "x,y,z,name\n1,2,3,first\n4.5,-5e-1,6,second\n"),
        ("p.csv", "\ufeffname; Z; Y; X\nfirst;3;2;1\n\nsecond;6;-0.5;4.5\n"),
        ("p.tsv", "# x\ty\tz\tname\n1\t2\t3\tfirst\n4.5\t-0.5\t6\tsecond\n"),
        ("p.star", "data_a\n\n_b 1\n\ndata_p\n\nloop_\n_z\n_name\n_x\n_y\n3 first 1 2\n6 second 4.5 -0.5\n"),
    ],
    ids=["comma", "semicolon-other-order", "tab", "star"],
)
def test_that_tables_give_x_y_z_whatever_their_order(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    points = read_points(tmp_path / name)
    np.testing.assert_array_equal(points.xyz_a, [[1, 2, 3], [4.5, -0.5, 6]])
    assert points.names == ["first", "second"]


def test_that_points_without_names_are_counted(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("x,y,z\n1,2,3\n4,5,6\n")
    assert read_points(tmp_path / "p.csv").names == ["point1", "point2"]


@pytest.mark.parametrize(
    ("name", "text", "message", "row", "column"),
    [
        ("p.csv", "x,y,w\n1,2,3\n", "lacks the column z", None, "z"),
        ("p.csv", "1,2,3\n4,5,6\n", "lacks the columns x, y, z", None, None),
        ("p.csv", "x,y,z\n1,2,3\n4,five,6\n", "y is 'five' (line 3)", 2, "y"),
        ("p.csv", "x,y,z\n1,2,nan\n", "z is 'nan' (line 2)", 1, "z"),
        ("p.csv", "x,y,z\n1,2,3\n4,5\n", "line 3 has 2 values, but 3 are expected", 2, None),
        ("p.csv", "x,y,z\n", "holds no points", None, None),
        ("p.csv", "", "holds no points", None, None),
        ("p.star", "data_p\nloop_\n_x\n_y\n_z\n1 2 nan\n", "z is 'nan' (line 6)", 1, "z"),
        ("p.star", "data_p\nloop_\n_x\n_y\n1 2\n", "lacks the column z", None, "z"),
        ("p.pdb", "REMARK nothing\nEND\n", "holds no points", None, None),
        ("p.cif", "not a cif", "the atomic model cannot be read", None, None),
        ("p.xyz", "1 2 3", "points cannot be read from '.xyz'", None, None),
    ],
)
def test_that_bad_points_are_refused_with_row_and_column(
    tmp_path: Path, name: str, text: str, message: str, row: int | None, column: str | None
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError) as caught:
        read_points(tmp_path / name)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert (caught.value.row, caught.value.column) == (row, column)


def test_that_a_missing_model_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no\.pdb: the file does not exist"):
        read_points(tmp_path / "no.pdb")


def test_that_letters_outside_ascii_do_not_upset_a_pdb_file(tmp_path: Path) -> None:
    (tmp_path / "model.pdb").write_bytes(PDB.replace("  CA ", " \u00c5CA ").encode())
    np.testing.assert_allclose(read_points(tmp_path / "model.pdb").xyz_a, EXPECTED)
