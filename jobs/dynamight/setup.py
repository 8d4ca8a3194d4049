"""From files to a training: reads particles, map and mask, checks them, places the Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.atomic_model import PlacedBeads, begin_with_model, start_half
from jobs.dynamight.field import FieldShape
from jobs.dynamight.half_training import HalfTraining, StepSizes
from jobs.dynamight.halves import Split, split_particles
from jobs.dynamight.image_frame import SAME_PIXEL, image_frame, pixel_of_map
from jobs.dynamight.image_frame import views_of as views_of
from jobs.dynamight.images import ParticleImages
from jobs.dynamight.model import Frame, GaussianModel, initial_widths, mask_at, radius_of_gyration
from jobs.dynamight.noise import NoiseModel
from jobs.dynamight.rigid_field import PER_BODY, RigidBodies
from jobs.dynamight.rigid_masks import read_bodies
from jobs.dynamight.schedule import Schedule, working_boxes
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.training import Training
from jobs.formats.mrc import MapFile, read_map
from jobs.formats.particles import ParticleSet, read_particles
from jobs.formats.stacks import ImageStacks
from jobs.maths.gaussians import automatic_threshold, radius_graph, seed_points

#: Resolution in Å of the coarse stage, and of the images from which a missing map is reconstructed.
COARSE_RESOLUTION_A = 12.0
#: The positional encoding repeats over this many radii of gyration, and has this many waves on that length.
EXTENT_IN_RADII = 6.0
MAX_FREQUENCY = 6.0
#: Weight of the prior of the states when bodies are rigid. No restraint holds them back there, and at 1 the
#: states that no true motion needs are learnt to follow the noise: on R1 the turn is off by 3.3° then, and
#: by 2.6° with 2 and with 4.
RIGID_PRIOR = 2.0


@dataclass(frozen=True)
class Prepared:
    """A training ready to start, with what it was made from."""

    training: Training
    images: ParticleImages
    particles: ParticleSet
    split: Split
    frame: Frame
    threshold: float
    consensus: MapFile | None


def prepare_training(
    source: TrainingInput,
    settings: TrainingSettings,
    device: torch.device,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Read everything, check it, and set up both half-sets.

    Parameters
    ----------
    source: TrainingInput
        Files.
    settings: TrainingSettings
        Settings.
    device: torch.device
        Where the training runs.
    say, progress: callable
        Told in words what was found, and how many of how many images are ready.

    Raises
    ------
    UserError
        If files are missing, damaged, or do not belong together; the message names the file.
    """
    particles = read_particles(source.star, source.project_dir)
    for warning in particles.warnings:
        say(f"Warning: {warning}")
    box, pixel_size_a = image_frame(particles)
    if source.map is not None:
        pixel_size_a = pixel_of_map(particles, source.map, pixel_size_a)
    consensus = None if source.map is None else read_consensus(source.map, box, pixel_size_a)
    mask = None if source.mask is None else _read_mask(source.mask, box, pixel_size_a)
    split = split_particles(particles.half, settings.validation_fraction, settings.seed)
    say(
        f"{particles.n:,} particles, box {box}, {pixel_size_a:.4g} Å per pixel; half-sets: {split.source}; "
        f"{int(split.validation.sum()):,} particles held out for validation"
    )
    origin = consensus.origin_a if consensus is not None else (0.0, 0.0, 0.0)
    frame = Frame(box, pixel_size_a, origin)
    images = ParticleImages(
        ImageStacks(particles, preload=False),
        views_of(particles, box, pixel_size_a),
        device,
        diameter_a=settings.particle_diameter,
        edge_a=settings.soft_edge_width,
        preload=settings.preload,
        n_threads=settings.n_workers,
    )
    generator = torch.Generator().manual_seed(settings.seed)
    beads: PlacedBeads | None = None
    if source.atomic_model is not None:
        beads = begin_with_model(source.atomic_model, frame, settings, consensus, say)
        points, threshold = beads.points_a, float("nan")
    else:
        volume = _consensus_volume(consensus, images, settings, say)
        threshold = automatic_threshold(volume) if settings.threshold is None else settings.threshold
        points = _place(volume, pixel_size_a, settings.n_gaussians, threshold, generator, source.map)
        say(f"{len(points):,} Gaussians placed in density above {threshold:.4g}")
    if mask is not None:
        _check_mobility(mask, points, frame, source.mask)
    bodies = None
    if source.body_masks is not None:
        bodies = read_bodies(
            source.body_masks, points, frame, lambda path: _read_mask(path, box, pixel_size_a), say
        )
    _, distance = radius_graph(points)
    widths = initial_widths(max(distance, pixel_size_a), settings.n_widths)
    boxes = working_boxes(box, pixel_size_a, float(widths[0]), COARSE_RESOLUTION_A)
    images.prepare(boxes[1], progress)
    say(
        f"images are compared at box {boxes[0]}, then {boxes[1]} (of {box}); "
        + ("all are kept in memory" if images.kept else "they are read from disk in every epoch")
    )
    shape = FieldShape(
        n_latent=settings.n_latent,
        n_modes=settings.n_modes if bodies is None else PER_BODY * bodies.n,
        width=settings.n_neurons,
        n_layers=settings.n_layers,
        n_frequencies=settings.n_frequencies,
        max_frequency=MAX_FREQUENCY,
        extent_a=EXTENT_IN_RADII * max(radius_of_gyration(points), pixel_size_a),
    )
    halves = tuple(
        build_half(h, points, widths, shape, frame, images, split, settings, mask, bodies) for h in (1, 2)
    )
    if beads is not None:
        for each in halves:
            start_half(each, beads, restrain=settings.regularise_by_model)
    noise = NoiseModel(
        boxes[1], box, device, by_shell=settings.use_data_normalization, falloff=settings.apply_bfactor
    )
    per_half = max(1, particles.n // 2)
    schedule = Schedule.plan(per_half, settings.n_warmup_epochs, settings.n_epochs)
    training = Training(settings, (halves[0], halves[1]), noise, schedule, boxes)
    return Prepared(training, images, particles, split, frame, threshold, consensus)


def build_half(
    half: int,
    points: Tensor,
    widths: Tensor,
    shape: FieldShape,
    frame: Frame,
    images: ParticleImages,
    split: Split,
    settings: TrainingSettings,
    mask: Tensor | None,
    bodies: RigidBodies | None = None,
) -> HalfTraining:
    """Set up model and training of a half-set; both start from the same Gaussians."""
    seed = 1000 * settings.seed + 10 * half
    model = GaussianModel(points, widths, shape, frame, torch.Generator().manual_seed(seed + 5), mask, bodies)
    rows = split.rows(half)
    return HalfTraining(
        model.to(images.device),
        images,
        torch.from_numpy(rows),
        torch.from_numpy(split.validation[rows]),
        sizes=StepSizes(
            prior=settings.kld_factor * (1.0 if bodies is None else RIGID_PRIOR),
            restraint=settings.regularization_factor,
            weight_decay=settings.weight_decay,
        ),
        batch_size=settings.batch_size,
        seed=seed,
        refine_poses=settings.pose_refinement,
    )


def read_consensus(path: Path, box: int, pixel_size_a: float) -> MapFile:
    """Read the consensus map and check that it has the box and pixel size of the particles."""
    consensus = read_map(path)
    _check_grid(consensus, path, box, pixel_size_a, "map")
    return consensus


def _check_grid(found: MapFile, path: Path, box: int, pixel_size_a: float, what: str) -> None:
    shape = found.data.shape
    if shape != (box, box, box):
        raise UserError(
            f"the {what} has {shape[2]} x {shape[1]} x {shape[0]} voxels, the particles have a box of {box}",
            path=path,
            hint=f"Choose the {what} of the refinement that the particles come from, or re-extract them.",
        )
    if found.voxel_size_a > 0 and abs(found.voxel_size_a / pixel_size_a - 1) > SAME_PIXEL:
        raise UserError(
            f"the {what} has voxels of {found.voxel_size_a:.4g} Å, "
            f"the particles pixels of {pixel_size_a:.4g} Å",
            path=path,
            hint=f"Choose the {what} of the refinement that the particles come from.",
        )


def _read_mask(path: Path, box: int, pixel_size_a: float) -> Tensor:
    mask = read_map(path)
    _check_grid(mask, path, box, pixel_size_a, "mask")
    values = torch.from_numpy(mask.data).clamp(0, 1)
    if not bool((values > 0.5).any()):
        raise UserError("the mask lets nothing move: no voxel is above 0.5", path=path)
    return values


def _check_mobility(mask: Tensor, points: Tensor, frame: Frame, path: Path | None) -> None:
    """Refuse a mask that leaves every Gaussian where it is."""
    mobility = mask_at(mask, points, frame)
    if not bool((mobility > 0.5).any()):
        raise UserError(
            f"the mask lets none of the {len(points):,} Gaussians move",
            path=path,
            hint="Choose a mask that holds the flexible part of the molecule, in the box of the map.",
        )


def _consensus_volume(
    consensus: MapFile | None, images: ParticleImages, settings: TrainingSettings, say: Callable[[str], None]
) -> Tensor:
    """The map in which Gaussians are placed; reconstructed from the particles if there is none."""
    if consensus is not None:
        return torch.from_numpy(consensus.data)
    from jobs.dynamight.no_map import reconstruct_consensus

    say("no consensus map was given: one is reconstructed from the particles")
    return reconstruct_consensus(images, settings.initial_resolution)


def _place(
    volume: Tensor,
    pixel_size_a: float,
    n_gaussians: int,
    threshold: float,
    generator: torch.Generator,
    path: Path | None,
) -> Tensor:
    try:
        return seed_points(volume, pixel_size_a, n_gaussians, threshold, generator)
    except ValueError as error:
        raise UserError(
            f"no Gaussian can be placed: {error}",
            path=path,
            hint="Lower the initial map threshold, or leave it empty.",
        ) from error
