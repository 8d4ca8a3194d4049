"""What radiation does to the signal: attenuation by dose and the dose up to which an image is worth using.

Grant and Grigorieff, eLife 2015, 4:e06980: the critical dose at frequency ``s`` is ``0.24499 s^-1.6649 +
2.8141`` e/Å² at 300 kV; amplitudes fall as ``exp(-N / (2 Nc))``, and the signal-to-noise ratio of a sum of
frames is greatest when each frequency is summed up to 2.51284 critical doses.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Optimal exposure in critical doses: the root of ``exp(x / 2) = 1 + x``, other than zero.
OPTIMAL = 2.51284
#: Critical dose at other voltages than 300 kV; measured for 200 kV.
_BELOW_300_KV = 0.8


def critical_dose(frequency_per_a: Tensor, voltage_kv: Tensor | float = 300.0) -> Tensor:
    """Dose in e/Å² at which amplitudes have fallen to ``exp(-1/2)``.

    Parameters
    ----------
    frequency_per_a
        Spatial frequency in 1/Å, any shape; at zero the critical dose is infinite.
    voltage_kv
        Acceleration voltage, broadcast against it.

    Returns
    -------
    torch.Tensor
        Critical dose, broadcast shape.
    """
    voltage = torch.as_tensor(voltage_kv, device=frequency_per_a.device, dtype=frequency_per_a.dtype)
    factor = torch.where((voltage - 300).abs() < 0.5, 1.0, _BELOW_300_KV)
    return (0.24499 * frequency_per_a.pow(-1.6649) + 2.8141) * factor


def dose_filter(dose: Tensor, frequency_per_a: Tensor, voltage_kv: Tensor | float = 300.0) -> Tensor:
    """Attenuation ``q`` of amplitudes by a dose in e/Å² (all broadcast); 1 at frequency zero."""
    return torch.exp(-0.5 * dose / critical_dose(frequency_per_a, voltage_kv))


def optimal_dose_mask(dose: Tensor, frequency_per_a: Tensor, voltage_kv: Tensor | float = 300.0) -> Tensor:
    """Where an image of this dose is still worth using (all broadcast), bool; always at frequency zero."""
    return dose <= OPTIMAL * critical_dose(frequency_per_a, voltage_kv)
