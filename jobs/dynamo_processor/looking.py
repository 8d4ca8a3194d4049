"""The dry run of a Dynamo project: everything is looked for, read and told; and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from jobs.dynamo_processor.config_file import options_of, read_config
from jobs.dynamo_processor.contract import BoolArray
from jobs.dynamo_processor.gathering import Gathered, gather
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.scan import scan_rows, scan_text, total_text, write_scan
from jobs.dynamo_processor.words import SIDECAR

if TYPE_CHECKING:
    from jobs.dynamo_processor.initial_average import Average

_LISTED: Final = 40


class Reporter(Protocol):
    """Whoever wants to know how it goes: a worker's context, or a terminal."""

    def say(self, text: str) -> None:
        """Print a line."""

    def check_abort(self) -> None:
        """Raise AbortRequested when the user asked to stop."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Tell how many of how many steps are done."""


@dataclass(frozen=True, eq=False)
class Made:
    """What a set-up made.

    Attributes
    ----------
    folder
        Folder of the Dynamo project.
    gathered
        Tomograms and particles.
    outside
        `(n,)` particles whose box leaves their tomogram.
    written
        Particles in the table; 0 after a dry run.
    average
        The initial average; None where none was made.
    voxel_size_a
        Å per voxel of the particles; 0 when unknown.
    """

    folder: Path
    gathered: Gathered
    outside: BoolArray
    written: int = 0
    average: Average | None = None
    voxel_size_a: float = 0.0


def with_config(options: DynamoOptions, base: Path, reporter: Reporter) -> DynamoOptions:
    """Return the options with the values of their configuration file, if one is named.

    Raises
    ------
    UserError
        When the file cannot be used.
    """
    if not options.fn_config:
        return options
    config = read_config(base / options.fn_config)
    for name in config.passed_over:
        reporter.say(f"{config.path.name}: the processor {name} is not handled here and passed over.")
    found, warnings = options_of(config, options.config_entry, options)
    for warning in warnings:
        reporter.say(f"{config.path.name}: {warning}")
    return found.model_copy(update={"fn_config": ""})


def look(options: DynamoOptions, base: Path, job_dir: Path | None, reporter: Reporter) -> Made:
    """Do the dry run: find everything, say it, and write it into ``job_dir`` if there is one.

    Raises
    ------
    UserError
        When the project as a whole cannot be looked at.
    """
    gathered = gather(options, base, each=progress_of(reporter, "reading tomograms"))
    particles = gathered.particles
    outside = np.zeros(0, bool) if particles is None else particles.outside(options.box_size)
    reporter.say(scan_text(scan_rows(gathered, outside)))
    reporter.say(total_text(gathered))
    if particles is not None and not gathered.has_tomograms:
        reporter.say("They are volumes of their own, which were cut out before: no tomogram shows them.")
    _say_outside(gathered, outside, options, reporter)
    if job_dir is not None:
        write_scan(job_dir, gathered, outside)
    return Made(job_dir or Path(), gathered, outside)


def progress_of(reporter: Reporter, phase: str) -> Callable[[int, int], None]:
    """Return what tells the progress of a phase, and stops it when the user asked for that."""

    def each(done: int, of: int) -> None:
        reporter.check_abort()
        reporter.progress(phase, done, of)

    return each


def _say_outside(gathered: Gathered, outside: BoolArray, options: DynamoOptions, reporter: Reporter) -> None:
    if not outside.any():
        return
    particles = gathered.particles
    assert particles is not None
    name = {entry.number: entry.name for entry in gathered.entries}
    rows = np.flatnonzero(outside)
    what = "left out" if options.out_of_bounds == "drop" else "kept, filled up with the mean"
    reporter.say(f"The boxes of {len(rows)} particles leave their tomograms; they are {what}:")
    for row in rows[:_LISTED].tolist():
        x, y, z = particles.position[row]
        where = name[int(particles.tomogram[row])]
        reporter.say(f"  tag {gathered.tag[row]} of {where}, at voxel {x:.1f}, {y:.1f}, {z:.1f}")
    if len(rows) > _LISTED:
        reporter.say(f"  and {len(rows) - _LISTED} more, with 1 in the column hsOutside of {SIDECAR}")
