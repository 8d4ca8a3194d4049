"""``backproject_voxel``: the map, half-maps, correlation and star file of a reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import torch

from jobs.core.errors import UserError
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map
from jobs.formats.pickles import write_pickles
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.half_maps import HalfMapCurves
from jobs.tomodrgn.reconstruction import Backprojection, BackprojectOptions, reconstruct

__all__ = ["BackprojectFiles", "BackprojectOptions", "backproject_voxel", "plot_curves"]

_WIDTH, _HEIGHT, _MARGIN = 720, 440, 30
_COLOURS = {
    "unmasked": (150, 150, 150),
    "masked": (90, 160, 220),
    "randomised": (220, 120, 60),
    "corrected": (0, 0, 0),
}


@dataclass(frozen=True)
class BackprojectFiles:
    """What was written, and sentences for the log."""

    full: Path
    filtered: Path
    halves: tuple[Path, Path]
    curve: Path
    picture: Path
    star: Path
    sentences: tuple[str, ...]
    result: Backprojection


def _nothing(done: int, of: int) -> None:
    """Say nothing about progress."""


def backproject_voxel(
    particles: TiltParticles,
    output: str | Path,
    options: BackprojectOptions | None = None,
    *,
    device: torch.device | str = "cpu",
    each: Callable[[int, int], None] = _nothing,
) -> BackprojectFiles:
    """Reconstruct a set and write ``X.mrc`` and what belongs to it.

    Beside ``X.mrc``: ``X_filt.mrc``, ``X_half1.mrc``, ``X_half2.mrc``, ``X_FSC.pkl`` (a pair of arrays:
    frequency in 1/px, corrected correlation), ``X_FSC.png`` (grey: without mask; blue: masked; orange: masked
    after randomising phases; black: corrected; thin lines at 0.5 and 0.143) and
    ``<star>_tomodrgn_preprocessed.star`` with the particles used.

    Parameters
    ----------
    particles
        The set, already selected.
    output
        ``X.mrc``; its folder is made.
    options
        How.
    device
        Where sums are kept.
    each
        Called with images done and in all; may raise to stop.

    Raises
    ------
    UserError
        When the output does not end in ``.mrc``, a file cannot be written, or as for
        :func:`jobs.tomodrgn.reconstruction.reconstruct`.
    """
    target = Path(output)
    if target.suffix != ".mrc":
        raise UserError("the name of the map must end in .mrc", path=target, column="output")
    options = options or BackprojectOptions()
    result = reconstruct(particles, options, device=device, each=each)
    target.parent.mkdir(parents=True, exist_ok=True)

    def beside(ending: str) -> Path:
        return target.with_name(f"{target.stem}_{ending}")

    voxel = particles.pixel_size_a
    half_paths = (beside("half1.mrc"), beside("half2.mrc"))
    maps = {half_paths[0]: result.halves[0], half_paths[1]: result.halves[1]}
    for path, volume in (maps | {beside("filt.mrc"): result.filtered, target: result.full}).items():
        write_map(path, volume.numpy(), voxel)
    curves = result.curves
    frequency = np.arange(len(curves.corrected)) / particles.box
    write_pickles(beside("FSC.pkl"), (frequency, curves.corrected.numpy().astype(np.float64)))
    picture = plot_curves(curves)
    with replacing(beside("FSC.png")) as file:
        file.write(imageio.imwrite("<bytes>", picture, extension=".png"))
    star = target.with_name(f"{_stem(particles)}_tomodrgn_preprocessed.star")
    if "tomograms" in particles.further:
        star = target.with_name(f"{_stem(particles)}_tomodrgn_preprocessed_optimisation_set.star")
    sentences = _sentences(particles, options, result)
    if star.exists() and star.samefile(particles.path):
        sentences += ("The particle file is the one that was given; it is left as it is.",)
    else:
        write_selection(particles, star, name_from=particles.project_dir)
    return BackprojectFiles(
        full=target,
        filtered=beside("filt.mrc"),
        halves=half_paths,
        curve=beside("FSC.pkl"),
        picture=beside("FSC.png"),
        star=star,
        sentences=sentences,
        result=result,
    )


def plot_curves(curves: HalfMapCurves) -> np.ndarray:
    """Draw all correlations over frequency as `(h, w, 3)` uint8, from 0 to Nyquist and from -0.1 to 1."""
    picture = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    wide, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN

    def place(x: float, y: float) -> tuple[int, int]:
        level = min(max((1 - y) / 1.1, 0.0), 1.0)
        return _MARGIN + round(high * level), _MARGIN + round(wide * x)

    def draw(a: tuple[int, int], b: tuple[int, int], colour: tuple[int, int, int], thick: int) -> None:
        steps = max(abs(a[0] - b[0]), abs(a[1] - b[1])) + 1
        rows, columns = (np.rint(np.linspace(a[i], b[i], steps)).astype(int) for i in (0, 1))
        for step in range(thick):
            picture[rows + step, columns] = colour
            picture[rows, columns + step] = colour

    for level in (0.0, 0.143, 0.5, 1.0):
        draw(place(0, level), place(1, level), (205, 205, 205), 1)
    draw(place(0, 1), place(0, -0.1), (120, 120, 120), 1)
    for name, colour in _COLOURS.items():
        values = getattr(curves, name).tolist()
        n = len(values) - 1
        points = [place(i / n, float(v)) for i, v in enumerate(values)]
        for a, b in pairwise(points):
            draw(a, b, colour, 2)
    return picture


def _stem(particles: TiltParticles) -> str:
    return particles.path.stem.removesuffix("_optimisation_set").removesuffix("_tomodrgn_preprocessed")


def _sentences(
    particles: TiltParticles, options: BackprojectOptions, result: Backprojection
) -> tuple[str, ...]:
    curves = result.curves

    def at(level: float, masked: bool) -> str:
        value = curves.resolution(level, masked=masked)
        return f"{value:.1f} Å" if np.isfinite(value) else "nowhere"

    hand = (
        "The handedness is reversed, as asked for."
        if options.flip
        else "The handedness is that of the poses. If the map looks mirrored, use --flip."
    )
    if particles.flavour == "warptools" and not options.flip:
        hand += (
            " WarpTools' matrices gave the mirror image of the supplied map in the set this was tested on."
        )
    shown = f"{options.lowpass_a:.1f} Å, as asked for" if options.lowpass_a else f"{result.lowpass_a:.1f} Å"
    return (
        f"{particles.n_images:,} images of {particles.n:,} particles.",
        result.contrast.sentence,
        result.half_sentence,
        f"Half-maps agree (FSC 0.143) to {at(0.143, True)} within the mask, corrected for it, and to "
        f"{at(0.143, False)} without; FSC 0.5 is at {at(0.5, True)} and {at(0.5, False)}.",
        f"The filtered map is limited to {shown}.",
        hand,
    )
