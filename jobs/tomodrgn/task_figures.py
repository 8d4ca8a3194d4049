"""What the monitor shows of the further tasks: curves and maps of a reconstruction, and written volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.formats.mrc import read_map
from jobs.maths.fourier import crop_rfft, rfft_to_volume, volume_to_rfft
from jobs.tomodrgn.figures import PICTURE_BOX

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.reconstruction import Backprojection

_LEVEL: Final = 0.143
#: Volumes of one task that can be chosen in the monitor.
_MOST_VOLUMES: Final = 8


def show_backprojection(context: WorkerContext, found: Backprojection) -> None:
    """Show how far half-maps agree, and the map."""
    curves = found.curves
    side = found.full.shape[-1]
    masked, unmasked = curves.resolution(_LEVEL), curves.resolution(_LEVEL, masked=False)
    drawn = {
        f"corrected {_length(masked)}": (curves.corrected, 0),
        "masked": (curves.masked, 1),
        f"without a mask {_length(unmasked)}": (curves.unmasked, 2),
    }
    context.save_figure(
        "backprojection",
        Figure(
            kind="curves",
            task="backproject",
            title="FSC of the half-maps",
            x_title="spatial frequency (1/Å)",
            y_title="FSC",
            x=tuple(k / (side * curves.voxel_size_a) for k in range(len(curves.corrected))),
            series=tuple(
                Series(name, tuple(values.double().tolist()), colour=0, line=line)
                for name, (values, line) in drawn.items()
            ),
            marks=(Mark(_LEVEL, f"{_LEVEL}"), Mark(0.5, "0.5")),
            reciprocal=True,
            facts=(
                Fact("Resolution", _length(masked), f"FSC {_LEVEL}, without a mask {_length(unmasked)}"),
                Fact("Half-maps agree half", _length(curves.resolution(0.5)), "FSC 0.5"),
            ),
        ),
    )
    maps = {
        "Filtered": found.filtered.cpu().numpy(),
        "All images": found.full.cpu().numpy(),
    }
    _show_maps(context, "backproject", "Reconstruction", maps, curves.voxel_size_a)


def show_volumes(context: WorkerContext, written: Sequence[Path]) -> None:
    """Show some of the volumes that were written, evenly chosen."""
    if not written:
        return
    places = np.unique(np.linspace(0, len(written) - 1, min(len(written), _MOST_VOLUMES)).round())
    chosen = [written[int(place)] for place in places]
    maps, voxel = {}, 0.0
    for path in chosen:
        read = read_map(path)
        maps[path.stem], voxel = read.data, read.voxel_size_a
    title = "" if len(chosen) == len(written) else f"{len(chosen)} of {len(written):,} volumes"
    facts = (Fact("Volumes", f"{len(written):,}", f"{voxel:.4g} Å per voxel"),)
    _show_maps(context, "eval_vol", title, maps, voxel, facts)


def _show_maps(
    context: WorkerContext,
    task: str,
    title: str,
    maps: Mapping[str, np.ndarray],
    voxel_size_a: float,
    facts: tuple[Fact, ...] = (),
) -> None:
    """Write maps by their names as snapshots, large ones coarsely, and the figure that names them."""
    arrays = []
    voxel = voxel_size_a
    for number, volume in enumerate(maps.values()):
        side = volume.shape[-1]
        shown = volume
        if side > PICTURE_BOX:
            half = volume_to_rfft(torch.from_numpy(np.ascontiguousarray(volume, np.float32)))
            shown = rfft_to_volume(crop_rfft(half, PICTURE_BOX, ndim=3), PICTURE_BOX).numpy()
            voxel = voxel_size_a * side / PICTURE_BOX
        arrays.append(f"{task}_{number}")
        context.save_snapshot(arrays[-1], shown.astype(np.float32, copy=False))
    context.save_figure(
        f"{task}_maps",
        Figure(
            kind="maps",
            task=task,
            title=title,
            series=tuple(Series(name, ()) for name in maps),
            arrays=tuple(arrays),
            voxel_size_a=voxel,
            facts=facts,
        ),
    )


def _length(value_a: float) -> str:
    return f"{value_a:.1f} Å" if math.isfinite(value_a) else "none"
