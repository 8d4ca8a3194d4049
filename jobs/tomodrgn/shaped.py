"""The spectrum that answers of a decoder are given: large where the structure is, small elsewhere.

Differences between structures fall off with frequency as the structure itself does. A network that answers in
units of the consensus' own amplitude at each frequency has numbers of one size to learn, and has no room for
noise where the consensus has none to show.
"""

from __future__ import annotations

from torch import Tensor

from jobs.maths.fourier import shell_average, volume_to_rfft


def amplitude_of(volume: Tensor) -> Tensor:
    """Root mean square amplitude in each shell of the slices of a volume ``(d, d, d)``, ``(d // 2 + 1,)``.

    The zero frequency takes that of the first shell.
    """
    d = volume.shape[-1]
    power = shell_average(volume_to_rfft(volume).abs().square(), d, 3) * d
    power[0] = power[1]
    # Never nothing: a network must be able to answer wherever it is asked.
    return power.sqrt().clamp(min=1e-3 * float(power.max()) ** 0.5)
