"""``convergence_nn``: how like a reference the volume of a ``train_nn`` model becomes, epoch by epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.figures import Fact
from jobs.formats.mrc import read_map
from jobs.formats.pickles import write_pickles
from jobs.maths.fsc import resolution_at
from jobs.tomodrgn import analysis_plots as plots
from jobs.tomodrgn.analysis_staging import Reporter, staged
from jobs.tomodrgn.convergence_words import limit
from jobs.tomodrgn.volume_space import MaskOrder, mask_of, shells

Array = NDArray[Any]

_VOLUME: Final = re.compile(r"reconstruct\.(\d+)\.mrc")


@dataclass(frozen=True)
class Agreement:
    """What was found.

    Attributes
    ----------
    out
        Folder of the results.
    epochs
        ``(n,)`` those that have a volume.
    frequencies, curves
        ``(s,)`` in 1/px, and ``(n, s)`` Fourier shell correlation with the reference.
    resolution_143, resolution_5
        ``(n,)`` in Å, where the curve falls below 0.143 and 0.5; infinite where it never was above.
    integral
        ``(n,)`` of the curve up to where it falls below 0.143.
    sentence
        What that means.
    """

    out: Path
    epochs: list[int]
    frequencies: Array
    curves: Array
    resolution_143: Array
    resolution_5: Array
    integral: Array
    sentence: str

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Key figures."""
        best = int(np.argmax(self.integral))
        return (
            Fact("Best epoch", str(self.epochs[best]), self.sentence),
            Fact("Agreement with the reference", f"{self.resolution_143[best]:.3g} Å", "FSC 0.143"),
        )


def convergence_nn(
    folder: Path,
    reference: Path,
    reporter: Reporter,
    *,
    max_epoch: int | None = None,
    include_dc: bool = False,
    mask: MaskOrder | None = None,
    out: Path | None = None,
    ending: str = "png",
) -> Agreement:
    """Compare the volume of every epoch with a reference; also where not every epoch was kept.

    Parameters
    ----------
    folder, reference
        Folder with ``reconstruct.N.mrc``, and a map of the same box.
    max_epoch
        Newest epoch to look at.
    include_dc
        Whether shell 0, the mean, is part of the curves; training does not fit it.
    mask
        Made of volume and reference together; None = soft.
    out, ending
        Folder to write to, None = ``convergence.<epoch>``, and format of plots.

    Raises
    ------
    UserError
        When there are no volumes, or boxes differ.
    """
    known = volumes_of(folder, max_epoch)
    target = read_map(reference, permissive=True)
    curves, voxel = [], target.voxel_size_a
    for number, path in enumerate(known.values()):
        reporter.progress("volumes compared", number, len(known))
        volume = read_map(path)
        if volume.data.shape != target.data.shape:
            raise UserError(
                f"the reference has {target.data.shape} voxels, but the volume has {volume.data.shape}",
                path=reference,
                hint="Give a map of the same box and pixel size",
            )
        # That of the training: references often have none that is right.
        voxel = volume.voxel_size_a or voxel or 1.0
        together = mask_of([volume.data, target.data], mask or MaskOrder())
        curves.append(shells(volume.data, target.data, together))
    reporter.progress("volumes compared", len(known), len(known))
    epochs = list(known)
    found = _agreement(
        out or folder / f"convergence.{epochs[-1]}", epochs, np.array(curves), voxel, include_dc
    )
    with staged(found.out) as place:
        _write(found, place, ending)
    reporter.say(found.sentence)
    return found


