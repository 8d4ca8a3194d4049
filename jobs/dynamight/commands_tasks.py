"""The original's commands that go on with a finished training: their options, and how a run is made of them.

What is not given comes from the run that made the directory. Options of the original that are of no use here
are accepted with a remark, so that scripts written for it go on working.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from jobs.core.compute import set_threads
from jobs.core.declaration import CheckContext, Kind, add_arguments, from_arguments, specs
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder, make_record
from jobs.core.job_star import options_from_job_star, read_job_star
from jobs.dynamight.params import FINAL_CHECKPOINT, JOB_TYPE, DynaMightOptions
from jobs.dynamight.places import below, project_of


@dataclass(frozen=True)
class _Extra:
    """An option of the original that is not spelt like one of ours.

    Attributes
    ----------
    flag
        Its spelling.
    option
        Option of ours that it sets; empty when it has no effect.
    why
        Why it has no effect.
    switch
        It takes no value, and has a ``--no-`` form.
    zero_keeps
        The value 0 means the value of the training.
    """

    flag: str
    option: str = ""
    why: str = ""
    switch: bool = False
    zero_keeps: bool = False


@dataclass(frozen=True)
class _TaskCommand:
    """A command: the task it runs, the switch that chooses it in the form, and the original's options."""

    task: str
    switch: str
    summary: str
    extras: tuple[_Extra, ...]


_SHARED: Final = (
    _Extra("--mask-soft-edge-width", "soft_edge_width"),
    _Extra("--data-loader-threads", "n_workers"),
)

TASK_COMMANDS: Final[dict[str, _TaskCommand]] = {
    "optimize-inverse-deformations": _TaskCommand(
        "inverse",
        "do_inverse",
        "Estimate the inverse of the motions of a finished training.",
        (
            *_SHARED,
            _Extra("--batch-size", "batch_size", zero_keeps=True),
        ),
    ),
    "deformable-backprojection": _TaskCommand(
        "reconstruct",
        "do_reconstruct",
        "Reconstruct both half-maps with the motion of every particle undone.",
        (
            *_SHARED,
            _Extra("--vae-directory", "fn_checkpoint"),
            _Extra("--backprojection-batch-size", "backproject_batchsize"),
            _Extra("--mask-file", "mask_file"),
            _Extra(
                "--inverse-deformation-directory",
                why="the maps are made with the motion itself and need no inverse deformations",
            ),
        ),
    ),
    "compute-masks-for-rigid-transforms": _TaskCommand(
        "masks",
        "do_masks",
        "Divide the molecule into rigid bodies and write a mask of each.",
        (*_SHARED, _Extra("--batch-size", why="all particles are looked at together")),
    ),
    "compute-rigid-transforms": _TaskCommand(
        "transforms",
        "do_rigid_transforms",
        "Write the rotation and shift of every rigid body in every particle.",
        _SHARED,
    ),
}


