"""Cheap checks of a simulation job across its fields; they read nothing but the head of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import Problem

if TYPE_CHECKING:
    from jobs.simulate.params import SimulateOptions

_MODEL_ENDINGS = (".pdb", ".ent", ".cif", ".mmcif")


def parse_vector(text: str) -> tuple[float, float, float] | None:
    """Read ``x,y,z``; None for an empty text.

    Raises
    ------
    ValueError
        When it is not three numbers.
    """
    if not text.strip():
        return None
    numbers = [float(part) for part in text.replace(",", " ").split()]
    if len(numbers) != 3:
        raise ValueError(f"three numbers x,y,z are expected, not '{text}'")
    return numbers[0], numbers[1], numbers[2]


def custom_has_structure(options: SimulateOptions, context: CheckContext) -> list[Problem]:
    """Custom data need a molecule; a map without voxel size needs one."""
    if options.recipe not in ("custom", "R5") or options.fn_spec:
        return []
    if not options.fn_structure:
        if options.recipe == "R5":
            return []
        return [
            Problem(
                "custom data need a map or an atomic model",
                field="fn_structure",
                hint="Choose one, or one of the ready recipes.",
            )
        ]
    path = context.resolve(options.fn_structure)
    if not path.is_file() or path.suffix.lower() in _MODEL_ENDINGS or options.voxel_size:
        return []
    from jobs.core.errors import FormatError
    from jobs.formats.mrc_header import read_map_header

    try:
        header = read_map_header(path)
    except FormatError as error:
        return [Problem(error.message, field="fn_structure", hint=error.hint)]
    if header.voxel_size_a:
        return []
    return [
        Problem(
            "the map's header has no voxel size", field="voxel_size", hint="Give the voxel size of the map."
        )
    ]


def region_is_complete(options: SimulateOptions, context: CheckContext) -> list[Problem]:
    """Vectors are three numbers, chains are named, the ends of the motion differ."""
    if options.recipe != "custom" or options.fn_spec or options.motion == "none":
        return []
    found = []
    for name in ("region_normal", "region_point", "motion_axis", "motion_centre"):
        try:
            vector = parse_vector(getattr(options, name))
        except ValueError:
            text = getattr(options, name)
            found.append(
                Problem(
                    f"'{text}' is not three numbers", field=name, hint="Write them as x,y,z, such as 0,0,1."
                )
            )
        else:
            if name in ("region_normal", "motion_axis") and vector == (0.0, 0.0, 0.0):
                found.append(Problem("a direction cannot be 0,0,0", field=name, hint="Write it as 0,0,1."))
    if options.region == "chain" and not options.region_chains.strip():
        found.append(Problem("no chain is named", field="region_chains", hint="Name the chains that move."))
    if options.motion_low >= options.motion_high:
        found.append(
            Problem("the lowest value is not below the highest", field="motion_low", hint="Exchange them.")
        )
    return found


def images_are_possible(options: SimulateOptions, context: CheckContext) -> list[Problem]:
    """The box is even, the defocus range is a range, the region can be missing."""
    found = []
    if options.box_size is not None and options.box_size % 2:
        found.append(
            Problem(f"the box must be even, not {options.box_size}", field="box_size", hint="Add one pixel.")
        )
    low = 8_000.0 if options.defocus_low is None else options.defocus_low
    high = 25_000.0 if options.defocus_high is None else options.defocus_high
    if low > high:
        found.append(
            Problem("the lowest defocus is above the highest", field="defocus_low", hint="Exchange them.")
        )
    moves = options.recipe in ("R1", "three_domains") or (
        options.recipe == "custom" and options.motion != "none"
    )
    if options.absent_fraction > 0 and not moves and not options.fn_spec:
        found.append(
            Problem(
                "a region can be missing only where a motion names it",
                field="absent_fraction",
                hint="Set it to 0, or choose a motion.",
            )
        )
    return found


CHECKS: tuple[Check, ...] = (custom_has_structure, region_is_complete, images_are_possible)
