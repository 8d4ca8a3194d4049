"""How far two partitions of the same things agree; things of label -1 are in no part. Numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """Parts of one partition, each with the part of another that fits it best when every part is given once.

    Attributes
    ----------
    first, second
        ``(M,)`` parts that belong together, M the smaller number of parts.
    jaccard
        ``(M,)`` things in both over things in either.
    """

    first: IntArray
    second: IntArray
    jaccard: FloatArray


def contingency(first: npt.ArrayLike, second: npt.ArrayLike) -> IntArray:
    """Count ``(A, B)`` how many things are in part a of one and part b of the other partition.

    Parameters
    ----------
    first, second
        ``(N,)`` labels from 0; -1 for things of no part.

    Raises
    ------
    ValueError
        When there are not equally many labels.
    """
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if a.shape != b.shape:
        raise ValueError(f"partitions of {a.shape} and {b.shape} things")
    rows, columns = int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1
    both = (a >= 0) & (b >= 0)
    counts = np.bincount(a[both] * columns + b[both], minlength=rows * columns)
    return counts.reshape(rows, columns).astype(np.int64)


def adjusted_rand(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Rand index adjusted for chance (Hubert and Arabie 1985) of the things that are in parts of both.

    1 for equal partitions, 0 on average for unrelated ones; nan when fewer than two things are in both.
    """
    table = contingency(first, second)
    n = int(table.sum())
    if n < 2:
        return float("nan")
    pairs = _pairs(table).sum()
    rows, columns = _pairs(table.sum(1)).sum(), _pairs(table.sum(0)).sum()
    expected = rows * columns / _pairs(np.array(n))
    highest = (rows + columns) / 2
    return 1.0 if highest == expected else float((pairs - expected) / (highest - expected))


def purity(labels: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Share of the things in parts that are of the kind most frequent in their part; nan without any.

    Every kind counts, -1 (noise, say) too.
    """
    mine = np.asarray(labels)
    table = contingency(mine, np.asarray(truth) + 1)
    n = int((mine >= 0).sum())
    return float(table.max(axis=1, initial=0).sum() / n) if n else float("nan")


def majority(labels: npt.ArrayLike, truth: npt.ArrayLike) -> IntArray:
    """Kind ``(A,)`` that is most frequent in each part; -1 where that is the kind -1 or the part is empty."""
    table = contingency(labels, np.asarray(truth) + 1)
    if not table.size:
        return np.full(len(table), -1, np.int64)
    return np.where(table.sum(1) > 0, table.argmax(axis=1) - 1, -1)


def match_parts(first: npt.ArrayLike, second: npt.ArrayLike) -> Matching:
    """Match parts one to one so that the sum of their Jaccard indices is largest (Hungarian algorithm).

    Things that one partition leaves out count as not shared.
    """
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    shared = contingency(a, b)
    sizes_a = np.bincount(a[a >= 0], minlength=len(shared))
    sizes_b = np.bincount(b[b >= 0], minlength=shared.shape[1])
    either = sizes_a[:, None] + sizes_b - shared
    jaccard = np.divide(shared, either, out=np.zeros(shared.shape), where=either > 0)
    rows, columns = linear_sum_assignment(-jaccard)
    return Matching(rows.astype(np.int64), columns.astype(np.int64), jaccard[rows, columns])


def _pairs(counts: IntArray) -> FloatArray:
    many = counts.astype(np.float64)
    return many * (many - 1) / 2