def add_task_command(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the parser of a command to the others.

    The parsed result has ``remarks``, a function that gives a sentence for each option without effect.
    """
    command = TASK_COMMANDS[name]
    parser = cast(
        "argparse.ArgumentParser",
        commands.add_parser(name, help=command.summary, description=command.summary, allow_abbrev=False),
    )
    parser.add_argument("output", nargs="?", help="job folder, such as DynaMight/job001")
    parser.add_argument("--output-directory", dest="output_directory", help="the same, as an option")
    parser.add_argument(
        "--pipeline-control", dest="pipeline_control", help="accepted; markers are always written"
    )
    silent = _add_extras(parser, command)
    add_arguments(parser, JOB_TYPE.options, task=command.task)

    def remarks(given: argparse.Namespace) -> Iterator[str]:
        for extra in silent:
            if extra.flag in (given.without_effect or ()):
                yield f"{extra.flag} has no effect: {extra.why}."

    parser.set_defaults(command=name, remarks=remarks, without_effect=None)
    return parser


def _add_extras(parser: argparse.ArgumentParser, command: _TaskCommand) -> list[_Extra]:
    """Add the original's options, before ours so that they win; return those without effect."""
    ours = {declared.name: declared for declared in specs(JOB_TYPE.options)}
    add_switches(parser, command.task)
    taken = {flag for declared in ours.values() if declared.cli_task == command.task for flag in declared.cli}
    silent = []
    for extra in command.extras:
        if extra.flag in taken:
            continue
        if extra.option in ours:
            parser.add_argument(
                extra.flag, dest=extra.option, default=argparse.SUPPRESS, help=ours[extra.option].help
            )
            continue
        silent.append(extra)
        if extra.switch:
            negative_flag = extra.flag.replace("--", "--no-", 1)
            parser.add_argument(
                extra.flag,
                negative_flag,
                dest="without_effect",
                action="append_const",
                const=extra.flag,
                help=argparse.SUPPRESS,
            )
        else:
            parser.add_argument(extra.flag, action=_Silent, dest="without_effect", help=argparse.SUPPRESS)
    return silent


def add_switches(parser: argparse.ArgumentParser, task: str) -> None:
    """Add the yes/no options of a task as switches: a folder after one would be taken for its value."""
    for declared in specs(JOB_TYPE.options):
        if declared.cli_task == task and declared.kind is Kind.YESNO and declared.cli:
            negative = [flag.replace("--", "--no-", 1) for flag in declared.cli]
            _add_switch(parser, list(declared.cli), declared.name, True, declared.help)
            _add_switch(parser, negative, declared.name, False, argparse.SUPPRESS)


def _add_switch(parser: argparse.ArgumentParser, flags: list[str], name: str, value: bool, text: str) -> None:
    parser.add_argument(
        *flags, dest=name, action="store_const", const=value, default=argparse.SUPPRESS, help=text
    )


class _Silent(argparse.Action):
    """Takes a value, and only remembers that the option was given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        flag: str | None = None,
    ) -> None:
        given = [*(getattr(namespace, self.dest) or []), self.option_strings[0]]
        setattr(namespace, self.dest, given)


def prepare_task(given: argparse.Namespace) -> tuple[Path, str, int]:
    """Write the options of a run as a command line asks for it.

    Returns
    -------
    tuple
        Project, name of the job, and number of the run.

    Raises
    ------
    UserError
        If the directory is no job, inputs are missing or do not belong to it, or an earlier step is missing.
    """
    command = TASK_COMMANDS[given.command]
    target = _target(given)
    project, stored = _stored(target)
    folder = JobFolder(project, f"{target.relative_to(project)}{os.sep}")
    options = _with_given(stored, given, command, project)
    chosen = {task.switch: task.name == command.task for task in JOB_TYPE.tasks if task.switch}
    options = options.model_copy(update={**chosen, "other_args": ""})
    problems = [
        problem
        for problem in JOB_TYPE.problems(options, CheckContext(project, is_continue=True, job_dir=target))
        if problem.severity == "error"
    ]
    if problems:
        raise UserError(" ".join(problem.sentence for problem in problems))
    if options.fn_star != stored.fn_star:
        _check_particles(folder, options)
    folder.clear_markers()
    record = make_record(
        JOB_TYPE,
        options,
        project_dir=project,
        run=folder.next_run(),
        task=command.task,
        is_continue=True,
        command=[sys.executable, *sys.argv],
    )
    folder.write_options(record.run, record)
    return project, folder.name, record.run


def _target(given: argparse.Namespace) -> Path:
    output = given.output_directory or given.output
    if not output:
        raise UserError("no output directory was given", hint="Give the folder of a finished job.")
    target = Path(output).absolute()
    if not target.is_dir():
        raise UserError("there is no such folder", path=target, hint="Give the folder of a finished job.")
    return Path(os.path.normpath(target))


def _stored(target: Path) -> tuple[Path, DynaMightOptions]:
    """Project of a job, and the options of its latest run, with what was given as additional arguments."""
    task = JOB_TYPE.main_task.name
    here = JobFolder(target.parent, target.name)
    if here.runs():
        record = here.read_options()
        known = {k: v for k, v in record.values.items() if k in DynaMightOptions.model_fields}
        task = record.task
        try:
            options = DynaMightOptions(**known)
        except ValueError as error:
            path = here.options_file(record.run)
            raise UserError(f"the options are not valid ({error})", path=path) from None
    elif here.job_star.exists():
        options = cast("DynaMightOptions", options_from_job_star(JOB_TYPE, read_job_star(here.job_star))[0])
    else:
        raise UserError(
            "this folder holds no job: there is neither options.001.json nor job.star",
            path=target,
            hint="Give the output directory of optimize-deformations.",
        )
    project = project_of(target, [options.fn_star] if options.fn_star else ())
    if not options.other_args:
        return project, options
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_arguments(parser, JOB_TYPE.options, task=task)
    try:
        extra, _ = parser.parse_known_args(shlex.split(options.other_args))
    except (ValueError, argparse.ArgumentError) as error:
        raise UserError(f"the additional arguments of the job are not valid: {error}", path=target) from None
    return project, from_arguments(DynaMightOptions, extra, options)


def _with_given(
    stored: DynaMightOptions, given: argparse.Namespace, command: _TaskCommand, project: Path
) -> DynaMightOptions:
    """The stored options, overruled by those of the command line."""
    zero_keeps = {extra.option for extra in command.extras if extra.zero_keeps}
    paths = {declared.name for declared in specs(JOB_TYPE.options) if declared.is_path}
    values: dict[str, Any] = {}
    for name, value in vars(given).items():
        if name not in DynaMightOptions.model_fields:
            continue
        if name in zero_keeps and str(value).strip() == "0":
            continue
        values[name] = below(project, str(value)) if name in paths else value
    return from_arguments(DynaMightOptions, argparse.Namespace(**values), stored)


def _check_particles(folder: JobFolder, options: DynaMightOptions) -> None:
    """Refuse a STAR file whose particles are not those of the training."""
    if "numpy" not in sys.modules:
        set_threads(options.nr_threads)
    from jobs.dynamight.state import fingerprint, read_state
    from jobs.formats.particles import read_particles

    path = folder.path / FINAL_CHECKPOINT
    if options.fn_checkpoint:
        path = folder.project_dir / options.fn_checkpoint
    star = folder.project_dir / options.fn_star
    particles = read_particles(star, folder.project_dir, require_images=False, require_poses=False)
    if fingerprint(particles) != read_state(path)["fingerprint"]:
        raise UserError(
            "these are not the particles that the job was trained on, or they stand in another order",
            path=star,
            hint="Give the particle file of the training; its poses may differ, its images may not.",
        )
