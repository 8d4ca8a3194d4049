"""The steps of an analysis: each computes something and writes it into the folder of results."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.pickles import write_pickles
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn import analysis_plots as plots
from jobs.tomodrgn.analysis_controls import (
    read_losses,
    save_controls,
    save_images,
    save_losses,
    save_tomogram_labels,
)
from jobs.tomodrgn.analysis_latent import LIMITS, Groups, Pca, groups, nearest_rows, pca, values_along
from jobs.tomodrgn.analysis_notebook import write_notebook
from jobs.tomodrgn.analysis_staging import Reporter
from jobs.tomodrgn.analysis_umap import umap
from jobs.tomodrgn.eval_vol import Z_VALUES, VolumeOrder, write_volumes
from jobs.tomodrgn.latent_columns import ParticleColumns
from jobs.tomodrgn.old_folders import TrainedFolder

Array = NDArray[Any]

#: Volumes along each component.
N_ALONG: Final = 10


@dataclass(frozen=True)
class AnalyzeSettings:
    """What is analysed, and how.

    Attributes
    ----------
    epoch
        Counted from 0; None = the newest, -1 = the final files.
    out
        Folder to write to, None = ``analyze.<epoch>`` in that of the training.
    n_pc, pc_ondata, pc_percentiles
        Components along which volumes are made, whether at the nearest particles, and whether at equally
        spaced percentiles (newer original) or equally spaced values (older original).
    ksample
        Groups of the k-means.
    skip_umap, skip_vol
        What is left out.
    volumes
        How volumes are made; its places are not used.
    ending
        Format of plots: ``png`` or ``svgz``.
    seed, device
        Of random numbers, and where volumes are computed.
    """

    epoch: int | None = None
    out: Path | None = None
    n_pc: int = 2
    pc_ondata: bool = False
    pc_percentiles: bool = True
    ksample: int = 20
    skip_umap: bool = False
    skip_vol: bool = False
    volumes: VolumeOrder = field(default_factory=VolumeOrder)
    ending: str = "png"
    seed: int = 42
    device: str = "cpu"


@dataclass(frozen=True)
class Analysis:
    """What an analysis found, in numbers; the same is in its files.

    Attributes
    ----------
    out, epoch
        Folder of the results, and epoch analysed.
    pca, groups
        Components and groups of the particles.
    umap
        ``(P, 2)``; None where it was skipped, or the latent space has at most two dimensions.
    tomogram_counts
        ``(K, T)`` particles of each group in each tomogram; None when the particle file was not found.
    particles
        The particles, None when their file was not found.
    """

    out: Path
    epoch: int
    pca: Pca
    groups: Groups
    umap: Array | None
    tomogram_counts: Array | None
    particles: TiltParticles | None = None


class Work:
    """One analysis, step by step into its folder."""

    def __init__(
        self,
        folder: TrainedFolder,
        settings: AnalyzeSettings,
        reporter: Reporter,
        place: Path,
        z: Array,
        particles: TiltParticles | None,
    ) -> None:
        self.folder, self.settings, self.reporter = folder, settings, reporter
        self.place, self.z, self.particles = place, z, particles
        self.kmeans = place / f"kmeans{settings.ksample}"

    def all(self, out: Path, number: int, key: int | None) -> Analysis:
        """Do everything; ``out`` is where the results will stand."""
        settings, z = self.settings, self.z
        save_losses(read_losses(self.folder.path), self.place / f"model_loss.{settings.ending}")
        components = pca(z)
        self.reporter.progress("groups", 0, 1)
        found = groups(z, settings.ksample, settings.seed)
        self.reporter.progress("groups", 1, 1)
        self._write_groups(found)
        along = self._places_along(components)
        plane = None
        if z.shape[1] > 2 and not settings.skip_umap:
            plane = umap(z, settings.seed, self.reporter.progress)
            write_pickles(self.place / "umap.pkl", plane)
        self._plot(components, found, plane, along)
        counts = self._against_particles(components, found, plane)
        write_notebook(self.place, self.folder.path, out, number)
        if not settings.skip_vol:
            self._volumes(key, along, found)
        return Analysis(out, number, components, found, plane, counts, self.particles)

    def _write_groups(self, found: Groups) -> None:
        self.kmeans.mkdir()
        write_pickles(self.kmeans / "labels.pkl", found.labels)
        np.savetxt(self.kmeans / "centers.txt", found.centres, fmt="%.8g")
        np.savetxt(self.kmeans / "centers_ind.txt", found.rows, fmt="%d")

    def _places_along(self, components: Pca) -> list[Array]:
        """Latent places along each component, written; the particles next to them if asked for."""
        settings, found = self.settings, []
        for k in range(min(settings.n_pc, self.z.shape[1])):
            values = values_along(components.coordinates[:, k], N_ALONG, LIMITS, settings.pc_percentiles)
            places = components.along(k, values)
            folder = self.place / f"pc{k + 1}"
            folder.mkdir()
            if settings.pc_ondata:
                rows = nearest_rows(self.z, places)
                places = self.z[rows]
                np.savetxt(folder / "z_percentiles_ind.txt", rows, fmt="%d")
            if settings.pc_percentiles:
                np.savetxt(folder / "z_percentiles.txt", places, fmt="%.8g")
            np.savetxt(folder / Z_VALUES, places, fmt="%.8g")
            found.append(places)
        return found

    def _planes(self, components: Pca, plane: Array | None) -> list[plots.Plane]:
        names = [f"PC{k + 1} ({100 * share:.1f} %)" for k, share in enumerate(components.shares.tolist()[:2])]
        found = []
        if self.z.shape[1] > 1:
            found.append(plots.Plane(components.coordinates[:, :2], (names[0], names[1]), "z_pca"))
        if plane is not None:
            found.append(plots.Plane(plane, ("UMAP1", "UMAP2"), "z_umap"))
        return found

    def _plot(self, components: Pca, found: Groups, plane: Array | None, along: list[Array]) -> None:
        ending, place = self.settings.ending, self.place
        share = components.shares
        plots.save_lines(
            place / f"z_pca_explainedvariance.{ending}",
            np.arange(1, len(share) + 1),
            {"each": share, "up to here": np.cumsum(share)},
            ("principal component", "share of the variance"),
            marker="o",
        )
        if self.z.shape[1] == 1:
            self._plot_line()
        older = {"z_pca": ("z_pca", "z_pca_hexbin"), "z_umap": ("umap", "umap_hexbin")}
        for shown in self._planes(components, plane):
            self.reporter.progress("plots", 0, 1)
            plots.save_plane(shown, place, ending)
            for kind, name in zip(("scatter", "hexbin"), older[shown.stem], strict=True):
                # Names that the older original gave.
                if not (place / f"{name}.{ending}").exists():
                    content = (place / f"{shown.stem}_{kind}.{ending}").read_bytes()
                    (place / f"{name}.{ending}").write_bytes(content)
            plots.save_annotated(shown, found.rows, "kmeans", self.kmeans, ending)
            plots.save_by_label(shown, found.labels, "kmeanslabel", self.kmeans, ending)
            for k, places in enumerate(along):
                rows = nearest_rows(self.z, places)
                plots.save_annotated(shown, rows, "pca", place / f"pc{k + 1}", ending, joined=True)
                values = components.coordinates[:, k]
                plots.save_coloured(
                    shown,
                    values,
                    f"PC{k + 1}",
                    place / f"pc{k + 1}" / f"{shown.stem}_colorlatentpca.{ending}",
                )
            self.reporter.progress("plots", 1, 1)

    def _plot_line(self) -> None:
        """A latent space of one dimension: every value, and how often it occurs."""
        values, ending = self.z[:, 0], self.settings.ending
        rows = np.sort(plots.shown_rows(len(values)))
        figure, (axes,) = plots.new_figure()
        axes.plot(rows, values[rows], ".", markersize=2)
        axes.set_xlabel("particle")
        axes.set_ylabel("z")
        plots.save(figure, self.place / f"z.{ending}")
        figure, (axes,) = plots.new_figure()
        axes.hist(values, bins=min(100, max(10, len(values) // 20)))
        axes.set_xlabel("z")
        axes.set_ylabel("particles")
        plots.save(figure, self.place / f"z_hist.{ending}")

    def _against_particles(self, components: Pca, found: Groups, plane: Array | None) -> Array | None:
        if self.particles is None:
            return None
        settings = self.settings
        coordinates = components.coordinates
        if plane is not None:
            shown, third, name = plots.Plane(plane, ("UMAP1", "UMAP2"), ""), coordinates[:, 0], "PC1"
        else:
            two = coordinates[:, [0, min(1, coordinates.shape[1] - 1)]]
            names = ("PC1", "PC2" if coordinates.shape[1] > 1 else "PC1")
            shown, third, name = plots.Plane(two, names, ""), np.linalg.norm(self.z, axis=1), "norm of z"
        columns = ParticleColumns(self.particles)
        save_controls(columns, shown, third, name, self.place / "controls", settings.ending)
        counts = save_tomogram_labels(
            self.particles, found.labels, self.kmeans / f"tomogram_label_distribution.{settings.ending}"
        )
        try:
            save_images(
                self.particles, found.labels, self.kmeans, settings.ending, settings.seed, self.reporter
            )
        except UserError as error:
            self.reporter.say(f"Without images of the particles: {error}")
        return counts

    def _volumes(self, key: int | None, along: list[Array], found: Groups) -> None:
        trained = self.folder.model(key, self.settings.device)
        jobs = [(places, self.place / f"pc{k + 1}") for k, places in enumerate(along)]
        for places, folder in [*jobs, (found.centres, self.kmeans)]:
            what = f"volumes of {folder.name}"
            write_volumes(
                trained, places, self.settings.volumes, folder, partial(self.reporter.progress, what)
            )
