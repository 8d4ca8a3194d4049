"""Real worker processes of a tiny job type: how each ending looks from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from jobs.core.folder import ExitStatus, JobFolder, OptionsRecord
from jobs.core.job_star import JobStar, write_job_star
from jobs.core.metrics import read_metrics
from jobs.core.relion_star import read_star

ROOT = Path(__file__).resolve().parents[3]

PARAMS = """
from jobs.core.declaration import *

class TinyOptions(RunningOptions):
    fn_star: str = option("", label="Particles:", help="Particles.", tab="I/O", kind=Kind.INPUT_NODE,
                          node_labels=("ParticleGroupMetadata.star.relion",))
    count: int = option(3, label="Count:", help="Count.", tab="I/O", kind=Kind.INTEGER, cli=("--n-items",))
    text: str = option("", label="Text:", help="Text.", tab="I/O", kind=Kind.TEXT)
    seed: int = option(0, label="Seed:", help="Seed.", tab="I/O", kind=Kind.INTEGER, in_job_star=False)

def task(name, **more):
    return Task(name, name, switch=None, worker=f"tiny.work:{name}", **more)

OUTPUTS = (NodeSpec("map.mrc", "DensityMap.mrc"), NodeSpec("never.mrc", "DensityMap.mrc"))
JOB_TYPE = JobType(
    key="tiny", label="relion.external.tiny", directory="Tiny", title="Tiny", summary="A tiny job.",
    options=TinyOptions, module="tiny", uses_torch=False,
    tasks=(task("succeed", outputs=OUTPUTS), task("wrong_input"), task("crash"), task("wait"), task("leave"),
           task("full_disk"), Task("later", "Later work", switch=None, worker="tiny.not_there:run")),
)
"""

WORK = """
import errno, os, random, sys, time
import numpy as np
from jobs.core.errors import UserError

def succeed(context):
    print("numbers", random.random(), np.random.random(), "threads", os.environ["OMP_NUM_THREADS"])
    options = context.options
    context.say(f"count is {options.count}, input {options.fn_star}, text {options.text!r}")
    for step in range(1, context.options.count + 1):
        context.check_abort()
        context.progress("work", step, context.options.count, value_A=np.float32(step) / 2, bad=float("nan"))
    context.save_snapshot("latent", np.arange(6.0).reshape(3, 2))
    for name in ("map.mrc", "table.star"):
        (context.folder.path / name).write_text("x")
    context.add_output("table.star", "ParticleGroupMetadata.star.relion")
    context.add_output("table.star", "ParticleGroupMetadata.star.relion")

def wrong_input(context):
    place = dict(path="p.star", row=7, column="rlnAngleRot")
    raise UserError("the angle is nan", **place, hint="Remove that particle")

def crash(context):
    return {}["missing"]

def wait(context):
    context.say("waiting")
    while True:
        time.sleep(0.05)
        if context.options.text != "deaf":
            context.check_abort()

def leave(context):
    sys.exit(5)

def full_disk(context):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "volume.mrc")
"""

MAIN = """
from jobs.core.worker import main
from tiny.params import JOB_TYPE
if __name__ == "__main__":
    main(JOB_TYPE)
