"""Devices that share work, block by block: the same bits whatever their number.

Work is cut into blocks before anybody knows how many devices there are. Whoever is free takes the next block,
and results come back in the order of the blocks, so that sums over them round alike. On a CPU a worker is a
thread of one core: several cores for one small operation wait for each other longer than they compute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Blocks begun or waiting for each worker; results of no more than that are held.
_AHEAD = 2


class Workers:
    """Devices that compute together.

    Parameters
    ----------
    devices
        Each is used by one thread, but a single CPU by as many as torch has; the first is where results of
        all are brought together.
    """

    def __init__(self, devices: Sequence[torch.device | str] = ("cpu",)) -> None:
        #: One for each worker.
        self.devices = tuple(torch.device(device) for device in devices)
        if len(self.devices) == 1 and self.devices[0].type == "cpu":
            self.devices = self.devices * torch.get_num_threads()

    @property
    def first(self) -> torch.device:
        """Where results are brought together."""
        return self.devices[0]

    @property
    def different(self) -> tuple[torch.device, ...]:
        """The devices, each of them once."""
        return tuple(dict.fromkeys(self.devices))

    def sharing(self, most: int) -> Workers:
        """Return these workers, but no more than so many (at least one) on the same device."""
        kept = [
            device
            for number, device in enumerate(self.devices)
            if self.devices[:number].count(device) < max(1, most)
        ]
        fewer = Workers(self.devices)
        fewer.devices = tuple(kept)
        return fewer

    def copies(self, value: torch.Tensor) -> dict[torch.device, torch.Tensor]:
        """Return a tensor on every device."""
        return {device: value.to(device) for device in self.different}

    def map(
        self, work: Callable[[torch.device, _Item], _Result], items: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Give ``work(device, item)`` of every item, in the order of the items.

        Parameters
        ----------
        work
            Called by threads of their own; what it returns may be on its device.
        items
            Blocks, cut the same way for all numbers of workers.
        """
        todo = list(items)
        if len(self.devices) == 1 or len(todo) < 2:
            with one_thread():
                for item in todo:
                    yield work(self.first, item)
            return
        free: SimpleQueue[torch.device] = SimpleQueue()
        for device in self.devices:
            free.put(device)

        def done(item: _Item) -> _Result:
            device = free.get()
            try:
                return work(device, item)
            finally:
                free.put(device)

        count = len(self.devices)
        with ExitStack() as stack:
            stack.enter_context(one_thread())
            pool = ThreadPoolExecutor(count)
            # Whoever listens may stop in the middle: nothing new is begun then.
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            running: deque[Future[_Result]] = deque()
            for item in todo:
                running.append(pool.submit(done, item))
                if len(running) == _AHEAD * count:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread for each of ours, so that threads do not decide how sums are cut."""
    before = torch.get_num_threads()
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)
