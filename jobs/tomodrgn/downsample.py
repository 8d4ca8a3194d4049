"""Make image stacks and volumes smaller by cropping their Fourier transforms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import replacing
from jobs.formats.mrc import read_map, write_map, write_stack
from jobs.formats.mrc_header import MapHeader, read_map_header
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.fourier import (
    crop_rfft,
    image_to_rfft,
    rfft_to_image,
    rfft_to_volume,
    volume_to_rfft,
)
from jobs.tomodrgn.downsample_star import write_downsampled_star


@dataclass(frozen=True)
class Downsampled:
    """Files written, and the new size.

    Attributes
    ----------
    outputs
        Volume, stack, or its chunks in order.
    lists
        Text file that names the chunks, and star file, where they were asked for.
    box, pixel_size_a
        Of the output; the pixel size is 0 where the input does not state one.
    """

    outputs: list[Path]
    lists: list[Path]
    box: int
    pixel_size_a: float


def _nothing(done: int, of: int) -> None:
    """Say nothing about progress."""


@dataclass(frozen=True)
class DownsampleOptions:
    """What is made smaller, and how it is written.

    Attributes
    ----------
    box
        New even box, not larger than that of the input (the same box copies).
    is_vol
        The input is a volume.
    chunk
        Images of each output file ``X.0.mrcs``, ``X.1.mrcs`` …, which ``X.txt`` lists; None writes one.
    batch_size
        Images transformed together at most.
    lazy
        Read images when needed; the result is the same.
    write_tiltseries_starfile
        Also write ``X.star`` with new image names, pixel size and box.
    """

    box: int
    is_vol: bool = False
    chunk: int | None = None
    batch_size: int = 5000
    lazy: bool = True
    write_tiltseries_starfile: bool = False


def downsample(
    source: str | Path,
    output: str | Path,
    options: DownsampleOptions,
    *,
    datadir: str | Path | None = None,
    project_dir: str | Path | None = None,
    each: Callable[[int, int], None] = _nothing,
) -> Downsampled:
    """Crop a volume, a stack, or all images of a particle file to a smaller box of the same extent.

    Values keep their scale (a constant stays what it is), the centre stays at voxel ``box // 2``, and the
    type of the input is kept, float16 included.

    Parameters
    ----------
    source
        ``.mrc`` volume, ``.mrcs`` stack, ``.txt`` list of stacks, or a star file of tilt-series particles.
    output
        ``.mrc`` for a volume, else ``.mrcs``.
    options
        How.
    datadir, project_dir
        Where the images of a star file are.
    each
        Called with images done and in all; may raise to stop.

    Raises
    ------
    UserError
        When the box is odd or too large, names do not fit, a file is damaged or cannot be written.
    """
    path, target = Path(source), Path(output)
    box, chunk = options.box, options.chunk
    if box < 2 or box % 2:
        raise UserError(f"an even box is expected, not {box}", column="downsample")
    if chunk is not None and chunk < 1:
        raise UserError(f"a chunk holds one image at least, not {chunk}", column="chunk")
    if target.suffix != (".mrc" if options.is_vol else ".mrcs"):
        wanted = ".mrc of a volume" if options.is_vol else ".mrcs of a stack"
        raise UserError(f"the output must end in {wanted}", path=target, column="output")
    target.parent.mkdir(parents=True, exist_ok=True)
    if options.is_vol:
        return _volume(path, target, box)
    particles = None
    images: ImageStacks
    if path.suffix == ".star":
        particles = read_tilt_particles(path, project_dir, datadir=datadir)
        images, pixel = ImageStacks(particles, preload=not options.lazy), particles.pixel_size_a
    else:
        stacks = _Stacks.of(path)
        images, pixel = ImageStacks(stacks, preload=not options.lazy), stacks.pixel_size_a
    if options.write_tiltseries_starfile and particles is None:
        raise UserError("a star file can only be written of a star file", path=path)
    _check_box(box, images.box, path)
    new_pixel = pixel * images.box / box
    sizes = _sizes(images.n, chunk)
    outputs = [target] if chunk is None else [target.with_suffix(f".{i}.mrcs") for i in range(len(sizes))]
    begin = 0
    for file, size in zip(outputs, sizes, strict=True):
        portions = _portions(images, begin, size, box, options.batch_size, each)
        write_stack(file, portions, new_pixel, dtype=images.dtype)
        begin += size
    images.close()
    lists = []
    if chunk is not None:
        lists.append(target.with_suffix(".txt"))
        with replacing(lists[0]) as text:
            text.write("".join(f"{file.name}\n" for file in outputs).encode())
    if options.write_tiltseries_starfile and particles is not None:
        lists.append(target.with_suffix(".star"))
        write_downsampled_star(particles, lists[-1], outputs, sizes, box)
    return Downsampled(outputs, lists, box, new_pixel)


def _volume(path: Path, target: Path, box: int) -> Downsampled:
    volume = read_map(path, permissive=True)
    side = volume.data.shape[0]
    if volume.data.shape != (side,) * 3:
        raise FormatError("a cube is expected", path=path)
    _check_box(box, side, path)
    transform = crop_rfft(volume_to_rfft(torch.from_numpy(volume.data)), box, ndim=3)
    small = rfft_to_volume(transform, box) * (box / side) ** 1.5
    voxel = volume.voxel_size_a * side / box
    # The centre voxel stays where it is in space.
    origin = tuple(
        o + volume.voxel_size_a * (side // 2) - voxel * (box // 2) if any(volume.origin_a) else 0.0
        for o in volume.origin_a
    )
    dtype = _native(volume.header)
    write_map(target, small.numpy(), voxel, (origin[0], origin[1], origin[2]), dtype=dtype)
    return Downsampled([target], [], box, voxel)


def _portions(
    images: ImageStacks, begin: int, size: int, box: int, batch: int, each: Callable[[int, int], None]
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield smaller images in portions; the float32 copies of a portion stay below 256 MiB."""
    most = max(1, min(batch, (1 << 28) // (4 * images.box**2)))
    for first in range(begin, begin + size, most):
        rows = np.arange(first, min(first + most, begin + size))
        transform = image_to_rfft(torch.from_numpy(images.read(rows)))
        # Orthonormal transforms: without the factor a constant would grow with the ratio of the boxes.
        small = rfft_to_image(crop_rfft(transform, box), box) * (box / images.box)
        each(int(rows[-1]) + 1, images.n)
        yield small.numpy()


def _sizes(n: int, chunk: int | None) -> list[int]:
    if chunk is None:
        return [n]
    return [min(chunk, n - begin) for begin in range(0, n, chunk)]


def _check_box(box: int, side: int, path: Path) -> None:
    if side % 2:
        raise UserError(f"the box of {side} pixels is odd, an even one is expected", path=path)
    if box > side:
        raise UserError(
            f"a box of {box} pixels is not smaller than that of the images ({side})",
            path=path,
            hint=f"Give an even -d below {side}",
        )


def _native(header: MapHeader) -> np.dtype[np.generic]:
    return header.dtype.newbyteorder("=")


@dataclass(frozen=True, eq=False)
class _Stacks:
    """All images of one stack, or of the stacks that a text file lists."""

    stacks: list[Path]
    stack: np.ndarray[Any, np.dtype[np.int64]]
    section: np.ndarray[Any, np.dtype[np.int64]]
    pixel_size_a: float

    @classmethod
    def of(cls, path: Path) -> _Stacks:
        files = [path]
        if path.suffix == ".txt":
            names = [name for name in re.split(r"\s*\n\s*", path.read_text()) if name]
            files = [path.parent / name for name in names]
        headers = [read_map_header(file, permissive=True) for file in files]
        counts = [h.shape[0] for h in headers]
        section = np.concatenate([np.arange(n, dtype=np.int64) for n in counts])
        stack = np.repeat(np.arange(len(files), dtype=np.int64), counts)
        return cls(files, stack, section, headers[0].voxel_size_a)
