"""The 1024 bytes at the start of an MRC file: what they say, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole, unreadable

HEADER_BYTES = 1024
# One record for the whole header; names as in the MRC2014 definition.
HEADER_DTYPE: np.dtype[np.void] = np.dtype(
    [
        ("nx", "<i4"), ("ny", "<i4"), ("nz", "<i4"), ("mode", "<i4"),
        ("nstart", "<i4", 3), ("m", "<i4", 3), ("cella", "<f4", 3), ("cellb", "<f4", 3),
        ("map_axes", "<i4", 3), ("dmin", "<f4"), ("dmax", "<f4"), ("dmean", "<f4"),
        ("ispg", "<i4"), ("nsymbt", "<i4"), ("extra1", "V8"), ("exttyp", "S4"), ("nversion", "<i4"),
        ("extra2", "V84"), ("origin", "<f4", 3), ("map", "V4"), ("machst", "V4"), ("rms", "<f4"),
        ("nlabl", "<i4"), ("label", "S80", 10),
    ]
)  # fmt: skip
MODES: dict[int, np.dtype[np.generic]] = {
    0: np.dtype("i1"),
    1: np.dtype("<i2"),
    2: np.dtype("<f4"),
    6: np.dtype("<u2"),
    12: np.dtype("<f2"),
}
_UNREADABLE_MODES = {3: "complex 16-bit integers", 4: "complex numbers (a Fourier transform)", 101: "4-bit"}
_LITTLE, _BIG = (b"\x44\x44", b"\x44\x41"), (b"\x11\x11",)
# Voxel edges that differ by more are not a cubic grid.
_SAME_EDGE = 1e-3


@dataclass(frozen=True)
class MapHeader:
    """What the header of an MRC map or stack says.

    Attributes
    ----------
    path
        The file.
    shape
        Sections, rows, columns as stored (for the usual axis order: z, y, x).
    mode
        MRC mode: 0 int8, 1 int16, 2 float32, 6 uint16, 12 float16.
    dtype
        Type of the stored numbers, byte order included.
    voxel_size_a
        Edge of a voxel in Å along x; 0 when the header does not say.
    origin_a
        Position (x, y, z) of voxel (0, 0, 0) in Å, as ChimeraX places it: the origin entry when it is not
        zero, else the start indices times the voxel size.
    axes
        Which of x, y, z (0, 1, 2) columns, rows and sections run along.
    data_offset
        Byte at which the numbers begin.
    file_bytes
        Size of the file.
    notes
        What deviates from the format without making the file unreadable.
    """

    path: Path
    shape: tuple[int, int, int]
    mode: int
    dtype: np.dtype[np.generic]
    voxel_size_a: float
    origin_a: tuple[float, float, float]
    axes: tuple[int, int, int]
    data_offset: int
    file_bytes: int
    notes: tuple[str, ...] = ()

    @property
    def section_bytes(self) -> int:
        """Bytes of one section."""
        return self.shape[1] * self.shape[2] * self.dtype.itemsize

    @property
    def data_bytes(self) -> int:
        """Bytes that the numbers need."""
        return self.shape[0] * self.section_bytes

    @property
    def sections_present(self) -> int:
        """Complete sections that the file really holds."""
        return min(self.shape[0], max(0, self.file_bytes - self.data_offset) // self.section_bytes)


@dataclass(frozen=True)
class _Finding:
    """One violation; a fatal one leaves nothing to read."""

    message: str
    fatal: bool


def read_map_header(path: str | Path, *, permissive: bool = False) -> MapHeader:
    """Read and check the header of an MRC map or stack; costs one kilobyte.

    Parameters
    ----------
    path
        The file.
    permissive
        Turn violations that leave the data readable into ``notes``, truncated data included (see
        :attr:`MapHeader.sections_present`).

    Raises
    ------
    FormatError
        When the file is missing or unreadable; shorter than its header; of an unknown or complex mode;
        without positive dimensions. Unless ``permissive``: wrong map id or machine stamp, axes that are no
        permutation, unusable or unequal voxel sizes, or fewer bytes than the header promises.
    """
    path = Path(path)
    header, findings = _examine(path)
    for finding in findings:
        if finding.fatal or not permissive or header is None:
            raise FormatError(finding.message, path=path)
    assert header is not None
    return header


def find_violations(path: str | Path) -> list[str]:
    """List everything about an MRC file that deviates from the format, worst first; empty when sound.

    Raises
    ------
    FormatError
        When the file is missing or unreadable.
    """
    header, findings = _examine(Path(path))
    ordered = sorted(findings, key=lambda f: not f.fatal)
    notes = [n for n in header.notes if n not in {f.message for f in ordered}] if header else []
    return [f.message for f in ordered] + notes


def _examine(path: Path) -> tuple[MapHeader | None, list[_Finding]]:
    raw = read_whole(path, HEADER_BYTES)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if len(raw) < HEADER_BYTES:
        return None, [_fatal(f"an MRC header has {HEADER_BYTES} bytes, but the whole file has {len(raw)}")]
    record, findings = _record(raw)
    mode = int(record["mode"])
    if mode not in MODES:
        kind = _UNREADABLE_MODES.get(mode, "unknown")
        text = f"the mode is {mode} ({kind}); 0, 1, 2, 6 or 12 is expected"
        hint = "" if mode in _UNREADABLE_MODES else ", so this may not be an MRC file"
        return None, [_fatal(text + hint), *findings]
    shape = (int(record["nz"]), int(record["ny"]), int(record["nx"]))
    if min(shape) < 1 or int(record["nsymbt"]) < 0:
        text = (
            f"the header gives {shape[2]} × {shape[1]} × {shape[0]} voxels and {int(record['nsymbt'])} bytes"
        )
        return None, [
            _fatal(f"{text} of extended header, which is impossible; is this an MRC file?"),
            *findings,
        ]
    swapped = record.dtype["nx"].byteorder == ">"
    axes, axes_findings = _axes(record)
    edges, edge_findings = _voxel_edges(record)
    findings += axes_findings + edge_findings
    header = MapHeader(
        path=path,
        shape=shape,
        mode=mode,
        dtype=MODES[mode].newbyteorder(">") if swapped else MODES[mode],
        voxel_size_a=edges[0],
        origin_a=_origin(record, edges),
        axes=axes,
        data_offset=HEADER_BYTES + int(record["nsymbt"]),
        file_bytes=size,
    )
    expected = header.data_offset + header.data_bytes
    if size < expected:
        sizes = f"{expected:,} bytes are expected ({_dimensions(header)}), {size:,} are there"
        text = f"the file is truncated: {sizes}"
        findings.append(_Finding(text, False))
    notes = [f.message for f in findings]
    if bytes(record["map"]) == b"\0\0\0\0":
        # Written before the year 2000, or by programs that never caught up; then the size must be right.
        text = "the header has no map id, expected 'MAP '"
        notes.append(text)
        if size != expected:
            findings.append(_Finding(text, False))
    if size > expected:
        notes.append(f"{size - expected:,} bytes follow the data")
    return MapHeader(**{**header.__dict__, "notes": tuple(notes)}), findings


def _record(raw: bytes) -> tuple[np.void, list[_Finding]]:
    """Return the header in the right byte order, and what is wrong with its id and machine stamp."""
    little = np.frombuffer(raw, HEADER_DTYPE)[0]
    big = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(">"))[0]
    findings = []
    map_id, stamp = bytes(little["map"]), bytes(little["machst"])
    if map_id not in (b"MAP ", b"MAP\0", b"\0\0\0\0"):
        findings.append(_Finding(f"the map id is {map_id!r}, expected b'MAP '; is this an MRC file?", False))
    if stamp[:2] in _BIG:
        return big, findings
    if stamp[:2] not in _LITTLE:
        if stamp != b"\0\0\0\0":
            text = f"the machine stamp is 0x{stamp.hex()}, expected 0x44440000 (little) or 0x11110000 (big)"
            findings.append(_Finding(text, False))
        # Without a stamp the mode tells: read in the wrong order it is a huge number.
        if int(little["mode"]) not in MODES and int(big["mode"]) in MODES:
            return big, findings
    return little, findings


def _axes(record: np.void) -> tuple[tuple[int, int, int], list[_Finding]]:
    axes = tuple(int(a) for a in record["map_axes"])
    if axes == (0, 0, 0):  # left empty by several programs
        return (0, 1, 2), []
    if sorted(axes) != [1, 2, 3]:
        return (0, 1, 2), [_Finding(f"the axis order is {axes}, expected an order of 1, 2, 3", False)]
    return (axes[0] - 1, axes[1] - 1, axes[2] - 1), []


def _voxel_edges(record: np.void) -> tuple[tuple[float, float, float], list[_Finding]]:
    """Return the voxel edges (x, y, z) in Å; zeros when the header does not say."""
    cell, intervals = np.asarray(record["cella"], float), np.asarray(record["m"], float)
    if not cell.any() or not intervals.all():
        return (0.0, 0.0, 0.0), []
    edges = cell / intervals
    # the header holds seven digits; without rounding 13.1 would become 13.10000038
    x, y, z = (float(f"{e:.7g}") for e in edges)
    if not np.isfinite(edges).all() or (edges[:2] <= 0).any():
        return (0.0, 0.0, 0.0), [
            _Finding(f"the voxel size is {x:g} × {y:g} × {z:g} Å, which is impossible", False)
        ]
    if abs(x - y) > _SAME_EDGE * x or (record["ispg"] == 1 and abs(x - z) > _SAME_EDGE * x):
        return (x, y, z), [_Finding(f"the voxels are not cubes: {x:g} × {y:g} × {z:g} Å", False)]
    return (x, y, z), []


def _origin(record: np.void, edges: tuple[float, float, float]) -> tuple[float, float, float]:
    origin = np.asarray(record["origin"], float)
    if not np.isfinite(origin).all():
        return (0.0, 0.0, 0.0)
    if not origin.any():
        # start indices are given in the order of columns, rows, sections
        start = np.zeros(3)
        axes, _ = _axes(record)
        start[list(axes)] = np.asarray(record["nstart"], float)
        origin = start * np.asarray(edges)
    return (float(origin[0]), float(origin[1]), float(origin[2]))


def _dimensions(header: MapHeader) -> str:
    nz, ny, nx = header.shape
    return f"{nz} sections of {nx} × {ny} {header.dtype.name}"


def _fatal(message: str) -> _Finding:
    return _Finding(message, True)
