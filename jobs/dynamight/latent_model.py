"""A DynaMight job as the explorer sees it: states of particles, volumes, displacements, how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jobs.core import latent
from jobs.core.compute import free_device
from jobs.core.errors import UserError
from jobs.core.latent import Cloud, ParticleView, Snapshot
from jobs.dynamight.latent_measures import Measures
from jobs.dynamight.latent_particles import ParticleFile
from jobs.dynamight.latent_snapshots import Snapshots, find_snapshots
from jobs.dynamight.latent_states import States, select_states
from jobs.dynamight.particle_views import view_particle
from jobs.dynamight.state import TrainedModel
from jobs.dynamight.uncertainty import Errors
from jobs.dynamight.uncertainty_state import StateErrors
from jobs.maths.gaussians import render_volume
from jobs.maths.render import draw_gaussians

Float32 = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.floating]

#: Narrowest Gaussian in voxels of a map that is shown with fewer voxels than the full one.
_NARROWEST_SHOWN = 0.8
#: Particles whose errors are computed when a model is opened; about 6000 take a second.
_ERRORS_AT_ONCE = 10_000


def source(job_dir: Path, project_dir: Path) -> DynaMightSource:
    """Open a job for the explorer."""
    return DynaMightSource(job_dir, project_dir)


class DynaMightSource:
    """Snapshots of a job, finished or running (:class:`jobs.core.latent.LatentSource`).

    Parameters
    ----------
    job_dir, project_dir
        Job folder and project.
    device
        Where volumes are computed; a free GPU, or else the CPU, when None.
    """

    def __init__(self, job_dir: Path, project_dir: Path, device: str | None = None) -> None:
        self._job, self._project_dir = job_dir, project_dir
        self._models = Snapshots(job_dir, device or free_device())
        self._particles: tuple[tuple[Path, int, int], ParticleFile] | None = None

    @property
    def half_sets(self) -> Sequence[int]:
        """Half-sets 1 and 2, and 0 when particles were held out."""
        try:
            model = self._models.load(None)
        except UserError:
            return (1, 2, 0)
        return (1, 2, 0) if bool(model.validation.any()) else (1, 2)

    def snapshots(self) -> Sequence[Snapshot]:
        """What the job has written by now, by epoch, the final state last."""
        return find_snapshots(self._job)

    def open(self, half: int, snapshot: Path | None = None) -> DynaMightModel:
        """Open a half-set: 1 or 2, or 0 for the particles of both that were held out.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together, or if no particles were held out.
        """
        if half not in (0, 1, 2):
            raise UserError(f"there is no half-set {half}", hint="Choose 1, 2, or 0 for those held out.")
        model = self._models.load(snapshot)
        if half == 0 and not bool(model.validation.any()):
            raise UserError(
                "no particles were held out for validation in this job",
                path=self._job,
                hint="Choose half-set 1 or 2, or train with a validation fraction above 0.",
            )
        particles = self._particle_file(self._project_dir / model.star)
        particles.check(model)
        return DynaMightModel(model, half, particles)

    def _particle_file(self, path: Path) -> ParticleFile:
        """The particle file, read again only when it has changed."""
        try:
            status = path.stat()
        except OSError as error:
            raise UserError(
                "the particle file that the model was trained on is missing",
                path=path,
                hint="Put it back, or open the project in which the job was run.",
            ) from error
        key = (path, status.st_mtime_ns, status.st_size)
        if self._particles is None or self._particles[0] != key:
            self._particles = (key, ParticleFile(path, self._project_dir))
        return self._particles[1]


class DynaMightModel:
    """One half-set at one time (:class:`jobs.core.latent.ExploredModel`).

    Half-sets 1 and 2 are shown by their own models. Half-set 0 is the particles of both that were held out;
    they are shown by the Gaussians of half-set 1, moved by the mean of both displacement fields.

    Parameters
    ----------
    model
        Models of both half-sets.
    half
        1, 2 or 0.
    particles
        What is known of the particles.
    """

    def __init__(self, model: TrainedModel, half: int, particles: ParticleFile) -> None:
        self._model, self._particles, self._half = model, particles, half
        self._states: States = select_states(model, half)
        self._columns = particles.columns(self._states.rows)
        self._measures = Measures(
            self._states, lambda: particles.particles(self._states.rows), lambda: self._errors
        )

    @property
    def abilities(self) -> frozenset[str]:
        """All of them, but no errors before anything moves."""
        return frozenset(
            {
                *(latent.DISPLACE, latent.CLOUD, latent.FEATURES, latent.PARTICLE_VIEW),
                *((latent.DISAGREEMENT, latent.ERRORS) if self._states.moves else ()),
            }
        )

    @cached_property
    def embedding(self) -> Float32:
        """Means ``(P, L)`` of the posteriors, in the order of the particle file."""
        # A copy, as in cloud(): whoever gets it may change it, and the model is shared by all half-sets.
        means: Float32 = self._states.means.cpu().numpy().copy()
        return means

    @property
    def metadata(self) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of the particle file, ``image_name`` first; read when they are asked for."""
        return self._columns

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        """What :mod:`jobs.dynamight.latent_measures` can tell, computed when it is asked for."""
        return self._measures

    @cached_property
    def half_set(self) -> npt.NDArray[np.int64]:
        """Half-set ``(P,)``, 0 for particles held out."""
        rows = self._states.rows
        return np.where(self._model.validation[rows], 0, self._model.half[rows])

    @property
    def error(self) -> Float32 | None:
        """Predicted error of the displacement of each particle ``(P,)``, rms over the Gaussians, Å.

        None before anything moves, and of so many particles that it takes long: see the measures.
        """
        quick = self._states.moves and len(self._states.rows) <= _ERRORS_AT_ONCE
        return self._measures["error"] if quick else None

    @property
    def box(self) -> int:
        """Side of the box in voxels."""
        return self._model.frame.box

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of maps at full size, Å."""
        return self._model.frame.voxel_size_a

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of written maps, (x, y, z) in Å."""
        return self._model.frame.origin_a

    def decode(self, z: FloatArray | None, box: int | None = None) -> Float32:
        """Map ``[z, y, x]`` of a state ``(L,)``, of the consensus for None.

        With fewer voxels the map shows the same density on the same grey scale; Gaussians that would fall
        between its voxels are widened.

        Raises
        ------
        ValueError
            If the state has another number of coordinates, or the box makes no sense.
        """
        frame, states = self._model.frame, self._states
        box = frame.box if box is None else int(box)
        if box < 2 or (box % 2 and box != frame.box):
            raise ValueError(f"a map has an even number of voxels along each side, not {box}")
        voxel = frame.side_a / box
        points = states.gaussians_a
        if z is not None:
            points = points + states.shown.at_gaussians(states.tensor(z))
        widths = states.widths_a
        if box < frame.box:
            widths = widths.clamp(min=_NARROWEST_SHOWN * voxel)
        # The density of one voxel of the full map, whatever the voxels are.
        weights = states.weights * (box / frame.box) ** 3
        if points.is_cuda:
            return _downloaded(render_volume(points, weights, widths, box, voxel))
        threads = torch.get_num_threads()
        return draw_gaussians(points.numpy(), weights.numpy(), widths.numpy(), box, voxel, threads)

    def displace(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Where points ``(N, 3)`` of the consensus (Å, box centre) go in a state ``(L,)``."""
        moved = self._states.shown.at_points(self._states.tensor(z), points_a)
        return np.asarray(points_a, np.float32) + moved

    def cloud(self) -> Cloud:
        """The Gaussians of the consensus; those of half-set 1 for half-set 0."""
        states = self._states
        amplitude = states.weights.sum(0)
        width = (states.weights * states.widths_a[:, None]).sum(0) / amplitude.clamp(min=1e-30)
        return Cloud(*(values.cpu().numpy().copy() for values in (states.gaussians_a, amplitude, width)))

    def features(self) -> Float32:
        """Return ``(P, K)`` whose distances are rms differences of displacement over all Gaussians, Å."""
        return self._states.shown.features(self._states.means)

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Distance ``(N,)`` in Å between where the models of both half-sets move points in a state.

        Half-sets 1 and 2: at the state of the other model that deforms the molecule most alike.

        Raises
        ------
        NotImplementedError
            Before anything moves.
        """
        return self._errors_at(z, points_a)[1]

    def errors(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Predicted errors ``(N,)`` in Å of points in a state; NotImplementedError before anything moves."""
        return self._errors_at(z, points_a)[0]

    @cached_property
    def _errors(self) -> Errors | None:
        return Errors(self._model, self._half) if self._states.moves else None

    @cached_property
    def _state_errors(self) -> StateErrors:
        if self._errors is None:
            raise NotImplementedError("nothing has moved yet, so there are no errors of motion")
        return StateErrors(self._errors)

    def _errors_at(self, z: FloatArray, points_a: FloatArray) -> tuple[Float32, Float32]:
        return self._state_errors.at(self._states.tensor(z), points_a)

    def particle_view(self, index: int) -> ParticleView:
        """Image of a particle and projection of the model in its state.

        Raises
        ------
        IndexError
            If there is no such particle.
        UserError
            If the image is missing or damaged.
        """
        states = self._states
        if not 0 <= index < len(states.rows):
            raise IndexError(f"particle {index} of {len(states.rows)}")
        particle = self._particles.particle(int(states.rows[index]))
        points = states.gaussians_a + states.shown.at_gaussians(states.means[index])
        return view_particle(particle, states.model, points, states.correction(index))


def _downloaded(volume: torch.Tensor) -> Float32:
    """Bring a map from the GPU by way of pinned memory, which is several times quicker."""
    target = torch.empty(volume.shape, dtype=torch.float32, pin_memory=True)
    target.copy_(volume)
    result: Float32 = target.numpy()
    return result
