"""Starting a worker as a process that belongs to nobody: detached, with its GPU, threads and logs."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.runner.gpus import GpuChoice
from app.runner.reservations import reserve
from jobs.core.errors import UserError

#: Folder that holds the packages `app` and `jobs`.
PACKAGES = Path(__file__).resolve().parents[2]
_START_S = 30.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def worker_command(module: str, name: str, run: int) -> list[str]:
    """Return the command line of a worker, to be run in the project's folder."""
    return [sys.executable, "-P", "-m", module, "--project", ".", "--job", name, "--run", str(run)]


def program_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which our packages are found, and nothing in the current folder is."""
    environment = dict(os.environ if base is None else base)
    known = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    places = dict.fromkeys([str(PACKAGES), *known])
    environment["PYTHONPATH"] = os.pathsep.join(places)
    environment["PYTHONSAFEPATH"] = "1"
    return environment


def worker_environment(gpu: GpuChoice, threads: int, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a worker.

    Parameters
    ----------
    gpu
        The GPU it shall see.
    threads
        How many threads numerical libraries may use.
    base
        Environment to start from; None = ours.
    """
    environment = program_environment(base)
    environment["CUDA_VISIBLE_DEVICES"] = gpu.visible
    # Count GPUs as the driver's tools do, not by speed.
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["PYTHONUNBUFFERED"] = "1"
    environment.update(dict.fromkeys(THREAD_VARIABLES, str(max(1, threads))))
    return environment


def keeper_command(job_dir: str, about: Mapping[str, object], command: list[str]) -> list[str]:
    """Return the command line of the keeper that runs a worker."""
    # Without the site module the keeper starts faster and needs less memory; it needs nothing installed.
    lean = ["-S"] if sys.platform == "linux" else []
    return [
        sys.executable,
        "-P",
        *lean,
        "-m",
        "app.runner.keeper",
        job_dir,
        json.dumps(about),
        "--",
        *command,
    ]


def spawn(
    project_dir: Path,
    name: str,
    command: list[str],
    *,
    run: int,
    gpu: GpuChoice,
    threads: int,
) -> int:
    """Start a worker with its keeper, and wait until it runs.

    Parameters
    ----------
    project_dir
        The project, current folder of both processes.
    name
        The job; what both print is appended to its ``run.out`` and ``run.err``.
    command
        The worker's command line.
    run
        Number of the run.
    gpu, threads
        See :func:`worker_environment`.

    Returns
    -------
    int
        The worker's process id.

    Raises
    ------
    UserError
        When it could not be started; the sentence says why.
    """
    job_dir = project_dir / name
    listen, speak = os.pipe()
    about = {"gpu": gpu.text, "run": run, "report_to": speak, "detach": True, "settle": True}
    try:
        with (job_dir / "run.out").open("ab") as out, (job_dir / "run.err").open("ab") as err:
            keeper = subprocess.Popen(
                keeper_command(name, about, command),
                cwd=project_dir,
                env=worker_environment(gpu, threads),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                pass_fds=(speak,),
            )
        os.close(speak)
        speak = -1
        answer = _first_line(listen)
        # This first process only makes the keeper and ends at once.
        keeper.wait(timeout=_START_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{name} could not be started: {error}", path=job_dir) from error
    finally:
        os.close(listen)
        if speak >= 0:
            os.close(speak)
    word, _, rest = answer.partition(" ")
    if word != "started":
        reason = rest or "its keeper ended at once; see run.err"
        raise UserError(f"{name} could not be started: {reason}", path=job_dir)
    reserve(project_dir, name, gpu.text, gpu.visible, int(rest))
    return int(rest)


def _first_line(descriptor: int) -> str:
    """Return the line that the keeper sends, "" when it ends (or stays silent) without one."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], _START_S)
        piece = os.read(descriptor, 4096) if ready else b""
        if not piece:
            break
        text += piece
    return text.decode(errors="replace").strip()


def spawn_program(project_dir: Path, module: str, arguments: list[str], log: Path) -> None:
    """Start one of our own programs detached, in the project's folder, printing into a log."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _DETACH, sys.executable, "-P", "-m", module, *arguments],
            cwd=project_dir,
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    process.wait(timeout=_START_S)


#: Leaves the program to the system's first process, so that nobody has to wait for it.
_DETACH = "import os, sys; os.fork() and os._exit(0); os.execv(sys.argv[1], sys.argv[1:])"
