"""``heteroscope isac2 STACK OUTPUT --radius=…``: ISAC2 in any folder, with the options of the original."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jobs.core.command_words import CommandParser
from jobs.core.declaration import (
    CheckContext,
    Kind,
    OptionSpec,
    add_arguments,
    from_arguments,
    specs,
)
from jobs.core.errors import AbortRequested, UserError
from jobs.core.folder import JobFolder, make_record
from jobs.core.options import RUNNING_TAB
from jobs.core.worker import EXIT_ABORTED, EXIT_INPUT, run_worker
from jobs.isac2.checks import input_can_be_read
from jobs.isac2.params import COMPLETE, JOB_TYPE, Isac2Options

_SUBSTACK: Final = "substack"
_ANSWERS: Final = {"yes", "no", "true", "false"}


def main(argv: Sequence[str]) -> int:
    """Run a command.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong usage or input, 130 aborted.
    """
    words = list(argv)
    try:
        if words and words[0] == _SUBSTACK:
            return _substack(_substack_parser().read(words[1:]))
        parser = _parser()
        given = parser.read(with_answers(words))
        if given.gpu_info:
            return _gpu_info(given)
        return _classify(given)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_INPUT
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return EXIT_INPUT
    except (AbortRequested, KeyboardInterrupt):
        print("Aborted.", file=sys.stderr)
        return EXIT_ABORTED


def _of_other_tasks(declared: OptionSpec) -> bool:
    return declared.enabled == "continue" or declared.tab == "Tasks"


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="heteroscope isac2",
        description=JOB_TYPE.summary,
        usage="heteroscope isac2 STACK OUTPUT --radius=R [options]\n"
        "       heteroscope isac2 substack RUN OUTPUT [--classes 1-10] (see substack --help)",
        epilog="OUTPUT is made, or the run in it goes on. Without --n-threads all cores are used.",
        allow_abbrev=False,
    )
    parser.add_argument("stack", nargs="?", metavar="STACK", help="STAR, .cs, .mrcs or .hdf file of images")
    parser.add_argument("output", nargs="?", metavar="OUTPUT", help="folder to write to")
    parser.add_argument(
        "--restart",
        dest="restart_after",
        type=int,
        default=-1,
        metavar="K",
        help="0: restart after the last finished main iteration, K: after the K-th [-1: go on where it was]",
    )
    parser.add_argument("--gpu_info", action="store_true", help="tell of the GPUs, and do nothing else")
    add_arguments(parser, JOB_TYPE.options, unlisted=_of_other_tasks)
    return parser


def with_answers(words: Sequence[str]) -> list[str]:
    """Return words in which a yes/no option carries its answer: ``--VPP X`` becomes ``--VPP X`` with Yes.

    Without this the stack behind a switch such as ``--skip_prealignment`` would be taken for its answer.
    """
    flags = {f"--{d.name}" for d in specs(Isac2Options) if d.kind is Kind.YESNO}
    flags |= {flag.replace("_", "-") for flag in flags}
    found: list[str] = []
    for i, word in enumerate(words):
        following = words[i + 1].lower() if i + 1 < len(words) else ""
        found.append(f"{word}=Yes" if word in flags and following not in _ANSWERS else word)
    return found


def _below(project: Path, path: str) -> str:
    """A path as seen from the project, absolute when it lies elsewhere."""
    if not path or path.startswith("bdb:"):
        return path
    absolute = Path(os.path.normpath(Path(path).absolute()))
    return str(absolute.relative_to(project)) if absolute.is_relative_to(project) else str(absolute)


def _classify(given: argparse.Namespace) -> int:
    if not given.output:
        what = "no images and no folder were given" if not given.stack else "no folder to write to was given"
        raise UserError(what, hint="Usage: heteroscope isac2 STACK OUTPUT --radius=R")
    target = Path(os.path.normpath(Path(given.output).absolute()))
    here = Path.cwd()
    project = here if target.is_relative_to(here) and target != here else target.parent
    folder = JobFolder(project, f"{target.relative_to(project)}{os.sep}")
    goes_on = target.is_dir() and bool(folder.runs())
    given.fn_stack = _below(project, given.stack)
    base = None
    if goes_on:
        base = Isac2Options(**folder.read_options().values)
        if given.fn_stack != base.fn_stack:
            raise UserError(
                f"the run in this folder was started with {base.fn_stack}, not {given.fn_stack}",
                path=target,
                hint="Name another folder for another stack",
            )
    if base is None and getattr(given, "nr_threads", None) is None:
        # started by hand, without a queue that counts: all cores, which do not change the result
        given.nr_threads = len(os.sched_getaffinity(0))
    options = from_arguments(Isac2Options, given, base)
    task = "resume" if goes_on else "classify"
    changed: dict[str, object] = {"do_restart": False}
    if given.restart_after >= 0 and goes_on:
        task, changed = "restart", {"do_restart": True, "restart": given.restart_after}
    for declared in specs(Isac2Options):
        if declared.is_path and declared.tab != RUNNING_TAB and declared.name != "fn_stack":
            changed[declared.name] = _below(project, getattr(options, declared.name))
    options = options.model_copy(update=changed)
    if base is not None:
        _refuse_other_settings(target, options, base)
    context = CheckContext(project)
    # What is no file at all (bdb:) is not told to be missing as well.
    problems = input_can_be_read(options, context) or JOB_TYPE.problems(options, context)
    wrong = [problem.sentence for problem in problems if problem.severity == "error"]
    if wrong:
        raise UserError(" ".join(wrong))
    if task == "resume" and options == base and (target / COMPLETE).exists():
        print(f"The run in {given.output} is complete.")
        return 0
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder cannot be made: {error.strerror}", path=target) from error
    folder.clear_markers()
    record = make_record(
        JOB_TYPE,
        options,
        project_dir=project,
        run=folder.next_run(),
        task=task,
        is_continue=goes_on,
        command=[sys.executable, *sys.argv],
    )
    folder.write_options(record.run, record)
    return run_worker(JOB_TYPE, ["--project", str(project), "--job", folder.name, "--run", str(record.run)])


def _refuse_other_settings(target: Path, options: Isac2Options, base: Isac2Options) -> None:
    """Tell what of a run that has begun cannot be changed, before anything is written about a new attempt.

    Raises
    ------
    UserError
        When images would be classified with other settings than so far.
    """
    from jobs.isac2.run_settings import read_settings
    from jobs.isac2.run_state import CHECKPOINT

    if not (target / CHECKPOINT).is_file():
        return
    kept = read_settings(target)
    changed = []
    for declared in specs(Isac2Options):
        then, now = getattr(base, declared.name), getattr(options, declared.name)
        if declared.name == "rand_seed" and then is None and now is not None and kept is not None:
            then = kept[0].rand_seed  # the one that was drawn
        if declared.enabled == "new" and then != now:
            changed.append(f"{declared.cli[0] if declared.cli else '--' + declared.name} {then}, not {now}")
    if changed:
        raise UserError(
            f"the run in this folder was started with {'; '.join(changed)}",
            path=target,
            hint="Leave these options out to go on, or name another folder for a new run",
        )


def _gpu_info(given: argparse.Namespace) -> int:
    import torch

    options = from_arguments(Isac2Options, given)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        print("There is no GPU that can be used; the processor is.")
    for number in range(count):
        found = torch.cuda.get_device_properties(number)
        free, total = torch.cuda.mem_get_info(number)
        print(
            f"GPU {number}: {found.name}, {found.multi_processor_count} multiprocessors, compute capability "
            f"{found.major}.{found.minor}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, of which "
            f"{free * options.gpu_memory_use / 2**30:.1f} GiB would be used."
        )
    print("Classes are cut into blocks that fit: there is no limit to their number.")
    return 0


def _substack_parser() -> CommandParser:
    parser = CommandParser(
        prog="heteroscope isac2 substack",
        description="Write the particles of chosen classes: a STAR file with all columns of the input, the "
        "averages, and the lists that followers of isac_substack read.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of the run")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="folder to write to")
    parser.add_argument("--classes", default="", help="numbers from 1 and ranges, such as 1-10,13 [all]")
    parser.add_argument("--each", action="store_true", help="a STAR file for each class as well")
    parser.add_argument(
        "--isac_class_avgs_path",
        type=Path,
        metavar="HDF",
        help="class averages from which the unwanted ones were removed, instead of --classes",
    )
    parser.add_argument(
        "--substack_basename", default="isac_substack", help="beginning of names [%(default)s]"
    )
    return parser


def _substack(words: argparse.Namespace) -> int:
    from jobs.isac2.task_results import Substack, write_chosen

    written = write_chosen(
        words.run.absolute(),
        None,
        Substack(
            folder=words.output.absolute(),
            classes=words.classes,
            averages=words.isac_class_avgs_path,
            each=words.each,
            basename=words.substack_basename,
        ),
    )
    print(f"{written.n_particles} particles of {written.n_classes} classes:", file=sys.stderr)
    print(written.particles)
    return 0
