"""Read IMOD models in their ASCII form: one keyword and its values per line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.imod_parts import FLIPPED, OPEN, SCATTERED, ImageTransform, ImodContour, ModelParts

_OBJECT_FLAGS = {"open": OPEN, "scattered": OPEN | SCATTERED}
_TRANSFORM = ("refoldscale", "refoldtrans", "refcurscale", "refcurtrans")


def read_ascii(data: bytes, path: Path) -> ModelParts:
    """Read the text of a model.

    Raises
    ------
    FormatError
        When a line does not hold what its keyword promises, or the text ends within a contour.
    """
    return _Reader(data.decode("utf-8", "replace").splitlines(), path).read()


class _Reader:
    def __init__(self, lines: list[str], path: Path) -> None:
        self.lines, self.path, self.row = lines, path, 0
        self.parts = ModelParts(name=path.stem)
        self.transform: dict[str, list[float]] = {}

    def read(self) -> ModelParts:
        while self.row < len(self.lines):
            words = self.lines[self.row].split()
            self.row += 1
            if words and not words[0].startswith("#"):
                self.line(words[0].lower(), words[1:])
        if "refcurscale" in self.transform:
            scale = self.transform["refcurscale"]
            defaults = (scale, [0.0] * 3, scale, [0.0] * 3)
            rows = [self.transform.get(k, d) for k, d in zip(_TRANSFORM, defaults, strict=True)]
            self.parts.transform = ImageTransform(*(np.array(r) for r in rows))
        return self.parts

    def line(self, key: str, values: list[str]) -> None:
        parts = self.parts
        if key == "max":
            x, y, z = (int(v) for v in self.numbers(values, 3))
            parts.size = (x, y, z)
        elif key == "scale":
            parts.z_scale = self.numbers(values, 3)[2]
        elif key == "pixsize":
            parts.pixel_size = self.numbers(values, 1)[0]
        elif key == "units":
            parts.unit = " ".join(values)
        elif key == "flipped":
            parts.flags |= FLIPPED if self.numbers(values, 1)[0] else 0
        elif key == "sliceangle" or key == "slicerangle":
            numbers = self.numbers(values, 7)
            parts.slicer.append((int(numbers[0]), tuple(numbers[1:7]), " ".join(values[7:])))
        elif key in _TRANSFORM:
            self.transform[key] = self.numbers(values, 3)
        elif key == "object":
            parts.objects.append(("", 0, []))
        elif key == "contour":
            self.contour(values)
        elif key == "mesh":
            _, vertices, indices = self.numbers(values, 3)
            self.row += int(vertices + indices)
        elif parts.objects and (key == "name" or key in _OBJECT_FLAGS):
            name, flags, lines = parts.objects[-1]
            named = (" ".join(values), flags) if key == "name" else (name, flags | _OBJECT_FLAGS[key])
            parts.objects[-1] = (*named, lines)

    def contour(self, values: list[str]) -> None:
        _, surface, n = (int(v) for v in self.numbers(values, 3))
        if not self.parts.objects:
            raise self.fault("a contour stands before any object")
        rows = []
        for _ in range(n):
            if self.row >= len(self.lines):
                raise self.fault(f"the file ends within a contour of {n} points")
            words = self.lines[self.row].split()
            self.row += 1
            rows.append(self.numbers(words, 3))
        points = np.array(rows, float).reshape(-1, 3)
        self.parts.objects[-1][2].append(ImodContour(points, surface))

    def numbers(self, words: list[str], n: int) -> list[float]:
        """Return the first ``n`` words as finite numbers."""
        try:
            found = [float(w) for w in words[:n]]
        except ValueError:
            found = []
        if len(found) < n or not np.isfinite(found).all():
            raise self.fault(f"{n} numbers are expected, not {' '.join(words)!r}")
        return found

    def fault(self, message: str) -> FormatError:
        return FormatError(message, path=self.path, row=self.row)
