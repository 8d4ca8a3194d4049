"""A training on several devices: who trains which half-set, and what is exchanged.

With an even number of processes each half-set has a team of its own; the half-sets never need each other
within a pass, so with two processes nothing is exchanged in a step and the results have the same bits as
those of one.  With an odd number all train one half-set after the other.

Before each pass the worker sends everybody the whole state of their half-sets; after it they return what has
become of it, and the worker alone does the rest: consensus, noise, schedule, files.  Therefore checkpoints do
not know how many processes wrote them, and small differences between devices cannot add up.

Within a team only the order of summation differs from that of one process.  Tolerance: after an epoch all
parameters agree within 1e-4 of their root mean square (of 0.1 where that is smaller), and the displacements
after a short training within 0.001 Å; see ``tests/jobs/dynamight/test_distributed.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from jobs.core.follower import Link, pack
from jobs.core.ranks import Ranks
from jobs.core.team import Team
from jobs.dynamight.half_training import HalfTraining, Pass
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import prepare_training

if TYPE_CHECKING:
    from jobs.dynamight.training import Training


def halves_of(rank: int, size: int) -> tuple[int, ...]:
    """Which half-sets (0, 1) a process trains."""
    if size == 1 or size % 2:
        return (0, 1)
    return (0,) if rank < size // 2 else (1,)


def leader_of(half: int, size: int) -> int:
    """First process of the team of a half-set."""
    return 0 if half == 0 or size == 1 or size % 2 else size // 2


def join_team(rank: int, size: int) -> Team:
    """Make the teams; every process must call it, once they are joined if there are more than two."""
    if size % 2:
        return Team(rank, size)
    each = size // 2
    if each == 1:
        return Team()
    groups = [torch.distributed.new_group(list(range(first, first + each))) for first in (0, each)]
    return Team(rank % each, each, groups[rank // each])


def follow(link: Link, source: TrainingInput, settings: TrainingSettings) -> None:
    """What a follower does: prepare the images, then pass after pass."""
    place = link.place
    training = prepare_training(source, settings, place.device).training
    link.send({"ready": True})
    if place.size > 2:
        place.join()
    team = join_team(place.rank, place.size)
    for half in training.halves:
        half.team = team
    while True:
        order = link.receive()
        training.noise.power = order["noise_power"].to(place.device)
        plan = Pass(**order["plan"])
        answer: dict[str, Any] = {}
        for number in halves_of(place.rank, place.size):
            half = training.halves[number]
            half.load_state_dict(order["halves"][number])
            sums = half.run_pass(plan, training.noise, lambda: None)
            leads = leader_of(number, place.size) == place.rank
            answer[str(number)] = {
                "sums": sums if leads else None,
                "state": half.state_dict() if leads else None,
                "rows": None if leads else visited_rows(half),
            }
        link.send(answer)


def visited_rows(half: HalfTraining) -> dict[str, Any]:
    """What has become of the particles that we have visited: their tables, and which they are."""
    rows = torch.cat(half.visited) if half.visited else torch.zeros(0, dtype=torch.int64)
    poses = half.poses.rows.rows_dict(rows) if half.poses is not None else None
    return {"which": rows, "latents": half.latents.rows.rows_dict(rows), "poses": poses}


def take_rows(half: HalfTraining, rows: dict[str, Any]) -> None:
    """Take up what another member of the team has made of its particles."""
    half.latents.rows.load_rows_dict(rows["which"], rows["latents"])
    if half.poses is not None:
        half.poses.rows.load_rows_dict(rows["which"], rows["poses"])


class Sharing:
    """The worker's side: passes over both half-sets by all processes.

    Parameters
    ----------
    ranks: Ranks
        The processes, running :func:`follow`.
    each: callable
        Called now and then while the followers prepare their images; may raise.
    """

    def __init__(self, ranks: Ranks, each: Callable[[], None]) -> None:
        self._ranks = ranks
        self.size = len(ranks.places)
        for rank in range(1, self.size):
            ranks.receive(rank, each)
        if self.size > 2:
            ranks.places[0].join()
        self._team = join_team(0, self.size)

    def attach(self, training: Training) -> None:
        """Let a training make its passes with all processes."""
        for half in training.halves:
            half.team = self._team
        training.run_passes = self.run_passes

    def run_passes(
        self, training: Training, plan: Pass, each: Callable[[], None]
    ) -> tuple[dict[str, float], ...]:
        """One pass over both half-sets; means over the particles of each, as from ``run_pass``."""

        def look() -> None:
            each()
            self._ranks.check()

        for rank in range(1, self.size):
            numbers = halves_of(rank, self.size)
            order = {
                "plan": asdict(plan),
                "noise_power": training.noise.power,
                "halves": [h.state_dict() if n in numbers else None for n, h in enumerate(training.halves)],
            }
            self._ranks.send(rank, pack(order))
        sums: dict[int, dict[str, float]] = {}
        for number in halves_of(0, self.size):
            sums[number] = training.halves[number].run_pass(plan, training.noise, look)
        answers = {rank: self._ranks.receive(rank, each) for rank in range(1, self.size)}
        for number, half in enumerate(training.halves):
            leader = leader_of(number, self.size)
            if leader:
                half.load_state_dict(answers[leader][str(number)]["state"])
                sums[number] = answers[leader][str(number)]["sums"]
            for rank in range(1, self.size):
                if rank != leader and number in halves_of(rank, self.size):
                    take_rows(half, answers[rank][str(number)]["rows"])
        return tuple(sums[number] for number in sorted(sums))
