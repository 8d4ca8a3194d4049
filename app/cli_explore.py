"""The command ``states``: maps, movies, models, subsets and embeddings of what a job found, headless."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from app.cli_parser import Parser, did_you_mean
from app.cli_places import find_job, open_project
from app.cli_states import ACTIONS, Opened
from jobs import registry
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.job_star import read_job_star

_METHODS = ("axes", "pca", "ica", "umap", "tsne")
_WHAT = {
    "map": "write the map of one state",
    "movie": "write the maps of a series of states, with a ChimeraX script and a moved atomic model",
    "models": "write an atomic model in the state of each particle of a list",
    "subset": "write chosen particles for RELION, cryoSPARC or programs that take rows",
    "embedding": "write where particles lie in a plane",
}


def states(words: Sequence[str]) -> int:
    """``heteroscope states JOB map|movie|models|subset|embedding …``."""
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    job, rest = words[0], list(words[1:])
    what = rest.pop(0) if rest else ""
    if what in ("-h", "--help"):
        print(_overview())
        return 0
    if what not in _WHAT:
        hint = did_you_mean(what, _WHAT) or f"Choose one of {', '.join(_WHAT)}"
        said = f"There is no '{what}' of states" if what else "What of the states is wanted?"
        raise UserError(said, hint=hint)
    parser = Parser(prog=f"heteroscope states {job} {what}", description=f"{_WHAT[what].capitalize()}.")
    parser.add_argument("--project", help="folder of the project [the one that holds the job]")
    parser.add_argument("--half", type=int, choices=(0, 1, 2), default=1, help="half-set, 0: held out [1]")
    parser.add_argument("--checkpoint", type=Path, help="moment of the training to look at [the newest]")
    _ARGUMENTS[what](parser)
    given = parser.read(_with_values(rest))
    _check_files(given)
    opened = _open(job, given, writes=what != "embedding")
    print(ACTIONS[what](opened, given))
    return 0


def _overview() -> str:
    lines = "\n".join(f"  heteroscope states JOB {what:<10} {text}" for what, text in _WHAT.items())
    return (
        "Write states that a job found, without the window.\n\n"
        f"{lines}\n\nheteroscope states JOB WHAT --help lists the options of each."
    )


def _open(job: str, given: Namespace, *, writes: bool) -> Opened:
    from jobs.explore.exports import Exporter

    project = open_project(given.project, job, look=not writes)
    if writes:
        project.require_writable()
    name = find_job(project, job)
    root = Path(project.path)
    job_type = registry.of_job(read_job_star(root / name).label, root / name)
    if job_type is None or not job_type.explorer:
        raise UserError(f"{name.rstrip('/')} has no latent space to look at")
    source = load_function(job_type.explorer)(root / name, root)
    snapshot = None if given.checkpoint is None else given.checkpoint.absolute()
    half = 1 if given.half is None else given.half
    halves = tuple(source.half_sets)
    if len(halves) == 1:
        # a model of all particles has one set, whatever its number
        half = halves[0]
    what = f"half-set {half} of " if len(halves) > 1 else ""
    print(f"Opening {what}{name.rstrip('/')} …", file=sys.stderr)
    model = source.open(half, snapshot)
    exporter = Exporter(root, root / name, half, model)
    return Opened(project, name, job_type, model, exporter, lambda other: source.open(other, snapshot))


def _with_values(words: Sequence[str]) -> list[str]:
    """Join ``--latent`` with numbers that begin with a minus, which would be taken for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--latent":
            joined[-1] = f"--latent={word}"
        else:
            joined.append(word)
    return joined


def _check_files(given: Namespace) -> None:
    """Check that files exist, before the model is opened."""
    for option in ("atoms", "path", "cs", "names", "checkpoint"):
        path = getattr(given, option, None)
        if path is not None and not path.is_file():
            raise UserError("the file does not exist", path=path, column=f"--{option}")


