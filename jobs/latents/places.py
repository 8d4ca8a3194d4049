"""Where in a latent space volumes are made: at particles near the centres of groups, in a steady order."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.latents.kernel import Whitening

#: Groups are found among so many particles at most.
_SAMPLE: Final = 50_000


def places_of(latent: npt.NDArray[np.float32], count: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return up to ``count`` places ``(k, L)`` of particles, ordered along the first principal axis.

    Parameters
    ----------
    latent
        ``(P, L)``.
    count
        Wanted number.
    seed
        Of the groups.
    """
    if count < 1:
        return latent[:0]
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    sample = latent
    if len(latent) > _SAMPLE:
        sample = latent[np.sort(rng.choice(len(latent), _SAMPLE, replace=False))]
    white = Whitening.of(sample)(sample)
    different = len(np.unique(white, axis=0))
    fitted = KMeans(min(count, different), n_init=4, random_state=seed).fit(white)
    rows = [int(np.argmin(((white - centre) ** 2).sum(1))) for centre in fitted.cluster_centers_]
    rows = sorted(set(rows))
    centred = sample - sample.mean(0)
    axis = np.linalg.eigh(np.atleast_2d(np.cov(centred, rowvar=False)))[1][:, -1]
    axis = axis * (np.sign(axis[np.argmax(np.abs(axis))]) or 1.0)
    return sample[sorted(rows, key=lambda row: float(centred[row] @ axis))]
