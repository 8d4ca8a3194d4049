"""Checks across the options of ISAC2, cheap enough to run while somebody types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import Problem

if TYPE_CHECKING:
    from jobs.isac2.params import Isac2Options

_ENDINGS: Final = (".star", ".cs", ".mrcs", ".mrc", ".hdf", ".h5")


def input_can_be_read(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """The stack is of a kind that is read."""
    name = options.fn_stack
    if not name or context.is_continue or "fn_stack" in options.scheme_variables:
        return []
    if name.startswith("bdb:"):
        return [
            Problem(
                "bdb: stacks of EMAN2 are not read",
                field="fn_stack",
                hint="Write an .hdf stack with e2proc2d.py bdb:… stack.hdf, or choose the STAR file",
            )
        ]
    if Path(name).suffix.lower() not in _ENDINGS:
        return [
            Problem(
                f"images are not read from '{name}'",
                field="fn_stack",
                hint=f"Choose one of {', '.join('*' + ending for ending in _ENDINGS)}",
            )
        ]
    return []


def ctf_or_phase_plate(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """Phase flipping and phase plate exclude each other; the mask needs filaments."""
    found = []
    if options.ctf and options.vpp:
        found.append(
            Problem(
                "CTF phase flipping and phase plate data cannot be used together",
                field="vpp",
                hint="Choose phase plate for data of a phase plate, CTF for all other cryo data",
            )
        )
    if options.filament_mask_ignore and options.filament_width <= 0:
        found.append(
            Problem(
                "the filament mask is of no use without filaments",
                field="filament_mask_ignore",
                hint="Give the width of the filament, or choose No",
                severity="warning",
            )
        )
    if options.filament_width == 0 or -1 < options.filament_width < 0:
        found.append(
            Problem(
                "a filament has a width above 0", field="filament_width", hint="-1 stands for no filaments"
            )
        )
    return found


def groups_are_possible(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """Sizes of groups and classes fit together."""
    group, minimum = options.img_per_grp, options.minimum_grp_size
    if group == 0 or group == 1:
        return [
            Problem("a group has two images at least", field="img_per_grp", hint="-1 stands for automatic")
        ]
    if 0 < group <= minimum:
        return [
            Problem(
                f"no class can have more than {minimum} members in groups of {group}",
                field="minimum_grp_size",
                hint=f"Choose less than {group}",
            )
        ]
    if options.main_iter_limit == 0:
        return [
            Problem(
                "one main iteration at least is needed",
                field="main_iter_limit",
                hint="-1 stands for no limit",
            )
        ]
    return []


def search_is_possible(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """Working box, rings, search and filters fit together."""
    found = []
    box = options.target_nx + options.xr - 1
    if 2 * (options.target_radius + 1) > box:
        found.append(
            Problem(
                f"particles of radius {options.target_radius} do not fit into images of {box} px",
                field="target_radius",
                hint=f"Choose {box // 2 - 1} at most, or a larger target image size",
            )
        )
    if options.ir > options.target_radius:
        found.append(Problem("the inner ring lies outside the particle", field="ir", hint="Choose 1"))
    for name in ("xr", "yr"):
        steps = getattr(options, name) / options.ts
        if getattr(options, name) > 0 and abs(steps - round(steps)) > 1e-6:
            found.append(
                Problem(
                    f"the search range of {getattr(options, name)} px is not a multiple of the step of "
                    f"{options.ts:g} px",
                    field="ts",
                    hint="Choose another step",
                )
            )
    if options.fl > options.fh:
        found.append(
            Problem(
                f"the lowest filter frequency {options.fl:g} is above the highest, {options.fh:g}",
                field="fl",
                hint="Exchange them",
            )
        )
    return found


def classes_are_numbers(options: Isac2Options, context: CheckContext) -> list[Problem]:
    """Chosen classes are numbers and ranges."""
    from jobs.isac2.choosing import class_numbers

    found = []
    for switch, name in (("do_full_size", "full_size_classes"), ("do_substack", "substack_classes")):
        if context.is_continue and getattr(options, switch):
            try:
                class_numbers(getattr(options, name), None)
            except ValueError as error:
                found.append(Problem(str(error), field=name, hint="Write them as 1-10, 13"))
    name = options.substack_basename
    if context.is_continue and options.do_substack and (not name or "/" in name or name.startswith(".")):
        found.append(
            Problem(
                f"'{name}' is no name of a file", field="substack_basename", hint="Choose letters and digits"
            )
        )
    return found


CHECKS: Final[tuple[Check, ...]] = (
    input_can_be_read,
    ctf_or_phase_plate,
    groups_are_possible,
    search_is_possible,
    classes_are_numbers,
)
