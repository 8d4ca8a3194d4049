"""Writes files as IMOD and PEET do: models in binary and ASCII form, tilt angles, motive lists."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

_FLAGS = (1 << 10) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15)
_SCATTERED = 1 << 9
MOTIVE_HEADER = (
    "CCC,reserved,reserved,pIndex,wedgeWT,NA,NA,NA,NA,NA,xOffset,yOffset,zOffset,NA,NA,reserved,"
    "EulerZ(1),EulerZ(3),EulerX(2),reserved"
)


def model_bytes(
    points: Sequence[npt.ArrayLike],
    *,
    slicer: npt.ArrayLike = (),
    centers: npt.ArrayLike = (),
    size: tuple[int, int, int] = (50, 60, 40),
    pixel_a: float = 10.0,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    old_origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    label: bytes = b"",
    slan_length: int = 60,
    imat_length: int = 16,
    with_transform: bool = True,
    flags: int = _FLAGS,
) -> bytes:
    """Return a binary model with one object per entry of ``points`` (`(n, 3)`; one contour each).

    ``slan_length`` and ``imat_length`` are what the length words say; what is written is always right.
    """
    head = struct.pack(">128s4iI4i6f5ifii3f", b"IMOD-NewModel", *size, len(points), flags, 1, 0, 0, 255,
                       0, 0, 0, 1, 1, 1, 0, 0, 0, 3, 128, pixel_a, -10, 0, 0, 0, 0)  # fmt: skip
    out = b"IMODV1.2" + head
    for i, contour in enumerate(points):
        rows = np.asarray(contour, float).reshape(-1, 3)
        name = f"particles {i + 1}".encode()
        out += b"OBJT" + struct.pack(">64s16IiIii3fi8Bii", name, *[0] * 16, 1, _SCATTERED, 0, 0,
                                     0, 1, 0, 3, 1, 3, 1, 1, 0, 0, 0, 0, 0, 0)  # fmt: skip
        out += b"CONT" + struct.pack(">iIii", len(rows), 0, 0, 0) + rows.astype(">f4").tobytes()
        out += b"IMAT" + struct.pack(">i4BI4B", imat_length, 102, 255, 127, 4, 0, 0, 255, 0, 0) + b"\0" * 4
    out += b"VIEW" + struct.pack(">ii", 4, 1)
    if with_transform:
        scale = (pixel_a,) * 3
        out += b"MINX" + struct.pack(">i18f", 72, *scale, *old_origin, 0, 0, 0, *scale, *origin, 0, 0, 0)
    angles = np.asarray(slicer, float).reshape(-1, 3)
    for angle, center in zip(angles, np.asarray(centers, float).reshape(-1, 3), strict=True):
        out += b"SLAN" + struct.pack(">ii6f32s", slan_length, 1, *angle, *center, label)
    return out + b"IEOF"


def ascii_model(
    points: Sequence[npt.ArrayLike],
    slicer: npt.ArrayLike = (),
    centers: npt.ArrayLike = (),
    size: tuple[int, int, int] = (50, 60, 40),
    pixel_a: float = 10.0,
) -> str:
    """Return the same model in IMOD's ASCII form."""
    lines = [f"imod {len(points)}", "max " + " ".join(map(str, size)), "offsets 0 0 0", "angles 0 0 0",
             "scale 1 1 1", "mousemode  0", "drawmode   1", "b&w_level  0,255", "resolution 3",
             "threshold  128", f"pixsize    {pixel_a}", "units      angstroms"]  # fmt: skip
    lines.append(f"refcurscale {pixel_a} {pixel_a} {pixel_a}")
    for i, contour in enumerate(points):
        rows = np.asarray(contour, float).reshape(-1, 3)
        lines += [f"object {i} 1 0", f"name particles {i + 1}", "color 0 1 0 0", "scattered"]
        lines += [f"contour 0 0 {len(rows)}", *(" ".join(f"{v:g}" for v in row) for row in rows)]
    angles = np.asarray(slicer, float).reshape(-1, 3)
    for angle, center in zip(angles, np.asarray(centers, float).reshape(-1, 3), strict=True):
        lines.append("slicerAngle 1 " + " ".join(f"{v:g}" for v in (*angle, *center)) + " a label")
    return "\n".join(lines) + "\n"


def write_tilt_angles(path: Path, angles: npt.ArrayLike) -> None:
    """Write a ``.tlt`` file, one ``%7.2f`` per line."""
    path.write_text("".join(f"{a:7.2f}\n" for a in np.asarray(angles, float)))


def write_motives(
    path: Path, point: npt.ArrayLike, score: npt.ArrayLike, offset: npt.ArrayLike, angles: npt.ArrayLike
) -> None:
    """Write a motive list; points from 1, angles phi, theta, psi; the class is the parity of the point."""
    phi, theta, psi = np.asarray(angles, float).T
    x, y, z = np.asarray(offset, float).T
    number, zero = np.asarray(point, float), np.zeros(len(phi))
    columns = [np.asarray(score, float), zero, zero, number, zero + 1, *[zero] * 5, x, y, z, *[zero] * 3]
    rows = np.stack([*columns, phi, psi, theta, number % 2], axis=1)
    np.savetxt(path, rows, "%.12g", delimiter=",", header=MOTIVE_HEADER, comments="")
