"""RELION's "DynaMight executable": however a command ends, exactly one marker says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.relion_executable import Patience, main
from tests.support.jobs import exit_markers, wait_until

ROOT = Path(__file__).resolve().parents[2]
NAME = "DynaMight/job034/"
CONTROL = ["--pipeline-control", NAME]
#: The command lines of RELION 5's form, word for word.
TRAIN = (
    "optimize-deformations --refinement-star-file Refine3D/job010/run_data.star --output-directory "
    f"{NAME} --initial-model Refine3D/job010/run_class001.mrc --n-gaussians 10000 --initial-threshold 0.01 "
    "--regularization-factor 1 --n-threads 4 --preload-images --gpu-id 0"
).split()
VIEW = f"explore-latent-space {NAME} --half-set 1 --checkpoint-file a.pth --gpu-id 0".split()
INVERSE = f"optimize-inverse-deformations {NAME} --n-epochs 200 --save-deformations --gpu-id 0".split()
RECONSTRUCT = f"deformable-backprojection {NAME} --batch-size 10 --preload-images --gpu-id 0".split()

QUICK = Patience(request=0.3, signal=0.3)


def program(script: str) -> list[str]:
    """A command that does this instead of work; ``folder`` is the job."""
    return [sys.executable, "-I", "-S", "-c", f"import os, sys, time, pathlib, signal\n{script}"]


@pytest.fixture
def job(in_tmp_path: Path) -> Path:
    """The folder that RELION makes before it starts a job, in the project that is the current folder."""
    folder = in_tmp_path / NAME
    folder.mkdir(parents=True)
    return folder


def run(words: list[str], script: str) -> int:
    return main(words, program=program(script), patience=QUICK)


@pytest.mark.parametrize("words", [TRAIN, VIEW, INVERSE, RECONSTRUCT], ids=lambda words: words[0])
@pytest.mark.parametrize("control", [CONTROL, []], ids=["pipeline control", "none"])
@pytest.mark.parametrize(
    ("script", "marker", "code"),
    [
        ("", "SUCCESS", 0),
        ("sys.exit(1)", "FAILURE", 1),
        ("sys.exit(2)", "FAILURE", 2),
        ("sys.exit(130)", "ABORTED", 130),
        ("os.kill(os.getpid(), signal.SIGKILL)", "FAILURE", 1),
    ],
    ids=["done", "failed", "wrong input", "aborted", "killed"],
)
def test_that_every_end_leaves_its_one_marker(
    words: list[str], control: list[str], script: str, marker: str, code: int, job: Path
) -> None:
    assert run([*words, *control], script) == code
    assert exit_markers(job) == [marker]


def test_that_the_words_reach_the_command_unchanged_in_the_project_folder(job: Path) -> None:
    script = "pathlib.Path('seen').write_text('\\n'.join(sys.argv[1:]))"
    assert run([*TRAIN, *CONTROL], script) == 0
    assert (job.parents[1] / "seen").read_text().split("\n") == [*TRAIN, *CONTROL]


def test_that_a_killed_process_is_told_in_a_sentence(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*INVERSE, *CONTROL], "os.kill(os.getpid(), signal.SIGSEGV)") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR: The worker was ended by SIGSEGV")


def test_that_a_marker_of_the_worker_is_kept(job: Path) -> None:
    script = f"pathlib.Path('{NAME}RELION_JOB_EXIT_SUCCESS').touch(); os.kill(os.getpid(), signal.SIGSEGV)"
    assert run([*INVERSE, *CONTROL], script) == 0
    assert exit_markers(job) == ["SUCCESS"]


def test_that_a_marker_of_an_earlier_run_does_not_count(job: Path) -> None:
    (job / "RELION_JOB_EXIT_SUCCESS").touch()
    assert run([*INVERSE, *CONTROL], "sys.exit(1)") == 1
    assert exit_markers(job) == ["FAILURE"]


def test_that_an_abort_request_that_is_ignored_ends_in_a_kill(job: Path) -> None:
    script = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path('{NAME}RELION_JOB_ABORT_NOW').touch(); time.sleep(60)"
    )
    start = time.monotonic()
    assert run([*INVERSE, *CONTROL], script) == 130
    assert time.monotonic() - start < 20
    assert exit_markers(job) == ["ABORTED"]


def test_that_a_worker_that_stops_on_request_is_not_disturbed(job: Path) -> None:
    # The worker removes requests of earlier runs when it begins: this one must come back.
    script = (
        f"ask = pathlib.Path('{NAME}RELION_JOB_ABORT_NOW'); ask.touch(); time.sleep(0.5); ask.unlink()\n"
        "while not ask.exists(): time.sleep(0.02)\n"
        "sys.exit(130)"
    )
    assert main([*INVERSE, *CONTROL], program=program(script), patience=Patience(30, 30)) == 130
    assert exit_markers(job) == ["ABORTED"]


def test_that_a_request_made_before_the_start_is_heard(job: Path) -> None:
    (job / "RELION_JOB_ABORT_NOW").touch()
    assert run([*TRAIN, *CONTROL], "pathlib.Path('seen').touch()") == 130
    assert exit_markers(job) == ["ABORTED"]
    assert not Path("seen").exists()


def test_that_a_request_left_over_from_a_run_that_ended_is_not(job: Path) -> None:
    (job / "RELION_JOB_ABORT_NOW").touch()
    (job / "RELION_JOB_EXIT_ABORTED").touch()
    assert run([*TRAIN, *CONTROL], "") == 0
    assert exit_markers(job) == ["SUCCESS"]


def test_that_a_viewer_is_closed_by_an_abort_request(job: Path) -> None:
    script = f"pathlib.Path('{NAME}RELION_JOB_ABORT_NOW').touch(); time.sleep(60)"
    assert main([*VIEW, *CONTROL], program=program(script)) == 130
    assert exit_markers(job) == ["ABORTED"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_that_a_signal_aborts_the_job_and_everything_it_started(number: signal.Signals, job: Path) -> None:
    work = program(
        "import subprocess\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('pids').write_text(f'{os.getpid()} {p.pid}'); time.sleep(60)"
    )
    script = (
        "import sys; from app.relion_executable import main, Patience\n"
        f"sys.exit(main({[*INVERSE, *CONTROL]!r}, program={work!r}, patience=Patience(5, 5)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-P", "-c", script], env=environment) as watch:
        wait_until(lambda: Path("pids").exists() and len(Path("pids").read_text().split()) == 2)
        watch.send_signal(number)
        assert watch.wait(20) == 130
    assert exit_markers(job) == ["ABORTED"]
    for pid in Path("pids").read_text().split():
        wait_until(lambda: not _lives(int(pid)), 5)  # noqa: B023


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_that_pipeline_control_elsewhere_gets_the_marker_and_passes_requests_on(job: Path) -> None:
    control = Path("Schemes/step")
    script = (
        "pathlib.Path('Schemes/step/RELION_JOB_ABORT_NOW').touch()\n"
        f"while not pathlib.Path('{NAME}RELION_JOB_ABORT_NOW').exists(): time.sleep(0.02)\n"
        f"pathlib.Path('{NAME}RELION_JOB_EXIT_ABORTED').touch(); sys.exit(130)"
    )
    words = [*INVERSE, f"--pipeline-control={control}/"]
    assert main(words, program=program(script), patience=Patience(30, 30)) == 130
    assert exit_markers(control) == exit_markers(job) == ["ABORTED"]


def test_that_a_look_by_hand_leaves_the_marker_of_the_job_alone(job: Path) -> None:
    (job / "RELION_JOB_EXIT_FAILURE").touch()
    assert run(VIEW, "") == 0
    assert exit_markers(job) == ["FAILURE"]


def test_that_nothing_is_started_beside_a_running_job(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def second(words: list[str]) -> Callable[[], int]:
        return lambda: run([*words, *CONTROL], "")

    script = (
        "import sys; from app.relion_executable import main\n"
        f"sys.exit(main({[*INVERSE, *CONTROL]!r}, program={program('time.sleep(60)')!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-P", "-c", script], env=environment) as watch:
        wait_until((job / "worker.json").exists)
        assert second(RECONSTRUCT)() == 2
        assert "running already" in capsys.readouterr().err
        # Looking is allowed, and the marker is left to whoever computes.
        assert second(VIEW)() == 0
        assert exit_markers(job) == []
        watch.terminate()
        watch.wait(20)
    assert exit_markers(job) == ["ABORTED"]


def test_that_our_window_learns_who_works_in_the_folder(job: Path) -> None:
    script = f"pathlib.Path('during').write_text(pathlib.Path('{NAME}worker.json').read_text())"
    assert run([*INVERSE, *CONTROL], f"time.sleep(0.4); {script}") == 0
    during = json.loads(Path("during").read_text())
    after = json.loads((job / "worker.json").read_text())
    assert during["pid"] == after["pid"] and "ended" not in during
    assert after["exit_code"] == 0 and after["ended"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no command"),
        (["optimise-deformations"], "optimise-deformations"),
        ([*TRAIN, "--n-gausians", "5"], "--n-gausians"),
        (TRAIN, "Refine3D/job010/run_data.star"),
        (INVERSE, "holds no job"),
        (["explore-latent-space", "DynaMight/job999/"], "no such folder"),
    ],
    ids=["none", "no command", "no option", "no particles", "no job", "no folder"],
)
def test_that_real_mistakes_are_told_and_marked_as_failures(
    words: list[str], said: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *CONTROL]) == 2
    error = capfd.readouterr().err
    assert said in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert exit_markers(job) == ["FAILURE"]


def test_that_the_executable_needs_no_qt() -> None:
    script = (
        "import sys, app.relion_executable; print(any('PySide6' in m or 'torch' in m for m in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
