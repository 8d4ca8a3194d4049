"""What an IMOD model holds: contours, slicer angles, and how it lies in its image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: The model was last shown on an image with Y and Z exchanged.
FLIPPED = 1 << 16
#: … by turning it about X.
ROTATED = 1 << 17
#: ``old_origin`` is set: the origin of the file of which a part was loaded.
KEEPS_ORIGIN = 1 << 14
SCATTERED, OPEN = 1 << 9, 1 << 3


@dataclass(frozen=True, eq=False)
class ImodContour:
    """Points `(n, 3)` x, y, z of a contour in model coordinates, its surface and its point in time."""

    points: FloatArray
    surface: int = 0
    time: int = 0


@dataclass(frozen=True, eq=False)
class ImodObject:
    """An object: name, flags and contours."""

    name: str
    flags: int = 0
    contours: tuple[ImodContour, ...] = ()

    @property
    def scattered(self) -> bool:
        """Whether its points are single things rather than lines."""
        return bool(self.flags & SCATTERED)

    @property
    def open(self) -> bool:
        """Whether its contours are open lines."""
        return bool(self.flags & OPEN)


@dataclass(frozen=True, eq=False)
class SlicerAngles:
    """Orientations saved in the Slicer window, one row each.

    Attributes
    ----------
    angles_deg
        `(n, 3)` about x, y, z.
    center
        `(n, 3)` x, y, z in model coordinates.
    time
        `(n,)` point in time.
    label
        Texts.
    """

    angles_deg: FloatArray
    center: FloatArray
    time: IntArray
    label: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, eq=False)
class ImageTransform:
    """How model coordinates lie in the image they were last shown on (chunk MINX), `(3,)` each.

    Attributes
    ----------
    old_scale, old_origin
        Of the image as it was when the model began (the full volume).
    scale, origin
        Pixel spacing and origin of the image it was last shown on.
    """

    old_scale: FloatArray
    old_origin: FloatArray
    scale: FloatArray
    origin: FloatArray


@dataclass(frozen=True, eq=False)
class ImodModel:
    """A model.

    Attributes
    ----------
    path
        The file.
    name
        Name in the file.
    size
        x, y, z of the image it was last shown on.
    flags, z_scale, pixel_size, unit
        As in the header; ``unit`` in words.
    objects
        Objects with their contours.
    slicer
        Slicer angles.
    transform
        None where the file has none.
    """

    path: Path
    name: str
    size: tuple[int, int, int]
    flags: int
    z_scale: float
    pixel_size: float
    unit: str
    objects: tuple[ImodObject, ...]
    slicer: SlicerAngles
    transform: ImageTransform | None

    @property
    def flipped(self) -> bool:
        """Whether it was last shown on an image with Y and Z exchanged."""
        return bool(self.flags & FLIPPED)

    @property
    def rotated(self) -> bool:
        """Whether that exchange was a turn by 90° about X."""
        return self.flipped and bool(self.flags & ROTATED)

    def points(self, objects: tuple[int, ...] = ()) -> tuple[FloatArray, IntArray, IntArray]:
        """Return points `(n, 3)` in file order, with object and contour `(n,)`, both counted from 1.

        Parameters
        ----------
        objects
            Numbers of the objects wanted; all when empty.
        """
        found, owner, contour = [np.zeros((0, 3))], [0][:0], [0][:0]
        for number, thing in enumerate(self.objects, start=1):
            if objects and number not in objects:
                continue
            for k, line in enumerate(thing.contours, start=1):
                found.append(line.points)
                owner += [number] * len(line.points)
                contour += [k] * len(line.points)
        return np.concatenate(found), np.array(owner, np.int64), np.array(contour, np.int64)


@dataclass
class ModelParts:
    """What a reader has collected so far."""

    name: str = ""
    size: tuple[int, int, int] = (0, 0, 0)
    flags: int = 0
    z_scale: float = 1.0
    pixel_size: float = 1.0
    unit: str = "pixels"
    objects: list[tuple[str, int, list[ImodContour]]] = field(default_factory=list)
    slicer: list[tuple[int, tuple[float, ...], str]] = field(default_factory=list)
    transform: ImageTransform | None = None

    def model(self, path: Path) -> ImodModel:
        """Return the finished model."""
        rows = np.array([values for _, values, _ in self.slicer], float).reshape(-1, 6)
        times = np.array([time for time, _, _ in self.slicer], np.int64)
        slicer = SlicerAngles(rows[:, :3], rows[:, 3:], times, tuple(label for *_, label in self.slicer))
        objects = tuple(ImodObject(name, flags, tuple(lines)) for name, flags, lines in self.objects)
        return ImodModel(
            path, self.name, self.size, self.flags, self.z_scale, self.pixel_size, self.unit, objects, slicer,
            self.transform,
        )  # fmt: skip
