"""What sources have in common when they look for files: natural order, patterns, and headers of volumes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jobs.core.errors import Problem, UserError
from jobs.dynamo_processor.contract import FloatArray, TomogramEntry
from jobs.formats.columns import nearest
from jobs.formats.files import read_whole, unreadable
from jobs.formats.mrc_header import read_map_header

_SHOWN = 6
_HEADER = 1024
# IMOD marks its headers, and in flags the sign of the origin
_IMOD_STAMP, _INVERTED = 1146047817, 4


@dataclass
class Findings:
    """Collects what is wrong with one tomogram."""

    problems: list[Problem] = field(default_factory=list)

    def error(self, message: str, field_name: str | None = None, hint: str = "") -> None:
        """Note something that keeps the tomogram from being used."""
        self.problems.append(Problem(message, field_name, hint, "error"))

    def warning(self, message: str, field_name: str | None = None, hint: str = "") -> None:
        """Note something doubtful."""
        self.problems.append(Problem(message, field_name, hint, "warning"))

    def from_error(self, error: UserError, field_name: str | None = None) -> None:
        """Note what a reader said."""
        bare = UserError(error.message, path=error.path, row=error.row, column=error.column)
        self.error(str(bare), field_name, error.hint)


@dataclass(frozen=True)
class VolumeFacts:
    """Size (nx, ny, nz) of a volume, its voxel size in Å (0 when not stated), and its origin in Å.

    The origin is that of IMOD, where a part cut out from voxel k on has one smaller by k voxels; the MRC
    standard states its negative.
    """

    size: tuple[int, int, int]
    voxel_size_a: float
    origin_a: tuple[float, float, float]


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorting key under which TS_2 comes before TS_10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in parts if p], name


def matches(name: str, pattern: str) -> bool:
    """Whether a name contains a text or, with ``*`` or ``?`` in it, is a pattern's."""
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(name, pattern)
    return pattern in name


def folder_names(folder: Path, column: str) -> list[Path]:
    """Return what lies in a folder, in natural order.

    Raises
    ------
    UserError
        When it is no folder or cannot be read.
    """
    try:
        return sorted(folder.iterdir(), key=lambda p: natural(p.name))
    except NotADirectoryError as error:
        raise UserError("this is a file, but a folder is expected", path=folder, column=column) from error
    except FileNotFoundError as error:
        raise UserError("the folder does not exist", path=folder, column=column) from error
    except OSError as error:
        raise unreadable(folder, error) from error


def choose(
    files: Sequence[Path], suffixes: Sequence[str], pattern: str, column: str, what: str, findings: Findings
) -> Path | None:
    """Return the one file of these suffixes that matches; none or several are noted as an error."""
    kind = [p for p in files if p.suffix.lower() in suffixes and not p.name.startswith(".")]
    found = [p for p in kind if matches(p.name, pattern)]
    if len(found) > 1 and ".tlt" in suffixes:
        # angles as solved by fiducials lie beside those after alignment, which are meant
        found = [p for p in found if not p.stem.endswith("_fid")] or found
    if len(found) == 1:
        return found[0]
    if found:
        findings.error(
            f"{len(found)} files may be {what}: {listed(p.name for p in found)}",
            column,
            f"Make {column} more exact.",
        )
        return None
    there = (
        f"there is {listed(p.name for p in kind)}" if kind else f"there is no {' or '.join(suffixes)} file"
    )
    close = nearest(pattern, [p.name for p in kind])
    hint = f"Is {close} meant?" if close else ""
    missing = f"no {' or '.join(suffixes)} file"
    if pattern:
        missing += f" that matches {pattern!r}; {there}"
    findings.error(f"{what} was not found: {missing}", column, hint)
    return None


def volume_facts(path: Path, findings: Findings, column: str | None = None) -> VolumeFacts | None:
    """Read the header of an MRC volume; what is wrong with it is noted."""
    try:
        header = read_map_header(path, permissive=True)
    except UserError as error:
        findings.from_error(error, column)
        return None
    if header.sections_present < header.shape[0]:
        findings.error(
            f"{path.name} is truncated: it holds {header.sections_present} of {header.shape[0]} sections",
            column,
        )
    if header.axes != (0, 1, 2):
        findings.error(f"{path.name} is stored with axes in another order than x, y, z", column)
    if not header.voxel_size_a:
        findings.warning(f"{path.name} states no voxel size", column)
    nz, ny, nx = header.shape
    return VolumeFacts((nx, ny, nz), header.voxel_size_a, _imod_origin(path, nx))


def _imod_origin(path: Path, nx: int) -> tuple[float, float, float]:
    """Origin in Å with the sign of IMOD, which depends on who wrote the header."""
    raw = read_whole(path, _HEADER)
    order = "<" if int.from_bytes(raw[:4], "little") == nx else ">"
    version, stamp, flags = (int(np.frombuffer(raw, f"{order}i4", 1, at)[0]) for at in (108, 152, 156))
    x, y, z = (float(v) for v in np.frombuffer(raw, f"{order}f4", 3, 196))
    if not np.isfinite([x, y, z]).all():
        return (0.0, 0.0, 0.0)
    sign = -1.0 if version > 0 or (stamp == _IMOD_STAMP and flags & _INVERTED) else 1.0
    return (sign * x, sign * y, sign * z)


def tilt_range(angles: FloatArray, findings: Findings, what: str) -> tuple[float, float]:
    """Return the smallest and largest angle; ranges that cannot be a tilt series' are noted."""
    low, high = float(np.min(angles)), float(np.max(angles))
    if high - low < 1 and len(angles) > 1:
        findings.warning(f"the tilt angles of {what} span {high - low:g}° only")
    if max(abs(low), abs(high)) > 90:
        findings.warning(f"the tilt angles of {what} go from {low:g}° to {high:g}°")
    return low, high


def usable_volume(entry: TomogramEntry) -> Path:
    """Return the volume of an entry.

    Raises
    ------
    UserError
        With the first error found, when the entry cannot be used.
    """
    if entry.volume is not None and entry.usable:
        return entry.volume
    first = next((p for p in entry.problems if p.severity == "error"), None)
    why = first.message if first else "it has no volume"
    raise UserError(f"{entry.name} cannot be used: {why}", hint=first.hint if first else "")


def listed(names: Iterable[str]) -> str:
    """Names in one line, the first six of many."""
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
