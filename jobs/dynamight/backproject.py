"""The task "Deformed backprojection": both half-maps with every particle's motion undone, in one pass.

backprojection/map_half{1,2}.mrc             with the motion undone
backprojection/map.mrc                       both together, without what lies far from the Gaussians
backprojection/ordinary_half{1,2}.mrc        of the same particles, as if nothing moved
backprojection/reconstruction_half{1,2}_NNN.mrc   after NNN % of the images
backprojection/mask_reconstruction.mrc       when the maps are masked
backprojection/fsc.star, fsc.svg             Fourier shell correlations of the half-maps
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from torch import Tensor

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import AbortRequested, UserError
from jobs.dynamight.backproject_inputs import Work, gather
from jobs.dynamight.backproject_maps import Curves, combined_map, grey_scale
from jobs.dynamight.backproject_plot import fsc_figures, maps_figure, write_plot
from jobs.formats.mrc import write_map
from jobs.maths.fourier import crop_rfft, rfft_to_volume, volume_to_rfft

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

FOLDER = "backprojection"
#: Sums of an unfinished run.
PARTIAL = f"{FOLDER}/unfinished.pth"
#: Maps are shown after each of so many equal parts of the images.
PARTS = 5
_REPORT_S, _SAVE_S = 0.5, 20.0
#: Saving takes at most this part of the time.
_SAVE_SHARE = 0.05
_PICTURE_BOX = 64
_PLACES = {"masked": "inside the molecule", "moving": "moving part", "static": "static part"}
Maps = dict[str, tuple[Tensor, Tensor]]


def run(context: WorkerContext) -> None:
    """Reconstruct both half-sets, from the beginning or from the saved sums of an earlier run."""
    options = cast("DynaMightOptions", context.options)
    folder = context.folder.path / FOLDER
    folder.mkdir(exist_ok=True)
    work = gather(context, options)
    frame = work.model.frame
    region = work.sums[0].region
    moving = [name for name in work.masks if name in ("moving", "static")]
    context.say(
        f"{work.images.n:,} particles, box {frame.box}, {frame.voxel_size_a:.4g} Å per voxel, {work.batch} "
        "images at once; "
        + (
            "ordinary reconstruction only"
            if region is None
            else f"motion undone at {int((region.mask > 0).sum())} voxels, from fields given at every "
            f"{region.grid.step}. voxel"
        )
    )
    if region is not None and not moving:
        context.say("Moving and static parts cannot be told apart; there are no curves of domains")
    _accumulate(context, work, folder)
    maps, scale = _finished(work, options)
    _write(folder, work, maps, options.mask_reconstruction)
    curves = Curves.of(maps, work.masks, frame.voxel_size_a)
    curves.write(folder / "fsc.star")
    write_plot(folder / "fsc.svg", curves, f"{context.folder.name}: half-maps of the backprojection")
    _picture(context, maps, curves)
    (context.folder.path / PARTIAL).unlink(missing_ok=True)
    context.say(
        "Grey scale: that of the images (no consensus map to compare with)"
        if scale is None
        else f"Grey scale: maps multiplied by {scale:.4g}, to that of the consensus map"
    )
    context.say(verdict(curves))
    context.say(f"Results are in {context.folder.name}{FOLDER}/")


def verdict(curves: Curves) -> str:
    """Resolutions of all reconstructions at both levels, in a sentence."""
    kinds = list(dict.fromkeys(kind for kind, _ in curves.values))
    words = []
    for mask, name in _PLACES.items():
        if (kinds[0], mask) not in curves.values:
            continue
        found = " and ".join(
            f"{kind} {curves.resolution(kind, mask, 0.143):.2f} Å "
            f"({curves.resolution(kind, mask, 0.5):.2f} Å)"
            for kind in kinds
        )
        words.append(f"{name}: {found}")
    return f"Resolution at FSC 0.143 (0.5): {'; '.join(words)}."


def _parts(work: Work) -> Iterator[tuple[int, Tensor]]:
    """Half-set (0, 1) and rows of each part in turn: both halves grow together."""
    pieces = [sums.rows.tensor_split(PARTS) for sums in work.sums]
    for part in range(PARTS):
        for half in (0, 1):
            yield half, pieces[half][part]


def _accumulate(context: WorkerContext, work: Work, folder: Path) -> None:
    """Add all images to the sums, with reports, saved sums and maps in between."""
    path = context.folder.path / PARTIAL
    done = _resume(work, path)
    if done:
        context.say(f"Resuming after {done:,} of {work.images.n:,} images")
    passed, begun, first = 0, time.monotonic(), done
    reported = saved = begun
    cost = 0.0
    values: dict[str, float | str | None] = {}
    for number, (half, rows) in enumerate(_parts(work)):
        rest = rows[max(0, done - passed) :]
        passed += len(rows)
        if passed < first:
            continue
        batches = work.images.batches(rest, work.batch, work.images.box) if len(rest) else ()
        for batch in batches:
            try:
                context.check_abort()
            except AbortRequested:
                _save(work, path, done)
                raise
            work.sums[half].add(batch)
            done += len(batch.rows)
            now = time.monotonic()
            if now - reported > _REPORT_S or done == work.images.n:
                reported = now
                values["particles_per_s"] = (done - first) / max(now - begun, 1e-9)
                context.progress("reconstruct", done, work.images.n, **values)
            if now - saved > max(_SAVE_S, cost / _SAVE_SHARE):
                _save(work, path, done)
                saved = time.monotonic()
                cost = saved - now
        if half == 1:
            values.update(_interim(context, work, folder, 100 * (number // 2 + 1) // PARTS))


def _resume(work: Work, path: Path) -> int:
    """Take up saved sums that belong to this run; returns how many images they hold."""
    if not path.is_file():
        return 0
    try:
        state = load_checkpoint(path)
    except UserError:
        return 0
    if state.get("key") != work.key:
        return 0
    for sums, saved in zip(work.sums, state["sums"], strict=True):
        sums.load_state_dict(saved)
    return int(state["done"])


def _save(work: Work, path: Path, done: int) -> None:
    save_checkpoint(path, {"key": work.key, "done": done, "sums": [s.state_dict() for s in work.sums]})


def _maps(work: Work) -> Maps:
    """Half-maps of both reconstructions on the CPU, in the grey scale of the images."""
    first, second = work.sums
    maps: Maps = {}
    if first.region is not None:
        maps["deformed"] = (first.deformed_map().cpu(), second.deformed_map().cpu())
    maps["ordinary"] = (first.ordinary_map().cpu(), second.ordinary_map().cpu())
    return maps


def _finished(work: Work, options: DynaMightOptions) -> tuple[Maps, float | None]:
    """The final maps, and the factor that brought them to the grey scale of the consensus map."""
    maps = _maps(work)
    scale = None
    if work.reference is not None:
        # One factor for all: the ordinary maps resemble the consensus most.
        scale = grey_scale(maps["ordinary"], work.reference, work.molecule)
        maps = {kind: (pair[0] * scale, pair[1] * scale) for kind, pair in maps.items()}
    return maps, scale


def _write(folder: Path, work: Work, maps: Maps, masked: bool) -> None:
    """Write the half-maps; without deformations the ordinary ones are the result."""
    frame = work.model.frame
    named = {"ordinary": maps["ordinary"], "map": maps.get("deformed", maps["ordinary"])}
    for name, pair in named.items():
        for number, volume in enumerate(pair, 1):
            shown = volume * work.molecule if masked else volume
            path = folder / f"{name}_half{number}.mrc"
            write_map(path, shown.numpy(), frame.voxel_size_a, frame.origin_a)
    both = combined_map(named["map"], work.model)
    write_map(folder / "map.mrc", both.numpy(), frame.voxel_size_a, frame.origin_a)
    if masked:
        path = folder / "mask_reconstruction.mrc"
        write_map(path, work.molecule.numpy(), frame.voxel_size_a, frame.origin_a)


def _interim(context: WorkerContext, work: Work, folder: Path, percent: int) -> dict[str, float]:
    """Write the maps of the images so far, show them, and return their resolutions for the curves."""
    maps = _maps(work)
    frame = work.model.frame
    for number, volume in enumerate(maps.get("deformed", maps["ordinary"]), 1):
        path = folder / f"reconstruction_half{number}_{percent:03d}.mrc"
        write_map(path, volume.numpy(), frame.voxel_size_a, frame.origin_a)
    curves = Curves.of(maps, work.masks, frame.voxel_size_a)
    _picture(context, maps, curves, percent)
    values = {}
    for kind, mask in curves.values:
        if mask in ("masked", "moving"):
            for level, name in ((0.143, "0143"), (0.5, "05")):
                values[f"resolution_fsc{name}_{mask}_{kind}_A"] = curves.resolution(kind, mask, level)
    return values


def _picture(context: WorkerContext, maps: Maps, curves: Curves, percent: int = 100) -> None:
    """Show the mean map of both halves of each reconstruction, and the curves."""
    voxel = curves.voxel_size_a
    for kind, (first, second) in maps.items():
        whole = (first + second) / 2
        box = min(whole.shape[0], _PICTURE_BOX)
        small = rfft_to_volume(crop_rfft(volume_to_rfft(whole), box, 3), box)
        voxel = curves.voxel_size_a * whole.shape[0] / box
        context.save_snapshot(f"map_{kind}", small.numpy())
    context.save_figure("maps", maps_figure(list(maps), percent, voxel))
    for name, figure in fsc_figures(curves).items():
        context.save_figure(name, figure)
