"""How close predicted displacements come to the ground truth of a simulated data set.

The consensus structure of a flexible molecule has no preferred state, so the mean over images is taken off
prediction and truth before they are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.simulate.truth import GroundTruth, displacements

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]


@dataclass(frozen=True)
class MotionScore:
    """How well one motion was found.

    Attributes
    ----------
    name
        Name of the motion.
    spearman
        |rank correlation| of its parameter with the prediction projected onto the motion's true leading mode.
    rmsd_a, none_rmsd_a
        Over the beads it moves: of the prediction, and when no motion is predicted. Å.
    gain
        Slope of predicted on true displacement over those beads; below 1 the motion is too small.
    """

    name: str
    spearman: float
    rmsd_a: float
    none_rmsd_a: float
    gain: float


@dataclass(frozen=True)
class Score:
    """How well all motions were found; lengths in Å, about the mean over images.

    Attributes
    ----------
    spearman
        |rank correlation| of the prediction's own leading mode with the first motion's parameter (NaN without
        motion).
    rmsd_all_a, rmsd_moving_a, rmsd_static_a
        Root mean square distance of predicted from true displacement over all beads, those that move, those
        that do not (NaN when there are none).
    none_all_a, none_moving_a
        The same when no motion is predicted.
    rms_predicted_a
        Root mean square of the prediction over all beads; what a rigid control should keep small.
    gain
        Slope of predicted on true displacement over all moving beads.
    motions
        One record per motion.
    """

    spearman: float
    rmsd_all_a: float
    rmsd_moving_a: float
    rmsd_static_a: float
    none_all_a: float
    none_moving_a: float
    rms_predicted_a: float
    gain: float
    motions: tuple[MotionScore, ...]

    def as_dict(self) -> dict[str, float]:
        """Flat dictionary, motions as ``motion1_spearman`` and so on."""
        flat = {name: value for name, value in vars(self).items() if name != "motions"}
        for number, motion in enumerate(self.motions, start=1):
            flat |= {f"motion{number}_{k}": v for k, v in vars(motion).items() if k != "name"}
        return flat


def score(displacement: ArrayLike, truth: GroundTruth, image_name: ArrayLike | None = None) -> Score:
    """Compare predicted displacements at the beads with the truth.

    Parameters
    ----------
    displacement
        ``(P, N, 3)`` predicted displacement in Å of the truth's ``N`` beads, for ``P`` particles.
    truth
        Ground truth.
    image_name
        ``(P,)`` which particles they are, in any order and number; None when all are given in order. A path
        before the stack's name may differ.

    Returns
    -------
    Score
        Figures.

    Raises
    ------
    ValueError
        When shapes or names do not fit.
    """
    predicted = np.array(displacement, dtype=np.float32)
    rows = np.arange(truth.n_images) if image_name is None else _rows(truth, image_name)
    if predicted.shape != (len(rows), len(truth.beads_a), 3):
        raise ValueError(
            f"expected displacements of shape {(len(rows), len(truth.beads_a), 3)}, not {predicted.shape}"
        )
    if len(rows) < 2:
        raise ValueError("a mean over images needs at least two of them")
    predicted -= predicted.mean(axis=0)
    true = displacements(truth, rows)
    true -= true.mean(axis=0)
    moving = truth.domain > 0
    error = predicted - true
    spearman = float("nan")
    if truth.motions:
        spearman = abs(rank_correlation(_scores_of_leading_mode(predicted), truth.theta[rows, 0]))
    return Score(
        spearman=spearman,
        rmsd_all_a=_rms(error),
        rmsd_moving_a=_rms(error[:, moving]),
        rmsd_static_a=_rms(error[:, ~moving]),
        none_all_a=_rms(true),
        none_moving_a=_rms(true[:, moving]),
        rms_predicted_a=_rms(predicted),
        gain=_slope(predicted[:, moving], true[:, moving]),
        motions=tuple(_score_motion(k, predicted, truth, rows) for k in range(len(truth.motions))),
    )


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation; ties share their mean rank. 0 when one side is constant."""
    from scipy.stats import rankdata

    a, b = rankdata(np.asarray(first)), rankdata(np.asarray(second))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def leading_mode(values: Float32s) -> Floats:
    """Unit vector ``(m,)`` along which centred rows ``(P, m)`` vary most."""
    matrix = values.reshape(len(values), -1).astype(np.float64)
    small = matrix.shape[0] < matrix.shape[1]
    gram = matrix @ matrix.T if small else matrix.T @ matrix
    from scipy.linalg import eigh

    vector = eigh(gram, subset_by_index=[len(gram) - 1, len(gram) - 1])[1][:, 0]
    mode = matrix.T @ vector if small else vector
    length = np.linalg.norm(mode)
    return mode / length if length > 0 else mode


def _score_motion(k: int, predicted: Float32s, truth: GroundTruth, rows: NDArray[np.int64]) -> MotionScore:
    own = truth.domain == k + 1
    true = displacements(truth, rows)[:, own]
    true -= true.mean(axis=0)
    alone = displacements(truth, rows, motion=k)[:, own]
    mode = leading_mode(alone - alone.mean(axis=0))
    mine = predicted[:, own]
    readout = mine.reshape(len(mine), -1).astype(np.float64) @ mode
    return MotionScore(
        name=truth.motions[k].name,
        spearman=abs(rank_correlation(readout, truth.theta[rows, k])),
        rmsd_a=_rms(mine - true),
        none_rmsd_a=_rms(true),
        gain=_slope(mine, true),
    )


def _rows(truth: GroundTruth, image_name: ArrayLike) -> NDArray[np.int64]:
    names = np.asarray(image_name)
    try:
        return truth.rows_of(names)
    except KeyError:
        pass
    # The same particles seen from another folder: number and stack name still tell them apart.
    place = {_short(name): row for row, name in enumerate(truth.image_name.tolist())}
    try:
        return np.array([place[_short(str(name))] for name in names.tolist()], dtype=np.int64)
    except KeyError as error:
        raise ValueError(f"particle {error} is not in the ground truth") from None


def _short(name: str) -> str:
    number, _, stack = name.partition("@")
    return f"{number.lstrip('0')}@{stack.rpartition('/')[2]}"


def _scores_of_leading_mode(values: Float32s) -> Floats:
    return values.reshape(len(values), -1).astype(np.float64) @ leading_mode(values)


def _rms(vectors: Float32s) -> float:
    """Root mean square length of vectors ``(..., 3)``; NaN when there are none."""
    if vectors.size == 0:
        return float("nan")
    return float(np.sqrt(np.einsum("...i,...i->...", vectors, vectors, dtype=np.float64).mean()))


def _slope(predicted: Float32s, true: Float32s) -> float:
    power = float(np.square(true, dtype=np.float64).sum())
    return float(np.multiply(predicted, true, dtype=np.float64).sum()) / power if power > 0 else float("nan")
