"""Small programs that tests run beside themselves: they hold a lock, or add jobs to a project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]

HOLD_LOCK = """
import sys, time
from app.project.lock import ProjectLock
with ProjectLock(sys.argv[1], "keeping it for ever"):
    print("held", flush=True)
    time.sleep(600)
"""

#: Dies inside the change, after the directory was made and before the file was written.
DIE_IN_CHANGE = """
import sys, time
from app.project.project import Project
project = Project.open(sys.argv[1])
def prepare(folder, name):
    print("held", flush=True)
    time.sleep(600)
project.new_job("DynaMight", "dynamight", prepare=prepare)
"""

ADD_JOBS = """
import sys
from app.project.project import Project
folder, who, n_jobs = sys.argv[1], sys.argv[2], int(sys.argv[3])
project = Project.open(folder)
print("ready", flush=True)
sys.stdin.readline()
for number in range(n_jobs):
    def prepare(job_dir, name):
        (job_dir / "made_by.txt").write_text(f"{who} {number} {name}")
    outputs = [("result.mrc", "DensityMap.mrc")]
    job = project.new_job(f"Type{who}", f"relion.external.{who}", outputs=outputs, prepare=prepare)
    if number % 3 == 0:
        (project.path / job.name / "RELION_JOB_EXIT_SUCCESS").touch()
    if number % 5 == 0:
        project.set_alias(job.name, f"alias_{number}")
    project.check_completion()
print("done", flush=True)
"""

#: The same with the CCP-EM pipeliner, which knows nothing of us.
ADD_JOBS_PIPELINER = """
import os, sys
os.chdir(sys.argv[1])
from pipeliner.process import Process
from pipeliner.project_graph import ProjectGraph
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    with ProjectGraph(read_only=False) as graph:
        name = f"Theirs/job{graph.job_counter:03d}/"
        os.makedirs(name)
        graph.add_process(Process(name, "relion.external", "Running"), do_overwrite=False)
print("done", flush=True)
"""


def start(program: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a program and wait for its first line."""
    environment = {**os.environ, "PYTHONPATH": str(_REPOSITORY), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=_REPOSITORY,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() in ("held", "ready")
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    """Tell a waiting program to begin."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> str:
    """Wait for the end of a program that must succeed; returns what it printed."""
    out, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, out
    return out


def kill(process: subprocess.Popen[str]) -> None:
    """End a program without giving it a chance to tidy up."""
    process.kill()
    process.communicate()