"""


@dataclass
class Tiny:
    """A project with one job of the tiny type, and the means to start its worker."""

    folder: JobFolder
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "tiny", *words]

    def prepare(self, task: str, **values: object) -> None:
        run = self.folder.next_run()
        seed = int(values.get("seed", 0))  # type: ignore[call-overload]
        record = OptionsRecord(run=run, type_key="tiny", task=task, values=values, seed=seed)
        self.folder.write_options(run, record)

    def run(self, task: str, **values: object) -> subprocess.CompletedProcess[str]:
        self.prepare(task, **values)
        return self.start("--project", str(self.folder.project_dir), "--job", self.folder.name,
                          "--run", str(self.folder.next_run() - 1))  # fmt: skip

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, env=self.environment, cwd=cwd, timeout=60
        )

    def markers(self) -> list[str]:
        return sorted(path.name for path in self.folder.path.glob("RELION_JOB_EXIT_*"))


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    package = tmp_path / "packages" / "tiny"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", "params": PARAMS, "work": WORK, "__main__": MAIN}.items():
        (package / f"{name}.py").write_text(text)
    folder = JobFolder(tmp_path / "my project", "Tiny/job001/")
    folder.path.mkdir(parents=True)
    path = os.pathsep.join([str(package.parent), str(ROOT)])
    return Tiny(folder, {**os.environ, "PYTHONPATH": path})


def test_that_success_leaves_one_marker_results_metrics_and_snapshots(tiny: Tiny) -> None:
    result = tiny.run("succeed", count=4, nr_threads=3)
    assert (result.returncode, result.stderr) == (0, "")
    assert tiny.markers() == ["RELION_JOB_EXIT_SUCCESS"]
    assert "count is 4" in result.stdout
    assert "threads 3" in result.stdout
    assert "work: 4 of 4" in result.stdout
    [table] = read_star(tiny.folder.output_nodes)
    assert table.name == "output_nodes"
    assert table.rows == [
        ["Tiny/job001/map.mrc", "DensityMap.mrc"],
        ["Tiny/job001/table.star", "ParticleGroupMetadata.star.relion"],
    ]
    records, _ = read_metrics(tiny.folder.metrics)
    assert [record["step"] for record in records] == [1, 2, 3, 4]
    assert {"t", "run", "task", "phase", "step", "of", "eta_s"} <= records[0].keys()
    assert (records[3]["value_A"], records[3]["bad"], records[3]["task"]) == (2.0, None, "succeed")
    assert np.load(tiny.folder.snapshots / "latent.npy").shape == (3, 2)
    assert sorted(path.name for path in tiny.folder.snapshots.iterdir()) == ["latent.npy"]


def test_that_the_marker_is_the_last_thing_written(tiny: Tiny) -> None:
    tiny.run("succeed")
    times = {path: path.stat().st_mtime_ns for path in tiny.folder.path.rglob("*") if path.is_file()}
    assert times[tiny.folder.marker(ExitStatus.SUCCESS)] == max(times.values())


def test_that_the_same_seed_gives_the_same_random_numbers(tiny: Tiny) -> None:
    lines = []
    for seed in (5, 5, 6):
        output = tiny.run("succeed", seed=seed).stdout
        lines.append(next(line for line in output.splitlines() if line.startswith("numbers")))
    assert lines[0] == lines[1]
    assert lines[0] != lines[2]


def test_that_wrong_input_is_one_sentence_and_exit_code_2(tiny: Tiny) -> None:
    result = tiny.run("wrong_input")
    assert result.returncode == 2
    assert result.stderr == (
        "ERROR: p.star, row 7, column rlnAngleRot: the angle is nan. Remove that particle.\n"
    )
    assert tiny.markers() == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_crash_leaves_its_traceback_and_a_reason(tiny: Tiny) -> None:
    result = tiny.run("crash")
    assert result.returncode == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "work.py" in result.stderr
    reason = result.stderr.splitlines()[-1]
    assert reason.startswith("ERROR: ")
    assert "KeyError: 'missing'" in reason
    assert tiny.markers() == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_full_disk_is_said_in_words(tiny: Tiny) -> None:
    result = tiny.run("full_disk")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("ERROR: volume.mrc: no space is left on the disk")


def test_that_leaving_from_inside_the_task_counts_as_failure(tiny: Tiny) -> None:
    result = tiny.run("leave")
    assert result.returncode == 1
    assert "left with code 5" in result.stderr
    assert tiny.markers() == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_task_of_a_later_version_is_refused_in_words(tiny: Tiny) -> None:
    result = tiny.run("later")
    assert result.returncode == 2
    assert result.stderr == "ERROR: 'Later work' is not part of this version of the program\n"


def test_that_options_that_are_missing_are_wrong_input(tiny: Tiny) -> None:
    job = ("--project", str(tiny.folder.project_dir), "--job", tiny.folder.name, "--run", "7")
    result = tiny.start(*job)
    assert result.returncode == 2
    assert "has no options of run 7" in result.stderr
    assert tiny.markers() == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_command_line_that_relion_made_wrongly_still_ends_in_a_marker(tiny: Tiny) -> None:
    result = tiny.start("--o", "Tiny/job001/", "--in_mask", "m.mrc", cwd=tiny.folder.project_dir)
    assert result.returncode == 2
    assert result.stderr == (
        "ERROR: unrecognized arguments: --in_mask m.mrc. Correct the command line of the job.\n"
    )
    assert tiny.markers() == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_worker_without_a_job_says_so(tiny: Tiny) -> None:
    assert "--job is needed" in tiny.start().stderr
    result = tiny.start("--job", "Tiny/job009/", cwd=tiny.folder.project_dir)
    assert result.returncode == 2
    assert "Tiny/job009/ does not exist in" in result.stderr
    usage = tiny.start("--help")
    assert usage.returncode == 0
    assert "--fn_star" in usage.stdout


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["abort file", "SIGTERM", "SIGINT"])
def test_that_an_abort_ends_the_job_within_seconds(tiny: Tiny, how: str) -> None:
    tiny.prepare("wait", text="" if how == "abort file" else "deaf")
    project = str(tiny.folder.project_dir)
    with (
        tiny.folder.run_out.open("wb") as out,
        subprocess.Popen(
            tiny.command("--project", project, "--job", tiny.folder.name, "--run", "1"),
            stdout=out,
            stderr=subprocess.STDOUT,
            env=tiny.environment,
        ) as process,
    ):
        wait_for(lambda: "waiting" in tiny.folder.run_out.read_text())
        began = time.monotonic()
        if how == "abort file":
            tiny.folder.request_abort()
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(timeout=20) == 130
        assert time.monotonic() - began < 5
    assert tiny.markers() == ["RELION_JOB_EXIT_ABORTED"]
    assert tiny.folder.run_out.read_text().endswith("The job was aborted.\n")


def test_that_additional_arguments_win_over_the_fields(tiny: Tiny) -> None:
    result = tiny.run("succeed", count=2, other_args="--n-items 5 --text 'two words'")
    assert "count is 5" in result.stdout
    assert "text 'two words'" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--colour red", "--colour red is not known"),
        ("--count many", "a whole number was expected"),
        ("--text 'open", "No closing quotation"),
    ],
)
def test_that_wrong_additional_arguments_are_named(tiny: Tiny, words: str, sentence: str) -> None:
    result = tiny.run("succeed", other_args=words)
    assert result.returncode == 2
    assert result.stderr.startswith("ERROR: Additional arguments: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_that_relion_can_start_the_worker_as_an_external_job(tiny: Tiny) -> None:
    tiny.prepare("succeed", count=2, text="kept", fn_star="old.star")
    result = tiny.start(
        "--o", "Tiny/job001/", "--in_parts", "Extract/job002/particles.star", "--count", "5", "--j", "2",
        cwd=tiny.folder.project_dir,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "count is 5, input Extract/job002/particles.star, text 'kept'" in result.stdout
    assert "threads 2" in result.stdout
    assert tiny.folder.exit_status() is ExitStatus.SUCCESS
    record = json.loads(tiny.folder.options_file(2).read_text())
    assert record["values"]["count"] == 5
    assert json.loads(tiny.folder.options_file(1).read_text())["values"]["count"] == 2


def test_that_a_job_made_in_relion_takes_its_options_from_job_star(tiny: Tiny) -> None:
    values = {"fn_exe": "x", "in_part": "a.star", "param1_label": "count", "param1_value": "6"}
    write_job_star(tiny.folder.job_star, JobStar("relion.external", values=values))
    result = tiny.start("--o", "Tiny/job001/", "--j", "1", cwd=tiny.folder.project_dir)
    assert result.returncode == 0, result.stderr
    assert "count is 6, input a.star" in result.stdout
