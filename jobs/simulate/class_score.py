"""How well 2D classes of a simulated data set tell its views apart, and leave its noise out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.maths.partitions import adjusted_rand, majority, purity

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """Figures of one classification; a view and its mirror image are one kind throughout.

    Attributes
    ----------
    n_classes, views_found
        Classes, and different views that are the most frequent in some class.
    purity
        Share of the classified images that are of the kind most frequent in their class; noise is a kind.
    ari
        Adjusted Rand index of classes and views over the classified images of the object. A view in two
        classes counts against it.
    ari_merged
        The same with classes of the same most frequent view taken as one.
    accounted, noise_accounted
        Share of the images of the object, and of those of noise, that are in classes (nan without any).
    """

    n_classes: int
    views_found: int
    purity: float
    ari: float
    ari_merged: float
    accounted: float
    noise_accounted: float

    @property
    def sentence(self) -> str:
        """The result in words."""
        noise = (
            "" if np.isnan(self.noise_accounted) else f" and {100 * self.noise_accounted:.1f} % of the noise"
        )
        return (
            f"{self.n_classes} classes show {self.views_found} views with purity {self.purity:.3f}; they "
            f"hold {100 * self.accounted:.1f} % of the particles{noise}. Adjusted Rand index {self.ari:.3f}, "
            f"{self.ari_merged:.3f} with classes of the same view merged."
        )


def score_classes(class_of: npt.ArrayLike, view: npt.ArrayLike) -> ClassScore:
    """Compare classes with the truth.

    Parameters
    ----------
    class_of
        ``(N,)`` class of each image from 0; -1: in none.
    view
        ``(N,)`` its view from 0; -1: noise alone.

    Raises
    ------
    ValueError
        When there are not equally many.
    """
    labels, truth = np.asarray(class_of, np.int64), np.asarray(view, np.int64)
    main_view = majority(labels, truth)
    inside, real = labels >= 0, truth >= 0
    both = inside & real
    # Classes of noise stay apart from each other when those of one view are merged.
    merged_name = np.where(main_view >= 0, main_view, truth.max(initial=0) + 1 + np.arange(len(main_view)))
    merged = merged_name[labels[both]] if len(main_view) else labels[both]
    return ClassScore(
        n_classes=len(np.unique(labels[inside])),
        views_found=len(np.unique(main_view[main_view >= 0])),
        purity=purity(labels, truth),
        ari=adjusted_rand(labels[both], truth[both]),
        ari_merged=adjusted_rand(merged, truth[both]),
        accounted=_share(inside[real]),
        noise_accounted=_share(inside[~real]),
    )


def _share(inside: npt.NDArray[np.bool_]) -> float:
    return float(inside.mean()) if len(inside) else float("nan")
