"""The process that holds explored models for a window: ``python -P -m jobs.explore.serve --project …``.

It is started by :class:`jobs.core.remote_model.RemoteSource`, talks through a socket that is its standard
input, and ends when the window does. What is printed here goes to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import fcntl
import os
import select
import signal
import socket
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

# Nothing that loads numpy, before the number of threads is set.
from jobs.core.compute import set_threads


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one result until the window hangs up; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -P -m jobs.explore.serve", description=__doc__)
    parser.add_argument("--project", required=True, type=Path, help="folder of the project")
    parser.add_argument("--job", required=True, type=Path, help="folder of the job")
    parser.add_argument("--entry", required=True, help="module:function that returns the source of models")
    places = parser.parse_args(argv)
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        parser.error("it is started by the window, which talks to it through its standard input")
    channel = _take_over_channel()
    _end_with_the_window(channel)
    _be_the_first_to_go()
    faulthandler.enable()
    set_threads(_thread_count())

    from jobs.core import remote_wire
    from jobs.explore.serve_calls import Desk

    remote_wire.prepare(channel)
    desk = Desk(places.job, places.project, places.entry)
    with contextlib.suppress(ConnectionError):  # the window is gone
        remote_wire.send(channel, remote_wire.pack({"alive": os.getpid()}))
        desk.prepare()
        while (request := remote_wire.receive(channel)) is not None:
            answer = desk.answer(request)
            if answer is not None:
                remote_wire.send(channel, answer.packed)
                if answer.ends:
                    return 1
    return 0


def _take_over_channel() -> socket.socket:
    """Keep the socket for messages alone; what anything prints goes to standard error."""
    channel = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return channel


def _end_with_the_window(channel: socket.socket) -> None:
    """Have the kernel end this process when the window is gone, however that came and whatever we do then.

    The window sends the reading end of a pipe that only it could write to. When the writing end closes, the
    kernel sends a signal that ends a process that does not listen to it; no code of ours has to run for that.
    """
    _, files, _, _ = socket.recv_fds(channel, 1, 1)
    if not files:
        raise SystemExit(0)
    lifeline = files[0]
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    # It may have gone before we listened.
    poll = select.poll()
    poll.register(lifeline, 0)
    if poll.poll(0):
        raise SystemExit(0)


def _be_the_first_to_go() -> None:
    """Have the system end this process rather than the window when it runs out of memory."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _thread_count() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() else len(os.sched_getaffinity(0))


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Nothing here has to be tidied up, and libraries take their time for it.
    os._exit(code)
