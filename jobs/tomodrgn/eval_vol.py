"""The task "Make volumes": the volume of each chosen place of the latent space."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import torch

from jobs.core.errors import UserError
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map
from jobs.tomodrgn.old_folders import TrainedFolder, open_folder
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.task_figures import show_volumes
from jobs.tomodrgn.trained_model import Trained
from jobs.tomodrgn.words import numbers_of

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

Z_VALUES: Final = "z_values.txt"
_PREFIX: Final = re.compile(r"[^/\0]*")


@dataclass(frozen=True)
class VolumeOrder:
    """Which volumes are to be written, and how.

    Attributes
    ----------
    zfile, z, z_start, z_end, n
        Latent places: a file, one place, or ``n`` places on a line; all particles' when nothing is given.
    box
        Side of the volumes, None = that of the images.
    lowpass_a, flip, invert
        What is done to them.
    pixel_size_a
        Written into headers instead of what is right; None = what is right.
    prefix
        Beginning of file names.
    batch
        Volumes computed together.
    """

    zfile: Path | None = None
    z: tuple[float, ...] = ()
    z_start: tuple[float, ...] = ()
    z_end: tuple[float, ...] = ()
    n: int = 10
    box: int | None = None
    lowpass_a: float | None = None
    flip: bool = False
    invert: bool = False
    pixel_size_a: float | None = None
    prefix: str = "vol_"
    batch: int = 8


def places_of(order: VolumeOrder, folder: TrainedFolder, epoch: int | None) -> np.ndarray | None:
    """Return the latent places ``(k, zdim)`` of an order; None for a model without latent space.

    Raises
    ------
    UserError
        When they do not fit the model.
    """
    zdim = folder.config.zdim
    given = [order.zfile is not None, bool(order.z), bool(order.z_start or order.z_end)]
    if not zdim:
        if any(given):
            raise UserError("a train_nn model has one volume and no latent places", path=folder.path)
        return None
    if sum(given) > 1:
        raise UserError(
            "latent places are given in more than one way",
            hint="Use one of --zfile, -z, or --z-start/--z-end",
        )
    if order.zfile is not None:
        places = read_places(order.zfile)
    elif order.z:
        places = np.array([order.z])
    elif order.z_start or order.z_end:
        if len(order.z_start) != len(order.z_end):
            raise UserError(
                f"the ends of the line have {len(order.z_start)} and {len(order.z_end)} coordinates",
                hint="Give --z-start and --z-end with as many numbers each",
            )
        share = np.linspace(0, 1, order.n)[:, None]
        places = np.array(order.z_start) * (1 - share) + np.array(order.z_end) * share
    else:
        places = folder.latent(epoch)[0]
    if places.shape[1] != zdim:
        raise UserError(
            f"places have {places.shape[1]} coordinates, but the model has {zdim} latent dimensions",
            path=order.zfile,
            hint=f"Give {zdim} numbers for each place (-z, --z-start and --z-end, or a row of --zfile)",
        )
    return places.astype(np.float32)


def read_places(path: Path) -> np.ndarray:
    """Read latent places ``(k, L)``, one per row, from a pickle, ``.npy`` or text file."""
    if path.suffix in (".pkl", ".pickle"):
        return read_latent(path)[0]
    try:
        found = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise UserError(f"these are no rows of numbers ({error})", path=path) from None
    if found.ndim != 2 or not len(found) or not np.isfinite(found).all():
        raise UserError("one row of numbers per place is expected", path=path)
    return found


def header_pixel_size(order: VolumeOrder, trained: Trained) -> float:
    """Pixel size of the written volumes, Å: the same space in fewer voxels has larger ones."""
    right = trained.pixel_size_a * trained.box / (order.box or trained.box)
    return order.pixel_size_a or right


def decoded(
    trained: Trained, places: np.ndarray | None, order: VolumeOrder
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the volumes ``[z, y, x]`` of places with their numbers, some computed together."""
    n = 1 if places is None else len(places)
    for start in range(0, n, order.batch):
        part = None if places is None else torch.from_numpy(places[start : start + order.batch].copy())
        volumes = trained.volumes(
            part, box=order.box, flip=order.flip, invert=order.invert, lowpass_a=order.lowpass_a
        )
        yield from enumerate(volumes.cpu().numpy(), start)


def write_volumes(
    trained: Trained,
    places: np.ndarray | None,
    order: VolumeOrder,
    out: Path,
    each: Callable[[int, int], None],
) -> list[Path]:
    """Write volumes and a list of their places into a folder.

    Parameters
    ----------
    trained, places, order
        What is written.
    out
        Folder, made when missing.
    each
        Called with volumes done and in all; may raise to stop.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    if not _PREFIX.fullmatch(order.prefix):
        raise UserError(f"'{order.prefix}' cannot begin the name of a file", hint="Leave out slashes")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder cannot be made: {error.strerror}", path=out) from error
    n = 1 if places is None else len(places)
    pixel = header_pixel_size(order, trained)
    written = []
    if places is not None:
        with replacing(out / Z_VALUES) as file:
            np.savetxt(file, places, fmt="%.8g")
    each(0, n)
    for number, volume in decoded(trained, places, order):
        path = out / f"{order.prefix}{number:03d}.mrc"
        write_map(path, volume.astype(np.float32, copy=False), pixel)
        written.append(path)
        each(number + 1, n)
    return written


def order_of(options: TomoDrgnOptions, project_dir: Path) -> VolumeOrder:
    """The order that a form describes."""

    def place(text: str) -> tuple[float, ...]:
        return tuple(numbers_of(text) or ())

    return VolumeOrder(
        zfile=project_dir / options.fn_zfile if options.fn_zfile else None,
        z=place(options.z_value),
        z_start=place(options.z_start),
        z_end=place(options.z_end),
        n=options.n_volumes,
        box=options.vol_downsample,
        lowpass_a=options.vol_lowpass,
        flip=options.vol_flip,
        invert=options.vol_invert,
        pixel_size_a=options.vol_angpix,
        prefix=options.vol_prefix,
        batch=options.vol_batch,
    )


def run(context: WorkerContext) -> None:
    """Write the volumes that the Tasks tab asks for into ``volumes.NNN``."""
    options = cast("TomoDrgnOptions", context.options)
    folder = open_folder(context.folder.path)
    epoch = None if options.epoch < 0 else options.epoch
    order = order_of(options, context.project_dir)
    places = places_of(order, folder, epoch)
    trained = folder.model(epoch, context.device)
    out = context.folder.path / f"volumes.{context.run:03d}"

    def each(done: int, of: int) -> None:
        context.check_abort()
        context.progress("volumes", done, of)

    written = write_volumes(trained, places, order, out, each)
    show_volumes(context, written)
    if len(written) == 1:
        context.add_output(f"{out.name}/{written[0].name}", "DensityMap.mrc.relion.tomodrgn")
    context.say(
        f"{len(written)} volumes of {header_pixel_size(order, trained):.4g} Å per voxel are in "
        f"{context.folder.name}{out.name}/"
    )
