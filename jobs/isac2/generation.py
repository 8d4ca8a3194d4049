"""One generation: K-means and stability by turns, until the members of classes hardly change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from jobs.isac2.accounting import StableClass
from jobs.isac2.averages import segment_averages, take_images
from jobs.isac2.ctf_weights import deconvolved
from jobs.isac2.engine import Engine
from jobs.isac2.filters import lowpass_images
from jobs.isac2.group_alignment import align_groups
from jobs.isac2.kmeans import Progress, agreement, kmeans_pass, updated_references
from jobs.isac2.mains import Generation, groups_of
from jobs.isac2.run_state import InnerState, RunState
from jobs.isac2.seeding import generator
from jobs.isac2.signal_test import resembles_class
from jobs.isac2.stability import stable_members
from jobs.maths.transforms2d import Planar

#: Share of stable members that two inner iterations have in common: enough if it hardly grows, nearly all.
_ENOUGH, _STEADY, _SAME = 0.5, 0.05, 0.95
#: Work of the stability check in passes of K-means.
_STABILITY = 6


class GenerationClassifier:
    """Classifies the pool of a generation (:class:`jobs.isac2.mains.Classifier`).

    Parameters
    ----------
    engine
        Images, settings, device and report.
    group
        Images per group.
    """

    def __init__(self, engine: Engine, group: int) -> None:
        self._engine = engine
        self._group = group

    def __call__(self, state: RunState, store: Callable[[InnerState], None]) -> Generation:
        """Classify ``state.pool``, going on from ``state.inner``; ``store`` after every inner iteration."""
        index = torch.from_numpy(state.pool)
        inner = self._start(state, index) if state.inner is None else state.inner
        while not inner.converged:
            inner = self._inner_iteration(state, index, inner)
            store(inner)
        return self._result(state, index, inner)

    # ------------------------------------------------------------------------------------ inner iterations
    def _start(self, state: RunState, index: Tensor) -> InnerState:
        """Return a generation before its first inner iteration: single images are the references."""
        engine, count = self._engine, len(index)
        groups = groups_of(count, self._group)
        random = generator(engine.settings.rand_seed, "references", state.main, state.generation)
        chosen = torch.randperm(count, generator=random)[:groups]
        device = engine.device
        return InnerState(
            done=0,
            references=self._single_images(index[chosen]),
            alpha_deg=torch.zeros(count, dtype=torch.float64, device=device),
            shift=torch.zeros(count, 2, dtype=torch.float64, device=device),
            mirror=torch.zeros(count, dtype=torch.bool, device=device),
            group=torch.full((count,), -1, dtype=torch.int64, device=device),
            stable=torch.zeros(count, dtype=torch.bool, device=device),
            pixel_error=torch.full((count,), torch.inf, dtype=torch.float64, device=device),
        )

    def _inner_iteration(self, state: RunState, index: Tensor, inner: InnerState) -> InnerState:
        engine, settings = self._engine, self._engine.settings
        number = inner.done + 1
        place = (state.main, state.generation, number)
        whole = len(settings.cutoffs) + _STABILITY
        references = inner.references
        groups = len(references)
        planar = Planar(inner.alpha_deg, inner.shift, inner.mirror)
        group = inner.group
        for step, cutoff in enumerate(settings.cutoffs, start=1):
            progress = self._progress(place, (step - 1) / whole, 1 / whole)
            group, planar = kmeans_pass(engine, index, planar, references, cutoff, progress)
            random = generator(settings.rand_seed, "mutual", *place, step)
            references, planar = updated_references(engine, index, group, planar, groups, cutoff, random)
        last = number >= settings.init_iter
        if number % settings.iter_reali and not last:
            return replace(
                inner,
                done=number,
                references=references,
                alpha_deg=planar.alpha_deg,
                shift=planar.shift,
                mirror=planar.mirror,
            )
        return self._stability(index, inner, group, planar, place, last)

    def _stability(
        self,
        index: Tensor,
        inner: InnerState,
        group: Tensor,
        planar: Planar,
        place: tuple[int, int, int],
        last: bool,
    ) -> InnerState:
        """Align within groups several times, keep who agrees, and average them for the next references."""
        engine, settings = self._engine, self._engine.settings
        groups, device = len(inner.references), engine.device
        whole = len(settings.cutoffs) + _STABILITY
        progress = self._progress(place, len(settings.cutoffs) / whole, _STABILITY / whole)
        runs = align_groups(
            engine.images,
            planar,
            group,
            groups,
            engine.group_options,
            settings.stab_ali,
            generator(settings.rand_seed, "groups", *place),
            index=index,
            workers=engine.group_workers(int(torch.bincount(group).max())),
            report=lambda done, of: progress(done / of),
        )
        found = stable_members(runs, group.cpu(), groups, float(settings.target_radius), settings.thld_err)
        stable = found.stable
        if not settings.keep_noise:
            labels = torch.where(stable, group.cpu(), -1)
            random = generator(settings.rand_seed, "decoys", *place)
            stable = stable & resembles_class(engine, index, found.planar, labels, groups, random)
        # Who is not stable goes on from the last run, in whose frame the others were averaged too.
        final = runs[-1].to(dtype=torch.float64)
        chosen = Planar(
            torch.where(stable, found.planar.alpha_deg, final.alpha_deg),
            torch.where(stable[:, None], found.planar.shift, final.shift),
            torch.where(stable, found.planar.mirror, final.mirror),
        )
        labels = torch.where(stable, group.cpu(), -1)
        averages, counts = segment_averages(
            engine.scored, chosen, labels, groups, index=index, workers=engine.workers
        )
        references = lowpass_images(engine.deconvolved(averages, index, labels), settings.fh, settings.ff)
        empty = torch.nonzero(counts.cpu() == 0)[:, 0]
        if len(empty) and not last:
            random = generator(settings.rand_seed, "refill", *place)
            fresh = torch.randperm(len(index), generator=random)[: len(empty)]
            references[empty.to(device)] = self._single_images(index[fresh])
        before = torch.where(inner.stable, inner.group, -1).cpu()
        now = agreement(before, labels)
        return InnerState(
            done=place[2],
            references=references,
            alpha_deg=chosen.alpha_deg.to(device),
            shift=chosen.shift.to(device),
            mirror=chosen.mirror.to(device),
            group=group,
            stable=stable.to(device),
            pixel_error=found.pixel_error.to(device),
            agreement=now,
            converged=last or settled(now, inner.agreement),
        )

    def _progress(self, place: tuple[int, int, int], start: float, share: float) -> Progress:
        """Return who turns a part of a step into a part of the generation."""
        main, generation, number = place
        iterations = self._engine.settings.init_iter

        def told(part: float) -> None:
            self._engine.report(main, generation, (number - 1 + start + share * part) / iterations)

        return told

    def _single_images(self, index: Tensor) -> Tensor:
        engine = self._engine
        images = take_images(engine.scored, index, engine.device)
        if engine.weights is not None:
            # The CTF of one image has zeros: that of all of them together is divided out.
            power = engine.weights.of(index).mean(0, keepdim=True)
            images = deconvolved(images, power.expand(len(images), -1))
        return lowpass_images(images, engine.settings.fl, engine.settings.ff)

    def _result(self, state: RunState, index: Tensor, inner: InnerState) -> Generation:
        """Return the classes of a generation that is over, in the order of its groups."""
        engine, settings = self._engine, self._engine.settings
        group, stable = inner.group.cpu().numpy(), inner.stable.cpu().numpy()
        labels = torch.from_numpy(np.where(stable, group, -1))
        planar = Planar(inner.alpha_deg, inner.shift, inner.mirror)
        sums, _ = segment_averages(
            engine.images, planar, labels, len(inner.references), index=index, workers=engine.workers
        )
        averages = lowpass_images(sums, settings.fh, settings.ff).cpu().numpy()
        alpha, shift = inner.alpha_deg.cpu().numpy(), inner.shift.cpu().numpy()
        mirror, error = inner.mirror.cpu().numpy(), inner.pixel_error.cpu().numpy()
        classes = []
        for number in range(len(averages)):
            rows = np.flatnonzero(stable & (group == number))
            classes.append(
                StableClass(
                    average=averages[number],
                    members=state.pool[rows],
                    alpha_deg=alpha[rows],
                    shift=shift[rows],
                    mirror=mirror[rows],
                    pixel_errors=error[rows],
                    main=state.main,
                    generation=state.generation,
                    group=number,
                )
            )
        return Generation(classes, group.astype(np.int64))


def settled(now: float, before: float) -> bool:
    """Return whether further inner iterations are not worth their time.

    The original ends when the agreement of two successive iterations (:func:`jobs.isac2.kmeans.agreement`) is
    above one half and grew a little. Once nearly all members stay, it need not grow any more.

    Parameters
    ----------
    now, before
        Agreement of this iteration with the last, and of the last with the one before.
    """
    return now > _SAME or (now > _ENOUGH and 0 < now - before < _STEADY)
