"""``heteroscope disk``, ``clean`` and ``schedule`` with its waiting times, and the window's start options."""

from __future__ import annotations

from pathlib import Path

import pytest

import app.__main__ as doors
from app import cli
from app.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one job of which a file may go."""
    folder = tmp_path / "p"
    folder.mkdir()
    opened = Project.create(folder)

    def prepare(folder: Path, _name: str) -> None:
        (folder / "Movies").mkdir()
        (folder / "Movies/a.spi").write_bytes(b"x" * 1500)

    opened.new_job("AutoPick", "relion.autopick", status="Succeeded", prepare=prepare)
    return opened.path


def test_that_disk_lists_jobs_with_what_cleaning_frees(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["disk", str(project)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Job", "Size", "Gentle", "Harsh"]
    assert lines[1].startswith("AutoPick/job001/")
    assert lines[1].endswith("1.5 kB  1.5 kB")
    assert cli.main(["disk", str(project), "--bytes"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[2:] == ["1500", "1500"]


def test_that_clean_lists_first_then_moves_then_takes_it_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "AutoPick/job001/Movies/a.spi"
    where = ["--project", str(project)]
    assert cli.main(["clean", "1", *where]) == 0
    told = capsys.readouterr()
    assert told.out == "AutoPick/job001/Movies/a.spi\n"
    assert "Would move 1 file, 1.5 kB" in told.err
    assert file.exists()
    assert cli.main(["clean", "--all", "--harsh", "--yes", *where]) == 0
    assert "Moved 1 file" in capsys.readouterr().err
    assert not file.exists()
    assert cli.main(["clean", "--all", "--undo", *where]) == 0
    assert file.stat().st_size == 1500


def test_that_clean_wants_to_know_which_jobs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clean", "--project", str(project)]) == 2
    assert "Which jobs?" in capsys.readouterr().err


def test_that_schedules_are_listed_and_stopped_by_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (project / f"RUNNING_PIPELINER_{name}").touch()
    where = ["--project", str(project)]
    assert cli.main(["schedule", "--list", *where]) == 0
    assert capsys.readouterr().out == "one\ntwo\n"
    assert cli.main(["schedule", "--stop", "--name", "two", *where]) == 0
    assert capsys.readouterr().out == "two\n"
    assert (project / "RUNNING_PIPELINER_one").exists()
    assert not (project / "RUNNING_PIPELINER_two").exists()


@pytest.mark.parametrize(
    "words", [[], ["--readonly"], ["--tomo"], ["--readonly", "HERE"], ["HERE", "--tomo"]]
)
def test_that_the_start_options_open_the_window(
    project: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[list[str]] = []
    monkeypatch.setattr(doors, "_window", lambda given: opened.append(given) or 0)
    words = [str(project) if word == "HERE" else word for word in words]
    assert doors.main(words) == 0
    assert opened == [words]


def test_that_commands_are_still_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert doors.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("heteroscope ")
    assert doors.main(["--readonly", "/no/such/folder"]) == 2


def test_that_notes_are_read_lengthened_and_gathered(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = str(project / "AutoPick/job001")
    assert cli.main(["note", job, "--add", "too few picks"]) == 0
    assert cli.main(["note", job, "--add", "threshold 0.2 next"]) == 0
    assert cli.main(["note", "--project", str(project), "--add", "ribosomes of May"]) == 0
    capsys.readouterr()
    assert cli.main(["note", job]) == 0
    assert capsys.readouterr().out == "too few picks\n\nthreshold 0.2 next\n"
    assert (project / "project_note.txt").read_text() == "ribosomes of May\n"
    assert cli.main(["note", "--project", str(project), "--all"]) == 0
    assert capsys.readouterr().out.strip().endswith("default_all_notes.txt")
    assert "AutoPick/job001/: Succeeded\ntoo few picks" in (project / "default_all_notes.txt").read_text()


def test_that_a_job_marked_by_hand_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "simulate", "--project", str(project)]) == 0
    (project / "Simulate/job002/RELION_JOB_EXIT_SUCCESS").touch()
    assert cli.main(["mark", str(project / "Simulate/job002"), "failed"]) == 0
    assert cli.main(["show", str(project / "Simulate/job002")]) == 0
    told = capsys.readouterr().out
    assert "It was marked as failed by hand; before that: The job finished successfully." in told
