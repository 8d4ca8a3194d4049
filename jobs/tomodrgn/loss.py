"""What a training minimises: misfit of the images, and divergence of the latent states from their prior."""

from __future__ import annotations

from torch import Tensor

from jobs.tomodrgn.batches import Batch


def misfit(slices: Tensor, batch: Batch) -> Tensor:
    """Sum over all samples of the squared, noise-weighted difference of images and model.

    Parameters
    ----------
    slices
        ``(n, m, 2)`` slices of the volumes.
    batch
        The images.

    Returns
    -------
    torch.Tensor
        A number; noise alone gives one per real number.
    """
    squared = (slices * batch.ctf[..., None] - batch.coefficients).square()
    if batch.weight is None:
        return squared.sum()
    return (squared.sum(-1) * batch.weight).sum()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each particle's state from the standard normal, ``(p,)`` in nats."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1)


def latent_term(divergence_mean: Tensor, beta: float, control: float | None) -> Tensor:
    """Part of the loss of the latent space, before division by the numbers in an image set.

    Parameters
    ----------
    divergence_mean
        Mean divergence of the particles of a batch.
    beta
        Its weight; with ``control`` the divergence aimed at.
    control
        Weight of the squared distance from it.
    """
    if control is None:
        return beta * divergence_mean
    return control * (beta - divergence_mean).square()
