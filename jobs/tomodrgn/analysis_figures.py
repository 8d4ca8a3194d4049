"""An analysis as pictures and key numbers that the window shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from jobs.core.figures import Fact, Figure, Series
from jobs.formats.mrc import read_map
from jobs.tomodrgn.analysis_points import show_points

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.analysis_steps import Analysis

TASK: Final = "analyze"
#: Volumes shown side by side, and their largest box.
_SHOWN: Final = 12
_BOX: Final = 96
_LAST: Final = re.compile(r"\d+")


def show_analysis(context: WorkerContext, found: Analysis) -> None:
    """Write the figures of an analysis, and its volumes as far as there are any."""
    show_points(context, TASK, found)
    context.save_figure("analyze_a_variance", variance_figure(found))
    context.save_figure("analyze_b_groups", groups_figure(found))
    if found.tomogram_counts is not None and found.tomogram_counts.shape[1] > 1:
        context.save_figure("analyze_c_tomograms", tomograms_figure(found))
    folder = found.out / f"kmeans{len(found.groups.rows)}"
    show_maps(context, TASK, sorted(folder.glob("vol_*.mrc")), "Centres of the groups", "group")


def variance_figure(found: Analysis) -> Figure:
    """Share of the variance along each component."""
    share = found.pca.shares
    enough = int(np.searchsorted(np.cumsum(share), 0.9)) + 1
    largest = np.bincount(found.groups.labels).max()
    facts = (
        Fact("Epoch analysed", str(found.epoch), "counted from 0, as in weights.0.pkl"),
        Fact("Particles", f"{len(found.groups.labels):,}"),
        Fact(
            "Variance along PC1", f"{100 * share[0]:.0f} %", f"{enough} of {len(share)} components hold 90 %"
        ),
        Fact("Largest group", f"{largest:,}", f"particles, of {len(found.groups.rows)} groups"),
    )
    return Figure(
        kind="curves",
        task=TASK,
        title="Variance along principal components",
        x_title="principal component",
        y_title="share (%)",
        x=tuple(float(k + 1) for k in range(len(share))),
        series=(
            Series("each", tuple((100 * share).tolist())),
            Series("up to here", tuple((100 * np.cumsum(share)).tolist()), colour=1),
        ),
        facts=facts,
    )


def groups_figure(found: Analysis) -> Figure:
    """How many particles each group has."""
    counts = np.bincount(found.groups.labels, minlength=len(found.groups.rows))
    return Figure(
        kind="histogram",
        task=TASK,
        title="Particles in each group",
        x_title="group",
        y_title="particles (%)",
        x=tuple(float(k) - 0.5 for k in range(len(counts) + 1)),
        series=(Series("k-means", tuple((100 * counts / counts.sum()).tolist())),),
    )


def tomograms_figure(found: Analysis) -> Figure:
    """Share of each group in each tomogram: what belongs to one tomogram only may be an artefact."""
    assert found.tomogram_counts is not None
    counts = found.tomogram_counts.astype(float)
    share = 100 * counts / np.maximum(counts.sum(0), 1)
    return Figure(
        kind="curves",
        task=TASK,
        title="Groups in each tomogram",
        x_title="tomogram",
        y_title="share of its particles (%)",
        x=tuple(float(k + 1) for k in range(counts.shape[1])),
        series=tuple(
            Series(f"group {k}", tuple(row.tolist()), colour=k, line=k // 10)
            for k, row in enumerate(share[:30])
        ),
    )


def show_maps(context: WorkerContext, task: str, paths: list[Path], title: str, word: str) -> None:
    """Write maps small enough to be shown side by side; nothing without maps."""
    if not paths:
        return
    step = -(-len(paths) // _SHOWN)
    names, arrays, voxel = [], [], 0.0
    for path in paths[::step]:
        found = read_map(path)
        data, voxel = shrunk(found.data, _BOX), found.voxel_size_a * found.data.shape[0]
        voxel /= data.shape[0]
        arrays.append(f"{task}_{path.stem}")
        names.append(f"{word} {int(_LAST.findall(path.stem)[-1])}")
        context.save_snapshot(arrays[-1], data)
    context.save_figure(
        f"{task}_maps",
        Figure(
            kind="maps",
            task=task,
            title=title,
            series=tuple(Series(name, ()) for name in names),
            arrays=tuple(arrays),
            voxel_size_a=voxel,
        ),
    )


def shrunk(volume: np.ndarray, box: int) -> np.ndarray:
    """The same space ``(d, d, d)`` in at most ``box`` voxels along each side, by cropping its transform."""
    import torch

    from jobs.maths.fourier import crop_rfft

    side = volume.shape[0]
    if side <= box:
        return volume
    spectrum = torch.fft.rfftn(torch.fft.ifftshift(torch.from_numpy(volume)), norm="forward")
    small = torch.fft.irfftn(crop_rfft(spectrum, box, ndim=3), s=(box,) * 3, norm="forward")
    return torch.fft.fftshift(small).numpy()
