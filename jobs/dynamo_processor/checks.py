"""Cheap checks of the options; files are only looked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import Problem, UserError
from jobs.dynamo_processor.round_parameters import ROUND_PARAMETERS
from jobs.dynamo_processor.rounds import later_values, read_value
from jobs.dynamo_processor.words import DESTINATIONS

if TYPE_CHECKING:
    from jobs.dynamo_processor.params import DynamoOptions

_PROJECT: Final = re.compile(r"^[A-Za-z]\w*$", re.ASCII)
_NEEDED: Final = {
    ("imod", True): ("imod_dir",),
    ("eman2", True): ("eman2_dir", "params_json"),
    ("relion5", True): ("fn_particles",),
    ("warp", True): ("fn_particles",),
    ("peet", True): ("imod_dir",),
    ("imod", False): ("root",),
    ("eman2", False): ("root",),
}
_CALLED: Final = {
    "imod_dir": "the folder of the project",
    "eman2_dir": "the folder of the project",
    "params_json": "the file of a refinement",
    "fn_particles": "a STAR file",
    "root": "the folder of the simulated project",
}


def source_is_complete(options: DynamoOptions, context: CheckContext) -> list[Problem]:
    """What the kind of source needs is named."""
    if context.is_continue or options.fn_config:
        return []
    needed = _NEEDED.get((options.source_type, options.real_data_mode))
    if needed is None:
        what = f"there are no simulated data of {options.source_type}"
        return [Problem(what, field="real_data_mode", hint="Set 'Real data?' to Yes")]
    return [
        Problem(f"particles from {options.source_type} need {name}, {_CALLED[name]}", name, "Choose it")
        for name in needed
        if not getattr(options, name)
    ]


def names_are_possible(options: DynamoOptions, context: CheckContext) -> list[Problem]:
    """Name of the project, box, destination, GPUs and objects are what Dynamo can use."""
    found = []
    if options.project_name and not _PROJECT.match(options.project_name):
        hint = "Use letters, digits and underscores, a letter first"
        found.append(Problem(f"'{options.project_name}' is no name for MATLAB", "project_name", hint))
    if options.box_size % 2:
        found.append(Problem(f"the box is {options.box_size}, an even number is expected", field="box_size"))
    if options.dst not in DESTINATIONS:
        known = ", ".join(DESTINATIONS)
        found.append(
            Problem(f"'{options.dst}' is no destination known here: {known}", "dst", severity="warning")
        )
    for name, text in (("gpus", options.gpus), ("objects", options.objects)):
        if not re.fullmatch(r"[\d\s,;:\[\]-]*", text):
            found.append(Problem(f"'{text}' is no list of numbers", field=name, hint="Write 0 1"))
    if options.do_average and options.crop_with == "dynamo":
        what = "the average needs particles that are cut out here; none is made"
        found.append(Problem(what, field="do_average", severity="warning"))
    return found


def rounds_are_possible(options: DynamoOptions, context: CheckContext) -> list[Problem]:
    """Every round can be searched, and frequencies are told in Å."""
    found: list[Problem] = []
    table: list[dict[str, Any]] = [{} for _ in range(options.nr_rounds)]
    for parameter in ROUND_PARAMETERS:
        first, later = f"{parameter.name}_r1", f"{parameter.name}_later"
        field = first
        try:
            value = read_value(parameter, getattr(options, first))
            field = later
            values = [value, *later_values(parameter, getattr(options, later), options.nr_rounds, value)]
        except UserError as error:
            found.append(Problem(error.message, field=field, hint=error.hint))
            continue
        for row, value in zip(table, values, strict=True):
            row[parameter.name] = value
    if found:
        return found
    for number, row in enumerate(table, 1):
        for name, message, severity in _round_faults(row, options.box_size):
            field = f"{name}_r1" if number == 1 else f"{name}_later"
            found.append(Problem(f"round {number}: {message}", field=field, severity=severity))
    return found


def _round_faults(row: dict[str, Any], box: int) -> list[tuple[str, str, Any]]:
    faults: list[tuple[str, str, Any]] = []
    if row["high"] >= row["low"]:
        what = f"the high-pass {row['high']:g} is not below the low-pass {row['low']:g} Fourier px"
        faults.append(("high", f"{what}; they may be swapped", "error"))
    for range_, step in (("cr", "cs"), ("ir", "is")):
        if row[range_] > 0 and row[step] <= 0:
            faults.append((step, f"the step {step} is {row[step]:g}, more than 0 is expected", "error"))
        elif row[step] > row[range_] > 0:
            what = f"the step {step} {row[step]:g}° is larger than the range {range_} {row[range_]:g}°"
            faults.append((step, f"{what}; they may be swapped", "error"))
    dim = row["dim"]
    if dim > box:
        faults.append(("dim", f"particles of {box} px cannot be resampled to the larger side {dim}", "error"))
    elif box % dim:
        faults.append(("dim", f"the side {dim} does not divide the box {box}", "warning"))
    if row["low"] > dim / 2:
        what = f"the low-pass {row['low']:g} is beyond what a side of {dim} holds ({dim / 2:g} Fourier px)"
        faults.append(("low", what, "warning"))
    if max(row["lim"]) >= box / 2:
        faults.append(("lim", f"a shift of {max(row['lim']):g} px leaves the box of {box} px", "error"))
    return faults


def config_can_be_used(options: DynamoOptions, context: CheckContext) -> list[Problem]:
    """The configuration file holds a job; names that are not known are told."""
    path = context.resolve(options.fn_config)
    if context.is_continue or not options.fn_config or not path.is_file():
        return []
    from jobs.dynamo_processor.config_file import options_of, read_config

    try:
        found, warnings = options_of(read_config(path), options.config_entry, options)
    except UserError as error:
        return [Problem(error.message, field="fn_config", hint=error.hint)]
    within = found.model_copy(update={"fn_config": ""})
    faults = [p for check in (source_is_complete, names_are_possible, rounds_are_possible) for p in
              check(within, context)]  # fmt: skip
    told = [Problem(warning, field="fn_config", severity="warning") for warning in warnings]
    errors = [p for p in faults if p.severity == "error"]
    return told + [Problem(f"{p.field}: {p.message}", field="fn_config", hint=p.hint) for p in errors]


def way_back_has_tables(options: DynamoOptions, context: CheckContext) -> list[Problem]:
    """The way back needs tables."""
    if not (context.is_continue and options.do_way_back) or options.fn_refined:
        return []
    return [Problem("no table of Dynamo is named", field="fn_refined", hint="Choose the refined tables.")]


CHECKS: Final[tuple[Check, ...]] = (
    source_is_complete,
    names_are_possible,
    rounds_are_possible,
    config_can_be_used,
    way_back_has_tables,
)
