from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.particles import read_particles
from jobs.formats.star import parse_star, read_star_head, read_star_tables
from jobs.formats.star_table import StarTable
from tests.support.shared import shared_dir


def refusal(text: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        parse_star(text, Path("some.star"))
    return caught.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"data_x\nloop_\n_a\n_b\n1 2\n3\n", "line 6 has 1 values but the table data_x names 2 columns"),
        (b"data_x\nloop_\n_a\n_b\n1 2 3\n", "line 5 has 3 values but the table data_x names 2 columns"),
        (b'data_x\nloop_\n_a\n_b\n1 "2\n', "line 5: a quote is opened and not closed"),
        (b"data_x\nloop_\n_a\n_b\n1 2 [3,\n", "line 5: a bracket is opened and not closed"),
        (b"data_x\nloop_\n_a\n_a\n1 2\n", "line 4: the column a is named twice"),
        (
            b"data_x\n_a 1\n\ndata_x\n_b 2\n",
            "line 4: the block data_x stands in the file twice, first in line 1",
        ),
        (b"data_x\nloop_\n_a\n1\n\n2\n", "line 6: '2' follows an empty line inside the table data_x"),
        (b"data_x\nloop_\n_a\n1\n\nloop_\n_b\n2\n", "line 6: the block data_x holds a second table"),
        (b"data_x\n_a 1 2\n", "line 2: a has 2 values but needs exactly one"),
        (b"data_x\n_a\n", "line 2: a has 0 values but needs exactly one"),
        (b"data_x\nloop_\n1 2\n", "line 3: a table row stands before the first column label"),
        (b"data_x\n1 2\n", "line 2: expected a label that begins with _"),
        (b"x,y,z\n1,2,3\n", r"line 1: expected a line data_… but found 'x,y,z'"),
        (b"# only a remark\n", "the file holds no data_ block"),
        (b" \n\n", "the file is empty"),
        (b"MAP \0\0\0\x01", "this is not a text file"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_that_a_damaged_star_file_is_refused_with_its_line(text: bytes, message: str) -> None:
    sentence = str(refusal(text))
    assert sentence.startswith("some.star")
    assert re.search(re.escape(message), sentence)


def test_that_the_row_of_a_short_line_is_named_counting_rows_not_lines() -> None:
    error = refusal(b"data_x\nloop_\n_a\n_b\n1 2\n# remark\n3 4\n5\n")
    assert error.row == 3
    assert "line 8" in str(error)


def table(text: bytes) -> StarTable:
    return parse_star(text, Path("some.star"))["x"]


def test_that_a_cell_that_is_no_number_is_named_with_row_column_and_line() -> None:
    rows = b"".join(b"%d %d\n" % (i, i) for i in range(70000)) + b"1 None\n"
    with pytest.raises(FormatError) as caught:
        table(b"data_x\nloop_\n_a\n_b\n" + rows).floats("b")
    assert caught.value.row == 70001
    assert caught.value.column == "b"
    assert "b is 'None' (line 70005), but a number is expected" in str(caught.value)


def test_that_a_fraction_is_no_whole_number_and_nan_neither() -> None:
    fraction = table(b"data_x\nloop_\n_a\n1.000000\n2.5\n")
    with pytest.raises(FormatError, match=r"row 2.*a is '2\.5' \(line 5\), but a whole number is expected"):
        fraction.ints("a")
    with pytest.raises(FormatError, match="a is 'nan'"):
        table(b"data_x\nloop_\n_a\nnan\n").ints("a")


def test_that_a_vector_without_brackets_is_refused() -> None:
    with pytest.raises(FormatError, match="numbers in brackets"):
        table(b"data_x\nloop_\n_a\n1,2\n").vectors("a")
    with pytest.raises(FormatError, match="numbers in brackets"):
        table(b"data_x\nloop_\n_a\n[1,two]\n").vectors("a")


def test_that_missing_columns_are_listed_together_with_the_nearest_names() -> None:
    with pytest.raises(FormatError) as caught:
        table(b"data_x\n_rlnAngleRott 1\n_rlnanglepsi 2\n").require(
            ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnVoltage"]
        )
    sentence = str(caught.value)
    assert "rlnAngleRot (there is rlnAngleRott)" in sentence
    assert "rlnAnglePsi (there is rlnanglepsi)" in sentence
    assert "rlnVoltage" in sentence


def test_that_missing_files_folders_and_locked_files_are_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FormatError, match=r"nothing\.star: the file does not exist"):
        read_star_tables(tmp_path / "nothing.star")
    with pytest.raises(FormatError, match="this is a folder"):
        read_star_tables(tmp_path)
    with pytest.raises(FormatError, match="does not exist"):
        read_star_head(tmp_path / "nothing.star")
    (tmp_path / "locked.star").write_text("data_\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # the tests may run as a user whom no permission stops
    with pytest.raises(FormatError, match=r"locked\.star: the file cannot be read: permission denied"):
        read_star_tables(tmp_path / "locked.star")


def test_that_digits_joined_by_underscores_are_no_number() -> None:
    with pytest.raises(FormatError, match="a is '1_000'"):
        table(b"data_x\nloop_\n_a\n1\n1_000\n").floats("a")


def test_that_pipes_and_endless_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.star")
    for path in (tmp_path / "pipe.star", Path("/dev/zero")):
        with pytest.raises(FormatError, match="a device or pipe"):
            read_star_tables(path)


@pytest.mark.reference
def test_that_random_damage_ends_in_one_sentence_or_in_a_set_that_survives_writing(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    source = (shared_dir() / "data" / "star" / "relion31.star").read_bytes()
    pieces = [
        b"\n",
        b" ",
        b'"',
        b"'",
        b"[",
        b"_",
        b"#",
        b"data_",
        b"loop_",
        b"nan",
        b"\xff",
        b"\x07",
        b"",
        b"7",
    ]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        damaged = bytearray(source)
        at, length = int(rng.integers(len(source))), int(rng.integers(3))
        damaged[at : at + length] = pieces[int(rng.integers(len(pieces)))]
        (tmp_path / "damaged.star").write_bytes(damaged)
        try:
            p = read_particles(tmp_path / "damaged.star", require_images=False)
        except UserError as error:
            outcomes["refused"] += "damaged.star" in str(error)
            continue
        p.write(tmp_path / "out.star")
        again = read_particles(tmp_path / "out.star", require_images=False)
        assert [again.table.row(i) for i in range(p.n)] == [p.table.row(i) for i in range(p.n)]
        outcomes["read"] += 1
    assert sum(outcomes.values()) == 300
    assert min(outcomes.values()) > 50
