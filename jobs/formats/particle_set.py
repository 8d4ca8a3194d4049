"""A set of particle images: arrays in Å and degrees, and the STAR tables they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.image_names import identity
from jobs.formats.star import write_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray

_WITH_OPTICS_VERSION = 30001


@dataclass(frozen=True, eq=False)
class ParticleSet:
    """`n` particle images in `g` optics groups. Never changed; :meth:`select` returns a new set.

    Attributes
    ----------
    path
        STAR file.
    project_dir
        Folder to which image paths are relative.
    image_name
        `(n,)` text as in the file, ``000012@stack.mrcs``.
    stack
        `(n,)` index into ``stacks``.
    stacks
        Paths of the image files.
    section
        `(n,)` section of the stack, from 0.
    optics_group
        `(n,)` group, from 0, in the order of the optics table.
    optics_group_names
        `g` names.
    box
        `(g,)` image size in pixels; 0 when it is not stated and the stacks were not looked at.
    pixel_size_a
        `(n,)` Å.
    voltage_kv, spherical_aberration_mm, amplitude_contrast
        `(n,)`.
    defocus_u_a, defocus_v_a
        `(n,)` Å, positive = underfocus.
    defocus_angle_deg, phase_shift_deg
        `(n,)` degrees.
    ctf_bfactor
        `(n,)` Å²; the CTF is multiplied by exp(−B/4·u²).
    ctf_scalefactor
        `(n,)`.
    beam_tilt_mrad
        `(n, 2)` x, y.
    odd_zernike, even_zernike
        Coefficients of each group, or None.
    mag_matrix
        `(n, 2, 2)` anisotropic magnification; identity when not stated.
    euler_deg
        `(n, 3)` rot, tilt, psi (RELION, ZYZ) in degrees.
    origin_a
        `(n, 2)` x, y in Å: the particle's centre sits at box // 2 − origin / pixel.
    half
        `(n,)` 1 or 2 by ``rlnRandomSubset``, 0 where it is not stated.
    ctf_known
        `(n,)` False where the CTF is to be taken as 1.
    ctf_premultiplied
        `(n,)` True where images are already multiplied by their CTF.
    tables
        All blocks of the file; the particle block holds the rows of this set, untouched.
    table_name
        Name of the particle block in ``tables``.
    warnings
        Sentences for the user about what was assumed or looks odd.
    """

    path: Path
    project_dir: Path
    image_name: TextArray
    stack: IntArray
    stacks: list[Path]
    section: IntArray
    optics_group: IntArray
    optics_group_names: list[str]
    box: IntArray
    pixel_size_a: FloatArray
    voltage_kv: FloatArray
    spherical_aberration_mm: FloatArray
    amplitude_contrast: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    phase_shift_deg: FloatArray
    ctf_bfactor: FloatArray
    ctf_scalefactor: FloatArray
    beam_tilt_mrad: FloatArray
    odd_zernike: list[FloatArray | None]
    even_zernike: list[FloatArray | None]
    mag_matrix: FloatArray
    euler_deg: FloatArray
    origin_a: FloatArray
    half: IntArray
    ctf_known: npt.NDArray[np.bool_]
    ctf_premultiplied: npt.NDArray[np.bool_]
    tables: dict[str, StarTable] = field(repr=False)
    table_name: str
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.image_name)

    def __len__(self) -> int:
        return self.n

    @property
    def table(self) -> StarTable:
        """Particle block with every column of the file."""
        return self.tables[self.table_name]

    def select(self, indices: npt.ArrayLike) -> ParticleSet:
        """Return the particles of these indices (any order) or of this boolean mask.

        Optics rows stay as they are, since RELION wants its groups numbered from 1 without gaps.

        Raises
        ------
        IndexError
            When an index is outside the set.
        """
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        per_particle = {
            name: getattr(self, name)[chosen]
            for name in self.__dataclass_fields__
            if name not in _NOT_PER_PARTICLE
        }
        tables = {
            name: t.select(chosen) if name == self.table_name or self._is_of_body(name) else t
            for name, t in self.tables.items()
        }
        return replace(self, tables=tables, **per_particle)

    def _is_of_body(self, name: str) -> bool:
        """Tell whether a block of a multi-body refinement has one row per particle."""
        return name.startswith("images_body_") and self.tables[name].n_rows == self.n

    def indices_of(self, image_names: Iterable[str]) -> IntArray:
        """Return where particles of these image names stand, in the order asked for.

        Names are compared by stack and section, so ``1@a.mrcs`` finds ``000001@a.mrcs``.

        Raises
        ------
        UserError
            When a name is not in the set, or stands in it twice.
        """
        place: dict[tuple[str, int], int] = {}
        twice = set()
        for i, name in enumerate(self.image_name):
            key = identity(name)
            if key in place:
                twice.add(key)
            place[key] = i
        found, unknown = [], []
        for name in image_names:
            key = identity(name)
            if key in twice:
                raise UserError(f"the image {name} stands in the file more than once", path=self.path)
            if key in place:
                found.append(place[key])
            else:
                unknown.append(name)
        if unknown:
            more = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
            raise UserError(f"the image {unknown[0]}{more} is not in the file", path=self.path)
        return np.array(found, np.int64)

    def write(self, path: str | Path, extra_columns: Mapping[str, npt.ArrayLike] | None = None) -> None:
        """Write all blocks and columns of the original with the particles of this set.

        Parameters
        ----------
        path
            Target; an old file stays until the new one is complete.
        extra_columns
            Further particle columns, `(n,)` each, appended at the end. Names must not begin with ``rln``;
            a column of an earlier run with the same name is replaced.

        Raises
        ------
        UserError
            When a name belongs to RELION, or the file cannot be written.
        ValueError
            When a column's length is not the number of particles.
        """
        tables = dict(self.tables)
        if extra_columns:
            for name in extra_columns:
                if name.lower().startswith("rln") or not name.isidentifier():
                    raise UserError(
                        f"a new column cannot be called {name}",
                        path=path,
                        column=name,
                        hint="Names that begin with rln belong to RELION; use letters, digits and _ only.",
                    )
            tables[self.table_name] = self.table.with_columns(extra_columns)
        if "optics" in tables:
            # Without the version line RELION would take the file for one of the time before optics tables.
            tables = {
                name: t if t.version is not None else t.renamed(name, _WITH_OPTICS_VERSION)
                for name, t in tables.items()
            }
        write_star_tables(path, tables)


_NOT_PER_PARTICLE = frozenset(
    (
        *("path", "project_dir", "stacks", "optics_group_names", "box", "odd_zernike", "even_zernike"),
        *("tables", "table_name", "warnings"),
    )
)
