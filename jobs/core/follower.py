"""A process that helps the worker of a job: where it stands, what it is sent, and how it ends."""

from __future__ import annotations

import contextlib
import datetime
import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from jobs.core.errors import UserError

#: Minutes that a process waits for another in a sum before it takes the other for stuck.
STUCK_MIN = 30


@dataclass(frozen=True)
class Place:
    """Where a process stands among those of a job.

    Attributes
    ----------
    rank, devices
        Number of the process, and the devices of all, such as ``cuda:1``.
    threads
        Threads that numerical libraries may use in it.
    meeting
        File through which the processes find each other.
    """

    rank: int
    devices: tuple[str, ...]
    threads: int
    meeting: str

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self.devices)

    @property
    def device(self) -> torch.device:
        """Device of this process."""
        return torch.device(self.devices[self.rank])

    def settle(self) -> None:
        """Take the threads and the device of this place."""
        torch.set_num_threads(self.threads)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def join(self) -> None:
        """Make sums over processes possible; every process must call it, and then waits for the others."""
        torch.distributed.init_process_group(
            backend_for(self.devices),
            init_method=f"file://{self.meeting}",
            rank=self.rank,
            world_size=self.size,
            timeout=datetime.timedelta(minutes=STUCK_MIN),
        )


def backend_for(devices: Sequence[str]) -> str:
    """NCCL when every process has a GPU of its own, else gloo, which carries everything."""
    own_gpus = all(device.startswith("cuda") for device in devices) and len(set(devices)) == len(devices)
    return "nccl" if own_gpus and torch.distributed.is_nccl_available() else "gloo"


def on_cpu(state: Any) -> Any:
    """The same nested state with all tensors on the CPU, and none of them a view of a larger one."""
    if isinstance(state, Tensor):
        return state.detach().cpu().clone()
    if isinstance(state, Mapping):
        return {key: on_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(on_cpu(value) for value in state)
    return state


def pack(state: Mapping[str, Any]) -> bytes:
    """Tensors and plain values as bytes."""
    stream = io.BytesIO()
    torch.save(on_cpu(state), stream)
    return stream.getvalue()


def unpack(message: bytes) -> dict[str, Any]:
    """What :func:`pack` was given, on the CPU; runs no code that it may hold."""
    state: dict[str, Any] = torch.load(io.BytesIO(message), map_location="cpu", weights_only=True)
    return state


class Link:
    """A follower's way to the worker."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection, self.place = connection, place

    def receive(self) -> dict[str, Any]:
        """Wait for what the worker sends."""
        return unpack(self._connection.recv_bytes())

    def send(self, state: Mapping[str, Any]) -> None:
        """Send the worker something."""
        self._connection.send_bytes(pack(state))


Follow = Callable[..., None]


def be_follower(connection: Connection, place: Place, follow: Follow, arguments: tuple[Any, ...]) -> None:
    """Main function of a follower: ``follow(link, *arguments)`` until it ends, fails, or the worker ends."""
    # What stops the job stops the worker, which then ends us.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    # Only the worker prints.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    link = Link(connection, place)
    code = 0
    try:
        place.settle()
        follow(link, *arguments)
    except UserError as error:
        code = 1
        _tell(link, {"error": str(error), "expected": True})
    except Exception as error:  # whatever it is, the worker must say it
        code = 1
        _tell(link, {"error": f"{type(error).__name__}: {error}", "expected": False})
        traceback.print_exc()
    sys.stderr.flush()
    # Libraries that wait for the others at the end would wait for ever when one has failed.
    os._exit(code)


def _tell(link: Link, state: Mapping[str, Any]) -> None:
    # Without a worker there is nobody to tell.
    with contextlib.suppress(OSError):
        link.send(state)


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
