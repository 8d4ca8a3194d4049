"""Dynamo's tables, volume indices and EM files agree with dynamotable and emfile and come back unchanged."""

import dynamotable
import emfile
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats import dynamo_table as tables
from jobs.formats.em_files import read_em, read_em_header, write_em
from jobs.formats.tilt_angles import read_tilt_angles
from tests.support.imod_files import write_tilt_angles
from tests.support.shared import shared_dir

# columns that both name alike; dynamotable calls others by other names
_SAME = [c for c in tables.COLUMNS if c not in ("aligned", "averaged", "daxis") and "unused" not in c]


@pytest.fixture(scope="module")
def data():
    return shared_dir() / "data" / "dynamo"


@pytest.fixture(scope="module")
def complex_table(data):
    return tables.read_table(data / "t_complex.tbl")


def test_that_a_table_is_read_as_dynamotable_reads_it(data):
    ours, theirs = tables.read_table(data / "t_double.tbl"), dynamotable.read(data / "t_double.tbl")
    assert len(ours) == len(theirs) == 300 and ours.stored_columns == 35
    for name in set(_SAME) & set(theirs.columns):
        np.testing.assert_array_equal(ours[name], theirs[name].astype(float), err_msg=name)


def test_that_complex_axis_changes_keep_both_parts(complex_table, data, tmp_path):
    theirs = dynamotable.read(data / "t_complex.tbl")["daxis"].astype(str)
    expected = np.array([complex(v.replace("i", "j")) for v in theirs])
    assert np.count_nonzero(expected.imag) > 100
    np.testing.assert_array_equal(complex_table["daxis"], expected.real)
    np.testing.assert_array_equal(complex_table.daxis_imaginary, expected.imag)
    tables.write_table(tmp_path / "again.tbl", complex_table)
    again = tables.read_table(tmp_path / "again.tbl")
    np.testing.assert_array_equal(again.values, complex_table.values)
    np.testing.assert_array_equal(again.daxis_imaginary, complex_table.daxis_imaginary)


@pytest.mark.parametrize("name", ["t_double.tbl", "t_complex.tbl"])
def test_that_tables_of_dynamo_are_the_same_when_written_and_read_back(data, tmp_path, name):
    before, theirs = tables.read_table(data / name), dynamotable.read(data / name)
    tables.write_table(tmp_path / name, before)
    after, again = tables.read_table(tmp_path / name), dynamotable.read(tmp_path / name)
    stored = before.stored_columns
    np.testing.assert_array_equal(after.values[:, :stored], before.values[:, :stored])
    assert len(again) == len(theirs)
    for column in theirs.columns[:stored]:
        if column != "daxis":
            np.testing.assert_array_equal(again[column].astype(float), theirs[column].astype(float), column)


def test_that_dynamotable_reads_what_is_written(tmp_path):
    generator = np.random.default_rng(0)
    columns = {name: generator.normal(scale=100, size=7) for name in _SAME if name != "tag"}
    made = tables.make_table(7, columns)
    tables.write_table(tmp_path / "a.tbl", made)
    theirs = dynamotable.read(tmp_path / "a.tbl")
    assert theirs.shape == (7, 42)
    for name in _SAME:
        np.testing.assert_allclose(theirs[name], made[name], rtol=1e-9)
    assert (theirs["aligned_value"] == 1).all() and (theirs["averaged_value"] == 1).all()


def test_that_a_table_of_one_row_keeps_its_shape(tmp_path):
    tables.write_table(tmp_path / "a.tbl", tables.make_table(1, {"x": [3.5], "dx": [-0.0]}))
    assert "-0" not in (tmp_path / "a.tbl").read_text().split()
    again = tables.read_table(tmp_path / "a.tbl")
    assert again.position.tolist() == [[3.5, 0, 0]] and again.angles_deg.shape == (1, 3)
    assert len(again.select([False])) == 0


