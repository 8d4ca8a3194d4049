"""``analyze_volumes``: principal components, UMAP and groups of volumes in the space of their voxels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map, write_map
from jobs.formats.pickles import write_pickles
from jobs.tomodrgn import analysis_plots as plots
from jobs.tomodrgn.analysis_controls import save_controls
from jobs.tomodrgn.analysis_latent import LIMITS, Groups, groups
from jobs.tomodrgn.analysis_staging import Reporter, staged
from jobs.tomodrgn.analysis_umap import umap
from jobs.tomodrgn.old_folders import TrainedFolder
from jobs.tomodrgn.volume_space import MaskOrder, VoxelPca, mask_of, voxel_pca

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

Array = NDArray[Any]

_NUMBER: Final = re.compile(r".*_(\d+)\.mrc")
#: Components along which volumes are written, and how many each.
_WRITTEN: Final = 10
#: Voxels within the mask, as a file while they are needed.
_ROWS: Final = ".voxels.npy"


@dataclass(frozen=True)
class VolumeAnalysisSettings:
    """How volumes are analysed.

    Attributes
    ----------
    out
        Folder to write to; None = ``analyze_volumes`` in that of the volumes.
    components, groups
        Principal components kept, and groups of the k-means.
    mask
        What part of the volumes counts.
    seed, ending
        Of UMAP and k-means, and format of plots.
    """

    out: Path | None = None
    components: int = 128
    groups: int = 20
    mask: MaskOrder = field(default_factory=lambda: MaskOrder("none"))
    seed: int = 42
    ending: str = "png"


@dataclass(frozen=True)
class VolumeAnalysis:
    """What was found.

    Attributes
    ----------
    out
        Folder of the results.
    numbers
        ``(n,)`` in the names of the volumes; their order in everything else.
    pca, groups
        Components and groups.
    umap
        ``(n, 2)``.
    """

    out: Path
    numbers: list[int]
    pca: VoxelPca
    groups: Groups
    umap: Array


def volumes_in(folder: Path) -> dict[int, Path]:
    """Volumes of a folder by the number at the end of their names, in its order.

    Raises
    ------
    UserError
        When there are none, or two have one number.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder", path=folder)
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.mrc")):
        match = _NUMBER.fullmatch(path.name)
        if match is None:
            continue
        number = int(match[1])
        if number in found:
            raise UserError(f"{path.name} and {found[number].name} have the same number", path=folder)
        found[number] = path
    if len(found) < 2:
        raise UserError(
            f"there are {len(found)} volumes with names that end on a number (vol_000.mrc), 2 are needed",
            path=folder,
            hint="Write them with eval_vol",
        )
    return dict(sorted(found.items()))


def analyze_volumes(
    folder: Path,
    settings: VolumeAnalysisSettings,
    reporter: Reporter,
    training: TrainedFolder | None = None,
) -> VolumeAnalysis:
    """Analyse the volumes of a folder; only masked voxels are kept, in a file, while it goes on.

    Parameters
    ----------
    folder
        With volumes whose names end on ``_<number>.mrc``.
    settings, reporter
        How, and who is told.
    training
        Where the volumes come from: with one volume per particle, columns are held against the components.

    Raises
    ------
    UserError
        When volumes are missing, differ in box, or nothing is left in the mask.
    """
    if settings.components < 1 or settings.groups < 1:
        raise UserError("there is at least one component and one group")
    paths = volumes_in(folder)
    out = settings.out or folder / "analyze_volumes"
    with staged(out) as place:
        work = _Work(paths, settings, reporter, place)
        found, classes, plane = work.all()
        if training is not None:
            _against_particles(training, found, plane, place, settings, reporter)
        (place / _ROWS).unlink()
    reporter.say(f"{len(paths)} volumes are analysed in {out}")
    return VolumeAnalysis(out, list(paths), found, classes, plane)


