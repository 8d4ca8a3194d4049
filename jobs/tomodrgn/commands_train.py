"""``tomodrgn train_vae`` and ``train_nn``: a training in any folder, with the files of a job."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

from jobs.core.declaration import CheckContext, OptionSpec, add_arguments, from_arguments, specs
from jobs.core.errors import Problem, UserError
from jobs.core.folder import JobFolder, make_record
from jobs.core.options import RUNNING_TAB
from jobs.core.worker import run_worker
from jobs.tomodrgn.command_numbers import of_option
from jobs.tomodrgn.params import JOB_TYPE
from jobs.tomodrgn.terminal import Terminal
from jobs.tomodrgn.without_effect import PLOTS, READING, add_without_effect, told_without_effect

_SUMMARY: Final = {
    "train_vae": "Learn a latent space of particles and the volume of each place in it.",
    "train_nn": "Learn one volume for all particles, to see what the data hold.",
}
#: Random seeds of the original, which differ.
_SEEDS: Final = {"train_vae": 50236, "train_nn": 1605}


def add_training(commands: Any, kind: str) -> None:
    """Add the parser of a training to the others."""
    latent = "--zdim N " if kind == "train_vae" else ""
    parser = commands.add_parser(
        kind,
        help=_SUMMARY[kind],
        description=_SUMMARY[kind],
        epilog=f"The random seed is {_SEEDS[kind]} unless another is given.",
        usage=f"heteroscope tomodrgn {kind} PARTICLES -o OUTDIR {latent}[options]",
        allow_abbrev=False,
    )
    parser.add_argument("particles", nargs="?", help="STAR file of the particles")
    parser.add_argument("-o", "--outdir", required=True, help="folder to write to, made when missing")
    add_short_options(parser)
    parser.add_argument(
        "--norm",
        nargs=2,
        dest="norm_pair",
        metavar=("SHIFT", "SCALE"),
        help="normalisation of the data: subtracted, and divided by [from the data]",
    )
    add_contrast(parser)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the folder")
    parser.add_argument("--multigpu", action="store_true", help="use all GPUs of this computer [no]")
    add_without_effect(parser, READING, PLOTS)
    add_arguments(parser, JOB_TYPE.options, task="train", unlisted=_of_other_tasks)
    parser.set_defaults(run=_train, kind=kind, seed=_SEEDS[kind])


def _of_other_tasks(declared: OptionSpec) -> bool:
    """Whether an option is of a task that goes on from a training, and of no use in one."""
    return declared.enabled == "continue" or declared.tab == "Tasks"


def add_short_options(parser: argparse.ArgumentParser) -> None:
    """Add the one-letter options of the original."""
    for flag, name in (("-n", "n_epochs"), ("-b", "batch_size")):
        parser.add_argument(
            flag,
            dest=name,
            type=of_option(name),
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"short for --{name}",
        )
    parser.add_argument(
        "-v", dest="verbose", action="store_const", const=True, default=argparse.SUPPRESS, help="tell more"
    )


def add_contrast(parser: argparse.ArgumentParser) -> None:
    """Add the switches of the sign of the images, of which one can be given."""
    one = parser.add_mutually_exclusive_group()
    for flag, value, text in (
        ("--uninvert-data", "uninvert", "take the images as tomoDRGN does with this switch [sign found]"),
        ("--white", "white", "protein is white in the images [found from the data]"),
        ("--dark", "dark", "protein is dark in the images [found from the data]"),
    ):
        one.add_argument(
            flag, dest="contrast", action="store_const", const=value, default=argparse.SUPPRESS, help=text
        )


def below(project: Path, path: str) -> str:
    """A path as seen from the project, absolute when it lies elsewhere."""
    if not path:
        return path
    absolute = Path(os.path.normpath(Path(path).absolute()))
    return str(absolute.relative_to(project)) if absolute.is_relative_to(project) else str(absolute)


def _all_gpus() -> str:
    """Numbers of all GPUs, as an option; cpu where there are none."""
    import torch

    return ",".join(map(str, range(torch.cuda.device_count()))) or "cpu"


def _told(problem: Problem) -> str:
    """A problem in words, with the option at fault as it is spelt here."""
    declared = next((d for d in specs(JOB_TYPE.options) if d.name == problem.field), None)
    if declared is None or declared.name == "fn_star":
        return problem.sentence
    words = (*declared.cli, *(f"--{declared.name.replace('_', '-')}",))
    label = declared.label.rstrip(":?")
    return f"{words[0]}: {problem.sentence.removeprefix(f'{label}: ')}"


def _train(given: argparse.Namespace) -> int:
    star = getattr(given, "fn_star", "") or given.particles
    if not star:
        raise UserError("no particles were given", hint="Give their STAR file")
    given.fn_star, given.model_kind = star, given.kind
    if given.norm_pair:
        given.norm = " ".join(given.norm_pair)
    for sentence in told_without_effect(given):
        Terminal().say(sentence)
    if given.multigpu:
        given.gpu_id = _all_gpus()
    target = Path(os.path.normpath(Path(given.outdir).absolute()))
    here = Path.cwd()
    project = here if target.is_relative_to(here) and target != here else target.parent
    options = from_arguments(JOB_TYPE.options, given)
    paths = {declared.name for declared in specs(JOB_TYPE.options) if declared.is_path}
    paths -= {d.name for d in specs(JOB_TYPE.options) if d.tab == RUNNING_TAB}
    changed = {name: below(project, getattr(options, name)) for name in paths}
    load = str(getattr(options, "load", ""))
    if load and load != "latest":
        changed["load"] = below(project, load)
    options = options.model_copy(update=changed)
    found = JOB_TYPE.problems(options, CheckContext(project))
    problems = [problem for problem in found if problem.severity == "error"]
    if problems:
        raise UserError(" ".join(_told(problem) for problem in problems))
    for problem in found:
        Terminal().say(f"Warning: {_told(problem)}")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder cannot be made: {error.strerror}", path=target) from error
    folder = JobFolder(project, f"{target.relative_to(project)}{os.sep}")
    folder.clear_markers()
    record = make_record(
        JOB_TYPE,
        options,
        project_dir=project,
        run=folder.next_run(),
        task="resume" if given.resume else "train",
        command=[sys.executable, *sys.argv],
    )
    folder.write_options(record.run, record)
    return run_worker(JOB_TYPE, ["--project", str(project), "--job", folder.name, "--run", str(record.run)])