def volumes_of(folder: Path, max_epoch: int | None) -> dict[int, Path]:
    """Volumes by epoch, in order.

    Raises
    ------
    UserError
        When there are none.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder", path=folder)
    found = {int(m[1]): path for path in folder.iterdir() if (m := _VOLUME.fullmatch(path.name))}
    kept = {e: found[e] for e in sorted(found) if max_epoch is None or e <= max_epoch}
    if not kept:
        raise UserError(
            "there are no volumes of epochs (reconstruct.N.mrc)",
            path=folder,
            hint="Give the output folder of train_nn",
        )
    return kept


def _agreement(out: Path, epochs: list[int], curves: Array, voxel: float, include_dc: bool) -> Agreement:
    side = 2 * (curves.shape[1] - 1)
    frequencies = np.arange(curves.shape[1]) / side
    first = 0 if include_dc else 1
    tensors = [torch.from_numpy(curve) for curve in curves]
    fine, coarse = (np.array([resolution_at(c, voxel, level) for c in tensors]) for level in (0.143, 0.5))
    integral = np.array([_integral(curve[first:], frequencies[first:]) for curve in curves])
    sentence = _sentence(epochs, integral, fine)
    return Agreement(out, epochs, frequencies[first:], curves[:, first:], fine, coarse, integral, sentence)


def _integral(curve: Array, frequencies: Array) -> float:
    """Area of a curve up to the first shell below 0.143."""
    below = np.flatnonzero(curve < 0.143)
    end = int(below[0]) + 1 if len(below) else len(curve)
    return float(np.trapezoid(curve[:end], frequencies[:end]))


def _sentence(epochs: list[int], integral: Array, resolution: Array) -> str:
    best = int(np.argmax(integral))
    numbers = f"{resolution[best]:.3g} Å at FSC 0.143, area {integral[best]:.4f}"
    if len(epochs) == 1:
        return f"Epoch {epochs[0]} agrees with the reference to {numbers}."
    lost = float(integral[best] - integral[-1]) / max(float(integral[best]), 1e-12)
    if lost > limit("truth_worse"):
        return (
            f"Epoch {epochs[best]} agrees best with the reference ({numbers}); epoch {epochs[-1]} has lost "
            f"{100 * lost:.1f} % of that area again, a sign of overfitting."
        )
    recent = float(integral[-1] - integral[-2]) / max(float(integral[best]), 1e-12)
    if recent > limit("loss_still_falling"):
        return (
            f"The agreement still grows, by {100 * recent:.1f} % from epoch {epochs[-2]} to {epochs[-1]} "
            f"({numbers}). Train for more epochs."
        )
    return f"The training is done: the agreement has come to rest ({numbers})."


def _write(found: Agreement, place: Path, ending: str) -> None:
    write_pickles(place / "freqs_fscs.pkl", found.frequencies, found.curves)
    (place / "summary.txt").write_text(found.sentence + "\n", encoding="utf-8")
    lines = ["epoch  FSC 0.143 (A)  FSC 0.5 (A)  area to 0.143"]
    lines += [
        f"{epoch:5d}  {fine:13.4g}  {coarse:11.4g}  {area:13.5f}"
        for epoch, fine, coarse, area in zip(
            found.epochs, found.resolution_143, found.resolution_5, found.integral, strict=True
        )
    ]
    (place / "convergence_nn.log").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def over_epochs(name: str, values: Array, title: str) -> None:
        shown = {title: np.where(np.isfinite(values), values, np.nan)}
        path = place / f"convergence_nn_{name}.{ending}"
        plots.save_lines(path, found.epochs, shown, ("epoch", title), marker=".")

    over_epochs("fsc0.143resolution", found.resolution_143, "resolution at FSC 0.143 (Å)")
    over_epochs("fsc0.5resolution", found.resolution_5, "resolution at FSC 0.5 (Å)")
    over_epochs("fsc0.143integral", found.integral, "area of the FSC up to 0.143")
    named = {f"epoch {epoch}": curve for epoch, curve in zip(found.epochs, found.curves, strict=True)}
    for name, curves in (("all", named), ("final", dict(list(named.items())[-1:]))):
        plots.save_lines(
            place / f"convergence_nn_fullfsc_{name}.{ending}",
            found.frequencies,
            curves,
            ("frequency (1/px)", "FSC with the reference"),
            levels=(0.143, 0.5),
        )
