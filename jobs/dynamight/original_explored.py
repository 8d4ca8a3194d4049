"""A job of the original DynaMight as the explorer sees it: the same source and model as of our own jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core import latent
from jobs.core.errors import UserError
from jobs.core.latent import Cloud, ParticleView, Snapshot
from jobs.dynamight.original_halves import mean_width
from jobs.dynamight.original_job import Loaded, is_original
from jobs.dynamight.original_latents import Crossing
from jobs.dynamight.original_measures import OriginalMeasures
from jobs.dynamight.original_motion import OriginalMotion, OriginalTerm
from jobs.dynamight.particle_views import view_particle
from jobs.maths.gaussians import render_volume
from jobs.maths.render import draw_gaussians

Float32 = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.floating]

#: Narrowest Gaussian in voxels of a map that is shown with fewer voxels than the full one.
_NARROWEST_SHOWN: Final = 0.8
#: Models kept open: a slider over epochs goes to and fro between few of them.
_KEPT: Final = 3


class OriginalJob:
    """Checkpoints of an original job (what :class:`jobs.core.latent.LatentSource` asks for).

    Parameters
    ----------
    job_dir, project_dir
        Job folder and project.
    device
        Where to compute.
    """

    def __init__(self, job_dir: Path, project_dir: Path, device: str) -> None:
        self._job, self._project_dir, self._device = job_dir, project_dir, device
        self._open: dict[tuple[Path, int, int], Loaded] = {}

    @property
    def half_sets(self) -> Sequence[int]:
        """Half-sets 1 and 2, and 0: the original always holds particles out."""
        return (1, 2, 0)

    def snapshots(self) -> Sequence[Snapshot]:
        """Checkpoints by epoch, the final one last."""
        folder = self._job / "forward_deformations" / "checkpoints"
        try:
            numbered = sorted(
                (p for p in folder.iterdir() if p.suffix == ".pth" and p.stem.isdigit()),
                key=lambda path: int(path.stem),
            )
        except OSError:
            return []
        found = [Snapshot(f"epoch {int(p.stem)}", int(p.stem), p) for p in numbered if is_original(p)]
        final = folder / "checkpoint_final.pth"
        return [*found, Snapshot("final", None, final)] if is_original(final) else found

    def open(self, half: int, snapshot: Path | None = None) -> OriginalExplored:
        """Open a half-set, 1, 2, or 0 for particles held out.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together.
        """
        if half not in (0, 1, 2):
            raise UserError(f"there is no half-set {half}", hint="Choose 1, 2, or 0 for those held out.")
        if snapshot is None:
            found = self.snapshots()
            if not found:
                raise UserError("there is no checkpoint of the original in this job", path=self._job)
            snapshot = found[-1].path
        return OriginalExplored(self.load(snapshot), half)

    def load(self, path: Path) -> Loaded:
        """Read a checkpoint, its particles and their states; kept while the file does not change."""
        try:
            status = path.stat()
        except OSError as error:
            raise UserError("the checkpoint does not exist any more", path=path) from error
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in self._open:
            while len(self._open) >= _KEPT:
                del self._open[next(iter(self._open))]
            self._open[key] = Loaded(self._job, self._project_dir, path, self._device)
        return self._open[key]


class OriginalExplored:
    """One half-set of an original job (:class:`jobs.core.latent.ExploredModel`).

    Half-sets 1 and 2 are shown by their own models. Half-set 0 is the particles that were held out, shown by
    the Gaussians of half-set 1, moved by the mean of both models; its latent axes are those of half-set 1.

    Parameters
    ----------
    loaded
        Checkpoint and particles.
    half
        1, 2 or 0.
    """

    def __init__(self, loaded: Loaded, half: int) -> None:
        self._loaded, model = loaded, loaded.model
        self._frame, clouds = model.frame, model.clouds
        self._rows = np.flatnonzero(loaded.held if half == 0 else loaded.half == half)
        if not len(self._rows):
            raise UserError("this half-set has no particles", path=model.checkpoint.path)
        here, there = (1, 0) if half == 2 else (0, 1)
        means = loaded.latents.means
        crossing = Crossing(means[here], means[there])
        own, other = OriginalTerm(clouds[here], 1.0), OriginalTerm(clouds[there], -1.0, crossing)
        self._cloud = clouds[here]
        shown = (replace(own, weight=0.5), replace(other, weight=0.5)) if half == 0 else (own,)
        self._means = means[here, self._rows].to(loaded.device)
        self._sds = loaded.latents.sds[here, self._rows].to(loaded.device)
        self._shown = OriginalMotion(shown, self._cloud)
        self._difference = OriginalMotion((own, other), self._cloud)
        self._columns = loaded.file.columns(self._rows)
        self._measures = OriginalMeasures(
            self._shown, self._difference, self._means, self._sds, loaded.particles.select(self._rows), half
        )

    @property
    def abilities(self) -> frozenset[str]:
        """All but errors, which are calibrated for our own models only."""
        return frozenset(
            {latent.DISPLACE, latent.CLOUD, latent.FEATURES, latent.DISAGREEMENT, latent.PARTICLE_VIEW}
        )

    @cached_property
    def embedding(self) -> Float32:
        """Means ``(P, L)`` of the posteriors, in the order of the particle file."""
        means: Float32 = self._means.cpu().numpy().copy()
        return means

    @property
    def metadata(self) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of the particle file, ``image_name`` first."""
        return self._columns

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        """Computed when asked for."""
        return self._measures

    @cached_property
    def half_set(self) -> npt.NDArray[np.int64]:
        """Half-set ``(P,)``, 0 for particles held out."""
        return np.where(self._loaded.held[self._rows], 0, self._loaded.half[self._rows])

    @property
    def error(self) -> Float32 | None:
        """Not known: that of our own models is calibrated, the original's is not."""
        return None

    @property
    def box(self) -> int:
        """Side of the box in voxels."""
        return self._frame.box

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of maps at full size, Å."""
        return self._frame.voxel_size_a

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of written maps, (x, y, z) in Å."""
        return self._frame.origin_a

    def decode(self, z: FloatArray | None, box: int | None = None) -> Float32:
        """Map ``[z, y, x]`` of a state ``(L,)``, of the consensus for None, in the grey scale of images.

        Raises
        ------
        ValueError
            If the state has another number of coordinates, or the box makes no sense.
        """
        frame, cloud = self._frame, self._cloud
        box = frame.box if box is None else int(box)
        if box < 2 or (box % 2 and box != frame.box):
            raise ValueError(f"a map has an even number of voxels along each side, not {box}")
        voxel = frame.side_a / box
        points = cloud.positions
        if z is not None:
            points = points + self._shown.at_gaussians(self._state(z))
        widths = cloud.widths().clamp(min=(_NARROWEST_SHOWN if box < frame.box else 0.5) * voxel)
        weights = cloud.weights() * (box / frame.box) ** 3
        if points.is_cuda:
            rendered: Float32 = render_volume(points, weights, widths, box, voxel).cpu().numpy()
            return rendered
        threads = torch.get_num_threads()
        return draw_gaussians(points.numpy(), weights.numpy(), widths.numpy(), box, voxel, threads)

    def displace(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Where points ``(N, 3)`` of the consensus (Å, box centre) go in a state ``(L,)``."""
        return np.asarray(points_a, np.float32) + self._shown.at_points(self._state(z), points_a)

    def cloud(self) -> Cloud:
        """The Gaussians of the consensus; those of half-set 1 for half-set 0."""
        weight, width = mean_width(self._cloud)
        return Cloud(*(v.float().cpu().numpy().copy() for v in (self._cloud.positions, weight, width)))

    def features(self) -> Float32:
        """Return ``(P, K)`` whose distances are rms differences of displacement, Å."""
        return self._shown.features(self._means)

    def activity(self) -> Float32:
        """How far each Gaussian ``(N,)`` moves, root mean square over the particles, Å."""
        return self._shown.activity(self._means)

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Distance ``(N,)`` in Å between where both models move points, each in its state of the particle.

        Between particles the other model's state is interpolated, see
        :class:`jobs.dynamight.original_latents.Crossing`.
        """
        lengths: Float32 = np.linalg.norm(self._difference.at_points(self._state(z), points_a), axis=1)
        return lengths

    def errors(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Not known.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("errors are not known for models of the original")

    def particle_view(self, index: int) -> ParticleView:
        """Image of a particle and projection of the model in its state.

        Raises
        ------
        IndexError
            If there is no such particle.
        UserError
            If the image is missing or damaged.
        """
        if not 0 <= index < len(self._rows):
            raise IndexError(f"particle {index} of {len(self._rows)}")
        row = int(self._rows[index])
        posed = self._loaded.particles
        particle = replace(
            self._loaded.file.particle(row),
            euler_deg=posed.euler_deg[[row]],
            origin_a=posed.origin_a[[row]],
        )
        points = self._cloud.positions + self._shown.at_gaussians(self._means[index])
        return view_particle(particle, self._cloud, points, None)

    def _state(self, z: FloatArray) -> torch.Tensor:
        state = np.asarray(z, np.float32)
        if state.shape != (self._means.shape[1],) or not np.isfinite(state).all():
            raise ValueError(f"a state has {self._means.shape[1]} finite coordinates, not {state.tolist()}")
        return torch.tensor(state, device=self._means.device)
