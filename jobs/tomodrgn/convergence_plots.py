"""Plots of the heuristics of convergence, one file each, numbered as users know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.tomodrgn import analysis_plots as plots
from jobs.tomodrgn.analysis_controls import save_losses
from jobs.tomodrgn.convergence_sketch import Sketch

Array = NDArray[Any]


@dataclass(frozen=True)
class Plots:
    """Writes plots into a folder.

    Attributes
    ----------
    folder, ending
        Where, and in which format.
    """

    folder: Path
    ending: str

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.{self.ending}"

    def losses(self, losses: Mapping[str, Array]) -> None:
        """Heuristic 00."""
        save_losses(losses, self._path("00_total_loss"))

    def planes(self, name: str, planes: Mapping[int, Array], names: tuple[str, str]) -> None:
        """Heuristics 01 and 02: a density for every epoch."""
        figure, grid = _grid(len(planes))
        for axes, (epoch, plane) in zip(grid, planes.items(), strict=False):
            plots.hexbin(axes, plane[:, 0], plane[:, 1], names)
            axes.set_title(f"epoch {epoch}")
        plots.save(figure, self._path(name))

    def vectors(self, vectors: Array, epochs: Sequence[int]) -> None:
        """Heuristic 03; nothing for fewer than three epochs."""
        if not len(vectors):
            return
        figure, grid = plots.new_figure(1, 3)
        names = ("median product of steps", "median length of the step", "median 1 - cosine of steps")
        for axes, name, values in zip(grid, names, vectors.T, strict=True):
            axes.plot(epochs[2:], values, marker=".")
            axes.set_xlabel("epoch")
            axes.set_title(name, fontsize=9)
        plots.save(figure, self._path("03_encoder_latent_vector_shifts"))

    def sketch(self, plane: Array, found: Sketch) -> None:
        """Heuristic 04: the smoothed histogram and the particles, with the chosen places."""
        figure, grid = plots.new_figure(1, 2)
        extent = (found.edges[0][0], found.edges[0][-1], found.edges[1][0], found.edges[1][-1])
        grid[0].imshow(found.histogram.T, origin="lower", extent=extent, aspect="auto")
        plots.scatter(grid[1], plots.Plane(plane, ("UMAP1", "UMAP2"), ""), "0.7")
        for axes in grid:
            for name, (x, y) in zip(found.names, found.centres, strict=True):
                axes.plot(x, y, "r.", markersize=4)
                axes.annotate(name, (x, y), xytext=(3, 3), textcoords="offset points", color="r")
        plots.save(figure, self._path("04_decoder_UMAP-sketching"))

    def representatives(
        self, planes: Mapping[int, Array], shown: Mapping[int, list[int]], names: Sequence[str]
    ) -> None:
        """Heuristic 05: the representative of each class at every epoch."""
        figure, grid = _grid(len(planes))
        for axes, (epoch, plane) in zip(grid, planes.items(), strict=False):
            plots.scatter(axes, plots.Plane(plane, ("UMAP1", "UMAP2"), ""), "0.7")
            for name, row in zip(names, shown[epoch], strict=True):
                axes.annotate(name, (plane[row, 0], plane[row, 1]), color="r", fontsize=8)
            axes.set_title(f"epoch {epoch}")
        plots.save(figure, self._path("05_decoder_maxima-sketch-consistency"))

    def maps(
        self,
        epochs: Sequence[int],
        names: Sequence[str],
        successive: Array,
        curves: Array,
        frequencies: Array,
        nyquist: Array,
        among: Array,
    ) -> None:
        """Heuristics 06 to 09."""
        later = epochs[1:]
        if later:
            pairs = dict(zip(names, successive, strict=True))
            plots.save_lines(
                self._path("06_decoder_CC"), later, pairs, ("epoch", "CC with the epoch before"), marker="."
            )
            figure, grid = _grid(len(names))
            for axes, name, of_class in zip(grid, names, curves, strict=False):
                for epoch, curve in zip(later, of_class, strict=True):
                    axes.plot(frequencies, curve, label=f"{epoch}", linewidth=1)
                axes.set_title(name)
                axes.set_xlabel("frequency (1/px)")
                axes.set_ylabel("FSC with the epoch before")
                axes.legend(fontsize=6)
            plots.save(figure, self._path("07_decoder_FSC"))
            plots.save_lines(
                self._path("08_decoder_FSC-nyquist"),
                later,
                dict(zip(names, nyquist, strict=True)),
                ("epoch", "FSC at Nyquist"),
                marker=".",
            )
        for epoch, matrix in zip(epochs, among, strict=True):
            name = f"09_pairwise_CC_matrix_epoch-{epoch}"
            plots.save_matrix(
                self._path(name), matrix, names, f"CC at epoch {epoch}", low=float(matrix.min())
            )

    def truth(self, epochs: Sequence[int], names: Sequence[str], truth: Array, maps: Sequence[str]) -> None:
        """Heuristic 10: every class with every known map."""
        figure, grid = _grid(len(maps))
        for g, (axes, name) in enumerate(zip(grid, maps, strict=False)):
            for k, letter in enumerate(names):
                axes.plot(epochs, truth[:, k, g], marker=".", label=letter)
            axes.set_title(name, fontsize=8)
            axes.set_xlabel("epoch")
            axes.set_ylabel("CC")
            axes.legend(fontsize=6)
        plots.save(figure, self._path("10_decoder_CC-groundtruth"))

    def held_out(self, epochs: Sequence[int], values: Array) -> None:
        """Places by held-out images against those by taught ones."""
        plots.save_lines(
            self._path("11_testtrain_latent_kld"),
            epochs,
            {"90th percentile": values},
            ("epoch", "log divergence of held-out images"),
            marker=".",
        )


def _grid(count: int) -> tuple[Any, list[Any]]:
    columns = int(np.ceil(np.sqrt(count)))
    figure, grid = plots.new_figure(-(-count // columns), columns, size=3.2)
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid
