"""From correlations with references to what tells them apart: log-likelihoods.

An image ``x`` of unit noise that shows reference ``r`` has the log-likelihood ``<x, r> - |r|^2 / 2`` up to a
term that all references share. The correlation alone favours references with much power, and so do equal-size
classes that are filled from the highest score down: whoever shows much is taken first, by any class that will
have it. With its power taken off, and with the mean over all references taken off each image, the highest
score belongs to the image that one class fits best beside the others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource, take_images
from jobs.isac2.scoring import MultiReference

_SAMPLE = 256


def log_likelihoods(scores: Tensor, half_power: Tensor, deviation: Tensor) -> Tensor:
    """Return scores from which power of references and mean of images are taken off.

    Parameters
    ----------
    scores
        ``(n, k)`` best correlation of images of deviation 1 with references.
    half_power
        ``(k,)`` half of the power of references, of :meth:`MultiReference.half_power`.
    deviation
        Of the images before they were given deviation 1, in the units of the references.

    Returns
    -------
    torch.Tensor
        ``(n, k)``, mean 0 over the references, in units of ``deviation`` times log-likelihood.
    """
    fair = scores - (half_power / deviation).to(scores.device)
    return fair - fair.mean(1, keepdim=True)


def polar_deviation(search: MultiReference, images: ImageSource | Tensor, index: Tensor) -> Tensor:
    """Return the mean deviation of polar images about their centres, from a few hundred of them.

    Parameters
    ----------
    search
        Its rings are used.
    images
        Working images, read by index.
    index
        ``(n,)`` the images of the pool; the same few are always taken of them.
    """
    step = max(1, len(index) // _SAMPLE)
    sample = take_images(images, index[::step][:_SAMPLE], search.grid.device)
    values = search.grid.table((sample.shape[1], sample.shape[2])).sample(sample)
    weights = search.grid.sample_weights
    mean = torch.matmul(weights, values)
    return (torch.matmul(weights, values.square()) - mean.square()).clamp(min=1e-12).sqrt().mean()
