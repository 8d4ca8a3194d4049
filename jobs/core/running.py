"""The Running tab: threads, cluster queue and additional arguments, as RELION has them.

Defaults and limits follow the environment variables that sites already set for RELION.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from jobs.core.errors import Problem
from jobs.core.options import RUNNING_TAB, JobOptions, Kind, OptionSpec, option

_QUEUE_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def _whole_number(variable: str, otherwise: int) -> int:
    try:
        return int(os.environ[variable])
    except (KeyError, ValueError):
        return otherwise


def _threads(declared: OptionSpec) -> OptionSpec:
    return replace(
        declared,
        default=max(1, _whole_number("RELION_QSUB_NRTHREADS", 1)),
        high=float(max(1, _whole_number("RELION_THREAD_MAX", 16))),
    )


def _queue(declared: OptionSpec) -> OptionSpec:
    return replace(declared, default=_QUEUE_WORDS.get(os.environ.get("RELION_QUEUE_USE", "").lower(), False))


def _from_environment(variable: str) -> Callable[[OptionSpec], OptionSpec]:
    def resolve(declared: OptionSpec) -> OptionSpec:
        return replace(declared, default=os.environ.get(variable, declared.default))

    return resolve


def _extra(number: int) -> Callable[[OptionSpec], OptionSpec | None]:
    def resolve(declared: OptionSpec) -> OptionSpec | None:
        variable = f"RELION_QSUB_EXTRA{number}"
        if variable not in os.environ or number > _whole_number("RELION_QSUB_EXTRA_COUNT", 2):
            return None
        return replace(
            declared,
            label=os.environ[variable],
            default=os.environ.get(f"{variable}_DEFAULT", ""),
            help=os.environ.get(f"{variable}_HELP", "") or declared.help,
        )

    return resolve


def _dedicated(declared: OptionSpec) -> OptionSpec:
    fixed = os.environ.get("RELION_ALLOW_CHANGE_MINIMUM_DEDICATED") == "0"
    return replace(
        declared,
        default=max(1, _whole_number("RELION_MINIMUM_DEDICATED", 1)),
        enabled="never" if fixed else "always",
    )


def _extra_field(number: int) -> str:
    return option(
        "",
        label=f"Queue extra {number}:",
        help=f"Replaces XXXextra{number}XXX in the submission script. Your site decides what it means.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
        when="do_queue",
        resolve=_extra(number),
    )


class RunningOptions(JobOptions):
    """Options of the Running tab, shared by all job types."""

    nr_threads: int = option(
        1,
        label="Number of threads:",
        help="How many threads of one computer the job may use.",
        tab=RUNNING_TAB,
        kind=Kind.INTEGER,
        low=1,
        high=16,
        step=1,
        minimum=1,
        cli=("--n-threads",),
        resolve=_threads,
    )
    do_queue: bool = option(
        False,
        label="Submit to queue?",
        help="Yes: fill in the submission script and hand it to the cluster's queue. "
        "No: run here, on this computer.",
        tab=RUNNING_TAB,
        kind=Kind.YESNO,
        resolve=_queue,
    )
    queuename: str = option(
        "openmpi",
        label="Queue name:",
        help="Queue or partition of the cluster; replaces XXXqueueXXX in the submission script.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
        when="do_queue",
        resolve=_from_environment("RELION_QUEUE_NAME"),
    )
    qsub: str = option(
        "sbatch",
        label="Queue submit command:",
        help="Program that takes the filled-in script, for example sbatch or qsub. With bash the script runs "
        "at once on this computer, without a queue.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
        when="do_queue",
        resolve=_from_environment("RELION_QSUB_COMMAND"),
    )
    qsub_extra1: str = _extra_field(1)
    qsub_extra2: str = _extra_field(2)
    qsub_extra3: str = _extra_field(3)
    qsub_extra4: str = _extra_field(4)
    qsub_extra5: str = _extra_field(5)
    qsub_extra6: str = _extra_field(6)
    qsub_extra7: str = _extra_field(7)
    qsub_extra8: str = _extra_field(8)
    qsub_extra9: str = _extra_field(9)
    qsub_extra10: str = _extra_field(10)
    qsubscript: str = option(
        "",
        label="Standard submission script:",
        help="Template of the submission script, with XXX...XXX placeholders as in RELION. "
        "Empty: the template for SLURM that comes with this program.",
        tab=RUNNING_TAB,
        placeholder="Template for SLURM of this program",
        kind=Kind.FILE,
        when="do_queue",
        resolve=_from_environment("RELION_QSUB_TEMPLATE"),
    )
    min_dedicated: int = option(
        1,
        label="Minimum dedicated cores per node:",
        help="Cores that are counted as one node when the number of nodes is worked out "
        "(XXXdedicatedXXX and XXXnodesXXX in the submission script).",
        tab=RUNNING_TAB,
        kind=Kind.INTEGER,
        low=1,
        high=64,
        step=1,
        minimum=1,
        when="do_queue",
        resolve=_dedicated,
    )
    other_args: str = option(
        "",
        label="Additional arguments:",
        help="Further options in the spelling of the command line, for example "
        "--seed 8; they win over the fields.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
    )


def environment_problems() -> list[Problem]:
    """Return what is wrong with RELION's environment variables, as warnings."""
    text = os.environ.get("RELION_QUEUE_USE")
    if text is None or text.lower() in _QUEUE_WORDS:
        return []
    return [
        Problem(
            f"The environment variable RELION_QUEUE_USE is '{text}', true, yes, false or no was expected",
            field="do_queue",
            hint="It is taken as No; correct it where your shell sets it",
            severity="warning",
        )
    ]
