"""Particles of tilt series: each is seen in several images, which need not be equally many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray


@dataclass(frozen=True, eq=False)
class TiltParticles:
    """`P` particles in `N` images. Never changed; :meth:`select` returns a new set.

    Images of particle ``p`` are ``first[p]`` to ``first[p + 1]``, in the order of the file; the particles are
    in the order in which the file names them first. Works where :class:`jobs.formats.stacks.ImageStacks` and
    :func:`jobs.maths.ctf.from_particles` ask for particles, image by image.

    Attributes
    ----------
    path
        STAR file that was opened (of an optimisation set: the set).
    project_dir
        Folder to which image paths are relative.
    flavour
        Who wrote the file: ``warp``, ``nextpyp``, ``warptools``, ``relion5`` or ``series`` (some other table
        with one row per image).
    particle_name
        `(P,)` identity of each particle, unique in the file.
    tomogram
        `(P,)` name of its tomogram, empty where it is not known.
    half
        `(P,)` 1 or 2 by ``rlnRandomSubset``, 0 where it is not stated.
    coordinate_a
        `(P, 3)` x, y, z in Å in the tomogram, from its corner (voxel 0); NaN where it is not known.
    particle_rotation
        `(P, 3, 3)` float32 RELION matrix reference to tomogram, NaN where only images have poses.
    first
        `(P + 1,)` row of each particle's first image; the last entry is `N`.
    stacks, stack, section
        Image files, `(N,)` file of each image, and `(N,)` section from 0.
    frame
        `(N,)` place of each image, from 0: in the tilt series of its tomogram (``relion5``, ``warptools``) or
        among the images of its particle as in the file (others).
    rotation
        `(N, 3, 3)` float32 RELION matrix reference to image, stage tilt included.
    origin_a
        `(N, 2)` x, y in Å: the particle's centre sits at box // 2 - origin / pixel.
    box, pixel_size_a
        Image size and pixel size in Å, the same for all.
    voltage_kv, spherical_aberration_mm, amplitude_contrast, defocus_u_a, defocus_v_a, defocus_angle_deg,
    phase_shift_deg
        `(N,)` for the CTF in RELION's convention (positive = underfocus). Warp's B-factor and scale factor
        state dose and tilt and are not part of it.
    dose
        `(N,)` exposure before (``relion5``, ``warptools``) or up to the end of (others) the image, e/Å²;
        NaN where it is not known.
    tilt_deg
        `(N,)` stage tilt (unsigned where only its cosine is stated); NaN where it is not known.
    tilt_weight
        `(N,)` cosine of the stage tilt, 1 where it is not known.
    ctf_known
        `(N,)` False where the CTF is to be taken as 1.
    ctf_premultiplied
        True when the images are already multiplied by their CTF.
    dose_weighted
        True when the images were dose-weighted when they were extracted.
    hand
        +1 or -1 by ``rlnTomoHand``; +1 where it is not stated.
    tables, table_name
        All blocks of the particle file, and which one holds the particles, with the rows of this set only.
    row
        `(N,)` row of each image in that block.
    further
        Other files of the set by role (``optimisation_set``, ``tomograms``, ``trajectories``) with their
        blocks, untouched.
    original
        `(P,)` place of each particle among all particles of the file, before any selection.
    warnings
        Sentences for the user about what was assumed or looks odd.
    """

    path: Path
    project_dir: Path
    flavour: str
    particle_name: TextArray
    tomogram: TextArray
    half: IntArray
    coordinate_a: FloatArray
    particle_rotation: npt.NDArray[np.float32]
    first: IntArray
    stacks: list[Path]
    stack: IntArray
    section: IntArray
    frame: IntArray
    rotation: npt.NDArray[np.float32]
    origin_a: FloatArray
    box: int
    pixel_size_a: float
    voltage_kv: FloatArray
    spherical_aberration_mm: FloatArray
    amplitude_contrast: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    phase_shift_deg: FloatArray
    dose: FloatArray
    tilt_deg: FloatArray
    tilt_weight: FloatArray
    ctf_known: npt.NDArray[np.bool_]
    ctf_premultiplied: bool
    dose_weighted: bool
    hand: int
    tables: dict[str, StarTable] = field(repr=False)
    table_name: str
    row: IntArray
    further: dict[str, tuple[Path, dict[str, StarTable]]] = field(repr=False)
    original: IntArray
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.particle_name)

    @property
    def n_images(self) -> int:
        """Number of images of all particles."""
        return len(self.stack)

    @property
    def counts(self) -> IntArray:
        """Number of images of each particle, `(P,)`."""
        return np.diff(self.first)

    @property
    def particle(self) -> IntArray:
        """Particle of each image, `(N,)`."""
        return np.repeat(np.arange(self.n, dtype=np.int64), self.counts)

    @property
    def table(self) -> StarTable:
        """Block of the particles with every column of the file."""
        return self.tables[self.table_name]

    @property
    def one_row_per_image(self) -> bool:
        """True for image series, False where the file has one row per particle."""
        return self.table.n_rows == self.n_images and len(np.unique(self.row)) == self.n_images

    def select(self, particles: npt.ArrayLike) -> TiltParticles:
        """Return the particles of these indices (any order) or of this boolean mask, with all their images.

        Raises
        ------
        IndexError
            When an index is outside the set.
        """
        chosen = np.asarray(particles)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= self.n):
            raise IndexError(f"there are {self.n:,} particles, not {int(chosen.max()) + 1}")
        counts = self.counts[chosen]
        first = np.concatenate(([0], np.cumsum(counts)))
        images = np.repeat(self.first[chosen] - first[:-1], counts) + np.arange(first[-1])
        return self._of(chosen, images, first)

    def select_images(self, images: npt.ArrayLike) -> TiltParticles:
        """Return the images of this `(N,)` mask; particles that keep none are left out."""
        keep = np.asarray(images, bool)
        if keep.shape != (self.n_images,):
            raise ValueError(f"a mask of {self.n_images:,} images is needed, not of {keep.shape}")
        counts = np.bincount(self.particle[keep], minlength=self.n)
        chosen = np.flatnonzero(counts)
        return self._of(chosen, np.flatnonzero(keep), np.concatenate(([0], np.cumsum(counts[chosen]))))

    def indices_of(self, names: Iterable[str]) -> IntArray:
        """Return where the particles of these names stand, in the order asked for.

        Raises
        ------
        UserError
            When a name is not in the set.
        """
        place = {str(name): i for i, name in enumerate(self.particle_name)}
        wanted = [str(name) for name in names]
        unknown = [name for name in wanted if name not in place]
        if unknown:
            more = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
            raise UserError(f"the particle {unknown[0]}{more} is not in the file", path=self.path)
        return np.array([place[name] for name in wanted], np.int64)

    def _of(self, chosen: IntArray, images: IntArray, first: IntArray) -> TiltParticles:
        rows, row = np.unique(self.row[images], return_inverse=True)
        parts: dict[str, object] = {name: getattr(self, name)[chosen] for name in _PER_PARTICLE}
        parts |= {name: getattr(self, name)[images] for name in _PER_IMAGE}
        tables = {
            name: table.select(rows) if name == self.table_name else table
            for name, table in self.tables.items()
        }
        return replace(self, tables=tables, row=row.astype(np.int64), first=first.astype(np.int64), **parts)  # type: ignore[arg-type]


_PER_PARTICLE = ("particle_name", "tomogram", "half", "coordinate_a", "particle_rotation", "original")
_PER_IMAGE = (
    *("stack", "section", "frame", "rotation", "origin_a", "voltage_kv", "spherical_aberration_mm"),
    *("amplitude_contrast", "defocus_u_a", "defocus_v_a", "defocus_angle_deg", "phase_shift_deg", "dose"),
    *("tilt_deg", "tilt_weight", "ctf_known"),
)