class _Work:
    def __init__(
        self, paths: dict[int, Path], settings: VolumeAnalysisSettings, reporter: Reporter, place: Path
    ) -> None:
        self.paths, self.settings, self.reporter, self.place = list(paths.values()), settings, reporter, place
        first = read_map(self.paths[0])
        self.shape, self.voxel = first.data.shape, first.voxel_size_a or 1.0

    def all(self) -> tuple[VoxelPca, Groups, Array]:
        settings = self.settings
        mask = mask_of(lambda: self._read("mask"), settings.mask)
        inside = np.ones(self.shape, bool) if mask is None else mask > 0
        if mask is not None and mask.shape != self.shape:
            raise UserError(f"the mask has {mask.shape} voxels, but the volumes have {self.shape}")
        if not inside.any():
            raise UserError("nothing is left in the mask", path=settings.mask.path)
        weights = None if mask is None else mask[inside]
        count = int(inside.sum())
        rows = np.lib.format.open_memmap(self.place / _ROWS, "w+", np.float32, shape=(len(self.paths), count))
        for row, volume in enumerate(self._read("volumes")):
            rows[row] = volume[inside] if weights is None else volume[inside] * weights
        self.reporter.progress("components", 0, 1)
        found = voxel_pca(rows, settings.components)
        self.reporter.progress("components", 1, 1)
        write_pickles(self.place / "voxel_pc.pkl", found.coordinates)
        plane = umap(found.coordinates, settings.seed, self.reporter.progress)
        write_pickles(self.place / "voxel_pc_umap.pkl", plane)
        self._write_along(found, inside)
        classes = groups(found.coordinates, settings.groups, settings.seed)
        self._write_groups(classes)
        self._plot(found, classes, plane)
        return found, classes, plane

    def _read(self, what: str) -> Iterator[Array]:
        for number, path in enumerate(self.paths):
            self.reporter.progress(what, number, len(self.paths))
            volume = read_map(path).data
            if volume.shape != self.shape:
                raise UserError(
                    f"the volume has {volume.shape} voxels, but the first has {self.shape}", path=path
                )
            yield volume
        self.reporter.progress(what, len(self.paths), len(self.paths))

    def _write_along(self, found: VoxelPca, inside: Array) -> None:
        """Mean volume plus each component, at ten percentiles of the volumes; zero outside the mask."""
        for k in range(min(_WRITTEN, len(found.axes))):
            folder = self.place / f"pc{k + 1}"
            folder.mkdir()
            values = np.percentile(found.coordinates[:, k], np.linspace(*LIMITS, 10))
            for i, value in enumerate(values):
                volume = np.zeros(self.shape, np.float32)
                volume[inside] = found.mean + value * found.axes[k]
                write_map(folder / f"voxel_pc{k + 1}_vol{i}.mrc", volume, self.voxel)

    def _write_groups(self, classes: Groups) -> None:
        """Labels, the volume nearest to each centre, and the mean volume of each group, without mask."""
        count = len(classes.rows)
        name = f"kmeans{self.settings.groups}"
        folder = self.place / name
        folder.mkdir()
        write_pickles(folder / f"voxel_{name}_labels.pkl", classes.labels)
        np.savetxt(folder / "voxel_kmeans_centers_ind.txt", classes.rows, fmt="%d")
        sums = np.zeros((count, *self.shape))
        for label, volume in zip(classes.labels, self._read("groups"), strict=True):
            sums[label] += volume
        for label in range(count):
            mean = sums[label] / np.count_nonzero(classes.labels == label)
            write_map(folder / f"voxel_{name}_cluster{label}.mrc", mean.astype(np.float32), self.voxel)

    def _plot(self, found: VoxelPca, classes: Groups, plane: Array) -> None:
        ending = self.settings.ending
        share = found.variance / max(found.total, 1e-300)
        plots.save_lines(
            self.place / f"voxel_pca_explainedvariance.{ending}",
            np.arange(1, len(share) + 1),
            {"each": share, "up to here": np.cumsum(share)},
            ("principal component", "share of the variance"),
            marker="o",
        )
        shown = [plots.Plane(plane, ("UMAP1", "UMAP2"), "voxel_umap")]
        if found.coordinates.shape[1] > 1:
            shown.append(plots.Plane(found.coordinates[:, :2], ("PC1", "PC2"), "voxel_pca"))
        folder = self.place / f"kmeans{self.settings.groups}"
        for each in shown:
            plots.save_plane(each, self.place, ending)
            plots.save_annotated(each, classes.rows, "kmeans", folder, ending)
            plots.save_by_label(each, classes.labels, "kmeanslabel", folder, ending)


def _against_particles(
    training: TrainedFolder,
    found: VoxelPca,
    plane: Array,
    place: Path,
    settings: VolumeAnalysisSettings,
    reporter: Reporter,
) -> None:
    from jobs.tomodrgn.latent_columns import ParticleColumns

    try:
        particles = training.particles()
    except UserError as error:
        reporter.say(f"Without columns of the particles: {error}")
        return
    if particles.n != len(plane):
        reporter.say(f"Without columns of the particles: {particles.n:,} particles, {len(plane)} volumes")
        return
    columns: Mapping[str, Array] = ParticleColumns(particles)
    shown = plots.Plane(plane, ("UMAP1", "UMAP2"), "")
    save_controls(columns, shown, found.coordinates[:, 0], "PC1", place / "controls", settings.ending)


def run(context: WorkerContext) -> None:
    """Analyse the volumes that the Tasks tab names."""
    from jobs.tomodrgn.analysis_figures import show_maps
    from jobs.tomodrgn.analyze import JobReporter
    from jobs.tomodrgn.old_folders import open_folder

    options = cast("TomoDrgnOptions", context.options)
    if not options.volumes_folder:
        raise UserError(
            "no folder of volumes was given", hint="Set it on the tab Tasks; Make volumes writes one"
        )
    mask = context.project_dir / options.volumes_mask_path if options.volumes_mask_path else None
    settings = VolumeAnalysisSettings(
        out=context.folder.path / f"analyze_volumes.{context.run:03d}",
        components=options.volumes_pcs,
        groups=options.volumes_groups,
        mask=MaskOrder(options.volumes_mask, mask),
    )
    found = analyze_volumes(
        context.project_dir / options.volumes_folder,
        settings,
        JobReporter(context),
        open_folder(context.folder.path),
    )
    maps = sorted(
        (found.out / f"kmeans{settings.groups}").glob("*_cluster*.mrc"),
        key=lambda path: int(path.stem.rpartition("cluster")[2]),
    )
    show_maps(context, "analyze_volumes", maps, "Mean volumes of the groups", "group")
