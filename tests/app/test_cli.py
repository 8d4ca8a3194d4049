"""The command line: exit codes, suggestions, progress, and what stands where."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app import __main__ as door
from app import cli
from app.cli_places import find_job, in_project
from app.cli_progress import Progress, duration
from app.project.lock import ProjectLock
from app.project.project import Project
from app.runner.events import JobEnded, LogAppended, MetricsAdded
from app.runner.launch import start_job, status_of
from app.runner.outcome import Outcome, OutcomeKind
from jobs import registry
from jobs.core.declaration import JobType, specs
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from tests.support.jobs import exit_markers, wait_for_end, wait_for_worker, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Give a command; returns exit code, standard output and standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = door.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def environment() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), known)))}


# ------------------------------------------------------------------------------------------- the whole


def test_that_help_and_lists_come_at_once_and_load_neither_torch_nor_qt(project: Project) -> None:
    heavy = "bool({'torch', 'PySide6', 'numpy', 'pandas'} & set(sys.modules))"
    program = (
        f"import sys; from app.__main__ import main; main(sys.argv[1:]); print({heavy}, file=sys.stderr)"
    )
    for words in (["--help"], ["jobs", "--project", str(project.path)]):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *words],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.splitlines()[-1] == "False"
        # One second is the promise; the machine that runs the tests may be very busy.
        assert time.monotonic() - start < 20.0


def test_that_the_help_names_every_command(call: Call) -> None:
    code, out, _ = call("--help")
    assert code == 0
    for word in ("demo", *cli.COMMANDS):
        assert re.search(rf"^  heteroscope {word}\b", out, re.MULTILINE), word


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_that_every_command_has_help(call: Call, command: str) -> None:
    code, out, err = call(command, "--help")
    assert (code, err) == (0, "")
    assert f"heteroscope {command}" in out


@pytest.mark.parametrize("key", sorted(registry.JOB_TYPES))
def test_that_no_option_of_a_job_is_hidden_by_one_of_the_command(key: str) -> None:
    ours = {"project", "alias", "queue", "detach", "log", "quiet", "help"}
    declared = specs(registry.JOB_TYPES[key].options)
    names = {d.name for d in declared} | {flag.lstrip("-") for d in declared for flag in d.cli}
    assert not ours & names


def test_that_an_unexpected_error_is_one_sentence(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_words: object) -> int:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("app.cli_show.gpus", fail)
    code, out, err = call("gpus")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_that_a_reader_that_has_seen_enough_is_no_error(project: Project) -> None:
    command = f"'{sys.executable}' -P -m app --help | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


# -------------------------------------------------------------------------------------- mistakes: exit 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "Did you mean run?"),
        (["jbos"], "Did you mean jobs?"),
        (["--hepl"], "There is no option '--hepl'"),
        (["run"], "needs a job type"),
        (["run", "fakee"], "Did you mean fake?"),
        (["run", "dynamite"], "Did you mean dynamight?"),
        (["run", "fake", "--project", "{project}", "--sceonds", "3"], "Did you mean --seconds?"),
        (["run", "fake", "--project", "{project}", "--mode", "fly"], "one of succeed"),
        (["run", "fake", "--project", "{project}", "--seconds", "long"], "'long' was found"),
        (["run", "fake", "--project", "{project}", "--seconds"], "--seconds needs a value"),
        (["run", "fake", "--project", "{project}", "stray"], "does not expect 'stray'"),
        (["run", "fake", "--project", "{project}", "--fn_in", "no.star"], "--fn_in: Input file: no.star"),
        (["run", "fake", "--project", "{project}", "--gpu_id", "fast"], "'fast' is not the number of a GPU"),
        (["run", "fake", "--project", "{project}", "--do_more", "Yes"], "only when a job is continued"),
        (["run", "fake", "--project", "{project}/nowhere"], "heteroscope init"),
        (["jobs", "{project}/.."], "is not a RELION project"),
        (["continue"], "needs a job first"),
        (["continue", "Fake/job009", "--project", "{project}"], "has no job Fake/job009"),
        (["abort", "Fake/job009", "--project", "{project}"], "has no job Fake/job009"),
        (["fake", "anything"], "has no commands of its own"),
    ],
)
def test_that_a_mistake_is_one_sentence_and_exit_code_2(
    call: Call, project: Project, words: list[str], said: str
) -> None:
    code, out, err = call(*(word.format(project=project.path) for word in words))
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert project.pipeline.processes == []


def test_that_all_problems_of_the_options_are_told_together(call: Call, project: Project) -> None:
    code, _, err = call("run", "fake", "--project", project.path, "--fn_in", "no.star", "--gpu_id", "fast")
    assert code == 2
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["--fn_in", "--gpu_id"]


# --------------------------------------------------------------------------------------------- running


def test_that_run_ends_with_the_path_of_the_job(call: Call, project: Project) -> None:
    code, out, err = call("run", "fake", "--project", project.path, "--seconds", "0.3", "--secret=-x")
    assert code == 0
    assert out.splitlines()[-1] == "Fake/job001/"
    assert "Fake/job001/ is running." in err
    assert "The job finished successfully." in err
    project.refresh()
    assert status_of(project, "Fake/job001/") == "Succeeded"
    assert JobFolder(project.path, "Fake/job001/").read_options().values["secret"] == "-x"


@pytest.mark.parametrize(
    ("mode", "code", "said"),
    [
        ("crash", 1, "the fake crashed"),
        ("segfault", 1, "SIGSEGV"),
        ("exit", 1, "code 7"),
        ("wrong", 2, "row 3"),
    ],
)
def test_that_the_exit_code_tells_how_the_job_ended(
    call: Call, project: Project, mode: str, code: int, said: str
) -> None:
    found, out, err = call("run", "fake", "--project", project.path, "--mode", mode, "--quiet")
    assert found == code
    assert out == "Fake/job001/\n"
    assert said in err
    assert len(err.splitlines()) == 1


def test_that_what_the_job_prints_is_shown_on_request(call: Call, project: Project) -> None:
    _, out, err = call("run", "fake", "--project", project.path, "--log")
    assert "Fake job: Do nothing, run 1 of Fake/job001/ on cpu" in err
    assert out == "Fake/job001/\n"


def test_that_new_makes_a_job_without_starting_it(call: Call, project: Project) -> None:
    code, out, _ = call("new", "fake", "--project", project.path, "--alias", "later")
    assert (code, out) == (0, "Fake/job001/\n")
    project.refresh()
    assert status_of(project, "Fake/job001/") == "Scheduled"
    assert not (project.path / "Fake/job001/run.out").exists()
    # A job that waits is started by continue; it is no continuation then.
    code, _, _ = call("continue", project.path / "Fake/later", "--secret", "x")
    assert code == 0
    assert not JobFolder(project.path, "Fake/job001/").read_options().is_continue


def test_that_continue_does_the_task_asked_for_and_only_that(
    call: Call, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    assert call("run", "fake", "--secret", "kept")[0] == 0
    assert call("continue", "Fake/job001", "--do_more", "Yes")[:2] == (0, "Fake/job001/\n")
    assert call("continue", "Fake/job001", "--do-other")[0] == 0
    folder = JobFolder(project.path, "Fake/job001/")
    assert [folder.read_options(run).task for run in folder.runs()] == ["main", "more", "other"]
    assert folder.read_options(3).values["secret"] == "kept"
    code, _, err = call("continue", "Fake/job001", "--do_more", "Yes", "--do_other", "Yes")
    assert code == 2
    assert "Only one task can run at a time" in err


def test_that_options_fixed_by_the_first_run_can_not_be_changed_later(call: Call, project: Project) -> None:
    (project.path / "x.star").write_text("data_\n")
    assert call("run", "fake", "--project", project.path)[0] == 0
    code, _, err = call("continue", project.path / "Fake/job001", "--do_more", "Yes", "--fn_in", "x.star")
    assert code == 2
    assert "only for a new job" in err


def test_that_detach_returns_while_the_job_runs(call: Call, project: Project) -> None:
    code, out, _ = call(
        "run", "fake", "--project", project.path, "--mode", "sleep", "--seconds", "60", "--detach"
    )
    assert (code, out) == (0, "Fake/job001/\n")
    wait_for_worker(project.path / "Fake/job001")
    code, out, err = call("abort", "1", "--project", project.path)
    assert (code, out) == (0, "Fake/job001/\n")
    assert "aborted" in err
    project.refresh()
    assert status_of(project, "Fake/job001/") == "Aborted"
    code, _, err = call("abort", "1", "--project", project.path)
    assert code == 2
    assert "is not running, it is Aborted" in err


def test_that_a_queued_run_waits_for_the_one_before(call: Call, project: Project) -> None:
    assert call("run", "fake", "--project", project.path, "--seconds", "0.5", "--detach", "--queue")[0] == 0
    code, out, err = call("run", "fake", "--project", project.path, "--queue")
    assert (code, out) == (0, "Fake/job002/\n")
    assert "waits in the queue" in err
    assert exit_markers(project.path / "Fake/job001") == ["SUCCESS"]


def test_that_scheduled_jobs_run_in_order(call: Call, project: Project) -> None:
    call("new", "fake", "--project", project.path)
    call("new", "fake", "--project", project.path, "--fn_in", "Fake/job001/result.star")
    code, out, err = call("schedule", "--project", project.path)
    assert (code, out) == (0, "Fake/job001/\nFake/job002/\n")
    assert err.index("Fake/job001/ has started") < err.index("Fake/job002/ has started")


def interrupted(project: Project, mode: str, presses: int) -> subprocess.CompletedProcess[str]:
    """Run a job in a terminal's foreground and press Ctrl-C."""
    words = ["run", "fake", "--project", str(project.path), "--mode", mode, "--seconds", "60"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folder = project.path / "Fake/job001"
    wait_until(lambda: (folder / "run.out").exists() and "train" in (folder / "run.out").read_text())
    for press in range(presses):
        os.killpg(process.pid, signal.SIGINT)
        wait_until((folder / "RELION_JOB_ABORT_NOW").exists)
        time.sleep(0.3 * press)
    out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_that_ctrl_c_aborts_politely(project: Project) -> None:
    done = interrupted(project, "sleep", 1)
    assert done.returncode == 130
    assert done.stdout == "Fake/job001/\n"
    assert "press Ctrl-C again" in done.stderr
    assert "Traceback" not in done.stderr
    assert exit_markers(project.path / "Fake/job001") == ["ABORTED"]


@pytest.mark.slow
def test_that_a_second_ctrl_c_ends_a_stubborn_job(project: Project) -> None:
    done = interrupted(project, "stubborn", 2)
    assert done.returncode == 130
    assert exit_markers(project.path / "Fake/job001") == ["ABORTED"]
    project.refresh()
    assert status_of(project, "Fake/job001/") == "Aborted"


# --------------------------------------------------------------------------------------------- looking


def test_that_jobs_are_listed_in_words_and_as_json(call: Call, project: Project, fake_type: JobType) -> None:
    assert call("jobs", project.path) == (0, "", "The project has no jobs yet.\n")
    name = start_job(project, fake_type, fake_type.options(), alias="first")
    wait_for_end(project.path / name)
    _, out, _ = call("jobs", project.path)
    assert out.splitlines()[1].split() == ["Fake/job001/", "Succeeded", "Fake", "job", "Fake/first/"]
    _, out, _ = call("jobs", "--project", project.path, "--json")
    assert json.loads(out) == [
        {"name": "Fake/job001/", "status": "Succeeded", "type": "Fake job", "alias": "Fake/first/"}
    ]
    assert call("jobs", project.path, "--status", "failed")[1] == ""


def test_that_show_tells_status_files_runs_and_options(call: Call, project: Project) -> None:
    call("run", "fake", "--project", project.path, "--secret", "two words")
    code, out, _ = call("show", project.path / "Fake" / "job001")
    assert code == 0
    assert "status  Succeeded" in out
    assert "output  Fake/job001/result.star  ParticleGroupMetadata.star.relion" in out
    assert "--secret 'two words'" in out
    assert "-m fake_job --project . --job Fake/job001/ --run 1" in out


def test_that_a_job_of_another_program_is_shown_but_not_run(call: Call, project: Project) -> None:
    project.new_job("Refine3D", "relion.refine3d", status="Running")
    (project.path / "Refine3D/job001/job.star").write_text(
        "# version 50001\n\ndata_job\n\n_rlnJobTypeLabel relion.refine3d\n_rlnJobIsContinue 0\n\n"
        "# version 50001\n\ndata_joboptions_values\n\nloop_\n"
        "_rlnJobOptionVariable #1\n_rlnJobOptionValue #2\nini_high 60\n\n"
    )
    code, out, _ = call("show", "1", "--project", project.path)
    assert code == 0
    assert "ini_high 60" in out
    code, _, err = call("continue", "1", "--project", project.path)
    assert code == 2
    assert "shows but does not run" in err


def test_that_validate_names_what_is_wrong(call: Call, project: Project) -> None:
    code, _, err = call("new", "fake", "--project", project.path, "--fn_in", "gone.star")
    assert code == 0 and "Warning: Input file: gone.star does not exist." in err
    code, out, _ = call("validate", "1", "--project", project.path)
    assert code == 2
    assert out.startswith("error: Input file: gone.star does not exist")
    (project.path / "gone.star").write_text("data_\n")
    code, out, err = call("validate", "1", "--project", project.path)
    assert (code, out) == (0, "")
    assert "nothing is wrong" in err


def test_that_gpus_shows_the_processor_where_there_is_none(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli_show.list_gpus", list)
    code, out, err = call("gpus")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["DEVICE", "CPU"]


def test_that_init_makes_a_project_that_opens(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("init", tmp_path / "new" / "project")
    assert (code, out) == (0, f"{tmp_path / 'new' / 'project'}\n")
    assert (tmp_path / "new/project/.gui_projectdir").exists()
    assert call("jobs", tmp_path / "new" / "project")[0] == 0


def test_that_unlock_shows_the_owner_and_leaves_the_living_alone(call: Call, project: Project) -> None:
    assert "is not locked" in call("unlock", project.path)[2]
    with ProjectLock(project.path, "a test"):
        code, out, err = call("unlock", project.path)
        assert code == 2
        assert "a test" in out
        assert str(os.getpid()) in out
        assert "left alone" in err
        assert (project.path / ".relion_lock").exists()


def test_that_unlock_removes_the_lock_of_a_dead_program(call: Call, project: Project) -> None:
    program = (
        "import sys, os; from app.project.lock import ProjectLock;"
        "ProjectLock(sys.argv[1], 'a victim').__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-P", "-c", program, str(project.path)], env=environment(), check=False)
    assert (project.path / ".relion_lock").exists()
    code, out, _ = call("unlock", project.path)
    assert code == 0
    assert "a victim" in out
    assert not (project.path / ".relion_lock").exists()


# ---------------------------------------------------------------------------------------------- places


def test_that_a_job_is_found_by_name_number_alias_and_path(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True, alias="pretty")
    start_job(project, fake_type, fake_type.options(), schedule=True)
    monkeypatch.chdir(project.path / "Fake")
    words = [
        "Fake/job001/",
        "Fake/job001",
        "job001",
        "001",
        "1",
        "pretty",
        "Fake/pretty/",
        f"{project.path}/{name}",
    ]
    assert {find_job(project, word) for word in words} == {name}
    with pytest.raises(UserError, match="Did you mean Fake/job001/"):
        find_job(project, "Fake/jobb001")


def test_that_paths_are_written_as_seen_from_the_project(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inside, outside = project.path / "in.star", tmp_path / "out.star"
    inside.touch()
    outside.touch()
    monkeypatch.chdir(tmp_path)

    def seen(path: object) -> str:
        return str(in_project(fake_type.options(fn_in=str(path)), project.path).fn_in)  # type: ignore[attr-defined]

    assert seen("in.star") == "in.star"
    assert seen(inside) == "in.star"
    assert seen(f"{project.path.name}/in.star") == "in.star"
    assert seen("out.star") == str(outside)
    assert seen("nowhere.star") == "nowhere.star"


# -------------------------------------------------------------------------------------------- progress


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def metrics(step: int, of: int = 10, **values: object) -> MetricsAdded:
    record = {
        "t": 100.0 + step,
        "run": 1,
        "task": "main",
        "phase": "train",
        "step": step,
        "of": of,
        "eta_s": 75.0,
    }
    return MetricsAdded("Fake/job001/", ({**record, **values},))


def test_that_a_terminal_shows_one_changing_line() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.show([metrics(1, particles_per_s=750.0, loss_data=0.5), metrics(2, loss_data=0.25)])
    progress.show([JobEnded("Fake/job001/", Outcome(OutcomeKind.SUCCEEDED))])
    lines = stream.getvalue().split("\r\033[K")
    assert lines[1] == "train 1/10 · 750 particles/s · 1 min 15 s left · loss_data 0.5"
    assert lines[2].startswith("train 2/10 · 1 steps/s · 1 min 15 s left · loss_data 0.25\n")
    assert lines[2].endswith("The job finished successfully.\n")


def test_that_a_file_gets_a_line_now_and_then() -> None:
    stream = io.StringIO()
    progress = Progress(stream, period_s=1000.0)
    progress.show(metrics(step) for step in range(1, 11))
    assert [line.split(" · ")[0] for line in stream.getvalue().splitlines()] == ["train 1/10", "train 10/10"]
    assert "\r" not in stream.getvalue()


def test_that_a_failed_job_is_told_even_when_quiet() -> None:
    stream = io.StringIO()
    progress = Progress(stream, quiet=True)
    progress.show([metrics(1), LogAppended("Fake/job001/", "out", "text\n")])
    progress.show([JobEnded("Fake/job001/", Outcome(OutcomeKind.FAILED, 1, reason="the disk is full"))])
    assert stream.getvalue() == "The job failed: the disk is full\n"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (61, "1 min 01 s"), (7322, "2 h 02 min")])
def test_that_time_spans_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# -------------------------------------------------------------------------------------------- changing


def test_that_a_job_gets_and_loses_an_alias(call: Call, project: Project) -> None:
    call("new", "fake", "--project", project.path)
    assert call("alias", "1", "nice name", "--project", project.path)[:2] == (0, "Fake/nice_name/\n")
    assert (project.path / "Fake/nice_name").resolve() == (project.path / "Fake/job001").resolve()
    assert call("alias", "nice_name", "", "--project", project.path)[:2] == (0, "Fake/job001/\n")
    code, _, err = call("alias", "1", "job7", "--project", project.path)
    assert code == 2
    assert "job" in err


def test_that_a_job_without_a_marker_can_be_marked(call: Call, project: Project) -> None:
    project.new_job("Refine3D", "relion.refine3d", status="Running")
    assert call("mark", "1", "finished", "--project", project.path)[:2] == (0, "Refine3D/job001/ Succeeded\n")
    assert call("mark", "1", "failed", "--project", project.path)[:2] == (0, "Refine3D/job001/ Failed\n")
    assert call("mark", "1", "lost", "--project", project.path)[0] == 2


def test_that_a_deleted_job_comes_back_with_those_that_used_it(call: Call, project: Project) -> None:
    call("run", "fake", "--project", project.path, "--quiet")
    call("new", "fake", "--project", project.path, "--fn_in", "Fake/job001/result.star")
    code, _, err = call("delete", "1", "--project", project.path)
    assert code == 2
    assert "used by Fake/job002/" in err
    code, out, _ = call("delete", "1", "--yes", "--project", project.path)
    assert (code, sorted(out.split())) == (0, ["Fake/job001/", "Fake/job002/"])
    assert not (project.path / "Fake/job001").exists()
    assert sorted(call("undelete", "--project", project.path)[1].split()) == ["Fake/job001/", "Fake/job002/"]
    code, out, _ = call("undelete", "1", "--project", project.path)
    assert (code, sorted(out.split())) == (0, ["Fake/job001/", "Fake/job002/"])
    assert (project.path / "Fake/job001/result.star").exists()
    assert call("undelete", "1", "--project", project.path)[0] == 2


def test_that_a_damaged_project_can_be_restored(call: Call, project: Project) -> None:
    call("run", "fake", "--project", project.path, "--quiet")
    file = project.path / "default_pipeline.star"
    file.write_text("data_pipeline_general\nthis is no pipeline\n")
    code, _, err = call("jobs", project.path)
    assert code == 2
    assert "Traceback" not in err
    code, out, _ = call("restore", project.path)
    assert code == 0
    assert "Fake/job001" in out
    assert "Fake/job001/" in call("jobs", project.path)[1]


def test_that_a_job_type_with_options_and_a_project_makes_a_job_of_it(tmp_path: Path) -> None:
    def heteroscope(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "app", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert heteroscope("init", ".").returncode == 0
    done = heteroscope("simulate", "--project", ".", "--recipe", "R2", "--nr_images", "20", "--box", "32")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "Simulate/job001/"
    assert (tmp_path / "Simulate" / "job001" / "particles.star").is_file()
