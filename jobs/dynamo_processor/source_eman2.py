"""Particles of EMAN2's sub-tomogram averaging: every particle is a volume of its own in a stack.

Tomograms of EMAN2 are put together from pieces, binned and not corrected for the CTF; the volumes it extracts
are not, so those are what Dynamo averages. One entry is one stack, which holds the particles of one tomogram.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import ParticleTable, SourceSettings, TomogramEntry, table_of
from jobs.dynamo_processor.finding import Findings, natural, tilt_range, usable_volume
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.eman_project import (
    EmanOrientation,
    base_name,
    half_of,
    read_info,
    read_list,
    read_orientations,
)
from jobs.maths.conventions3d import eman2_to_matrix

_STACKS = (".hdf", ".h5")
# Dynamo's halves are odd (1) and even (2) tags
_HALVES = {"odd": 1, "even": 2, "": 0}
_EMPTY_PIXEL = 0.0


@dataclass(frozen=True, eq=False)
class _Listed:
    """An orientation, and the stack and number in it that hold the particle."""

    orientation: EmanOrientation
    stack: str
    index: int
    half: str


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the stacks that a refinement used, in natural order.

    Raises
    ------
    UserError
        When the project or the result of a refinement is not given or cannot be read.
    """
    project, parameters = _paths(settings)
    by_stack = _grouped(parameters, project)
    return [
        _entry(number, stack, by_stack[stack], settings, project, parameters)
        for number, stack in enumerate(sorted(by_stack, key=natural), start=1)
    ]


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of one stack.

    Raises
    ------
    UserError
        When the entry is not usable or a file of it cannot be read any more.
    """
    volume = usable_volume(entry)
    project, parameters = _paths(entry.settings)
    named = next(s for s in _grouped(parameters, project) if project / s == volume)
    with EmanStack(volume) as stack:
        there = stack.present()
    listed = [p for p in _grouped(parameters, project)[named] if p.index < len(there) and there[p.index]]
    rotation, shift = eman2_to_matrix(np.array([p.orientation.transform for p in listed]).reshape(-1, 12))
    size = np.array(entry.size)
    return table_of(
        entry,
        np.tile(size // 2, (len(listed), 1)),
        rotation,
        [f"{p.orientation.list_name}#{p.orientation.index}" for p in listed],
        shift=shift,
        section=[p.index for p in listed],
        half=[_HALVES[p.half] for p in listed],
        score=[-p.orientation.score for p in listed],
        index=[p.orientation.index for p in listed],
        extra={
            "emanList": np.array([p.orientation.list_name for p in listed], object),
            "emanStack": np.full(len(listed), named, object),
        },
    )


def _paths(settings: SourceSettings) -> tuple[Path, Path]:
    """Project, and result of a refinement: as given, else below the project."""
    project = settings.resolved(settings.eman2_dir)
    parameters = settings.resolved(settings.params_json)
    if project is None:
        raise UserError("the folder of the EMAN2 project is not given", column="eman2_dir")
    if not project.is_dir():
        raise UserError("there is no such folder", path=project, column="eman2_dir")
    if parameters is None or settings.params_json is None:
        raise UserError(
            "the result of a refinement is not given",
            column="params_json",
            hint="It is spt_XX/particle_parms_YY.json or spt_XX/aliptcls3d_YY.lst.",
        )
    below = project / settings.params_json
    return project, below if not parameters.is_file() and below.is_file() else parameters


def _grouped(parameters: Path, project: Path) -> dict[str, list[_Listed]]:
    """Listed particles by stack; kept for the next stack, as long as the file is the same."""
    stat = parameters.stat() if parameters.is_file() else None
    return _read(parameters, project, (stat.st_size, stat.st_mtime_ns) if stat else None)


@functools.lru_cache(maxsize=2)
def _read(parameters: Path, project: Path, _version: tuple[int, int] | None) -> dict[str, list[_Listed]]:
    found: dict[str, list[_Listed]] = defaultdict(list)
    lists = {}
    for o in read_orientations(parameters):
        if o.list_name.lower().endswith(_STACKS):
            stack, index, half = o.list_name, o.index, o.half
        else:
            if o.list_name not in lists:
                # the list of a new refinement is the list of particles as well
                own = parameters.suffix.lower() == ".lst"
                lists[o.list_name] = read_list(parameters if own else project / o.list_name)
            rows = lists[o.list_name]
            if o.index >= len(rows):
                raise UserError(
                    f"{o.list_name} has {len(rows)} particles, but number {o.index} is asked for",
                    path=parameters,
                    hint="The list was changed after the refinement.",
                )
            stack, index = rows[o.index].path, rows[o.index].index
            half = o.half or half_of(stack)
        if not stack.lower().endswith(_STACKS):
            raise UserError(f"{o.list_name} names {stack}, where a stack (.hdf) is expected", path=parameters)
        found[stack].append(_Listed(o, stack, index, half))
    return dict(found)


def _entry(
    number: int, named: str, listed: list[_Listed], settings: SourceSettings, project: Path, parameters: Path
) -> TomogramEntry:
    findings = Findings()
    path = project / named
    size, pixel, count = (0, 0, 0), _EMPTY_PIXEL, len(listed)
    try:
        with EmanStack(path) as stack:
            there = stack.present()
            kept = [p.index for p in listed if p.index < len(there) and there[p.index]]
            count = len(kept)
            if count < len(listed):
                findings.warning(
                    f"{len(listed) - count} of {len(listed)} particles are not in {path.name}, "
                    f"which holds {int(there.sum())}",
                    "params_json",
                )
            if kept:
                size, pixel = _facts(stack, kept, findings)
            else:
                findings.error(f"none of the {len(listed)} particles is in {path.name}", "params_json")
    except UserError as error:
        findings.from_error(error, "eman2_dir")
        count = 0
    again = len(listed) - len({p.index for p in listed})
    if again:
        findings.warning(f"{again} particles are listed more than once", "params_json")
    if settings.box_size and size[0] and settings.box_size > min(size):
        findings.warning(
            f"boxes of {settings.box_size} px do not fit into volumes of {size[0]} px",
            "box_size",
            "Take smaller boxes, or extract larger volumes in EMAN2.",
        )
    base = base_name(named)
    info = project / "info" / f"{base}_info.json"
    low = high = float("nan")
    try:
        tilts = read_info(info).y_tilt_deg
        if len(tilts):
            low, high = tilt_range(tilts, findings, info.name)
        else:
            findings.error(f"{info.name} holds no tilt angles (tlt_params)", "eman2_dir")
    except UserError as error:
        findings.from_error(error, "eman2_dir")
    return TomogramEntry(
        number,
        Path(named).stem,
        settings,
        path,
        size,
        pixel,
        low,
        high,
        count,
        {"particles": parameters, "info": info},
        stack=True,
        problems=tuple(findings.problems),
    )


def _facts(stack: EmanStack, kept: list[int], findings: Findings) -> tuple[tuple[int, int, int], float]:
    """Size (nx, ny, nz) and Å per voxel, by the first and the last particle used."""
    shapes = {stack.shape(i) for i in (kept[0], kept[-1])}
    shape = stack.shape(kept[0])
    if len(shapes) > 1:
        findings.error(f"the volumes of {stack.path.name} are of different sizes", "eman2_dir")
    if len(shape) != 3:
        findings.error(f"{stack.path.name} holds images, but volumes are expected", "eman2_dir")
        return (0, 0, 0), _EMPTY_PIXEL
    pixel = float(stack.attributes(kept[0]).get("apix_x") or 0.0)
    if not pixel:
        findings.warning(f"{stack.path.name} states no voxel size", "eman2_dir")
    return (shape[2], shape[1], shape[0]), float(f"{pixel:.7g}")
