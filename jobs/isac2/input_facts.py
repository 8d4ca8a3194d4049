"""What the head of a STAR file says of the images, while somebody fills in the form: captions and checks.

A megabyte is read at most, once per version of the file. Stacks of other kinds are looked at by the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import CheckContext
from jobs.core.errors import FormatError, Problem
from jobs.isac2.classification_options import ANGSTROMS

# The reader loads numpy; it is imported where it is used, so that describing the job does not.
if TYPE_CHECKING:
    from jobs.isac2.params import Isac2Options

_HEAD_ROWS: Final = 5
_FLIPPED: Final = "rlnCtfDataArePhaseFlipped"
#: Groups that are made when their size is left to the program, and the smallest size then.
_CLASSES, _SMALLEST = 200, 50


@dataclass(frozen=True)
class ImageFacts:
    """What is known of the images.

    Attributes
    ----------
    count
        How many; estimated for a large file.
    exact
        Whether that is no estimate.
    box
        Pixels; 0 when the file does not say.
    pixel_size_a
        Å; 0 when the file does not say.
    has_ctf, is_flipped, has_directions
        Whether it states a defocus, that phases are flipped already, and the directions of filaments.
    """

    count: int
    exact: bool
    box: int
    pixel_size_a: float
    has_ctf: bool
    is_flipped: bool
    has_directions: bool


def image_facts(options: Isac2Options, context: CheckContext) -> ImageFacts | None:
    """Return what the input says of its images; None for other kinds of files, or one that cannot be read."""
    path = context.resolve(options.fn_stack)
    if not options.fn_stack or path.suffix.lower() != ".star":
        return None
    try:
        status = path.stat()
        return _facts(path, status.st_mtime_ns, status.st_size)
    except (OSError, FormatError, ValueError):
        return None  # the worker says what is wrong with it


@lru_cache(maxsize=16)
def _facts(path: Path, mtime_ns: int, size: int) -> ImageFacts | None:
    from jobs.formats.star import read_star_head

    head = read_star_head(path, n_rows=_HEAD_ROWS)
    name = next((name for name, table in head.tables.items() if "rlnImageName" in table), None)
    if name is None:
        return None
    table = head.tables[name]
    optics = head.tables.get("optics", table)
    pixel = next((p for p in ("rlnImagePixelSize", "rlnPixelSize") if p in optics), None)
    return ImageFacts(
        count=head.n_rows[name],
        exact=head.complete,
        box=int(optics.floats("rlnImageSize")[0]) if "rlnImageSize" in optics else 0,
        pixel_size_a=0.0 if pixel is None else float(optics.floats(pixel)[0]),
        has_ctf="rlnDefocusU" in table,
        is_flipped=_FLIPPED in optics and bool(optics.floats(_FLIPPED)[0]),
        has_directions="rlnAnglePsiPrior" in table,
    )


def captions(options: Isac2Options, context: CheckContext) -> Mapping[str, str]:
    """Return what stands beside fields: lengths in the other unit, pixel size of averages, classes."""
    facts = image_facts(options, context)
    said: dict[str, str] = {}
    pixel = options.angpix or (facts.pixel_size_a if facts is not None else 0.0)
    in_a = options.length_unit == ANGSTROMS
    for name in ("radius", "filament_width"):
        value = getattr(options, name) or 0.0
        said[name] = "Å" if in_a else "px"
        if pixel and value > 0:
            said[name] += f" = {value / pixel:.4g} px" if in_a else f" = {value * pixel:.4g} Å"
    if pixel:
        if not options.angpix:
            said["angpix"] = f"{pixel:.4g} Å found"
        radius = (options.radius or 0.0) / (pixel if in_a else 1.0)
        if radius > 0:
            said["target_radius"] = f"averages of {pixel * radius / options.target_radius:.3g} Å per pixel"
    if facts is not None and options.img_per_grp != 0:
        group = options.img_per_grp if options.img_per_grp > 0 else max(_SMALLEST, facts.count // _CLASSES)
        about = "" if facts.exact else "about "
        if facts.count >= 2 * group:
            said["img_per_grp"] = f"{about}{facts.count:,} images: {facts.count // group:,} groups"
    return said


def images_suit(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """The images are large and many enough, and state what is asked of them."""
    facts = None if context.is_continue else image_facts(options, context)
    if facts is None:
        return []
    found = []
    pixel = options.angpix or facts.pixel_size_a
    radius = options.radius or 0.0
    if options.length_unit == ANGSTROMS:
        radius = radius / pixel if pixel else 0.0
    if facts.box and 2 * radius > facts.box:
        found.append(
            Problem(
                f"a radius of {radius:.4g} px does not fit into images of {facts.box} px",
                field="radius",
                hint=f"Choose {facts.box // 2} px at most",
            )
        )
    if options.ctf and not facts.has_ctf:
        found.append(
            Problem("the images state no CTF that could be flipped", field="ctf", hint="Choose No"),
        )
    if facts.has_ctf and not (facts.is_flipped or options.ctf or options.vpp):
        found.append(
            Problem(
                "the images have a CTF that is not corrected: averages will be blurred",
                field="ctf",
                hint="Choose Yes for cryo data",
                severity="warning",
            )
        )
    if options.filament_width > 0 and not facts.has_directions:
        found.append(
            Problem(
                "the images do not state the directions of filaments (rlnAnglePsiPrior)",
                field="filament_width",
                hint="Extract segments of helices, or choose -1",
            )
        )
    if facts.exact and options.img_per_grp > 1 and facts.count < 2 * options.img_per_grp:
        found.append(
            Problem(
                f"{facts.count} images do not make two groups of {options.img_per_grp}",
                field="img_per_grp",
                hint=f"Choose {facts.count // 2} at most",
            )
        )
    return found
