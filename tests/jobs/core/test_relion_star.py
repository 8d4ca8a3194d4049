"""RELION's STAR dialect: what is written is what RELION accepts; what others write is understood."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.errors import FormatError, UserError
from jobs.core.relion_star import Table, format_star, parse_star, read_star, replace_text, write_star

AWKWARD = [
    "plain",
    "",
    "two words",
    "tab\there",
    '"quoted"',
    "'single",
    'ends with a quote"',
    'a "word" inside',
    "#comment",
    "_label",
    "data_block",
    "loop_",
    "; semicolon",
    "$$variable",
    "[1,2,3]",
    "Grüße/Ångström.star",
    "no\u00a0break",
    '"',
    '""',
    "it's",
]


def loop(rows: list[list[str]], columns: list[str] | None = None, name: str = "things") -> Table:
    return Table(name, columns or ["first", "second"], rows, True, 50001)


@pytest.mark.parametrize("value", AWKWARD)
def test_that_every_value_survives_a_round_trip_in_any_place(value: str) -> None:
    table = loop([[value, "x"], ["x", value], [value, value]])
    pairs = Table("list", ["one", "two"], [[value, "x"]], False, 50001)
    again = parse_star(format_star([pairs, table]))
    assert again == [pairs, table]


def test_that_the_text_is_the_style_of_relion() -> None:
    general = Table("pipeline_general", ["rlnPipeLineJobCounter"], [["3"]], False, None)
    text = format_star([general, loop([["a", "None"], ["b", "two words"]])])
    lines = text.split("\n")
    assert lines[:4] == ["", "# version 50001", "", "data_pipeline_general"]
    assert lines[5].split() == ["_rlnPipeLineJobCounter", "3"]
    assert lines[6] == " "
    assert lines[7:14] == ["", "# version 50001", "", "data_things", "", "loop_ ", "_first #1 "]
    assert lines[14] == "_second #2 "
    assert lines[15] == "         a       None "
    assert lines[16].split(maxsplit=1)[1].rstrip() == '"two words"'
    assert lines[17:] == [" ", ""]


def test_that_a_table_without_rows_is_left_out_completely() -> None:
    text = format_star([loop([]), loop([["a", "b"]], name="other"), Table("x", [], [], False, None)])
    assert "data_things" not in text
    assert text.count("data_") == 1
    assert text.count("loop_") == 1


def test_that_nothing_written_holds_a_carriage_return_or_a_bare_line_break() -> None:
    for value in ("two\nlines", "carriage\rreturn", "form\ffeed", "nul\0"):
        with pytest.raises(FormatError, match="line break"):
            format_star([loop([[value, "x"]])])


def test_that_a_row_of_the_wrong_length_is_not_written() -> None:
    with pytest.raises(FormatError, match="2 columns, but row 2"):
        format_star([loop([["a", "b"], ["c"]])])


def test_that_an_inner_quotation_mark_before_a_blank_carries_the_bell_of_relion() -> None:
    text = format_star([loop([['say "yes" now', "x"]])])
    assert '"say "yes\x07" now"' in text


def test_that_the_version_belongs_to_the_tables_below_its_line() -> None:
    text = "data_old\n\n_a 1\n\n# version 30001\n\ndata_new\n\n_a 1\n\ndata_same\n\n_a 1\n"
    old, new, same = parse_star(text)
    assert (old.version, new.version, same.version) == (None, 30001, 30001)
    assert old.effective_version == 30000


def test_that_a_loop_without_rows_and_blank_lines_inside_are_tolerated() -> None:
    text = "data_a\n\nloop_\n_x #1\n_y #2\n_z #3\n\ndata_b\nloop_\n_x #1\n\n1\n\n2\n# remark\n3\n"
    empty, full = parse_star(text)
    assert (empty.columns, empty.rows) == (["x", "y", "z"], [])
    assert full.rows == [["1"], ["2"], ["3"]]


def test_that_carriage_returns_of_other_systems_are_tolerated_when_reading() -> None:
    table = parse_star('data_a\r\n\r\nloop_\r\n_x #1\r\n_y #2\r\n1 "b c"\r\n2 None\r\n\r\n')[0]
    assert table.rows == [["1", "b c"], ["2", "None"]]


def test_that_quotes_and_text_fields_of_the_ccpem_programs_are_understood() -> None:
    pairs = "data_job\n_a 'one two'\n_b\n;first\nsecond\n;\n\n"
    rows = "data_loop\nloop_\n_n\n_v\nx 'it''s'\ny\n;l1\nl2\n;\nz 3\n"
    job, values = parse_star(pairs + rows)
    assert job.rows == [["one two", "first\nsecond"]]
    assert values.rows == [["x", "it''s"], ["y", "l1\nl2"], ["z", "3"]]


def test_that_a_missing_value_is_empty_in_tables_of_two_columns_only() -> None:
    assert parse_star("data_a\nloop_\n_x\n_y\nalone\n")[0].rows == [["alone", ""]]
    with pytest.raises(FormatError, match="3 columns, but this row has 1") as caught:
        parse_star("data_a\nloop_\n_x\n_y\n_z\nalone\n", "some.star")
    assert caught.value.row == 6
    assert "some.star" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("hello\n", 1, "outside any table"),
        ("data_a\nloop_\n1 2\n", 3, "no labels"),
        ("data_a\nloop_\n_x\n1 2\n", 4, "1 columns, but this row has 2"),
        ('data_a\nloop_\n_x\n_y\n1 "open\n', 5, "never closed"),
        ("data_a\n_x 1\nloop_\n_y\n", 3, "second loop"),
        ("data_a\n_x 1 2\n", 2, "2 values"),
        ("data_a\nword\n", 2, "neither a label nor loop_"),
        ("data_a\n_x\n;text\n", 3, "never ends"),
        ("data_a\n_x 1\n\0\0\0", 3, "not text"),
    ],
)
def test_that_damage_is_told_with_its_line(text: str, row: int, said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        parse_star(text)
    assert caught.value.row == row


def test_that_a_missing_and_an_unreadable_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_star(tmp_path / "gone.star")
    with pytest.raises(UserError, match="cannot be read"):
        read_star(tmp_path)


def test_that_file_names_in_any_encoding_survive(tmp_path: Path) -> None:
    path = tmp_path / "latin.star"
    path.write_bytes(b"data_a\nloop_\n_x\n_y\nM\xfcller.star 1\n")
    tables = read_star(path)
    write_star(path, tables)
    assert b"M\xfcller.star" in path.read_bytes()


def test_that_writing_keeps_permissions_and_follows_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.star", tmp_path / "link.star"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_that_a_new_file_gets_the_permissions_people_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_text(tmp_path / "new.star", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.star").stat().st_mode) == 0o640


_TOO_LARGE = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from jobs.core.errors import UserError
from jobs.core.relion_star import replace_text
try:
    replace_text(sys.argv[1], "x" * 5000)
except UserError as error:
    sys.stdout.write(str(error))
"""


def test_that_a_file_that_cannot_be_written_to_its_end_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "kept.star"
    path.write_text("old content")
    command = [sys.executable, "-c", _TOO_LARGE, str(path)]
    repository = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=repository,
        env={**os.environ, "PYTHONPATH": "."},
        check=True,
    )
    assert "nothing was changed" in done.stdout
    assert path.read_text() == "old content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.star"]
