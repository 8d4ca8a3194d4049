"""Images of single particles from any file that holds them: STAR, MRC stack, cryoSPARC, EMAN2's HDF."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.eman_input import eman_tables
from jobs.formats.image_tables import image_tables, name_in_project
from jobs.formats.mrc_header import read_map_header
from jobs.formats.optics import PIXEL_SIZE_COLUMNS, OpticsReader
from jobs.formats.particle_set import ParticleSet
from jobs.formats.particles import particle_table, particles_from_tables, read_particles
from jobs.formats.project_names import named_from_project
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray

_HDF: Final = (".hdf", ".h5", ".hdf5")
_MRC: Final = (".mrcs", ".mrc", ".st", ".map")
# Pixel sizes that differ by more cannot be classified together.
_SAME_PIXEL_SIZE = 0.02
_SEGMENT_ANGLES: Final = ("rlnAnglePsiPrior",)


@dataclass(frozen=True, eq=False)
class CtfTable:
    """CTF parameters of `n` images, one `(n,)` array each.

    Attributes
    ----------
    defocus_u_a, defocus_v_a, defocus_angle_deg
        Å and degrees, positive = underfocus.
    voltage_kv, cs_mm, amplitude_contrast, phase_shift_deg
        kV, mm, fraction, degrees.
    applied
        True where signs are corrected already (flipped, or multiplied by the CTF).
    """

    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    voltage_kv: FloatArray
    cs_mm: FloatArray
    amplitude_contrast: FloatArray
    phase_shift_deg: FloatArray
    applied: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ImageInput:
    """Images and what is known of them, whatever file they came in.

    Attributes
    ----------
    path
        The file that was given.
    count, box
        Number of images, and their side in pixels.
    pixel_size_a
        Å; None when the file does not say.
    particles
        The same as a particle set: tables with every column and block to write back (of a file without
        tables: those made of its headers), and the parameters of every image.
    ctf
        None when the file has no CTF.
    segment_angle_deg
        `(n,)` direction (cos, -sin) of the filament in x and y (rows), or None.
    warnings
        What the user should know.
    """

    path: Path
    count: int
    box: int
    pixel_size_a: float | None
    particles: ParticleSet
    ctf: CtfTable | None
    segment_angle_deg: FloatArray | None
    warnings: tuple[str, ...] = ()
    _source: ImageStacks | EmanStack = field(repr=False, kw_only=True)

    def __len__(self) -> int:
        return self.count

    @property
    def image_name(self) -> TextArray:
        """`(n,)` identities as RELION writes them, ``000012@stack.mrcs``."""
        return self.particles.image_name

    @property
    def section(self) -> IntArray:
        """`(n,)` section of each image in its stack, from 0."""
        return self.particles.section

    def stack_of(self, i: int) -> Path:
        """Return the file that image `i` lies in."""
        return self.particles.stacks[int(self.particles.stack[i])]

    @property
    def tables(self) -> dict[str, StarTable]:
        """All blocks of the STAR file, to write back."""
        return self.particles.tables

    def read(self, indices: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return images `(b, y, x)` float32 in the order asked for; runs of numbers are read fastest.

        Raises
        ------
        IndexError
            When a number is outside the set.
        FormatError
            When an image is missing or damaged.
        """
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        if isinstance(self._source, ImageStacks):
            return self._source.read(wanted)
        out = np.empty((len(wanted), self.box, self.box), np.float32)
        return self._source.images(wanted, out)

    def close(self) -> None:
        """Close the files; those of MRC stacks open again when needed."""
        self._source.close()


def read_image_input(
    path: str | Path, project_dir: Path | None = None, pixel_size_a: float | None = None
) -> ImageInput:
    """Open images of single particles.

    Parameters
    ----------
    path
        STAR file of RELION, ``.cs`` file of cryoSPARC, MRC stack, or HDF stack of EMAN2.
    project_dir
        Folder to which image paths are relative. Those that a STAR file names from its own folder are named
        from the project, so that what is written with them can be read there.
    pixel_size_a
        Pixel size in Å, instead of what the file says.

    Raises
    ------
    FormatError
        For all that is wrong with the file: missing, cut short, images not square, three-dimensional, of
        several boxes or pixel sizes.
    UserError
        For ``bdb:`` stacks, with what to do instead.
    """
    if "bdb:" in str(path):
        raise UserError(
            f"{path} is a bdb: stack, which only EMAN2 before 2.91 can read",
            hint="Convert it there with e2proc2d.py bdb:folder#name stack.hdf, and give stack.hdf",
        )
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in _HDF:
        return _from_hdf(file, project_dir, pixel_size_a)
    if suffix in _MRC:
        return _from_stack(file, project_dir, pixel_size_a)
    if suffix == ".cs":
        particles = read_particles(
            file, project_dir, require_poses=False, permissive=True, pixel_size_a=pixel_size_a
        )
        return _input(particles, ImageStacks(particles), particles.pixel_size_a, None, None)
    return _from_star(file, project_dir, pixel_size_a)


