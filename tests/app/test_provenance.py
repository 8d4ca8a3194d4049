"""What is told about how a job came to be, from its files alone."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from app.project.project import Project
from app.provenance.inputs import check
from app.provenance.log_marks import noted_runs
from app.provenance.options import OptionLine, compare, of_settings
from app.provenance.story import gather
from jobs import registry
from jobs.core.declaration import JobOptions
from jobs.core.folder import JobFolder, make_record
from jobs.core.job_star import JobStar, write_job_star

DYNAMIGHT = "DynaMight/job001/"


@pytest.fixture
def hinge(tmp_path: Path) -> Path:
    """A project whose job was trained, and continued with the way back by another number of epochs."""
    project = Project.create(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/particles.star").write_text("particles")
    job_type = registry.job_type("dynamight")
    first = job_type.options.model_validate({"fn_star": "data/particles.star", "nr_gaussians": 500})
    further = first.model_copy(update={"do_inverse": True, "nr_epochs": 20})
    project.new_job("DynaMight", "dynamight", status="Succeeded", prepare=lambda folder, name: None)
    folder = JobFolder(tmp_path, DYNAMIGHT)

    def record(run: int, options: JobOptions, task: str) -> None:
        made = make_record(
            job_type,
            options,
            project_dir=tmp_path,
            run=run,
            task=task,
            is_continue=run > 1,
            command=["python", "-m", "jobs.dynamight", "--run", str(run)],
        )
        started = f"2026-01-0{run}T10:00:00+00:00"
        folder.write_options(run, made.model_copy(update={"started": started}))

    record(1, first, "train")
    record(2, further, "inverse")
    folder.run_out.write_text(
        "DynaMight flexibility: Estimate motions, run 1 of DynaMight/job001/ on cuda:1\n"
        "\nThe job was aborted.\n"
        "DynaMight flexibility: Estimate inverse deformations, run 2 of DynaMight/job001/ on cpu\n"
        "inverse: 1 of 2\rinverse: 2 of 2\n"
    )
    folder.metrics.write_text(
        json.dumps({"t": 1767261600 + 300, "run": 1, "task": "train", "step": 3, "of": 9}) + "\n"
    )
    folder.worker_json.write_text(json.dumps({"run": 2, "ended": "2026-01-02T10:02:00+00:00"}))
    return tmp_path


def test_that_each_run_tells_when_where_and_how_it_ended(hinge: Path) -> None:
    story = gather(hinge, DYNAMIGHT, "Succeeded", {})
    first, second = story.runs
    assert (first.title, first.device, first.outcome, first.seconds) == (
        "Estimate motions",
        "cuda:1",
        "Aborted",
        300.0,
    )
    assert (second.title, second.device, second.outcome, second.seconds) == (
        "Estimate inverse deformations",
        "cpu",
        "Succeeded",
        120.0,
    )
    assert story.seconds == 420.0
    assert story.tail[-1] == "inverse: 2 of 2"


def test_that_the_commands_do_the_same_runs_again(hinge: Path) -> None:
    first, second = gather(hinge, DYNAMIGHT, "Succeeded", {}).runs
    words = shlex.split(first.again)
    assert words[:5] == ["heteroscope", "run", "dynamight", "--project", str(hinge)]
    assert set(words[5:]) >= {"--fn_star=data/particles.star", "--nr_gaussians=500"}
    assert shlex.split(second.again)[1:] == [
        "continue",
        "DynaMight/job001",
        "--project",
        str(hinge),
        "--do_inverse=Yes",
        "--nr_epochs=20",
    ]
    assert second.command == "python -m jobs.dynamight --run 2"


def test_that_an_input_is_told_to_have_changed(hinge: Path) -> None:
    def state() -> tuple[str, str]:
        known = (
            gather(hinge, DYNAMIGHT, "Succeeded", {"data/particles.star": "Import/job009/"}).runs[0].inputs
        )
        assert known[0].producer == "Import/job009/"
        return known[0].state, known[0].detail

    path = hinge / "data/particles.star"
    assert state() == ("unchanged", "same size and date")
    os.utime(path, (1, 1))
    assert state() == ("unchanged", "same content, newer date")
    path.write_text("PARTICLES")
    assert state() == ("changed", "the content is another one")
    path.write_text("more particles")
    assert state()[0] == "changed"
    path.unlink()
    assert state()[0] == "missing"


def test_that_a_change_which_keeps_size_and_date_is_found_on_request(hinge: Path) -> None:
    path = hinge / "data/particles.star"
    known = gather(hinge, DYNAMIGHT, "Succeeded", {}).runs[0].inputs[0]
    status = path.stat()
    path.write_text("pArticles")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert check(hinge, known).state == "unchanged"
    assert check(hinge, known, content=True).state == "changed"


def test_that_the_methods_text_names_steps_settings_versions_and_what_to_cite(hinge: Path) -> None:
    text = gather(hinge, DYNAMIGHT, "Succeeded", {}).methods
    assert "Steps: estimate motions, estimate inverse deformations." in text
    assert "number of Gaussians 500" in text
    assert "torch" in text
    assert "doi:10.1038/s41592-024-02377-5" in text


def test_that_numbers_are_compared_by_value_and_absent_options_are_differences() -> None:
    left = [OptionLine("a", "A", "", "1.0"), OptionLine("b", "B", "", "x"), OptionLine("c", "C", "", "y")]
    right = [OptionLine("a", "A", "", "1"), OptionLine("b", "B", "", "z"), OptionLine("d", "D", "", "")]
    found = {line.name: (line.left, line.right) for line in compare(left, right) if line.differs}
    assert found == {"b": ("x", "z"), "c": ("y", None), "d": (None, "")}


def test_that_a_note_of_another_program_tells_its_starts_and_commands() -> None:
    note = (
        "\n ++++ Executing new job on Tue Nov 17 09:14:02 2026\n ++++ with the following command(s): \n"
        "`which relion_refine` --o Refine3D/job002/run\nsecond --line\n ++++ \nwhat I think of it\n"
        " ++++ Executing new job on some day\n ++++ with the following command(s): \nthird\n ++++ \n"
    )
    first, second = noted_runs(note)
    assert first.started is not None
    assert (first.started.day, first.started.hour) == (17, 9)
    assert first.commands == ("`which relion_refine` --o Refine3D/job002/run", "second --line")
    assert second.started is None
    assert second.commands == ("third",)


def test_that_settings_of_another_program_are_told_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "Refine3D/job001"
    folder.mkdir(parents=True)
    settings = JobStar("relion.refine3d", values={"sym_name": "D2", "odd_one": "5"})
    write_job_star(folder / "job.star", settings)
    found = of_settings(tmp_path, "Refine3D/job001/")
    lines = {line.name: (line.label, line.value, line.changed) for line in found}
    assert lines == {"sym_name": ("Symmetry", "D2", False), "odd_one": ("odd_one", "5", False)}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Give a command and return its exit code and standard output."""

    def run(*words: object) -> tuple[int, str]:
        code = main([str(word) for word in words])
        return code, capsys.readouterr().out

    return run


def test_that_show_in_the_terminal_gives_the_commands_alone(
    hinge: Path, say: Callable[..., tuple[int, str]]
) -> None:
    code, out = say("show", "1", "--command", "--project", hinge)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "# run 1: Estimate motions"
    assert lines[1].startswith("heteroscope run dynamight ")
    assert [line for line in lines if not line.startswith(("#", "heteroscope "))] == []


def test_that_two_runs_are_compared_in_the_terminal(hinge: Path, say: Callable[..., tuple[int, str]]) -> None:
    code, out = say("compare", "1:1", "1:2", "--project", hinge)
    assert code == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert rows == [["do_inverse", "No", "Yes"], ["nr_epochs", "200", "20"]]
    assert say("compare", "1", "1:2", "--project", hinge)[1] == "All options have the same values.\n"
    listed = json.loads(say("compare", "1:1", "1:2", "--all", "--json", "--project", hinge)[1])
    assert len(listed) > 20
    assert say("compare", "1:1", "1:7", "--project", hinge)[0] == 2
