"""Read particles of tilt series from tables with one row per image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.columns import missing_columns
from jobs.formats.image_names import WHOLE_FILE, BadImageNameError, ImageNames, split_image_names
from jobs.formats.optics import Optics, OpticsReader, check_finite, lacking
from jobs.formats.stack_checks import check_stacks
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable
from jobs.formats.tilt_geometry import euler_matrices
from jobs.formats.tilt_image_files import find_stacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_rows import Grouping, dose_weighted, exposure, group_rows, hand, of_particles, tilts

# What tells the images of one particle from those of others, in this order.
GROUPING_COLUMNS = ("rlnTomoParticleName", "rlnGroupName", "rlnTomoParticleId", "rlnGroupNumber")
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGINS_A = ("rlnOriginXAngst", "rlnOriginYAngst")
_ORIGINS_PX = ("rlnOriginX", "rlnOriginY")


def read_image_series(
    tables: dict[str, StarTable],
    path: Path,
    project_dir: Path | None,
    datadir: Path | None,
    *,
    pixel_size_a: float | None = None,
    require_images: bool = True,
) -> TiltParticles:
    """Make particles of the tables of an image series.

    Parameters and errors as in :func:`jobs.formats.tilt_series.read_tilt_particles`.
    """
    table = image_table(tables, path)
    column = grouping_column(table, path)
    reader = OpticsReader(table, tables.get("optics"), path)
    missing = reader.missing(permissive=True, pixel_size_a=pixel_size_a)
    missing += [a for a in _ANGLES if a not in table]
    if missing:
        raise lacking(missing, table, tables.get("optics"), path)
    reader.check_dimensionality()
    optics = reader.read(pixel_size_a)
    warnings = list(optics.warnings)
    pixel = _one_pixel_size(optics, table)
    groups = group_rows(table, column)
    order = groups.order
    names = _split(table)
    stacks, root, box = _stacks(table, names, optics, path, project_dir, datadir, require_images)
    section = np.where(names.section == WHOLE_FILE, 0, names.section)
    warnings += _repeated(table, names.stack, section, groups)
    dose = exposure(table, warnings)
    tilt_deg, weight = tilts(table, warnings)
    angles = np.stack([_numbers(table, a) for a in _ANGLES], axis=1)
    about = of_particles(table, column, groups, pixel, warnings)
    premultiplied = optics.ctf_premultiplied
    if premultiplied.any() and not premultiplied.all():
        row = int(np.flatnonzero(premultiplied != premultiplied[0])[0])
        raise FormatError(
            "some images are multiplied by their CTF and others are not", path=path, row=row + 1
        )
    return TiltParticles(
        path=path,
        project_dir=root,
        flavour=_flavour(tables, table, column),
        particle_name=groups.names,
        tomogram=about.tomogram,
        half=about.half,
        coordinate_a=about.coordinate_a,
        particle_rotation=np.full((groups.n, 3, 3), np.nan, np.float32),
        first=groups.first,
        stacks=stacks,
        stack=names.stack[order],
        section=section[order],
        frame=np.arange(len(order)) - np.repeat(groups.first[:-1], np.diff(groups.first)),
        rotation=euler_matrices(angles[order]).astype(np.float32),
        origin_a=_origins(table, pixel)[order],
        box=box,
        pixel_size_a=pixel,
        voltage_kv=optics.voltage_kv[order],
        spherical_aberration_mm=optics.spherical_aberration_mm[order],
        amplitude_contrast=optics.amplitude_contrast[order],
        defocus_u_a=optics.defocus_u_a[order],
        defocus_v_a=optics.defocus_v_a[order],
        defocus_angle_deg=optics.defocus_angle_deg[order],
        phase_shift_deg=reader.values("rlnPhaseShift", 0.0)[order],
        dose=dose[order],
        tilt_deg=tilt_deg[order],
        tilt_weight=weight[order],
        ctf_known=optics.ctf_known[order],
        ctf_premultiplied=bool(premultiplied.all()),
        dose_weighted=dose_weighted(table),
        hand=hand(table),
        tables=tables,
        table_name=table.name,
        row=order,
        further={},
        original=about.original,
        warnings=tuple(warnings),
    )


def image_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    """Return the block with the images: ``particles``, else the one with image names.

    Raises
    ------
    FormatError
        When there is none, or it is empty.
    """
    table = tables.get("particles")
    if table is None:
        named = [t for t in tables.values() if t.is_loop and "rlnImageName" in t]
        table = max(named, key=len) if named else None
    if table is None:
        loops = [t for t in tables.values() if t.is_loop]
        if loops:
            raise missing_columns(["rlnImageName"], loops[-1].columns, f"table data_{loops[-1].name}", path)
        raise FormatError("the file holds no table of particle images", path=path)
    if not table.n_rows:
        raise FormatError("the file holds no particles", path=path)
    table.require(["rlnImageName"])
    return table


def grouping_column(table: StarTable, path: Path) -> str:
    """Return the column that says which images show the same particle.

    Raises
    ------
    FormatError
        When there is none.
    """
    column = next((c for c in GROUPING_COLUMNS if c in table), None)
    if column is None:
        raise missing_columns(
            ["rlnGroupName"],
            table.columns,
            f"table data_{table.name}",
            path,
            "It names the particle that each image shows; without it these are single images.",
        )
    return column


def _flavour(tables: dict[str, StarTable], table: StarTable, column: str) -> str:
    if "optics" in tables:
        return "nextpyp" if column == "rlnGroupNumber" else "series"
    return "warp" if column == "rlnGroupName" and "rlnDetectorPixelSize" in table else "series"


def _split(table: StarTable) -> ImageNames:
    try:
        return split_image_names(table.text("rlnImageName"))
    except BadImageNameError as error:
        if "@" not in str(table.text("rlnImageName")[error.row]) and "rlnTomoName" in table:
            # what a particle of a RELION 5 set looks like: the stack of all its tilts has no number
            raise missing_columns(
                ["rlnTomoVisibleFrames"],
                table.columns,
                f"table data_{table.name}",
                table.path,
                "It says which tilts the stacks of a RELION 5 set hold; for single images, "
                "000001@stack.mrcs is expected.",
            ) from error
        raise table.cell_error(error.row, "rlnImageName", error.expected) from error


def _one_pixel_size(optics: Optics, table: StarTable) -> float:
    pixel = optics.pixel_size_a
    other = np.flatnonzero(~np.isclose(pixel, pixel[0], rtol=1e-4, atol=0))
    if len(other):
        raise FormatError(
            f"the pixel size is {pixel[other[0]]:g} Å, but {pixel[0]:g} Å in the first row",
            path=table.path,
            row=int(other[0]) + 1,
            column=next((c for c in ("rlnDetectorPixelSize", "rlnOpticsGroup") if c in table), None),
            hint="All images need one pixel size: extract them again with the same.",
        )
    return float(pixel[0])


def _stacks(
    table: StarTable,
    names: ImageNames,
    optics: Optics,
    path: Path,
    project_dir: Path | None,
    datadir: Path | None,
    require_images: bool,
) -> tuple[list[Path], Path, int]:
    """Return the image files, the folder they are relative to, and the box."""
    if require_images:
        stacks, root = find_stacks(path, names.paths, project_dir, datadir)
        return stacks, root, int(check_stacks(table, names, stacks, optics).max())
    root = (project_dir or path.absolute().parent).absolute()
    return [root / p for p in names.paths], root, int(optics.box.max())


def _repeated(table: StarTable, stack: IntArray, section: IntArray, groups: Grouping) -> list[str]:
    """Refuse an image that stands twice in one particle; warn of one that two particles share."""
    key = stack * (int(section.max()) + 1) + section
    sorted_key = np.sort(key)
    if not (sorted_key[1:] == sorted_key[:-1]).any():
        return []
    order = np.lexsort((np.arange(len(key)), groups.particle, key))
    same = key[order][1:] == key[order][:-1]
    within = same & (groups.particle[order][1:] == groups.particle[order][:-1])
    if within.any():
        row = int(order[1:][within].min())
        raise table.cell_error(
            row,
            "rlnImageName",
            f"the particle {groups.names[groups.particle[row]]} has this image already",
            "Each image may stand once; was the table joined with itself?",
        )
    row = int(order[1:][same].min())
    return [
        f"{np.count_nonzero(same):,} of {len(key):,} images belong to two particles; the first is "
        f"{table.row(row)['rlnImageName']} in row {row + 1} (line {table.line(row)})."
    ]


def _numbers(table: StarTable, column: str) -> FloatArray:
    if column not in table:
        return np.zeros(table.n_rows)
    values = table.floats(column)
    check_finite(values, table, column)
    return values


def _origins(table: StarTable, pixel: float) -> FloatArray:
    """Return origins (x, y) in Å; RELION 3.0 stated them in pixels."""
    if any(c in table for c in _ORIGINS_A):
        return np.stack([_numbers(table, c) for c in _ORIGINS_A], axis=1)
    return np.stack([_numbers(table, c) * pixel for c in _ORIGINS_PX], axis=1)