def _from_star(path: Path, project_dir: Path | None, pixel_size_a: float | None) -> ImageInput:
    tables = read_star_tables(path)
    reader = OpticsReader(particle_table(tables, path), tables.get("optics"), path)
    stated = any(reader.has(c) for c in (*PIXEL_SIZE_COLUMNS, "rlnDetectorPixelSize"))
    given = pixel_size_a if stated or pixel_size_a is not None else 1.0
    particles = particles_from_tables(
        tables, path, project_dir, require_poses=False, permissive=True, pixel_size_a=given
    )
    if project_dir is not None:
        particles = named_from_project(particles, project_dir)
    pixel: FloatArray | float | None = particles.pixel_size_a
    if not stated and pixel_size_a is None:
        # the stack may know what the table does not
        pixel = read_map_header(particles.stacks[0], permissive=True).voxel_size_a or None
        if pixel is None and particles.ctf_known.any():
            raise FormatError(
                "neither the file nor its images state a pixel size, which the CTF needs",
                path=path,
                hint="Give the pixel size",
            )
        particles = replace(particles, pixel_size_a=np.full(particles.n, pixel or 1.0))
    angle = next((particles.table.floats(c) for c in _SEGMENT_ANGLES if c in particles.table), None)
    # the rows of a ready set: only now is the optics group of every particle checked
    column = "rlnCtfDataArePhaseFlipped"
    flipped = None
    if column in particles.table:
        flipped = particles.table.floats(column) != 0
    elif "optics" in tables and column in tables["optics"]:
        flipped = tables["optics"].floats(column)[particles.optics_group] != 0
    return _input(particles, ImageStacks(particles), pixel, angle, flipped)


def _from_stack(path: Path, project_dir: Path | None, pixel_size_a: float | None) -> ImageInput:
    header = read_map_header(path, permissive=True)
    count, height, width = header.shape
    if height != width:
        raise FormatError(f"the images are {width} × {height} pixels, not square", path=path)
    pixel = pixel_size_a or header.voxel_size_a or None
    tables = image_tables(name_in_project(path, project_dir), count, pixel)
    particles = _unchecked(tables, path, project_dir, pixel)
    return _input(particles, ImageStacks(particles), pixel, None, None)


def _from_hdf(path: Path, project_dir: Path | None, pixel_size_a: float | None) -> ImageInput:
    stack = EmanStack(path)
    try:
        shape = stack.shape(0)
        if len(shape) != 2 or shape[0] != shape[1]:
            size = " × ".join(str(k) for k in reversed(shape))
            raise FormatError(f"the images are {size} pixels, not square", path=path)
        missing = np.flatnonzero(~stack.present())
        if len(missing):
            raise FormatError(
                f"{len(missing):,} of {len(stack):,} images are missing in the stack, the "
                f"first is {missing[0]}",
                path=path,
                hint="Was it being written when its program ended? Write it anew.",
            )
        columns, pixel, angle, applied = eman_tables(stack)
        pixel = pixel_size_a or pixel
        tables = image_tables(name_in_project(path, project_dir), len(stack), pixel, columns)
        particles = _unchecked(tables, path, project_dir, pixel)
        return _input(particles, stack, pixel, angle, applied, box=shape[0])
    except BaseException:
        stack.close()
        raise


def _unchecked(
    tables: dict[str, StarTable], path: Path, project_dir: Path | None, pixel: float | None
) -> ParticleSet:
    """A particle set of a stack without tables; RELION's rule of even boxes does not bind it."""
    return particles_from_tables(
        tables,
        path,
        path.absolute().parent if project_dir is None else project_dir.absolute(),
        require_images=False,
        require_poses=False,
        permissive=True,
        pixel_size_a=None if pixel is not None else 1.0,
    )


def _input(
    particles: ParticleSet,
    source: ImageStacks | EmanStack,
    pixel: FloatArray | float | None,
    angle: FloatArray | None,
    applied: npt.NDArray[np.bool_] | None,
    box: int | None = None,
) -> ImageInput:
    if isinstance(source, ImageStacks):
        box = source.box
    assert box is not None
    if isinstance(pixel, np.ndarray):
        if pixel.max() > pixel.min() * (1 + _SAME_PIXEL_SIZE):
            raise FormatError(
                f"the images have pixel sizes from {pixel.min():g} to {pixel.max():g} Å",
                path=particles.path,
                hint="Extract all particles with one pixel size",
            )
        pixel = float(np.median(pixel))
    return ImageInput(
        path=particles.path,
        count=particles.n,
        box=box,
        pixel_size_a=pixel,
        particles=particles,
        ctf=_ctf(particles, applied),
        segment_angle_deg=angle,
        warnings=particles.warnings,
        _source=source,
    )


def _ctf(particles: ParticleSet, applied: npt.NDArray[np.bool_] | None) -> CtfTable | None:
    if not particles.ctf_known.any():
        return None
    done = particles.ctf_premultiplied | ~particles.ctf_known
    return CtfTable(
        defocus_u_a=particles.defocus_u_a,
        defocus_v_a=particles.defocus_v_a,
        defocus_angle_deg=particles.defocus_angle_deg,
        voltage_kv=particles.voltage_kv,
        cs_mm=particles.spherical_aberration_mm,
        amplitude_contrast=particles.amplitude_contrast,
        phase_shift_deg=particles.phase_shift_deg,
        applied=done if applied is None else done | applied,
    )
