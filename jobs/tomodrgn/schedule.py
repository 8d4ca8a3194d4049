"""How the weight of the divergence and the step size change in the course of a training."""

from __future__ import annotations

from jobs.tomodrgn.settings import TrainingSettings

#: Schedule: weight before, weight after, particles seen at which the rise begins and ends.
_LINEAR = {
    "a": (0.001, 15.0, 0.0, 1e6),
    "b": (5.0, 15.0, 2e5, 8e5),
    "c": (5.0, 18.0, 2e5, 8e5),
    "d": (5.0, 18.0, 1e6, 5e6),
}
_CYCLES = 4


def beta_at(settings: TrainingSettings, zdim: int, seen: int, in_all: int) -> float:
    """Weight of the divergence (or its target, with ``beta_control``).

    Parameters
    ----------
    settings
        The training's settings.
    zdim
        Dimensions of the latent space.
    seen, in_all
        Particles seen so far, counting repeats, and at the end of the training.
    """
    beta = settings.beta
    if beta is None:
        return 1 / max(1, zdim)
    if isinstance(beta, float | int):
        return float(beta)
    if beta == "e":
        # Each cycle rises for its first half and stays at 1 for its second.
        place = (seen * _CYCLES / max(1, in_all)) % 1.0
        return min(1.0, 2 * place)
    low, high, start, end = _LINEAR[beta]
    return low + (high - low) * min(1.0, max(0.0, (seen - start) / (end - start)))


def rate_at(settings: TrainingSettings, step: int, refines: bool = False, settled: int = 0) -> float:
    """Step size of a step, counted from 0: a linear warm-up, then constant.

    ``refines`` says that networks correct a linear start, or without a latent space a consensus. After
    ``settled`` epochs of that, steps are smaller in proportion: what is left to learn is mostly noise.
    """
    rise = min(1.0, (step + 1) / max(1, settings.warm_up_steps))
    factor = settings.refining_factor / (1 + settled) if refines else settings.rate_factor
    return settings.lr * factor * rise
