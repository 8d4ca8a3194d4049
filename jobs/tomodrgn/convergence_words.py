"""What the heuristics of convergence mean, in sentences with the numbers behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.figures import Fact
from jobs.tomodrgn.words import epochs as epochs_of
from jobs.tomodrgn.words import listed, number, percent

Array = NDArray[Any]

#: What counts as what: name, value, and what it decides.
THRESHOLDS: Final[Mapping[str, tuple[float, str]]] = {
    "loss_still_falling": (0.02, "part of the whole fall of the loss that its last fifth may still make"),
    "latent_moves": (
        0.1,
        "median step of the particles per epoch, in units of the spread of the latent space",
    ),
    "same_map": (0.95, "correlation of a class's map with itself at the epoch analysed before"),
    "another_map": (0.01, "by how much a map is more like itself earlier than like any other class"),
    "detail_lost": (0.1, "fall from its best of the median correlation at Nyquist between epochs"),
    "held_out_worse": (0.2, "rise of the log divergence of held-out images (90th percentile) from its best"),
    "truth_worse": (0.02, "fall from its best of the median correlation with the maps given as the truth"),
}
#: Epochs of which the newest fifth can be told from the others.
_FEW: Final = 5


@dataclass(frozen=True)
class Series:
    """What the heuristics measured; empty arrays where something could not be measured.

    Attributes
    ----------
    loss
        ``(E,)`` total loss of each epoch.
    steps
        ``(E - 1,)`` median length of the step of a particle from one epoch to the next.
    spread
        Root mean square distance of the particles from their mean at the last epoch.
    epochs
        ``(n,)`` epochs whose maps were compared.
    names
        Of the classes.
    successive
        ``(m, n - 1)`` correlation of each class's map with that at the epoch before.
    nyquist
        ``(m, n - 1)`` Fourier shell correlation of the same at Nyquist.
    all_to_all
        ``(n, m, m)`` correlation of the classes with one another.
    truth
        ``(n, m, g)`` correlation of the classes with known maps.
    held_out
        ``(n,)`` logarithm of the 90th percentile of the divergence between the places that a particle has by
        taught and by held-out images.
    """

    loss: Array = field(default_factory=lambda: np.zeros(0))
    steps: Array = field(default_factory=lambda: np.zeros(0))
    spread: float = 1.0
    epochs: Sequence[int] = ()
    names: Sequence[str] = ()
    successive: Array = field(default_factory=lambda: np.zeros((0, 0)))
    nyquist: Array = field(default_factory=lambda: np.zeros((0, 0)))
    all_to_all: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    truth: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    held_out: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Verdict:
    """What is concluded.

    Attributes
    ----------
    converged, overfitting
        None where nothing was measured that tells.
    reproducible, unsure
        Classes of which the map is found again, and the others.
    sentences
        The conclusions with their numbers.
    """

    converged: bool | None
    overfitting: bool | None
    reproducible: tuple[str, ...]
    unsure: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All sentences, and what counts as what."""
        lines = [*self.sentences, "", "What counts as what:"]
        lines += [f"  {value:g}  {meaning}" for value, meaning in THRESHOLDS.values()]
        return "\n".join(lines) + "\n"

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The conclusions as key figures."""
        words = {None: "cannot be told", True: "yes", False: "no"}
        found = [
            Fact("Training done", words[self.converged], self.sentences[0]),
            Fact("Overfitting", words[self.overfitting], self.sentences[1]),
        ]
        count = len(self.reproducible) + len(self.unsure)
        if count:
            found.append(
                Fact("Reproducible classes", f"{len(self.reproducible)} of {count}", self.sentences[2])
            )
        return tuple(found)


def verdict(series: Series) -> Verdict:
    """Conclude from what was measured."""
    overfitting, over = _overfitting(series)
    converged, done = _converged(series, overfitting is True)
    good, unsure, classes = _classes(series)
    return Verdict(converged, overfitting, good, unsure, (done, over, classes))


def limit(name: str) -> float:
    """Value of a threshold."""
    return THRESHOLDS[name][0]


def _converged(series: Series, overfitting: bool) -> tuple[bool | None, str]:
    """Whether everything rests, and why; what speaks for the other answer is said apart from the reasons."""
    said = [*_loss(series), *_steps(series), *_maps(series)]
    if not said:
        return None, "Whether the training is done cannot be told: there are too few epochs to compare."
    resting = [text for rests, text in said if rests]
    moving = [text for rests, text in said if not rests]
    if not moving:
        return True, f"The training is done: {listed(resting)}."
    told = f"The training is not done: {listed(moving)}."
    if resting:
        told += f" At rest already: {listed(resting)}."
    # the other sentence tells which epoch to take
    return False, told + (
        " More epochs will not help, as it is overfitting." if overfitting else " Train for more epochs."
    )


def _loss(series: Series) -> list[tuple[bool, str]]:
    loss = series.loss[np.isfinite(series.loss)]
    if len(loss) < _FEW:
        return []
    last = max(1, len(loss) // 5)
    fall = float(loss[0] - loss.min())
    if fall <= 0:
        return [(False, "the loss has never been lower than at the beginning")]
    recent = float(loss[-last - 1] - loss[-1]) / fall
    most = limit("loss_still_falling")
    of = f"of its whole fall in the last {epochs_of(last)}"
    if recent > most:
        return [(False, f"the loss still falls (by {percent(recent, most)} {of})")]
    if recent < -most:
        return [(True, f"the loss no longer falls (it rose by {percent(-recent, most)} {of})")]
    return [(True, f"the loss has come to rest ({percent(recent, most)} {of})")]


def _steps(series: Series) -> list[tuple[bool, str]]:
    steps = series.steps[np.isfinite(series.steps)]
    if not len(steps):
        return []
    step, most = float(steps[-1]) / max(series.spread, 1e-12), limit("latent_moves")
    rests = step <= most
    word = "stay where they are" if rests else "still move"
    return [(rests, f"particles {word} in the latent space (last step {number(step, most)} of its spread)")]


def _maps(series: Series) -> list[tuple[bool, str]]:
    newest = series.successive[:, -1] if series.successive.size else np.zeros(0)
    newest = newest[np.isfinite(newest)]
    if not len(newest):
        return []
    least, middle = limit("same_map"), float(np.median(newest))
    rests = middle >= least
    count = int(np.sum(newest >= least) if rests else np.sum(newest < least))
    word = "the same as" if rests else "differ from those"
    some = f"{count} of {len(newest)} maps {'are ' if rests else ''}{word}"
    between = f"at epoch {series.epochs[-2]}" if len(series.epochs) > 1 else "before"
    return [(rests, f"{some} {between} (median correlation {number(middle, least)})")]


def _overfitting(series: Series) -> tuple[bool | None, str]:
    epochs = np.asarray(series.epochs)
    truth = (
        np.median(series.truth.max(axis=2), axis=1)
        if series.truth.size and len(series.truth) > 1
        else np.zeros(0)
    )
    nyquist = np.median(series.nyquist, axis=0) if series.nyquist.size else np.zeros(0)
    measured = [
        _from_best(
            -series.held_out,
            epochs,
            limit("held_out_worse"),
            "the places that held-out images give",
            "drift from those of the taught ones (log divergence up by {0} from its best)",
            "agree with those of the taught ones as at their best (log divergence {1}, best {2})",
            sign=-1,
        ),
        _from_best(
            truth,
            epochs,
            limit("truth_worse"),
            "maps",
            "become less like the known ones (correlation down by {0} from its best)",
            "are as like the known ones as at their best (correlation {1}, best {2})",
            digits=3,
        ),
        _from_best(
            nyquist,
            epochs[1:],
            limit("detail_lost"),
            "the finest detail",
            "changes again from epoch to epoch (correlation at Nyquist down by {0} from its best)",
            "is as steady as at its best (correlation at Nyquist {1}, best {2})",
        ),
    ]
    said = [found for found in measured if found is not None]
    if not said:
        return (
            None,
            "Whether it is overfitting cannot be told: train with --fraction-train, or compare more epochs.",
        )
    bad = [(text, best) for over, text, best in said if over]
    if bad:
        known = [best for _, best in bad if best is not None]
        use = f"Use epoch {min(known)}, which was best" if known else "Use an earlier epoch"
        return True, f"It is overfitting: {listed([text for text, _ in bad])}. {use}."
    return False, f"There is no sign of overfitting: {listed([text for _, text, _ in said])}."


def _from_best(
    values: Array,
    epochs: Array,
    most: float,
    what: str,
    worse: str,
    fine: str,
    sign: int = 1,
    digits: int = 2,
) -> tuple[bool, str, int | None] | None:
    """Whether a measure that should rise has fallen from its best, words for it, and the best epoch.

    None where there are fewer than two values.
    """
    there = np.isfinite(values)
    if there.sum() < 2:
        return None
    at = epochs[there] if len(epochs) == len(values) else None
    values = values[there]
    best, last = float(values.max()), float(values[-1])
    over = best - last > most
    told = (worse if over else fine).format(
        number(best - last, most, digits), f"{sign * last:.{digits}f}", f"{sign * best:.{digits}f}"
    )
    return over, f"{what} {told}", None if at is None else int(at[int(values.argmax())])


def _classes(series: Series) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    if not series.successive.size:
        return (), (), "Which classes are reproducible cannot be told: maps of one epoch only."
    good, unsure, reasons = [], [], []
    for k, name in enumerate(series.names):
        own = float(series.successive[k, -1])
        others = np.delete(series.all_to_all[-1, k], k) if series.all_to_all.size else np.zeros(0)
        nearest = float(others.max()) if len(others) else -1.0
        if not np.isfinite(own):
            reasons.append(f"{name} has no map that can be compared")
        elif own < limit("same_map"):
            reasons.append(f"{name} changes (correlation with itself earlier {own:.3f})")
        elif own - nearest < limit("another_map"):
            other = [n for n in series.names if n != name][int(others.argmax())]
            reasons.append(
                f"{name} cannot be told from {other} ({nearest:.3f} against {own:.3f} with itself)"
            )
        else:
            good.append(name)
            continue
        unsure.append(name)
    said = "Reproducible classes: " + (", ".join(good) if good else "none") + "."
    if reasons:
        said += " Not so: " + "; ".join(reasons) + "."
    return tuple(good), tuple(unsure), said
