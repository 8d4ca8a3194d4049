"""Particles of simulated projects (ETSimulations): places and orientations are known from their making.

Positions are in nm from the centre of the volume. IMOD's and EMAN2's reconstructions of these series stand
turned by +90° about z against the simulation. Orientations are extrinsic z, x, z angles a, b, c that turn the
reference into the particle, so that ``M = Rz(-a) Rx(-b) Rz(-c - 90)`` in a reconstruction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.contract import FloatArray, ParticleTable, SourceSettings, TomogramEntry, table_of
from jobs.dynamo_processor.finding import Findings, tilt_range, usable_volume, volume_facts
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.eman_project import read_info
from jobs.formats.files import read_whole
from jobs.formats.tilt_angles import read_tilt_angles
from jobs.maths.conventions3d import about, dynamo_to_matrix, slicer_to_matrix

_QUARTER_TURN = 90.0
_SAME_SPACING = 0.02


@dataclass(frozen=True, eq=False)
class _Series:
    """One tilt series: basename, Å per pixel, positions in nm `(n, 3)`, angles in degrees `(n, 3)`."""

    base: str
    pixel_a: float
    position_nm: FloatArray
    angles_deg: FloatArray


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tilt series of ``sim_metadata.json``, in its order.

    Raises
    ------
    UserError
        When ``root`` is not given, or its metadata cannot be read.
    """
    root = _root(settings)
    binning, pattern = _reconstruction(root) if settings.source_type == "imod" else (1.0, "")
    entries = []
    for number, series in enumerate(_series(root, settings), start=1):
        if settings.source_type == "imod":
            entries.append(_imod(number, series, root, settings, binning, pattern))
        else:
            entries.append(_eman2(number, series, root, settings))
    return entries


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of a series.

    Raises
    ------
    UserError
        When the entry is not usable or a file of it cannot be read any more.
    """
    usable_volume(entry)
    series = _series(_root(entry.settings), entry.settings)[entry.number - 1]
    n = len(series.position_nm)
    if entry.stack:
        position = np.tile(np.array(entry.size) // 2, (n, 1)).astype(float)
        rotation = _from_metadata(series)
        section: Any = np.arange(n)
    else:
        turned = series.position_nm * 10 / series.pixel_a @ about("z", _QUARTER_TURN).T
        position = turned / entry.binning + np.array(entry.size) / 2
        section = np.full(n, -1)
        slicer = entry.files.get("slicer")
        rotation = _from_metadata(series) if slicer is None else slicer_to_matrix(_csv(slicer), "z")
    if entry.settings.rotx:
        rotation = about("x", _QUARTER_TURN) @ rotation
    names = [f"{series.base}/{i + 1}" for i in range(n)]
    return table_of(entry, position, rotation, names, section=section)


def _from_metadata(series: _Series) -> FloatArray:
    a, b, c = series.angles_deg.T
    return dynamo_to_matrix(np.stack((-c - _QUARTER_TURN, -b, -a), axis=1))


def _root(settings: SourceSettings) -> Path:
    root = settings.resolved(settings.root)
    if root is None:
        raise UserError("the folder of the simulated project is not given", column="root")
    if not root.is_dir():
        raise UserError("there is no such folder", path=root, column="root")
    return root


def _json(path: Path) -> Any:
    try:
        return json.loads(read_whole(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the file is not JSON: {error}", path=path) from error


def _series(root: Path, settings: SourceSettings) -> list[_Series]:
    path = root / "sim_metadata.json"
    listed = _json(path)
    if not isinstance(listed, list) or not listed:
        raise FormatError("a list of tilt series is expected", path=path)
    name = settings.name or root.resolve().name
    found = []
    for row, series in enumerate(listed, start=1):
        try:
            position = np.array(series["positions"], float).reshape(-1, 3)
            angles = np.array(series["orientations"], float).reshape(-1, 3)
            base, pixel = f"{name}_{series['global_stack_no']}", float(series["apix"]) * 10
        except (KeyError, TypeError, ValueError) as error:
            text = f"the tilt series lacks something or it has another form: {error}"
            raise FormatError(text, path=path, row=row) from error
        if len(position) != len(angles) or not pixel > 0:
            text = f"the tilt series has {len(position)} positions, {len(angles)} orientations, {pixel:g} Å"
            raise FormatError(text, path=path, row=row)
        found.append(_Series(base, pixel, position, angles))
    return found


def _reconstruction(root: Path) -> tuple[float, str]:
    """Binning of reconstructions, and what their names end with."""
    path = root / "processed_data" / "imod_info.json"
    info = _json(path)
    try:
        options = info["args"]
        method = str(options.get("reconstruction_method") or "imod-wbp")
        binvol = options.get("binvol")
        binning = float(binvol["binning"]) if binvol else 1.0
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"the file lacks something or it has another form: {error}", path=path) from error
    if not binning > 0:
        raise FormatError(f"a binning of {binning:g} is impossible", path=path)
    if method.startswith("imod"):
        new = options.get("filename_convention") == "new"
        plain = "_full_rec.mrc" if new else "_full.rec"
        return binning, f"_full_bin{binning:g}.mrc" if binvol else plain
    return binning, f"_SIRT_bin{binning:g}.mrc" if binvol else "_SIRT.mrc"


def _imod(
    number: int, series: _Series, root: Path, settings: SourceSettings, binning: float, ending: str
) -> TomogramEntry:
    findings = Findings()
    folder = root / "processed_data" / "IMOD" / series.base
    volume = folder / f"{series.base}{ending}"
    facts = volume_facts(volume, findings, "root")
    voxel = series.pixel_a * binning
    if facts and facts.voxel_size_a and abs(facts.voxel_size_a - voxel) > _SAME_SPACING * voxel:
        findings.warning(f"{volume.name} states {facts.voxel_size_a:g} Å per voxel, not {voxel:g} Å", "root")
    files, low, high = {}, float("nan"), float("nan")
    tilts = folder / f"{series.base}.tlt"
    try:
        low, high = tilt_range(read_tilt_angles(tilts), findings, tilts.name)
        files["tilts"] = tilts
    except UserError as error:
        findings.from_error(error, "root")
    own = [p for p in sorted(folder.glob("*_slicerAngles.csv")) if p.is_file()]
    if own:
        files["slicer"] = own[0]
        try:
            rows = len(_csv(own[0]))
            if rows != len(series.position_nm):
                findings.error(
                    f"{own[0].name} has {rows} rows for {len(series.position_nm)} particles", "root"
                )
        except UserError as error:
            findings.from_error(error, "root")
    else:
        findings.warning(f"{folder.name} has no slicer angles: orientations are those of the simulation")
    size = facts.size if facts else (0, 0, 0)
    full = (round(size[0] * binning), round(size[1] * binning), round(size[2] * binning))
    return TomogramEntry(
        number, series.base, settings, volume, size, voxel, low, high, len(series.position_nm), files,
        binning=binning, full_size=full, full_pixel_a=series.pixel_a, problems=tuple(findings.problems),
    )  # fmt: skip


def _eman2(number: int, series: _Series, root: Path, settings: SourceSettings) -> TomogramEntry:
    findings = Findings()
    top = root / "processed_data" / "EMAN2"
    name = settings.name or root.resolve().name
    path = top / "particles3d" / f"{series.base}__{name}.hdf"
    info = top / "info" / f"{series.base}_info.json"
    size, low, high, count = (0, 0, 0), float("nan"), float("nan"), len(series.position_nm)
    voxel = series.pixel_a
    try:
        with EmanStack(path) as stack:
            if len(stack) != count:
                findings.error(f"{path.name} holds {len(stack)} volumes for {count} particles", "root")
            shape = stack.shape(0)
            size = (shape[-1], shape[-2], shape[0] if len(shape) == 3 else 1)
            voxel = float(f"{float(stack.attributes(0).get('apix_x') or voxel):.7g}")
        low, high = tilt_range(read_info(info).y_tilt_deg, findings, info.name)
    except UserError as error:
        findings.from_error(error, "root")
    except ValueError:
        findings.error(f"{info.name} holds no tilt angles (tlt_params)", "root")
    return TomogramEntry(
        number, series.base, settings, path, size, voxel, low, high, count, {"info": info}, stack=True,
        problems=tuple(findings.problems),
    )  # fmt: skip


def _csv(path: Path) -> FloatArray:
    """Slicer angles `(n, 3)` about x, y, z."""
    rows = []
    for number, line in enumerate(read_whole(path).decode("utf-8-sig", "replace").splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([float(w) for w in words[:3]])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != 3 or not np.isfinite(rows[-1]).all():
            raise FormatError(f"three angles are expected, not {line!r}", path=path, row=number)
    return np.array(rows, float).reshape(-1, 3)
