"""What the heuristics of convergence mean, in sentences with the numbers behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.figures import Fact

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
    converged, done = _converged(series)
    overfitting, over = _overfitting(series)
    good, unsure, classes = _classes(series)
    return Verdict(converged, overfitting, good, unsure, (done, over, classes))


def limit(name: str) -> float:
    """Value of a threshold."""
    return THRESHOLDS[name][0]


def _converged(series: Series) -> tuple[bool | None, str]:
    said: list[tuple[bool, str]] = []
    loss = series.loss[np.isfinite(series.loss)]
    if len(loss) >= _FEW:
        last = max(1, len(loss) // 5)
        fall = float(loss[0] - loss.min())
        recent = float(loss[-last - 1] - loss[-1]) / fall if fall > 0 else 0.0
        still = recent > limit("loss_still_falling")
        word = "still falls" if still else "has come to rest"
        said.append(
            (
                not still,
                f"the loss {word} ({100 * recent:.1f} % of its whole fall in the last {_epochs(last)})",
            )
        )
    if len(series.steps):
        step = float(series.steps[-1]) / max(series.spread, 1e-12)
        moves = step > limit("latent_moves")
        word = "still move" if moves else "stay where they are"
        said.append((not moves, f"particles {word} in the latent space (last step {step:.3f} of its spread)"))
    if series.successive.size:
        same = float(np.median(series.successive[:, -1]))
        rest = same >= limit("same_map")
        word = "are the same as" if rest else "differ from those"
        between = f"at epoch {series.epochs[-2]}" if len(series.epochs) > 1 else "before"
        said.append((rest, f"maps {word} {between} (median correlation {same:.3f})"))
    if not said:
        return None, "Whether the training is done cannot be told: there are too few epochs to compare."
    done = all(good for good, _ in said)
    begin = "The training is done" if done else "The training is not done"
    return done, f"{begin}: {_listed([text for _, text in said])}." + (
        "" if done else " Train for more epochs."
    )


def _overfitting(series: Series) -> tuple[bool | None, str]:
    said: list[tuple[bool, str]] = []
    if len(series.held_out) > 1:
        said.append(
            _from_best(
                -series.held_out,
                limit("held_out_worse"),
                "the places that held-out images give",
                "drift from those of the taught ones (log divergence up by {0:.2f} from its best)",
                "agree with those of the taught ones as well as ever (log divergence {1:.2f})",
                negative=True,
            )
        )
    if series.truth.size and len(series.truth) > 1:
        best = np.median(series.truth.max(axis=2), axis=1)
        said.append(
            _from_best(
                best,
                limit("truth_worse"),
                "maps",
                "become less like the known ones (correlation down by {0:.3f} from its best)",
                "are as like the known ones as ever (correlation {1:.3f})",
            )
        )
    if series.nyquist.shape[-1] > 1:
        said.append(
            _from_best(
                np.median(series.nyquist, axis=0),
                limit("detail_lost"),
                "the finest detail",
                "changes again from epoch to epoch (correlation at Nyquist down by {0:.2f} from its best)",
                "is as steady as ever (correlation at Nyquist {1:.2f})",
            )
        )
    if not said:
        return (
            None,
            "Whether it is overfitting cannot be told: train with --fraction-train, or compare more epochs.",
        )
    bad = [text for over, text in said if over]
    if bad:
        return True, f"It is overfitting: {_listed(bad)}. Use an earlier epoch."
    return False, f"There is no sign of overfitting: {_listed([text for _, text in said])}."


def _from_best(
    values: Array, most: float, what: str, worse: str, fine: str, negative: bool = False
) -> tuple[bool, str]:
    """Whether a measure that should rise has fallen from its best, and words with both numbers."""
    drop, last = float(values.max() - values[-1]), float(values[-1])
    over = drop > most
    return over, f"{what} " + (worse if over else fine).format(drop, -last if negative else last)


def _classes(series: Series) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    if not series.successive.size:
        return (), (), "Which classes are reproducible cannot be told: maps of one epoch only."
    good, unsure, reasons = [], [], []
    for k, name in enumerate(series.names):
        own = float(series.successive[k, -1])
        others = np.delete(series.all_to_all[-1, k], k) if series.all_to_all.size else np.zeros(0)
        nearest = float(others.max()) if len(others) else -1.0
        if own < limit("same_map"):
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


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + f" and {texts[-1]}"


def _epochs(count: int) -> str:
    return "epoch" if count == 1 else f"{count} epochs"
