"""From correlations with references to what tells them apart: log-likelihoods.

An image ``x`` of unit noise that shows reference ``r`` through a CTF ``c`` has the log-likelihood
``<c x, r> - |c r|^2 / 2`` up to a term that all references share. The correlation alone favours references
with much power, and so do equal-size classes that are filled from the highest score down: whoever shows much
is taken first, by any class that will have it. With the power taken off, and with the mean over all
references taken off each image, the highest score belongs to the image that one class fits best beside the
others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.isac2.masks import disc
from jobs.maths.fourier import image_to_rfft, shell_index


def log_likelihoods(scores: Tensor, powers: Tensor, ctf: Tensor | None) -> Tensor:
    """Return scores from which power of references and mean of images are taken off.

    Parameters
    ----------
    scores
        ``(n, k)`` best correlation of images, weighted by their CTF if that is known, with references.
    powers
        ``(k, box // 2 + 1)`` of :func:`reference_powers`.
    ctf
        ``(n, box // 2 + 1)`` squared CTF of the images by shell; None where it is not known.

    Returns
    -------
    torch.Tensor
        ``(n, k)``, mean 0 over the references: log-likelihood over the number of pixels in the disc.
    """
    powers = powers.to(scores.device)
    lost = 0.5 * (powers.sum(1)[None] if ctf is None else ctf.to(scores.device) @ powers.T)
    fair = scores - lost
    return fair - fair.mean(1, keepdim=True)


def reference_powers(references: Tensor, radius: int) -> Tensor:
    """Return the power of references by shell; its sum is their mean square in the disc.

    Parameters
    ----------
    references
        ``(k, y, x)``; their mean in the disc is taken off.
    radius
        Of the disc, px.

    Returns
    -------
    torch.Tensor
        ``(k, box // 2 + 1)``.
    """
    box = references.shape[-1]
    inside = disc(box, radius, references.device).to(references.dtype)
    area = inside.sum()
    mean = (references * inside).sum((1, 2), keepdim=True) / area
    power = image_to_rfft((references - mean) * inside).abs() ** 2
    both = torch.full((box // 2 + 1,), 2.0, device=references.device)
    both[0] = 1.0
    if box % 2 == 0:
        both[-1] = 1.0
    shell = shell_index(box, references.device).clamp(max=box // 2).flatten()
    # A product and no scattered sum: its order is fixed on every device.
    table = torch.nn.functional.one_hot(shell, box // 2 + 1).to(power.dtype)
    return (power * both).flatten(1) @ table / area
