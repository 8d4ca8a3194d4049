"""Several processes for one job, on several GPUs: the worker leads, the others follow and write nothing.

The worker (rank 0) starts the followers and talks to each through a pipe; it looks for the abort file, for
followers that have died, and for what went wrong in them while it waits.  Sums that are needed in every step
go through ``torch.distributed`` (NCCL between GPUs, gloo between CPUs) instead.  Followers end with the
worker, however it ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from jobs.core.errors import UserError
from jobs.core.folder import ExitStatus, JobFolder
from jobs.core.follower import Follow, Place, be_follower, unpack

#: Seconds between two looks for aborts and deaths; for a follower to end when told; and after the death of a
#: follower for the worker to notice it in what it is doing.
POLL_S, END_S, NOTICE_S = 0.05, 3.0, 15.0
_SPAWN = multiprocessing.get_context("spawn")


def give_up(folder: JobFolder, sentence: str) -> None:
    """End the worker from any thread, with the reason and the marker of a failed job."""
    sys.stdout.flush()
    sys.stderr.write(f"ERROR: {' '.join(sentence.split())}\n")
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        folder.mark(ExitStatus.FAILURE)
    os._exit(1)


class FollowerError(RuntimeError):
    """A follower has failed in a way that nobody expected; its message is the sentence."""


class Ranks:
    """The followers of a worker; a context manager that ends them whatever happens.

    Parameters
    ----------
    devices: sequence of str
        Devices of all processes; the first is that of the worker.
    threads: int
        Threads of all processes together.
    follow: callable
        What followers do: a function of a module, called with a :class:`Link` and ``arguments``.
    arguments: tuple
        Plain values for ``follow``.
    last_resort: callable
        Called with a sentence, from another thread, when a follower has died and the worker waits for it in
        a call that never returns; it must end the process.
    """

    def __init__(
        self,
        devices: Sequence[str],
        threads: int,
        follow: Follow,
        arguments: tuple[Any, ...],
        last_resort: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="heteroscope_ranks_")
        share = max(1, threads // len(devices))
        meeting = str(Path(self._folder.name) / "meeting")
        self.places = [Place(rank, tuple(devices), share, meeting) for rank in range(len(devices))]
        self._follow, self._arguments, self._last_resort = follow, arguments, last_resort
        self._processes: list[SpawnProcess] = []
        self._links: list[Connection] = []
        self._closing = threading.Event()
        self._variables: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._stay_here()
            for place in self.places[1:]:
                ours, theirs = _SPAWN.Pipe()
                process = _SPAWN.Process(
                    target=be_follower, args=(theirs, place, self._follow, self._arguments), daemon=True
                )
                process.start()
                theirs.close()
                self._processes.append(process)
                self._links.append(ours)
        except BaseException:
            self._end()
            raise
        self.places[0].settle()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reason = None
        if isinstance(error, RuntimeError | OSError) and not isinstance(error, FollowerError):
            # A sum that failed in the worker has its cause in another process.
            reason = self._cause(NOTICE_S / 5)
        self._end()
        if reason is not None:
            raise reason from error

    def _stay_here(self) -> None:
        """All processes are on this machine, whatever its name resolves to: talk within it only."""
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            if variable not in os.environ and Path("/sys/class/net/lo").exists():
                os.environ[variable] = "lo"
                self._variables.append(variable)

    @property
    def pids(self) -> list[int]:
        """Process numbers of the followers."""
        return [process.pid or 0 for process in self._processes]

    def send(self, rank: int, message: bytes) -> None:
        """Send something packed to a follower."""
        try:
            self._links[rank - 1].send_bytes(message)
        except OSError as error:
            raise (self._cause(NOTICE_S / 5) or self._lost(rank)) from error

    def receive(self, rank: int, each: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Wait for what a follower sends; ``each`` is called now and then, and may raise.

        Raises
        ------
        UserError
            When the follower has failed or died.
        """
        link = self._links[rank - 1]
        while not link.poll(POLL_S):
            each()
            reason = self._cause(0.0, sparing=rank)
            if reason is not None:
                raise reason
        try:
            answer = unpack(link.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._lost(rank) from error
        if "error" in answer:
            raise self._failure(rank, answer)
        return answer

    def check(self) -> None:
        """Raise :class:`UserError` when a follower has ended; cheap enough for every step."""
        if not all(process.is_alive() for process in self._processes):
            reason = self._cause(0.0)
            if reason is not None:
                raise reason

    def _cause(self, patience_s: float, sparing: int = 0) -> Exception | None:
        """Why a follower other than ``sparing`` has ended, None when all live after some patience."""
        until = time.monotonic() + patience_s
        while True:
            lost = None
            for rank, (process, link) in enumerate(zip(self._processes, self._links, strict=True), 1):
                if rank == sparing or process.is_alive():
                    continue
                with contextlib.suppress(EOFError, OSError):
                    if link.poll():
                        answer = unpack(link.recv_bytes())
                        # Others fail because of the first; theirs are no causes.
                        if answer.get("expected"):
                            return self._failure(rank, answer)
                        lost = lost or (self._failure(rank, answer) if "error" in answer else None)
                        continue
                return self._lost(rank)
            if time.monotonic() >= until:
                return lost
            time.sleep(POLL_S)

    def _failure(self, rank: int, answer: Mapping[str, Any]) -> Exception:
        if answer.get("expected"):
            return UserError(str(answer["error"]))
        return FollowerError(f"{self._name(rank)} failed: {answer['error']}")

    def _lost(self, rank: int) -> UserError:
        process = self._processes[rank - 1]
        process.join(END_S)
        code = process.exitcode
        how = f"ended with code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code} ({signal.Signals(-code).name})"
        return UserError(
            f"{self._name(rank)} {how}",
            hint="If memory was short, use fewer processes or do not preload the images; then resume the job",
        )

    def _name(self, rank: int) -> str:
        place = self.places[rank]
        return f"process {rank + 1} of {place.size} of this job (on {place.device})"

    def _watch(self) -> None:
        """End the worker when it waits in vain for a follower that has died."""
        sentinels = [process.sentinel for process in self._processes]
        while not self._closing.is_set():
            if not multiprocessing.connection.wait(sentinels, timeout=0.5):
                continue
            if self._closing.wait(NOTICE_S) or self._last_resort is None:
                return
            reason = self._cause(0.0) or self._lost(1)
            self._last_resort(str(reason))
            return

    def _end(self) -> None:
        self._closing.set()
        for process in self._processes:
            # They hold no files and keep nothing, so there is nothing to be polite about.
            process.kill()
        for process, link in zip(self._processes, self._links, strict=False):
            process.join(END_S)
            link.close()
        if torch.distributed.is_initialized():
            with contextlib.suppress(RuntimeError):
                torch.distributed.destroy_process_group()
        for variable in self._variables:
            os.environ.pop(variable, None)
        self._folder.cleanup()
