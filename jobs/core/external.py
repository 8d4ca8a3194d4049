"""Our own job types as RELION External jobs, the one place of that translation.

RELION runs ``<fn_exe> --o <job>/ [--in_parts F] [--in_3dref F] [--in_mask F] [--<label> <value>]…
--j <threads> <other_args>`` in the project folder. ``fn_exe`` is our worker, which takes the exact
options of the job from its latest ``options.NNN.json`` and lets that command line overrule them, so
that what is edited in RELION counts.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.options import RUNNING_TAB, JobOptions, Kind, OptionSpec, specs
from jobs.core.values import from_text, to_values

if TYPE_CHECKING:
    from jobs.core.declaration import JobType

_PARAMETERS = 10


@dataclass(frozen=True)
class _Input:
    """One input of an External job: its option, its flag, the first part of its node label."""

    option: str
    flag: str
    node: str


_INPUTS = (
    _Input("in_mov", "--in_movies", "MicrographMovieGroupMetadata"),
    _Input("in_mic", "--in_mics", "MicrographGroupMetadata"),
    _Input("in_part", "--in_parts", "ParticleGroupMetadata"),
    _Input("in_coords", "--in_coords", "MicrographCoordsGroup"),
    _Input("in_3dref", "--in_3dref", "DensityMap"),
    _Input("in_mask", "--in_mask", "Mask3D"),
)


def executable(job_type: JobType) -> str:
    """Return the command line that RELION can call for a job of this type.

    It names this very Python, and the folder of the packages when the program is not installed, so
    that it does not depend on the shell RELION was started from.
    """
    words = [sys.executable, "-P", "-m", job_type.module]
    try:
        importlib.metadata.distribution("heteroscope")
    except importlib.metadata.PackageNotFoundError:
        words = ["env", f"PYTHONPATH={Path(__file__).resolve().parents[2]}", *words]
    return shlex.join(words)


def _inputs_of(job_type: JobType) -> dict[str, OptionSpec]:
    """External input option to the option of ours that feeds it: the first of each kind."""
    found: dict[str, OptionSpec] = {}
    for declared in specs(job_type.options):
        for place in _INPUTS:
            kinds = {label.partition(".")[0] for label in declared.node_labels}
            if declared.kind is Kind.INPUT_NODE and place.node in kinds and place.option not in found:
                found[place.option] = declared
    return found


def to_external(job_type: JobType, options: JobOptions) -> dict[str, str]:
    """Return every option of an External job for these options of ours.

    The inputs and the Running tab go to their places; the first ten further options that are not at
    their default become ``param1`` … ``param10`` and can be changed in RELION.
    """
    ours = to_values(options, everything=True)
    inputs = _inputs_of(job_type)
    values = {"fn_exe": executable(job_type)}
    values |= {place.option: "" for place in _INPUTS}
    values |= {option: ours[declared.name] for option, declared in inputs.items()}
    named = {declared.name for declared in inputs.values()}
    changed = [
        declared
        for declared in specs(job_type.options)
        if declared.tab != RUNNING_TAB
        and declared.name not in named
        and ours[declared.name]
        and getattr(options, declared.name) != declared.default
    ]
    for number in range(1, _PARAMETERS + 1):
        declared = changed[number - 1] if number <= len(changed) else None
        values[f"param{number}_label"] = declared.name if declared else ""
        # RELION pastes the value into a shell command.
        values[f"param{number}_value"] = shlex.quote(ours[declared.name]) if declared else ""
    values |= {d.name: ours[d.name] for d in specs(job_type.options) if d.tab == RUNNING_TAB}
    return values


def from_external(job_type: JobType, values: Mapping[str, str]) -> dict[str, str]:
    """Return our option names and texts from those of an External job."""
    ours = {declared.name: values.get(option, "") for option, declared in _inputs_of(job_type).items()}
    known = {declared.name for declared in specs(job_type.options)}
    ours |= {name: text for name, text in values.items() if name in known}
    for number in range(1, _PARAMETERS + 1):
        label = values.get(f"param{number}_label", "").lstrip("-").replace("-", "_")
        if label in known:
            ours[label] = _unquoted(values.get(f"param{number}_value", ""))
    return ours


def _unquoted(text: str) -> str:
    try:
        return " ".join(shlex.split(text))
    except ValueError:
        return text


def add_external_arguments(parser: argparse.ArgumentParser, job_type: JobType) -> None:
    """Add the flags with which RELION starts an External job (except those of place and options)."""
    parser.add_argument("--pipeline_control", "--pipeline-control", help=argparse.SUPPRESS)
    inputs = _inputs_of(job_type)
    taken = set(parser._option_string_actions)
    for place in _INPUTS:
        declared = inputs.get(place.option)
        if declared is not None and place.flag not in taken:
            parser.add_argument(
                place.flag,
                # The CCP-EM pipeliner spells one of them with a capital letter.
                *({place.flag.replace("3d", "3D")} - {place.flag}),
                dest=declared.name,
                default=argparse.SUPPRESS,
                help=argparse.SUPPRESS,
            )
    threads = {declared.name: declared for declared in specs(job_type.options)}.get("nr_threads")
    if threads is not None:
        parser.add_argument(
            "--j",
            dest="nr_threads",
            type=lambda text: from_text(threads, text),
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )
