"""Submission to a queue: RELION's placeholders, and what submit commands answer."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.runner import cluster
from app.runner.queue_record import QueueRecord
from jobs.core.errors import UserError

VALUES = {
    "nr_threads": "6",
    "min_dedicated": "4",
    "queuename": "gpu queue",
    "qsub_extra1": "24:00",
    "qsub_extra2": "x",
}


def test_that_placeholders_have_relions_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELION_QSUB_EXTRA1", "Time")
    monkeypatch.delenv("RELION_QSUB_EXTRA2", raising=False)
    assert cluster.placeholders({**VALUES, "nr_mpi": "3"}, "Fake/job034/") == {
        "XXXmpinodesXXX": "3",
        "XXXthreadsXXX": "6",
        "XXXcoresXXX": "18",
        "XXXdedicatedXXX": "4",
        "XXXnodesXXX": "5",
        "XXXnameXXX": "Fake/job034/",
        "XXXerrfileXXX": "Fake/job034/run.err",
        "XXXoutfileXXX": "Fake/job034/run.out",
        "XXXqueueXXX": "gpu queue",
        "XXXextra1XXX": "24:00",
    }


def test_that_every_placeholder_is_replaced_and_undefined_ones_stay() -> None:
    template = "#!/bin/bash\n#S -n XXXcoresXXX -c XXXcoresXXX XXXextra3XXX\n\nsrun XXXcommandXXX > log\n"
    script = cluster.fill_template(template, {"XXXcoresXXX": "4"}, "python -m jobs.fake")
    # A command that is not RELION's stands alone on its line.
    assert script == "#!/bin/bash\n#S -n 4 -c 4 XXXextra3XXX\n\npython -m jobs.fake\n\n"


def test_that_a_command_of_relion_is_put_into_its_line() -> None:
    assert cluster.fill_template("srun XXXcommandXXX x", {}, "relion_x --o y") == "srun relion_x --o y x\n\n"


@pytest.mark.parametrize(
    ("printed", "identifier", "system"),
    [
        ("Submitted batch job 4711\n", "4711", "slurm"),
        ("4711;cluster\n", "4711", ""),
        ("4711.server.site\n", "4711.server.site", "pbs"),
        ("Job <4711> is submitted to queue <normal>.\n", "4711", "lsf"),
        ('Your job 4711 ("x") has been submitted\n', "4711", "sge"),
        ("fine\n", None, ""),
    ],
)
def test_that_the_id_of_the_queue_is_found(printed: str, identifier: str | None, system: str) -> None:
    assert cluster.queue_id(printed) == (identifier, system)


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Fake" / "job001").mkdir(parents=True)
    (tmp_path / "template.sh").write_text("#S XXXnameXXX\nXXXcommandXXX\n")
    return tmp_path


def submit(project: Path, qsub: str) -> QueueRecord:
    values = {**VALUES, "qsub": qsub}
    return cluster.submit(project, "Fake/job001/", values, project / "template.sh", "echo hello")


def test_that_the_script_is_handed_over_without_a_shell(project: Path) -> None:
    script(project / "fake sub", 'printf "%s|" "$@" > seen; pwd >> seen; echo Submitted batch job 12')
    assert submit(project, "'./fake sub' --flag '$(touch bad); *'").identifier == "12"
    assert (
        project / "seen"
    ).read_text() == f"--flag|$(touch bad); *|Fake/job001/run_submit.script|{project}\n"
    assert not (project / "bad").exists()
    assert (project / "Fake/job001/run_submit.script").read_text() == "#S Fake/job001/\necho hello\n\n"


def test_that_a_refusal_of_the_queue_is_told(project: Path) -> None:
    script(project / "refuse", "echo no such partition >&2; exit 3")
    with pytest.raises(UserError, match="the queue refused the job: no such partition"):
        submit(project, "./refuse")


def test_that_a_submit_command_that_does_not_exist_is_named(project: Path) -> None:
    with pytest.raises(UserError, match="'nosuchcommand' does not exist"):
        submit(project, "nosuchcommand -x")


def test_that_a_template_without_a_command_is_refused(project: Path) -> None:
    (project / "template.sh").write_text("#S\n")
    with pytest.raises(UserError, match="XXXcommandXXX"):
        submit(project, "true")


def test_that_a_missing_template_is_named(project: Path) -> None:
    (project / "template.sh").unlink()
    with pytest.raises(UserError, match=r"template\.sh"):
        submit(project, "true")
