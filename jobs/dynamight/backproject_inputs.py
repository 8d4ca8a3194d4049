"""What a deformed backprojection works on: model, images, region, masks, all checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.backproject_maps import domain_masks, molecule_mask
from jobs.dynamight.backproject_sums import HalfSums, Region, image_filter
from jobs.dynamight.displacements import find_checkpoint
from jobs.dynamight.images import ParticleImages
from jobs.dynamight.setup import read_consensus, views_of
from jobs.dynamight.state import TrainedModel, fingerprint, load_model
from jobs.formats.mrc import read_map
from jobs.formats.particles import read_particles
from jobs.formats.stacks import ImageStacks

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

#: Oversampled images that the CPU treats at once need no more memory than this, unless the batch is larger.
_WORTHWHILE_BYTES = 16 * 2**20
_LARGEST_BATCH = 64


@dataclass(frozen=True)
class Work:
    """Everything a run needs.

    Attributes
    ----------
    model
        The trained models.
    images
        All images.
    sums
        Empty sums of both half-sets.
    molecule
        ``(D, D, D)`` soft mask about the Gaussians.
    masks
        Masks within which half-maps are correlated; None for no mask.
    reference
        Map whose grey scale is wanted.
    batch
        Images treated at once.
    key
        Hash of everything that the sums depend on.
    """

    model: TrainedModel
    images: ParticleImages
    sums: tuple[HalfSums, HalfSums]
    molecule: Tensor
    masks: dict[str, Tensor | None]
    reference: Tensor | None
    batch: int
    key: str


def gather(context: WorkerContext, options: DynaMightOptions) -> Work:
    """Read model, particles, map and mask, and set up the sums.

    Raises
    ------
    UserError
        If a file is missing, damaged, or does not belong to the model.
    """
    chosen = context.project_dir / options.fn_checkpoint if options.fn_checkpoint else None
    device = torch.device(context.device)
    model = load_model(find_checkpoint(context.folder.path, chosen), device)
    images = _images(context, options, model, device)
    molecule = molecule_mask(model)
    given = _cube(context, options.mask_file, model, "mask")
    if given is not None:
        given = given.clamp(0, 1)
    region = _region(molecule, given, options) if options.do_deformations else None
    filtered = image_filter(images)
    first, second = (
        HalfSums(half, images, _corrections(model, number, device), filtered, region)
        for number, half in enumerate(model.halves)
    )
    masks: dict[str, Tensor | None] = {"": None, "masked": molecule, **domain_masks(model)}
    if given is not None:
        masks["given"] = given
    batch = _batch_size(options.backproject_batchsize, model.frame.box, device)
    facts = (
        *(model.fingerprint, model.path.name, model.path.stat().st_size, options.downsample),
        *(options.do_deformations, batch, options.particle_diameter, options.soft_edge_width),
        *(float(half.means.double().sum()) for half in model.halves),
        *(float(half.model.positions.detach().double().sum()) for half in model.halves),
        None if given is None else hashlib.sha256(given.numpy().tobytes()).hexdigest(),
    )
    return Work(
        model,
        images,
        (first, second),
        molecule,
        masks,
        _reference(context, options, model),
        batch,
        hashlib.sha256(repr(facts).encode()).hexdigest(),
    )


def _region(molecule: Tensor, given: Tensor | None, options: DynaMightOptions) -> Region:
    """Where the motion is undone: about the Gaussians, as far as the mask lets the molecule move."""
    if given is not None and not bool((molecule * given > 0).any()):
        raise UserError(
            "the deformation mask and the molecule have no voxel in common",
            path=options.mask_file,
            hint="Choose a mask that is 1 where the molecule moves, or none.",
        )
    return Region.make(molecule, options.downsample, given)


def _images(
    context: WorkerContext, options: DynaMightOptions, model: TrainedModel, device: torch.device
) -> ParticleImages:
    path = context.project_dir / model.star
    particles = read_particles(path, context.project_dir)
    if fingerprint(particles) != model.fingerprint:
        raise UserError(
            "the particles have changed since the model was trained",
            path=path,
            hint=f"Restore the particle file that {model.path.name} was trained on.",
        )
    images = ParticleImages(
        ImageStacks(particles, preload=False),
        views_of(particles, model.frame.box, model.frame.voxel_size_a),
        device,
        diameter_a=options.particle_diameter,
        edge_a=options.soft_edge_width,
        preload=options.do_preload,
        n_threads=options.n_workers,
    )

    def read(done: int, of: int) -> None:
        context.check_abort()
        context.progress("read images", done, of)

    if options.do_preload:
        # One pass needs every image once: keeping them is only worth it when the user asks for it.
        images.prepare(model.frame.box, read)
    return images


def _corrections(model: TrainedModel, number: int, device: torch.device) -> Tensor | None:
    """Refined poses ``(p, 5)`` of a half-set, None when they were not refined."""
    saved = model.state["training"]["halves"][number].get("poses")
    return None if saved is None else saved["table"].to(device)


def _cube(context: WorkerContext, name: str, model: TrainedModel, what: str) -> Tensor | None:
    """A volume in the box of the model."""
    if not name:
        return None
    path: Path = context.project_dir / name
    data = read_map(path).data
    box = model.frame.box
    if data.shape != (box, box, box):
        raise UserError(
            f"the {what} has {data.shape[2]} x {data.shape[1]} x {data.shape[0]} voxels, "
            f"the model has a box of {box}",
            path=path,
            hint=f"Choose a {what} in the box of the particles.",
        )
    return torch.from_numpy(data.copy()).float()


def _reference(context: WorkerContext, options: DynaMightOptions, model: TrainedModel) -> Tensor | None:
    """The consensus map of the job, if it has one that is still there."""
    path = context.project_dir / options.fn_map
    if not options.fn_map or not path.is_file():
        return None
    frame = model.frame
    return torch.from_numpy(read_consensus(path, frame.box, frame.voxel_size_a).data.copy()).float()


def _batch_size(wanted: int, box: int, device: torch.device) -> int:
    """The batch size asked for; on the CPU at least what makes the work of a batch worth its overhead."""
    if device.type == "cuda":
        return wanted
    return max(wanted, min(_LARGEST_BATCH, _WORTHWHILE_BYTES // (16 * box * box)))
