"""Plots that hold the latent space against what else is known: columns, tomograms, images, losses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.analysis_plots import Plane, hexbin, new_figure, save
from jobs.tomodrgn.analysis_staging import Reporter
from jobs.tomodrgn.latent_columns import lowest_dose_rows
from jobs.tomodrgn.outputs import RUN_LOG

Array = NDArray[Any]

_EPOCH: Final = re.compile(
    r"Epoch: (\d+) Average (?:gen )?loss = ([\d.eE+-]+|nan)"
    r"(?:, KLD = ([\d.eE+-]+|nan), total loss = ([\d.eE+-]+|nan))?"
)
_IMAGES: Final = 6


def read_losses(folder: Path) -> dict[str, Array]:
    """Read the losses of every epoch from ``run.log``; of an epoch trained twice, the later ones.

    Returns
    -------
    dict
        ``epoch`` (counted from 0), ``reconstruction``, ``latent`` and ``total``, each ``(E,)``; the latent
        loss of a model without latent space is NaN.
    """
    try:
        text = (folder / RUN_LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = {}
    for number, misfit, latent, total in _EPOCH.findall(text):
        found[int(number) - 1] = (float(misfit), float(latent or "nan"), float(total or misfit))
    epochs = sorted(found)
    rows = np.array([found[e] for e in epochs], float).reshape(-1, 3)
    names = ("reconstruction", "latent", "total")
    return {"epoch": np.array(epochs, np.int64), **{name: rows[:, k] for k, name in enumerate(names)}}


def save_losses(losses: Mapping[str, Array], path: Path) -> bool:
    """Write the losses over the epochs; returns whether there are any."""
    if not len(losses["epoch"]):
        return False
    # Of very different size: one plot each.
    curves = {k: v for k, v in losses.items() if k != "epoch" and np.isfinite(v).any()}
    figure, grid = new_figure(1, len(curves), size=4.0)
    for axes, (name, values) in zip(grid, curves.items(), strict=True):
        axes.plot(losses["epoch"], values, marker=".", linewidth=1.2)
        axes.set_xlabel("epoch")
        axes.set_title(f"{name} loss")
    save(figure, path)
    return True


def save_controls(
    columns: Mapping[str, Array], plane: Plane, third: Array, third_name: str, folder: Path, ending: str
) -> list[str]:
    """Write every numeric column against the plane and a third coordinate; returns the columns.

    Columns that are the same for all particles tell nothing and are left out.
    """
    written: list[str] = []
    for name in columns:
        values = columns[name]
        if values.dtype.kind not in "fiub":
            continue
        numbers = values.astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        if not len(finite) or finite.min() == finite.max():
            continue
        figure, axes = new_figure(1, 3, size=4.0)
        hexbin(axes[0], plane.points[:, 0], numbers, (plane.names[0], name))
        hexbin(axes[1], plane.points[:, 1], numbers, (plane.names[1], name))
        hexbin(axes[2], third.astype(np.float64), numbers, (third_name, name))
        save(figure, folder / f"{safe_name(name, written)}.{ending}")
        written.append(safe_name(name, written))
    return written


def safe_name(name: str, taken: list[str]) -> str:
    """A file name for a column, unlike those that are taken."""
    plain = re.sub(r"[^\w.-]", "_", name) or "column"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}_{number}", number + 1
    return found


def save_tomogram_labels(particles: TiltParticles, labels: Array, path: Path) -> Array:
    """Write how many particles of each class lie in each tomogram; returns the counts ``(K, T)``."""
    names, tomogram = np.unique(particles.tomogram.astype(str), return_inverse=True)
    counts = np.zeros((int(labels.max()) + 1, len(names)), np.int64)
    np.add.at(counts, (labels, tomogram), 1)
    figure, (axes,) = new_figure(size=5.0)
    shown = axes.imshow(counts, aspect="auto", interpolation="nearest")
    figure.colorbar(shown, ax=axes, label="particles")
    axes.set_ylabel("class")
    axes.set_yticks(range(0, len(counts), 1 + len(counts) // 25))
    axes.set_xlabel("tomogram")
    if len(names) <= 40:
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
        figure.subplots_adjust(bottom=0.3)
    save(figure, path)
    return counts


def save_images(
    particles: TiltParticles, labels: Array, folder: Path, ending: str, seed: int, reporter: Reporter
) -> None:
    """Write the least exposed image of up to six random particles of every class.

    Raises
    ------
    UserError
        When images are missing.
    """
    rng = np.random.default_rng(seed)
    images = lowest_dose_rows(particles)
    count = int(labels.max()) + 1
    chosen = []
    for label in range(count):
        members = np.flatnonzero(labels == label)
        chosen.append(rng.choice(members, min(_IMAGES, len(members)), replace=False))
    # Only the stacks that are shown are opened.
    wanted = np.zeros(particles.n_images, bool)
    wanted[images[np.concatenate(chosen)]] = True
    place = np.cumsum(wanted) - 1
    with ImageStacks(particles.select_images(wanted)) as stacks:
        for label, members in enumerate(chosen):
            reporter.progress("images of particles", label, count)
            figure, grid = new_figure(2, 3, size=2.0)
            shown = stacks.read(place[images[members]])
            for axes in grid:
                axes.set_axis_off()
            for axes, member, image in zip(grid, members, shown, strict=False):
                low, high = np.percentile(image, (1, 99))
                axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-12))
                axes.set_title(f"particle {member}", fontsize=6)
            save(figure, folder / f"particle_images_kmeanslabel{label}.{ending}")
    reporter.progress("images of particles", count, count)
