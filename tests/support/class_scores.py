"""How well a latent space and its volumes tell two known classes apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class ClassScores:
    """Figures of one model.

    Attributes
    ----------
    auc, accuracy
        Of a logistic regression on standardised latent places, six-fold.
    own, other
        Correlation of each class's mean volume with the map of its class and with that of the other.
    difference
        Correlation of the difference of the mean volumes with that of the maps.
    """

    auc: float
    accuracy: float
    own: tuple[float, float]
    other: tuple[float, float]
    difference: float

    def row(self) -> str:
        """One line of a table."""
        pairs = " ".join(f"{value:.3f}" for value in (*self.own, *self.other))
        return f"{self.auc:.3f} {self.accuracy:.3f} | {pairs} | {self.difference:+.3f}"


def correlation(first: Floats, second: Floats) -> float:
    """Pearson correlation of all values."""
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1])


def separation(latent: Floats, labels: npt.NDArray[np.integer]) -> tuple[float, float]:
    """AUC and balanced accuracy of a six-fold logistic regression on places ``(P, zdim)``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    places = (latent - latent.mean(0)) / (latent.std(0) + 1e-9)
    folds = StratifiedKFold(6, shuffle=True, random_state=0)
    score = cross_val_predict(LogisticRegression(), places, labels, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, score)), float(balanced_accuracy_score(labels, score > 0))


def class_scores(
    latent: Floats, labels: npt.NDArray[np.integer], volumes: Floats, maps: Floats
) -> ClassScores:
    """Score places ``(P, zdim)`` and the volumes ``(2, d, d, d)`` at the mean place of each class."""
    auc, accuracy = separation(latent, labels)
    return ClassScores(
        auc,
        accuracy,
        (correlation(volumes[0], maps[0]), correlation(volumes[1], maps[1])),
        (correlation(volumes[0], maps[1]), correlation(volumes[1], maps[0])),
        correlation(volumes[1] - volumes[0], maps[1] - maps[0]),
    )