def _map_arguments(parser: Parser) -> None:
    parser.add_argument("--particle", metavar="NAME", help="state of this particle, such as 000012@a.mrcs")
    parser.add_argument("--latent", metavar="Z1,Z2,…", help="state with these latent coordinates")
    parser.add_argument("--component", type=int, metavar="K", help="state along principal component K …")
    parser.add_argument("--at", default="0", metavar="VALUE", help="… this far from the mean, or 95%% [0]")
    parser.add_argument("--consensus", action="store_true", help="the consensus map")
    parser.add_argument("--atoms", type=Path, metavar="FILE", help="PDB or mmCIF file, written in this state")


def _movie_arguments(parser: Parser) -> None:
    parser.add_argument("--component", type=int, metavar="K", help="along principal component K")
    parser.add_argument("--low", type=float, default=2.0, help="percentile where it starts [2]")
    parser.add_argument("--high", type=float, default=98.0, help="percentile where it ends [98]")
    parser.add_argument(
        "--straight",
        action="store_true",
        help="along a straight line, not through the particles' mean states",
    )
    parser.add_argument("--through", metavar="P1,P2,…", help="straight lines from particle to particle")
    parser.add_argument(
        "--dense", action="store_true", help="along crowded regions, through the particles of --through"
    )
    parser.add_argument("--path", type=Path, metavar="CSV", help="states of a table with columns z1, z2 …")
    parser.add_argument("--frames", type=int, default=None, help="number of maps [40, or as in the table]")
    parser.add_argument("--atoms", type=Path, metavar="FILE", help="PDB or mmCIF file to be moved along")


def _models_arguments(parser: Parser) -> None:
    from jobs.explore.particle_models import MOST

    parser.set_defaults(half=None)  # that of each particle
    parser.add_argument("--atoms", type=Path, required=True, metavar="FILE", help="PDB or mmCIF file")
    parser.add_argument(
        "--particles",
        required=True,
        metavar="LIST",
        help="STAR file, list of names or of rows, or rows themselves such as 0,4,10-19 (the first is 0)",
    )
    parser.add_argument("--one-file", action="store_true", help="one file with a model per particle")
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"models at most [{MOST}]")


def _subset_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="'COLUMN SIGN VALUE'",
        help="condition on a column of the particles, z1 …, PC1 …, amount, uncertainty …; may be repeated",
    )
    parser.add_argument("--any", action="store_true", help="one condition is enough [all are needed]")
    parser.add_argument("--names", type=Path, metavar="FILE", help="particles of a STAR file or list")
    parser.add_argument("--inside-cluster", type=int, metavar="K", help="particles of cluster K, from 1")
    parser.add_argument("--clusters", type=int, default=5, metavar="N", help="number of clusters [5]")
    parser.add_argument(
        "--method", choices=("kmeans", "gmm"), default="kmeans", help="of clustering [kmeans]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of clustering [0]")
    parser.add_argument("--invert", action="store_true", help="all other particles of the half-set")
    parser.add_argument("--cs", type=Path, metavar="FILE", help="write a subset of this cryoSPARC file")
    parser.add_argument("--indices", action="store_true", help="write rows as text, .npy and .pkl")
    parser.add_argument("--register", action="store_true", help="enter the subset in the project")


def _embedding_arguments(parser: Parser) -> None:
    parser.add_argument("--method", choices=_METHODS, default="pca", help="how particles are laid out [pca]")
    parser.add_argument("--by-deformation", action="store_true", help="by deformation, not by latent")
    parser.add_argument("--seed", type=int, default=0, help="source of randomness [0]")
    parser.add_argument("--neighbours", type=int, default=15, help="of UMAP [15]")
    parser.add_argument("--perplexity", type=float, default=30.0, help="of t-SNE [30]")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="table to write")


_ARGUMENTS: dict[str, Callable[[Parser], None]] = {
    "map": _map_arguments,
    "movie": _movie_arguments,
    "models": _models_arguments,
    "subset": _subset_arguments,
    "embedding": _embedding_arguments,
}
