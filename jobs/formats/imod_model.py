"""Read IMOD models: contours, slicer angles and how the model lies in its image, binary and ASCII.

The layout is that of IMOD's "binary file format" page: big-endian, chunks of a name, mostly a length, and
data. A reader goes strictly forward, so a damaged file ends with a message and never with a search.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole
from jobs.formats.imod_ascii import read_ascii
from jobs.formats.imod_parts import (
    ImageTransform,
    ImodContour,
    ImodModel,
    ImodObject,
    ModelParts,
    SlicerAngles,
)

__all__ = ["ImageTransform", "ImodContour", "ImodModel", "ImodObject", "SlicerAngles", "read_imod_model"]

_SLICER_BYTES = 60
# Writers exist that state another length than they write; then the fixed one is right.
_FIXED = {b"SLAN": (_SLICER_BYTES,), b"IMAT": (16, 12), b"MINX": (72,)}
_NO_LENGTH = (b"OBJT", b"CONT", b"MESH", b"IEOF")
_UNITS = {0: "pixels", -9: "nm", -10: "Å", -6: "µm", -3: "mm", -2: "cm", 1: "km", 3: "m"}


def read_imod_model(path: str | Path) -> ImodModel:
    """Read a model, binary or ASCII.

    Raises
    ------
    FormatError
        When the file is missing, is no model, is damaged or ends too early; names the byte or the line.
    """
    path = Path(path)
    data = read_whole(path)
    if data[:4] == b"IMOD":
        return _Binary(data, path).read().model(path)
    if data.lstrip()[:5].lower() == b"imod ":
        return read_ascii(data, path).model(path)
    if not data:
        raise FormatError("the model is empty: the file has no bytes", path=path, hint="Save the model again")
    raise FormatError(
        f"this is no IMOD model: it begins with {data[:8]!r}, where IMODV1.2 is expected",
        path=path,
        hint="Choose the .mod file that 3dmod has saved.",
    )


class _Binary:
    """Goes through the chunks of a binary model."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0
        self.parts = ModelParts()

    def read(self) -> ModelParts:
        self.at = 8
        head = self.take(232, "the header")
        values = struct.unpack(">128s4iI4i6f5i", head[:208])
        parts = self.parts
        parts.name = _text(values[0])
        parts.size = (values[1], values[2], values[3])
        parts.flags = values[5]
        parts.z_scale = values[15]
        parts.pixel_size, unit = struct.unpack(">fi", head[208:216])
        parts.unit = _UNITS.get(unit, f"10^{unit} m")
        while True:
            start = self.at
            name = self.take(4, "the next chunk; the end mark IEOF is missing")
            if name == b"IEOF":
                return parts
            self.chunk(name, start)

    def chunk(self, name: bytes, start: int) -> None:
        if name == b"OBJT":
            head = self.take(176, "an object")
            parts_flags = struct.unpack(">I", head[132:136])[0]
            self.parts.objects.append((_text(head[:64]), parts_flags, []))
        elif name == b"CONT":
            self.contour(start)
        elif name == b"MESH":
            vertices, indices = struct.unpack(">2i", self.take(16, "a mesh")[:8])
            if min(vertices, indices) < 0:
                raise self.fault(f"a mesh of {vertices} vertices and {indices} indices is impossible", start)
            self.take(12 * vertices + 4 * indices, "the vertices of a mesh")
        elif _plausible(name):
            self.sized(name, start)
        else:
            raise self.fault(f"the name of a chunk is expected, not {name!r}", start)

    def contour(self, start: int) -> None:
        n, _, time, surface = struct.unpack(">iIii", self.take(16, "a contour"))
        if n < 0:
            raise self.fault(f"a contour of {n} points is impossible", start)
        points = np.frombuffer(self.take(12 * n, f"the {n} points of a contour"), ">f4").reshape(-1, 3)
        if not self.parts.objects:
            raise self.fault("a contour stands before any object", start)
        if not np.isfinite(points).all():
            raise self.fault("a point of a contour is not a number", start)
        self.parts.objects[-1][2].append(ImodContour(points.astype(np.float64), surface, time))

    def sized(self, name: bytes, start: int) -> None:
        (stated,) = struct.unpack(">i", self.take(4, f"the length of {name.decode()}"))
        length = self.length(name, stated, start)
        body = self.take(length, f"a chunk {name.decode()} of {length} bytes")
        if name == b"SLAN" and length >= _SLICER_BYTES:
            time, *numbers = struct.unpack(">i6f", body[:28])
            if not np.isfinite(numbers).all():
                raise self.fault("a slicer angle is not a number", start)
            self.parts.slicer.append((time, tuple(numbers), _text(body[28:60])))
        elif name == b"MINX" and length >= 72:
            rows = np.frombuffer(body[:72], ">f4").astype(np.float64).reshape(6, 3)
            # old scale, old origin, old rotation, and the same of now
            self.parts.transform = ImageTransform(rows[0], rows[1], rows[3], rows[4])

    def length(self, name: bytes, stated: int, start: int) -> int:
        """Length of a chunk: as stated, or as the format fixes it where the statement leads nowhere."""
        for length in (stated, *_FIXED.get(name, ())):
            end = self.at + length
            if length < 0 or end > len(self.data):
                continue
            following = self.data[end : end + 4]
            if _plausible(following) or following in _NO_LENGTH or not following:
                return length
        if stated < 0:
            raise self.fault(f"a chunk {name.decode()} of {stated} bytes is impossible", start)
        if self.at + stated > len(self.data):
            self.take(stated, f"a chunk {name.decode()} of {stated} bytes")
        return stated

    def take(self, n: int, what: str) -> bytes:
        part = self.data[self.at : self.at + n]
        if len(part) < n:
            raise FormatError(
                f"the file ends at byte {len(self.data)}, within {what} (from byte {self.at})",
                path=self.path,
                hint="It was not written to its end; save the model again.",
            )
        self.at += n
        return part

    def fault(self, message: str, at: int) -> FormatError:
        return FormatError(f"byte {at}: {message}", path=self.path, hint="The file is damaged.")


def _plausible(name: bytes) -> bool:
    return len(name) == 4 and all(48 <= c <= 57 or 65 <= c <= 90 for c in name)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").rstrip()
