"""``heteroscope dynamight COMMAND``: the commands of the original program, and some of our own.

The original's spellings are accepted: star file and output directory as options or, where its documents say
so, as arguments in their place; ``--x`` and ``--no-x`` for yes/no options; ``--pipeline-control`` as RELION
gives it. A command works in any folder; inside a RELION project it leaves the same files as the job.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core.command_words import CommandParser
from jobs.core.declaration import CheckContext, add_arguments, from_arguments
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder, make_record
from jobs.core.worker import EXIT_ABORTED, EXIT_INPUT, EXIT_SUCCESS, run_worker
from jobs.dynamight.commands_other import add_other_commands, refuse_unknown
from jobs.dynamight.commands_tasks import TASK_COMMANDS, add_switches, add_task_command, prepare_task
from jobs.dynamight.original_convert import add_convert
from jobs.dynamight.params import JOB_TYPE
from jobs.dynamight.places import below, project_of
from jobs.dynamight.rigid_options import RIGID_DEFAULTS, defaults_in_words
from jobs.dynamight.std_out import kept_in

_TRAINING = "train"


def main(argv: Sequence[str]) -> int:
    """Run a command.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong usage or input, 130 aborted.
    """
    try:
        arguments, unknown = _parser().parse_known_args(list(argv))
        if not arguments.takes_all:
            refuse_unknown(unknown, arguments.known, argv[0])
        result: int = arguments.run(arguments)
        return result
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_INPUT
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt:
        print("Aborted.", file=sys.stderr)
        return EXIT_ABORTED


def _parser() -> argparse.ArgumentParser:
    viewers = ", ".join(name for name, _ in JOB_TYPE.view_commands)
    parser = CommandParser(
        prog="heteroscope dynamight",
        description=JOB_TYPE.summary,
        epilog=f"{viewers} OUTPUT_DIRECTORY opens the explorer.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_training(commands)
    _add_training(commands, "optimize-deformations-rigid", RIGID_DEFAULTS)
    for name in TASK_COMMANDS:
        add_task_command(commands, name).set_defaults(run=_task)
    _add_displacements(commands)
    _add_inspection(commands)
    add_convert(commands)
    add_other_commands(commands)
    for one in commands.choices.values():
        known = tuple(flag for flag in one._option_string_actions if flag.startswith("--"))
        one.set_defaults(known=known, takes_all=bool(one.get_default("takes_all")))
    return parser


def _add_training(
    commands: Any, name: str = "optimize-deformations", defaults: Mapping[str, Any] | None = None
) -> None:
    """Add the training, or that of rigid bodies, which differs in its defaults and needs their masks."""
    what = "the motion of every particle" if defaults is None else "how rigid bodies move in every particle"
    parser = commands.add_parser(
        name,
        help=f"estimate {what}",
        description=f"Estimate {what}.",
        epilog=None if defaults is None else f"Defaults here: {defaults_in_words(defaults)}.",
        allow_abbrev=False,
    )
    parser.add_argument("star", nargs="?", help="particle STAR file (or --refinement-star-file)")
    parser.add_argument("output", nargs="?", help="output directory (or --output-directory)")
    parser.add_argument("--output-directory", dest="output_directory", help="output directory")
    parser.add_argument(
        "--pipeline-control", dest="pipeline_control", help="accepted; markers are always written"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in the directory"
    )
    add_switches(parser, "train")
    add_arguments(parser, JOB_TYPE.options, task="train")
    parser.set_defaults(run=_train, rigid=defaults is not None, **(defaults or {}))


def _train(arguments: argparse.Namespace) -> int:
    output = arguments.output_directory or arguments.output
    star = getattr(arguments, "fn_star", None) or arguments.star
    if output is None and star is not None and arguments.star is not None and hasattr(arguments, "fn_star"):
        # --refinement-star-file S OUT: the first free place is then the output directory.
        output = arguments.star
    if not output:
        raise UserError(
            "no output directory was given", hint="Give it after the STAR file or as --output-directory."
        )
    arguments.fn_star = star or ""
    target = Path(output).absolute()
    here = Path.cwd()
    project = here if target.is_relative_to(here) and target != here else target.parent
    options = from_arguments(JOB_TYPE.options, arguments)
    if arguments.rigid and not getattr(arguments, "deformation_masks", ""):
        raise UserError(
            "no masks of rigid bodies were given",
            hint="Name the folder they are in with --deformation-masks.",
        )
    changed = {
        name: below(project, getattr(options, name))
        for name in ("fn_star", "fn_map", "mask_file", "atomic_model", "fn_checkpoint", "deformation_masks")
    }
    options = options.model_copy(update=changed)
    found = JOB_TYPE.problems(options, CheckContext(project))
    problems = [problem for problem in found if problem.severity == "error"]
    if problems:
        raise UserError(" ".join(problem.sentence for problem in problems))
    for problem in found:
        print(f"Warning: {problem.sentence}", file=sys.stderr)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the output directory cannot be made: {error.strerror}", path=target) from error
    name = f"{target.relative_to(project)}{os.sep}"
    folder = JobFolder(project, name)
    folder.clear_markers()
    task = "resume" if arguments.resume else _TRAINING
    record = make_record(
        JOB_TYPE,
        options,
        project_dir=project,
        run=folder.next_run(),
        task=task,
        command=[sys.executable, *sys.argv],
    )
    folder.write_options(record.run, record)
    return _work(project, name, record.run)


def _task(arguments: argparse.Namespace) -> int:
    for remark in arguments.remarks(arguments):
        print(remark, file=sys.stderr)
    return _work(*prepare_task(arguments))


def _work(project: Path, name: str, run: int) -> int:
    with kept_in(project / name):
        return run_worker(JOB_TYPE, ["--project", str(project), "--job", name, "--run", str(run)])


def _add_displacements(commands: Any) -> None:
    parser = commands.add_parser(
        "displacements",
        help="where given points go in every particle",
        description="Evaluate the displacement of atoms or other points in every particle of a finished job. "
        "Points are in Å, in the frame in which ChimeraX shows the consensus map.",
    )
    parser.add_argument("job", help="job folder, such as DynaMight/job001")
    parser.add_argument(
        "--points", required=True, type=Path, help="PDB, mmCIF, STAR or CSV file (columns x, y, z)"
    )
    parser.add_argument("--out", required=True, type=Path, help=".npz file to write")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint to use [checkpoint_final.pth]")
    parser.add_argument(
        "--half", type=int, choices=(0, 1, 2), help="only this half-set; 0: particles held out [all]"
    )
    parser.add_argument("--particles", type=Path, help="particle STAR file of the training, if it has moved")
    parser.add_argument("--project", type=Path, help="project folder [found from the job]")
    parser.set_defaults(run=_displacements)


def _displacements(arguments: argparse.Namespace) -> int:
    from jobs.dynamight.displacements import write_displacements

    base = arguments.project or Path()
    job = (base / arguments.job).absolute()
    if not job.is_dir():
        raise UserError("there is no such job folder", path=job)
    project = (arguments.project or project_of(job)).absolute()
    n_particles, n_points = write_displacements(
        job,
        project,
        arguments.points,
        arguments.out,
        checkpoint=arguments.checkpoint,
        half=arguments.half,
        star=arguments.particles,
    )
    print(f"{n_particles:,} particles, {n_points:,} points", file=sys.stderr)
    print(arguments.out)
    return EXIT_SUCCESS


def _add_inspection(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect-checkpoint",
        help="what a checkpoint holds, also one of the original program",
        description="Tell what a checkpoint of this program or of the original DynaMight holds. Nothing in "
        "the file is run.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, help="checkpoint (.pth)")
    parser.set_defaults(run=_inspect)


def _inspect(arguments: argparse.Namespace) -> int:
    from jobs.dynamight.inspection import describe_checkpoint

    for line in describe_checkpoint(arguments.file):
        print(line)
    return EXIT_SUCCESS
