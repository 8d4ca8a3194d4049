"""What the fake job does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from jobs.core.errors import UserError
from jobs.core.worker import WorkerContext

_EATEN: list[bytes] = []


def run(context: WorkerContext) -> None:
    """Behave as the option `mode` says."""
    mode = context.options.mode  # type: ignore[attr-defined]
    seconds = context.options.seconds  # type: ignore[attr-defined]
    seen = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "CUDA_DEVICE_ORDER")
    context.say(" ".join(f"{name}={os.environ.get(name)!r}" for name in seen))
    context.say(f"cwd={Path.cwd()} pid={os.getpid()} pgid={os.getpgid(0)}")
    if mode == "crash":
        raise RuntimeError("the fake crashed")
    if mode == "wrong":
        raise UserError("the box is odd", path="particles.star", row=3)
    if mode == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "exit":
        os._exit(7)
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "hungry":
        _EATEN.append(b"x" * (600 * 1024**2))
    if mode in ("stubborn", "children"):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    steps = max(1, int(seconds * 10))
    for step in range(steps):
        if mode != "stubborn":
            context.check_abort()
        context.progress("train", step + 1, steps, particles_per_s=500.0, loss_data=1.0 / (step + 1))
        time.sleep(seconds / steps)
    (context.folder.path / "result.star").write_text("data_\n")


def more(context: WorkerContext) -> None:
    """Do a further task."""
    context.say("more was done")