def test_that_the_rows_of_the_original_have_its_columns_and_digits(tmp_path):
    made = tables.make_table(
        1, {"tdrot": -30.2, "tilt": 103.1, "x": 4.5, "tomo": 2, "ftype": 1, "ymintilt": -60}
    )
    tables.write_original_table(tmp_path / "a.tbl", made)
    assert (tmp_path / "a.tbl").read_text() == (
        "1 1 1 0 0 0 -30.200 103.100 0.000 0 0 0 1 -60 0 0 0 0 0 2 0 0 0 4.500 0.000 0.000 0 0 0 0 0 0\n"
    )


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        ("", "no rows", None),
        ("1 2 3\n", "26 to 42 columns", 1),
        ("1 " * 30 + "\n" + "2 " * 29 + "\n", "29 columns", 2),
        ("1 " * 30 + "\n\n" + "2 " * 29 + "many\n", "not 'many'", 3),
        ("1 " * 30 + "\n" + "1 " * 30 + "\n", "tag 1 stands there twice", 2),
    ],
)
def test_that_faults_of_tables_name_the_row(tmp_path, text, message, row):
    (tmp_path / "a.tbl").write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        tables.read_table(tmp_path / "a.tbl")
    assert caught.value.row == row


def test_that_values_that_are_no_numbers_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        tables.write_table(tmp_path / "a.tbl", tables.make_table(1, {"x": np.nan}))
    with pytest.raises(ValueError, match="no column"):
        tables.make_table(1, {"colour": 1})


def test_that_volume_indices_keep_paths_with_blanks(data, tmp_path):
    volumes = {2: "/data/my tomograms/b.rec", 1: "a.mrc", 10: "it's  two blanks.mrc"}
    tables.write_index(tmp_path / "a.doc", volumes)
    assert tables.read_index(tmp_path / "a.doc") == volumes
    assert list(tables.read_index(tmp_path / "a.doc")) == [1, 2, 10]
    real = tables.read_index(data / "tmap_complex.doc")
    assert len(real) == 48 and real[1] == "tomo_ts01.mrc_15.00Apx.mrc"
    tables.write_index(tmp_path / "real.doc", real)
    assert (tmp_path / "real.doc").read_text().split() == (data / "tmap_complex.doc").read_text().split()


@pytest.mark.parametrize("text", ["one a.mrc\n", "1\n", "1 a\n1 b\n"])
def test_that_faults_of_volume_indices_name_the_row(tmp_path, text):
    (tmp_path / "a.doc").write_text(text)
    with pytest.raises(FormatError) as caught:
        tables.read_index(tmp_path / "a.doc")
    assert caught.value.row == text.count("\n")


def test_that_em_volumes_are_those_of_emfile(tmp_path):
    volume = np.random.default_rng(2).normal(size=(3, 4, 5)).astype(np.float32)
    write_em(tmp_path / "ours.em", volume)
    np.testing.assert_array_equal(emfile.read(tmp_path / "ours.em")[1], volume)
    for dtype in (np.float32, np.float64, np.int16, np.int8, np.int32):
        emfile.write(tmp_path / "theirs.em", (volume * 50).astype(dtype), overwrite=True)
        np.testing.assert_array_equal(
            read_em(tmp_path / "theirs.em"), (volume * 50).astype(dtype).astype(np.float32)
        )
    assert read_em_header(tmp_path / "ours.em").shape == (3, 4, 5)


def test_that_other_files_are_no_em_volumes(tmp_path):
    path = tmp_path / "a.em"
    for content in (b"", b"MRC" * 300, b"\6\0\0\5" + np.array([4, 4, 4], "<i4").tobytes() + b"\0" * 600):
        path.write_bytes(content)
        with pytest.raises(FormatError):
            read_em(path)
    with pytest.raises(ValueError, match="three axes"):
        write_em(path, np.zeros((2, 2)))


def test_that_tilt_angles_come_back_and_further_columns_are_passed_over(tmp_path):
    write_tilt_angles(tmp_path / "a.tlt", np.arange(-54, 55, 2))
    np.testing.assert_array_equal(read_tilt_angles(tmp_path / "a.tlt"), np.arange(-54, 55, 2))
    (tmp_path / "b.tlt").write_text("  -60.0   3.5\r\n\n0.25\n")
    assert read_tilt_angles(tmp_path / "b.tlt").tolist() == [-60.0, 0.25]


@pytest.mark.parametrize(("text", "row"), [("", None), ("1.0\nx\n", 2), ("nan\n", 1), ("720\n", 1)])
def test_that_faults_of_tilt_angles_name_the_line(tmp_path, text, row):
    (tmp_path / "a.tlt").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_tilt_angles(tmp_path / "a.tlt")
    assert caught.value.row == row
