"""Scripts for ChimeraX that put maps, or markers, where particles are in their tomogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Colours of labels without a colour map, in turn: readable with every kind of colour vision.
PALETTE: Final = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#7878ff", "#b43c3c",
    "#87b478",
)  # fmt: skip
#: Colour maps of matplotlib with at most so many colours are lists of separate ones.
_SEPARATE: Final = 32
#: Colour without labels.
PLAIN: Final = "#b8bec8"


@dataclass(frozen=True, eq=False)
class LabelColours:
    """Which colour each particle has.

    Attributes
    ----------
    labels
        `(K,)` distinct labels, ascending.
    rgba
        `(K, 4)` their colours, 0 to 1.
    index
        `(P,)` which of the labels each particle has.
    """

    labels: NDArray[np.int64]
    rgba: NDArray[np.float64]
    index: NDArray[np.int64]

    @property
    def hexes(self) -> list[str]:
        """Colour of each particle as ``#rrggbb``, with two more digits where it is seen through."""
        named = [to_hex(rgba) for rgba in self.rgba]
        return [named[i] for i in self.index]

    def table(self) -> str:
        """Return ``rgba_labels.txt``: label, red, green, blue, alpha, and the models of the script."""
        lines = ["# label red green blue alpha models"]
        for k, (label, rgba) in enumerate(zip(self.labels.tolist(), self.rgba.tolist(), strict=True)):
            models = model_ranges((np.flatnonzero(self.index == k) + 1).tolist())
            lines.append(f"{label} {' '.join(f'{v:.6f}' for v in rgba)} {models or '-'}")
        return "\n".join(lines) + "\n"

    def select(self, rows: NDArray[np.integer]) -> LabelColours:
        """Colours of some particles; labels that none of them has stay."""
        return LabelColours(self.labels, self.rgba, self.index[rows])


def colours_of(labels: NDArray[np.generic], colour_map: str = "") -> LabelColours:
    """Return colours of labels: any numbers, rounded to whole ones, which need not be contiguous.

    Parameters
    ----------
    labels : (P,) array
        Labels.
    colour_map : str
        Name of a matplotlib colour map, sampled at as many places as there are labels; empty for a palette
        that repeats after ten.

    Raises
    ------
    ValueError
        For a name that matplotlib does not know.
    """
    found, index = np.unique(np.rint(np.asarray(labels, np.float64)).astype(np.int64), return_inverse=True)
    if colour_map:
        import matplotlib

        if colour_map not in matplotlib.colormaps:
            raise ValueError(colour_map)
        table = matplotlib.colormaps[colour_map]
        # a map of separate colours gives them in order, others are sampled from end to end
        separate = table.N <= _SEPARATE
        order = np.arange(len(found))
        rgba = table(order % table.N) if separate else table(order / max(1, len(found) - 1))
        rgba = np.asarray(rgba, float).reshape(-1, 4)
    else:
        hexes = [PALETTE[k % len(PALETTE)] for k in range(len(found))]
        rgba = np.array([[*(int(h[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0] for h in hexes])
    return LabelColours(found, rgba.reshape(-1, 4), index.reshape(-1))


def to_hex(rgba: Sequence[float] | NDArray[np.floating]) -> str:
    """Return a colour as ``#rrggbb``, or ``#rrggbbaa`` where it is seen through."""
    parts = [round(255 * min(1.0, max(0.0, float(v)))) for v in rgba]
    return "#" + "".join(f"{v:02x}" for v in (parts if parts[3] < 255 else parts[:3]))


def model_ranges(numbers: Sequence[int]) -> str:
    """Return model numbers as ChimeraX takes them: ``#1-3,7``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return "#" + ",".join("-".join(map(str, part)) for part in parts) if parts else ""


def view_matrix(model: int, placement: NDArray[np.floating]) -> str:
    """Return the command that places a model: the rows of ``[R | t]``, with ten significant digits."""
    numbers = ",".join(f"{value:.10g}" for value in np.asarray(placement, np.float64).ravel() + 0.0)
    return f"view matrix mod #{model},{numbers}"


def scene_script(
    placements: NDArray[np.floating],
    colours: Sequence[str] | None,
    *,
    maps: Sequence[str] | None,
    voxel_size_a: float | None = None,
    level: float = 0.5,
    marker_radius_a: float = 100.0,
    tomogram: str = "",
    notes: Sequence[str] = (),
) -> str:
    """Return a ``.cxc`` script; models 1 to `P` are the particles in order, `P` + 1 is the tomogram.

    Parameters
    ----------
    placements : (P, 3, 4) array
        Of :func:`jobs.core.placing.placements`; of markers those of a point.
    colours : sequence of str or None
        Colour of each particle.
    maps : sequence of str or None
        Map of each particle, relative to the script; None for markers.
    voxel_size_a : float or None
        Å per voxel of the maps where their headers state another; voxel 0 is then at zero.
    level : float
        Contour level.
    marker_radius_a : float
        Radius of markers, Å.
    tomogram : str
        Tomogram to show with them, relative to the script.
    notes : sequence of str
        Written on top as comments.
    """
    count = len(placements)
    lines = [f"# {line}" for note in notes for line in note.splitlines() if line.strip()]
    for i in range(count):
        colour = colours[i] if colours is not None else PLAIN
        if maps is None:
            lines.append(f"marker #{i + 1} position 0,0,0 color {colour} radius {marker_radius_a:g}")
        else:
            lines.append(f"open {quoted(maps[i])} id {i + 1}")
        lines.append(view_matrix(i + 1, placements[i]))
        if maps is not None:
            lines.append(f"color #{i + 1} {colour}")
    if maps is not None and count:
        if voxel_size_a is not None:
            lines.append(f"volume #1-{count} voxelSize {voxel_size_a:.10g} origin 0,0,0")
        lines.append(f"volume #1-{count} style surface step 1 level {level:g}")
    if tomogram:
        lines.append(f"open {quoted(tomogram)} id {count + 1}")
        # coordinates of particles are counted from voxel 0, whatever the header says of its place
        lines.append(f"volume #{count + 1} origin 0,0,0 style image region all")
    lines.append("view orient")
    return "\n".join(lines) + "\n"


def quoted(name: str) -> str:
    """Return a file name as a script takes it."""
    return f'"{name}"' if any(c in name for c in " ;#") else name
