from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import starfile

from jobs.formats.star import (
    format_star,
    parse_star,
    read_star_head,
    read_star_tables,
    write_star_tables,
)
from jobs.formats.star_table import StarTable
from tests.support.shared import shared_dir

SHARED_STARS = sorted((shared_dir() / "data").rglob("*.star"))


def cells(table: StarTable) -> list[dict[str, str]]:
    return [table.row(i) for i in range(table.n_rows)]


@pytest.mark.reference
@pytest.mark.parametrize("path", SHARED_STARS, ids=lambda p: p.name)
def test_that_star_files_of_other_programs_hold_what_the_starfile_package_finds(path: Path) -> None:
    ours = read_star_tables(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = starfile.read(path, always_dict=True, parse_as_string=["rlnGroupName"])
    assert list(ours) == [str(name) for name in theirs]
    for name, table in ours.items():
        other = theirs[name]
        assert list(table.columns) == list(other)
        for column in table.columns:
            values = [other[column]] if isinstance(other, dict) else list(other[column])
            if all(isinstance(v, str) for v in values):
                assert list(table.text(column)) == values
            else:
                np.testing.assert_array_equal(table.floats(column), np.array(values, float))


@pytest.mark.reference
@pytest.mark.parametrize("path", SHARED_STARS, ids=lambda p: p.name)
def test_that_every_cell_survives_shuffling_selecting_writing_and_reading_again(
    path: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    before = read_star_tables(path)
    chosen = {name: rng.permutation(t.n_rows)[: max(1, t.n_rows // 2)] for name, t in before.items()}
    write_star_tables(tmp_path / "out.star", [t.select(chosen[t.name]) for t in before.values()])
    after = read_star_tables(tmp_path / "out.star")
    assert list(after) == list(before)
    for name, table in after.items():
        original = before[name]
        assert table.columns == original.columns
        assert table.is_loop == original.is_loop
        assert table.version == original.version
        assert cells(table) == [original.row(i) for i in chosen[name]]


@pytest.mark.reference
def test_that_rows_are_written_back_byte_for_byte() -> None:
    path = shared_dir() / "data" / "star" / "relion5.star"
    rows = [line for line in path.read_bytes().splitlines() if b"@toy_images" in line]
    written = format_star(read_star_tables(path)).splitlines()
    assert [line for line in written if b"@toy_images" in line] == rows
    assert len(rows) == 17


def test_that_relion_quoting_is_understood_and_written_back() -> None:
    text = (
        b"data_x\n\nloop_\n_a #1\n_b #2\n_c #3\n"
        b'"two words" \'single too\' ""\n'
        b'"inner \x07" quote\x07"" plain\'s [1,2,3]\n'
        b'  it\'s "tab\there" [ 1, 2 ]\n'
    )
    table = parse_star(text)["x"]
    assert cells(table) == [
        {"a": "two words", "b": "single too", "c": ""},
        {"a": 'inner " quote"', "b": "plain's", "c": "[1,2,3]"},
        {"a": "it's", "b": "tab\there", "c": "[ 1, 2 ]"},
    ]
    again = parse_star(format_star([table]))["x"]
    assert cells(again) == cells(table)


@pytest.mark.parametrize(
    "value", ["", "a b", 'say "hi" ', '"', "'", "#1", "tab\t", "Å/µ", "_x", "data_y", "[1,2]", "it's"]
)
def test_that_any_text_value_survives_a_table_of_ours(value: str) -> None:
    table = StarTable.from_columns("x", {"before": [1], "name": [value], "after": ["end"]})
    assert parse_star(format_star([table]))["x"].row(0) == {"before": "1", "name": value, "after": "end"}


def test_that_numbers_of_ours_read_back_as_the_same_numbers(rng: np.random.Generator) -> None:
    wide = rng.normal(size=50) * 10.0 ** rng.integers(-12, 12, 50)
    narrow = wide.astype(np.float32)
    table = StarTable.from_columns(
        "x", {"wide": wide, "narrow": narrow, "flag": wide > 0, "n": np.arange(50)}
    )
    again = parse_star(format_star([table]))["x"]
    np.testing.assert_array_equal(again.floats("wide"), wide)
    np.testing.assert_array_equal(again.floats("narrow").astype(np.float32), narrow)
    np.testing.assert_array_equal(again.ints("flag"), wide > 0)
    np.testing.assert_array_equal(again.ints("n"), np.arange(50))


def test_that_the_version_line_is_kept_and_counts_for_the_blocks_below_it() -> None:
    text = b"# version 30001\n\ndata_optics\n\n_a 1\n\ndata_particles\n\nloop_\n_b\n2\n"
    tables = parse_star(text)
    assert (tables["optics"].version, tables["particles"].version) == (30001, 30001)
    assert b"\n# version 30001\n\ndata_particles\n" in format_star(tables)
    assert parse_star(b"data_\n\n_a 1\n")[""].version is None
    assert b"version" not in format_star(parse_star(b"data_\n\n_a 1\n"))


def test_that_windows_line_ends_and_a_byte_order_mark_are_read_and_not_written() -> None:
    text = "\ufeff# version 50001\r\n\r\ndata_x\r\n\r\nloop_\r\n_a #1\r\n_b #2\r\n1 two\r\n".encode()
    table = parse_star(text)["x"]
    assert cells(table) == [{"a": "1", "b": "two"}]
    assert b"\r" not in format_star([table])


def test_that_comments_between_and_behind_rows_are_no_values() -> None:
    text = b"data_x\nloop_\n_a #1 [remark]\n_b\n1 2\n# a remark\n3 4 # behind\n5 6\n\n# end\n"
    table = parse_star(text)["x"]
    assert table.ints("a").tolist() == [1, 3, 5]
    assert table.ints("b").tolist() == [2, 4, 6]
    assert table.line(1) == 7
    assert b"behind" not in format_star([table])


def test_that_a_row_may_begin_with_a_path_that_looks_like_a_block() -> None:
    text = b"data_x\nloop_\n_a\n_b\ndata_set1/mic.mrc 1\n_odd.mrc 2\nloop_/x.mrc 3\n\ndata_y\n_c 4\n"
    tables = parse_star(text)
    assert list(tables) == ["x", "y"]
    assert list(tables["x"].text("a")) == ["data_set1/mic.mrc", "_odd.mrc", "loop_/x.mrc"]


def test_that_a_table_without_rows_is_read_and_left_out_when_written() -> None:
    tables = parse_star(b"data_empty\n\nloop_\n_a\n_b\n\ndata_full\n\n_c 1\n")
    assert tables["empty"].n_rows == 0
    assert tables["empty"].columns == ("a", "b")
    assert tables["empty"].floats("a").shape == (0,)
    assert b"empty" not in format_star(tables)


def test_that_bytes_of_unknown_encoding_survive() -> None:
    text = b"data_x\nloop_\n_a\n_b\nmic_\xe9\xff.mrc 1\n"
    table = parse_star(text)["x"]
    again = parse_star(format_star([table.with_columns({"c": table.text("a")})]))["x"]
    assert again.row(0)["c"] == again.row(0)["a"] == table.row(0)["a"]


def test_that_columns_are_added_at_the_end_and_replaced_in_place() -> None:
    table = parse_star(b'data_x\nloop_\n_a\n_b\n_c\n1 "x y" 3\n4 z 6\n')["x"]
    new = table.with_columns({"b": ["new one", "other"], "d": np.array([0.5, -2.0], np.float32)})
    assert new.columns == ("a", "b", "c", "d")
    assert cells(new) == [
        {"a": "1", "b": "new one", "c": "3", "d": "0.5"},
        {"a": "4", "b": "other", "c": "6", "d": "-2.0"},
    ]
    assert new.without_columns(["b", "nothing"]).row(1) == {"a": "4", "c": "6", "d": "-2.0"}
    assert table.columns == ("a", "b", "c")
    with pytest.raises(ValueError, match="3 values for 2 rows"):
        table.with_columns({"d": [1, 2, 3]})


def test_that_rows_longer_than_65535_bytes_keep_their_fields() -> None:
    vector = "[" + ",".join(["0.125"] * 20000) + "]"
    table = parse_star(f"data_x\nloop_\n_a\n_v\n_b\n1 {vector} 2\n".encode())["x"]
    assert table.ints("b").tolist() == [2]
    assert table.vectors("v")[0].shape == (20000,)


def test_that_many_rows_split_into_portions_are_the_same_as_line_by_line(rng: np.random.Generator) -> None:
    values = rng.normal(size=(70000, 3)) * 100
    lines = [f"  {a:.6f}\t{b:.3f}   {c:.6f} " for a, b, c in values]
    lines[40000] = '1.5 "2.5" 3.5'
    table = parse_star(("data_x\nloop_\n_a\n_b\n_c\n" + "\n".join(lines)).encode())["x"]
    expected = np.array([[float(v.strip('"')) for v in line.split()] for line in lines])
    for j, column in enumerate("abc"):
        np.testing.assert_array_equal(table.floats(column), expected[:, j])


def test_that_the_head_of_a_large_file_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "large.star"
    rows = "".join(f"{i:8d} {i % 7:4d}\n" for i in range(50000))
    path.write_text(f"data_optics\n\n_p 1.5\n\ndata_particles\n\nloop_\n_a #1\n_b #2\n{rows}")
    head = read_star_head(path, n_rows=3, max_bytes=4000)
    assert not head.complete
    assert head.tables["particles"].columns == ("a", "b")
    assert head.tables["particles"].ints("a").tolist() == [0, 1, 2]
    assert head.n_rows["optics"] == 1
    assert abs(head.n_rows["particles"] - 50000) < 50
    whole = read_star_head(path)
    assert whole.complete
    assert whole.n_rows["particles"] == 50000


def test_that_a_cut_inside_a_row_does_not_spoil_the_head(tmp_path: Path) -> None:
    path = tmp_path / "a.star"
    path.write_text("data_x\nloop_\n_a\n_b\n1 2\n3 4\n5 6\n")
    for limit in range(8, path.stat().st_size + 1):
        head = read_star_head(path, max_bytes=limit)
        assert head.complete == (limit >= path.stat().st_size)
        for row in cells(head.tables["x"]):
            assert set(row) == {"a", "b"}
