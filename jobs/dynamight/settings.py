"""What a training is told to do: the job's options as plain numbers, usable without a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.dynamight.params import DynaMightOptions


@dataclass(frozen=True)
class TrainingSettings:
    """All settings of the estimation of motions; lengths in Å.

    Names and meanings are those of the options in :mod:`jobs.dynamight.params` and
    :mod:`jobs.dynamight.advanced`, where each is explained once.
    """

    n_gaussians: int = 10000
    threshold: float | None = None
    regularization_factor: float = 1.0
    n_widths: int = 1
    n_latent: int = 6
    n_modes: int = 24
    n_neurons: int = 64
    n_layers: int = 2
    n_frequencies: int = 4
    n_warmup_epochs: int = 3
    n_epochs: int = 150
    batch_size: int = 64
    weight_decay: float = 0.0
    kld_factor: float = 1.0
    consensus_update_rate: float = 1.0
    consensus_update_decay: float = 0.95
    consensus_update_pooled_particles: int = 0
    combine_resolution: float = 8.0
    apply_bfactor: float = 0.0
    particle_diameter: float | None = None
    soft_edge_width: float = 20.0
    initial_resolution: float = 8.0
    use_data_normalization: bool = True
    pose_refinement: bool = False
    validation_fraction: float = 0.1
    preload: bool = False
    n_workers: int = 1
    max_minutes: float | None = None
    seed: int = 0
    regularise_by_model: bool = False

    @classmethod
    def from_options(cls, options: DynaMightOptions, seed: int | None = None) -> TrainingSettings:
        """Settings of a job."""
        return cls(
            n_gaussians=options.nr_gaussians,
            threshold=options.initial_threshold,
            regularization_factor=options.reg_factor,
            n_widths=options.n_gaussian_widths,
            n_latent=options.n_latent_dimensions,
            n_modes=options.n_motion_modes,
            n_neurons=options.n_neurons_per_layer,
            n_layers=options.n_linear_layers,
            n_frequencies=options.n_positional_encoding_dimensions,
            n_warmup_epochs=options.n_warmup_epochs,
            n_epochs=options.n_epochs,
            batch_size=options.batch_size,
            weight_decay=options.weight_decay,
            kld_factor=options.kld_factor,
            consensus_update_rate=options.consensus_update_rate,
            consensus_update_decay=options.consensus_update_decay,
            consensus_update_pooled_particles=options.consensus_update_pooled_particles,
            combine_resolution=options.combine_resolution,
            apply_bfactor=options.apply_bfactor,
            particle_diameter=options.particle_diameter,
            soft_edge_width=options.soft_edge_width,
            initial_resolution=options.initial_resolution,
            use_data_normalization=options.use_data_normalization,
            pose_refinement=options.pose_refinement,
            validation_fraction=options.validation_fraction,
            preload=options.do_preload,
            n_workers=options.n_workers,
            max_minutes=options.max_minutes,
            seed=options.seed if seed is None else seed,
            regularise_by_model=options.regularise_by_model,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingInput:
    """Files a training reads: particle STAR file, and optionally map, masks and atomic model.

    ``mask`` is the deformation mask, ``body_masks`` the folder with a mask for each rigid body.
    """

    star: Path
    project_dir: Path
    map: Path | None = None
    mask: Path | None = None
    atomic_model: Path | None = None
    body_masks: Path | None = None
