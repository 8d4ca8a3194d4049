"""Read optimisation sets of WarpTools and RELION 5: particles of tilt series, a stack of images each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.optics import check_finite
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray
from jobs.formats.tilt_files import Finder, SetFiles, set_files
from jobs.formats.tilt_geometry import euler_matrices
from jobs.formats.tilt_optics import read_set_optics
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_stacks import read_tilt_stacks
from jobs.formats.tomograms import Tomogram, TomogramReader
from jobs.formats.trajectories import read_trajectories

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_TURNED = ("rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi")
_ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
_CENTRED = tuple(f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ")
_CORNER = tuple(f"rlnCoordinate{axis}" for axis in "XYZ")
_FROM_TILT = (
    *("defocus_u_a", "defocus_v_a", "defocus_angle_deg", "phase_shift_deg"),
    *("dose", "tilt_deg", "tilt_weight"),
)


def read_optimisation_set(
    path: str | Path,
    project_dir: str | Path | None = None,
    datadir: str | Path | None = None,
    *,
    apix: float | None = None,
) -> TiltParticles:
    """Read an optimisation set, or a bare particle file with ``tomograms.star`` beside it.

    Parameters
    ----------
    path
        Optimisation set (``rlnTomoParticlesFile``, ``rlnTomoTomogramsFile``) or the particle file itself.
    project_dir
        Folder to which paths are relative; without it the folder of the file and those above it are tried.
    datadir
        Folder in which stacks are looked for besides, by their path, their last folder or their name.
    apix
        Pixel size in Å of particles that state none.

    Returns
    -------
    TiltParticles
        Visible images only. Rotations are projection × subtomogram × particle; the defocus of each image
        is that of its tilt plus hand × slope × depth of the particle, as RELION counts it.

    Raises
    ------
    FormatError
        One sentence naming file, row and column: missing files, columns or tomograms; flags, trajectories or
        stacks whose length does not fit the tilts; coordinates outside; 3D subtomograms.
    """
    root = None if project_dir is None else Path(project_dir)
    files = set_files(Path(path), root)
    tables = read_star_tables(files.particles)
    _refuse_volumes(tables, files.particles)
    table = _particle_table(tables, files.particles)
    finder = Finder(files.particles, root, None if datadir is None else Path(datadir), files.path)
    reader = TomogramReader(files.tomograms, finder.file)
    builder = _Builder(files, tables, table, reader, finder, apix)
    return builder.build()


def _refuse_volumes(tables: dict[str, StarTable], path: Path) -> None:
    """Refuse sets of 3D subtomograms with what to do instead."""
    general, optics = tables.get("general"), tables.get("optics")
    flag = None
    if general is not None and "rlnTomoSubTomosAre2DStacks" in general:
        flag = bool(general.ints("rlnTomoSubTomosAre2DStacks")[0])
    three = optics is not None and "rlnImageDimensionality" in optics
    if three and optics is not None and flag is None:
        flag = bool((optics.ints("rlnImageDimensionality") == 2).all())
    if flag is False:
        raise FormatError(
            "the particles are 3D subtomograms (rlnTomoSubTomosAre2DStacks is 0), but the images of "
            "the tilts are needed",
            path=path,
            column="rlnTomoSubTomosAre2DStacks",
            hint="Extract them again as 2D stacks: 'Write output as 2D stacks' Yes in RELION 5's Extract "
            "subtomos, or --2d in WarpTools ts_export_particles.",
        )


def _particle_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    table = tables.get("particles")
    if table is None:
        table = next((t for t in tables.values() if t.is_loop and "rlnTomoName" in t), None)
    if table is None:
        found = ", ".join(f"data_{name}" for name in tables)
        raise FormatError(f"the file holds no particle table (found {found})", path=path)
    if not table.n_rows:
        raise FormatError("the file holds no particles", path=path)
    table.require(["rlnTomoName", "rlnImageName", *_ANGLES])
    return table


@dataclass
class _Builder:
    """Puts a set together from its files."""

    files: SetFiles
    tables: dict[str, StarTable]
    table: StarTable
    reader: TomogramReader
    finder: Finder
    apix: float | None

    def build(self) -> TiltParticles:
        table, warnings = self.table, list[str]()
        names = table.text("rlnTomoName")
        tomograms = self._tomograms(names)
        count = np.array([tomograms[str(n)].n for n in names], np.int64)
        stacks = read_tilt_stacks(table, count, self.finder)
        row, frame = stacks.row, stacks.frame
        optics = read_set_optics(table, self.tables.get("optics"), self.reader, stacks.box, self.apix)
        pixel = optics.pixel_size_a
        translated = [t.translated for t in tomograms.values()]
        particle_turn, subtomogram = self._rotations()
        coordinate, relative = self._coordinates(names, tomograms, pixel, all(translated))
        offset_a = np.einsum("pij,pj->pi", subtomogram, self._vectors(_ORIGINS))
        # Tomograms one after another, their particles wherever they stand in the file.
        n = len(row)
        rotation, origin = np.empty((n, 3, 3), np.float32), np.empty((n, 2))
        per_image = {key: np.empty(n) for key in _FROM_TILT}
        depth, known = np.zeros(n), np.zeros(n, bool)
        drift = read_trajectories(self.files, table, count, row, frame, warnings)
        for name, tomogram in tomograms.items():
            of = np.flatnonzero(names[row] == name)
            p, f = row[of], frame[of]
            turn = tomogram.rotation[f]
            rotation[of] = turn @ particle_turn[p]
            moved = offset_a[p] if drift is None else offset_a[p] - drift.applied[of]
            origin[of] = np.einsum("nij,nj->ni", turn[:, :2], moved)
            away = relative[p] - offset_a[p] + (0 if drift is None else drift.shift[of])
            depth[of] = np.einsum("nj,nj->n", tomogram.depth[f], np.nan_to_num(away))
            for key, values in per_image.items():
                values[of] = getattr(tomogram, key)[f]
            known[of] = tomogram.ctf_known
        kept = np.unique(row)
        if len(kept) < table.n_rows:
            gone = np.setdiff1d(np.arange(table.n_rows), kept)
            warnings.append(
                f"{len(gone):,} of {table.n_rows:,} particles have no visible frame and are "
                "left out; the first "
                f"stands in row {gone[0] + 1} (line {table.line(int(gone[0]))})."
            )
        if np.isnan(relative).any():
            warnings.append("The tomograms state no size: defocus is not corrected for depth.")
        if optics.assumed and known.any():
            warnings.append(optics.assumed)
        blind = [name for name, tomogram in tomograms.items() if not tomogram.ctf_known]
        if blind:
            which = (
                "" if len(blind) == len(tomograms) else f" {blind[0]}" + (" and others" * (len(blind) > 1))
            )
            warnings.append(
                f"The tilts of the tomograms{which} state no defocus: their images are taken as free of CTF "
                "effects."
            )
        if stacks.unflagged:
            warnings.append("The particles have no rlnTomoVisibleFrames: all tilts count as visible.")
        place = np.searchsorted(kept, row)
        flavour = "relion5" if all(translated) else "warptools"
        return TiltParticles(
            path=self.files.path,
            project_dir=stacks.project_dir,
            flavour=flavour,
            particle_name=self._particle_names(names)[kept],
            tomogram=names[kept],
            half=self._halves()[kept],
            coordinate_a=coordinate[kept],
            particle_rotation=particle_turn[kept].astype(np.float32),
            first=np.concatenate(([0], np.cumsum(np.bincount(place, minlength=len(kept))))).astype(np.int64),
            stacks=stacks.paths,
            stack=stacks.stack,
            section=stacks.section,
            frame=frame,
            rotation=rotation,
            origin_a=origin,
            box=stacks.box,
            pixel_size_a=pixel,
            voltage_kv=optics.voltage_kv[row],
            spherical_aberration_mm=optics.spherical_aberration_mm[row],
            amplitude_contrast=optics.amplitude_contrast[row],
            defocus_u_a=per_image["defocus_u_a"] + depth,
            defocus_v_a=per_image["defocus_v_a"] + depth,
            defocus_angle_deg=per_image["defocus_angle_deg"],
            phase_shift_deg=per_image["phase_shift_deg"],
            dose=per_image["dose"],
            tilt_deg=per_image["tilt_deg"],
            tilt_weight=per_image["tilt_weight"],
            ctf_known=known & ~optics.ctf_corrected[row],
            ctf_premultiplied=optics.ctf_premultiplied,
            dose_weighted=optics.dose_weighted,
            hand=next(iter(tomograms.values())).hand,
            tables={name: t.select(kept) if t is table else t for name, t in self.tables.items()},
            table_name=table.name,
            row=place.astype(np.int64),
            further=self._further(),
            original=kept,
            warnings=(*optics.warnings, *warnings),
        )

    def _tomograms(self, names: TextArray) -> dict[str, Tomogram]:
        """Read the tomograms that particles name, in order of appearance."""
        out: dict[str, Tomogram] = {}
        unique, first = np.unique(names.astype(str), return_index=True)
        for i in np.argsort(first):
            name = str(unique[i])
            if name not in self.reader:
                close = self.reader.closest(name)
                hint = f"There is {close}." if close else "Take the tomograms.star these particles are from."
                raise self.table.cell_error(
                    int(first[i]), "rlnTomoName", f"{self.reader.path} knows no such tomogram", hint
                )
            out[name] = self.reader.read(name)
        return out

    def _rotations(self) -> tuple[FloatArray, FloatArray]:
        """Return `(p, 3, 3)` reference to tomogram, and subtomogram to tomogram."""
        within = euler_matrices(self._vectors(_ANGLES))
        if not any(c in self.table for c in _TURNED):
            return within, np.broadcast_to(np.eye(3), within.shape)
        turned = euler_matrices(self._vectors(_TURNED))
        return turned @ within, turned

    def _vectors(self, columns: tuple[str, ...]) -> FloatArray:
        """Return `(p, 3)` finite numbers, zeros for a column that is not there (as RELION reads it)."""
        out = np.zeros((self.table.n_rows, len(columns)))
        for j, column in enumerate(columns):
            if column in self.table:
                out[:, j] = self.table.floats(column)
                check_finite(out[:, j], self.table, column)
        return out

    def _coordinates(
        self, names: TextArray, tomograms: dict[str, Tomogram], pixel: float, translated: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return `(p, 3)` coordinates in Å from the corner and from the centre of the tomogram."""
        size = np.stack([tomograms[str(n)].size_a for n in names])
        if all(c in self.table for c in _CENTRED):
            centred = self._vectors(_CENTRED)
            return centred + size / 2, centred
        missing = [c for c in _CORNER if c not in self.table]
        if missing:
            self.table.require(_CENTRED)
        corner = self._vectors(_CORNER)
        negative = np.argwhere(corner < 0)
        if len(negative):
            row, axis = (int(i) for i in negative[0])
            raise self.table.cell_error(
                row,
                _CORNER[axis],
                "coordinates from the corner of the tomogram cannot be negative",
                f"Coordinates from its centre belong into {', '.join(_CENTRED)}.",
            )
        # RELION counts in pixels of the tilt series, WarpTools in pixels of the extracted images.
        scale = np.array([tomograms[str(n)].pixel_size_a if translated else pixel for n in names])
        return corner * scale[:, None], corner * scale[:, None] - size / 2

    def _particle_names(self, tomogram: TextArray) -> TextArray:
        if "rlnTomoParticleName" in self.table:
            names = self.table.text("rlnTomoParticleName")
            column = "rlnTomoParticleName"
        else:
            names, column = self.table.text("rlnImageName"), "rlnImageName"
        _, first = np.unique(names.astype(str), return_index=True)
        if len(first) < len(names):
            twice = np.setdiff1d(np.arange(len(names)), first)
            raise self.table.cell_error(int(twice[0]), column, "each particle needs a name of its own")
        return names

    def _halves(self) -> IntArray:
        if "rlnRandomSubset" not in self.table:
            return np.zeros(self.table.n_rows, np.int64)
        half = self.table.ints("rlnRandomSubset")
        wrong = np.flatnonzero((half < 0) | (half > 2))
        if len(wrong):
            raise self.table.cell_error(int(wrong[0]), "rlnRandomSubset", "1 or 2 (or 0) is expected")
        return half

    def _further(self) -> dict[str, tuple[Path, dict[str, StarTable]]]:
        further = {"tomograms": (self.reader.path, self.reader.tables)}
        if self.files.set_tables is not None:
            further["optimisation_set"] = (self.files.path, self.files.set_tables)
        if self.files.trajectories is not None:
            further["trajectories"] = (self.files.trajectories, read_star_tables(self.files.trajectories))
        return further
