"""Look at every image once before it is computed with: whether it is sound, and whether it is there twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError

if TYPE_CHECKING:
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

IntArray = npt.NDArray[np.int64]
_NAMED: Final = 10
_SEED: Final = 20120214


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found, as rows of the input in ascending order.

    Attributes
    ----------
    not_finite, constant
        Images with NaN or infinite pixels, and images without any contrast.
    duplicates
        ``(d, 2)``: an image and the earlier one with exactly the same pixels.
    """

    not_finite: IntArray
    constant: IntArray
    duplicates: IntArray

    @property
    def sound(self) -> bool:
        """Whether every image can be computed with."""
        return not len(self.not_finite) and not len(self.constant)

    def error(self, images: ImageInput) -> FormatError:
        """Return the error that names the images that cannot be used."""
        parts = []
        if len(self.not_finite):
            parts.append(f"{_named(self.not_finite, images)} with NaN or infinite pixels")
        if len(self.constant):
            parts.append(f"{_named(self.constant, images)} whose pixels are all the same")
        verb = "is" if len(self.not_finite) + len(self.constant) == 1 else "are"
        return FormatError(
            f"there {verb} {' and '.join(parts)}",
            path=images.path,
            hint="Take them out of the file (Subset selection), or extract them again",
        )

    def warnings(self, images: ImageInput) -> tuple[str, ...]:
        """Return a sentence about images that are there twice."""
        if not len(self.duplicates):
            return ()
        later, earlier = self.duplicates[0].tolist()
        return (
            f"{len(self.duplicates)} of {images.count} images have the very pixels of an earlier one; the "
            f"first is {images.image_name[later]}, as {images.image_name[earlier]}. Classes of copies look "
            "stable without being so: remove duplicates.",
        )


class Inspector:
    """Takes images block by block.

    Parameters
    ----------
    box
        Side of the images in pixels.
    """

    def __init__(self, box: int) -> None:
        random = np.random.default_rng(_SEED)
        self._weights = random.integers(1, 2**63, box * box, np.uint64) * np.uint64(2) + np.uint64(1)

    def look(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
        """Return what is to be known of images ``(b, y, x)``.

        Returns
        -------
        numpy.ndarray
            ``(b, 2)`` uint64: fingerprint of the pixels; 0 sound, 1 not finite, 2 constant.
        """
        flat = np.ascontiguousarray(images, np.float32).reshape(len(images), -1)
        low, high = flat.min(1), flat.max(1)  # NaN and infinity show in them
        finite = np.isfinite(low) & np.isfinite(high)
        state = np.where(~finite, 1, np.where(low == high, 2, 0)).astype(np.uint64)
        # a random linear form modulo 2^64: equal for equal pixels, and else with a chance of about 1e-19
        print_ = flat.view(np.uint32).astype(np.uint64) @ self._weights
        return np.stack((print_, state), axis=1)


def inspection(found: npt.NDArray[np.uint64]) -> Inspection:
    """Sum up what :meth:`Inspector.look` said of all images.

    Parameters
    ----------
    found
        ``(n, 2)``.
    """
    state = found[:, 1]
    order = np.argsort(found[:, 0], kind="stable")
    prints = found[order, 0]
    starts = np.r_[True, prints[1:] != prints[:-1]]
    first = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    pairs = np.stack((order, first), axis=1)[~starts & (state[order] == 0)]
    pairs = pairs[np.argsort(pairs[:, 0])] if len(pairs) else np.empty((0, 2), np.int64)
    return Inspection(
        not_finite=np.flatnonzero(state == 1), constant=np.flatnonzero(state == 2), duplicates=pairs
    )


def inspect_images(images: ImageInput) -> Inspection:
    """Look at all images of an input, without computing with them."""
    inspector = Inspector(images.box)
    block = max(1, (1 << 24) // images.box**2)
    found = [
        inspector.look(images.read(np.arange(a, min(a + block, images.count))))
        for a in range(0, images.count, block)
    ]
    return inspection(np.concatenate(found))


def check_input(images: ImageInput, settings: IsacSettings) -> None:
    """Raise what can be said before an image is looked at.

    Parameters
    ----------
    images
        The input.
    settings
        Of the run.

    Raises
    ------
    UserError
        When box, radius, group size and number of images do not fit, or the CTF or the directions of
        filaments are wanted but not there.
    """
    settings.check(images.count, images.box)
    if settings.ctf and images.ctf is None:
        raise UserError(
            "phases are to be flipped, but the file states no CTF",
            path=images.path,
            column="CTF",
            hint="Choose No for CTF, or take the particles after CTF estimation",
        )
    if settings.ctf and images.pixel_size_a is None:
        raise UserError(
            "phases are to be flipped, but neither the file nor the option angpix states the pixel size",
            path=images.path,
            column="angpix",
            hint="Give the pixel size",
        )
    if settings.filament and images.segment_angle_deg is None:
        raise UserError(
            "filament_width is given, but the file does not state the directions of the segments",
            path=images.path,
            column="filament_width",
            hint="They are read from rlnAnglePsiPrior, or segment_angle of HDF stacks; -1 is for particles",
        )


def _named(rows: IntArray, images: ImageInput) -> str:
    names = ", ".join(str(images.image_name[i]) for i in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return f"{len(rows)} image{'s' if len(rows) > 1 else ''} ({names}{more})"
