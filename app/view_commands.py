"""The commands that open a result in the explorer: ``explore JOB``, and the original programs' own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli_parser import Parser
from app.cli_places import find_job, is_project, open_project
from jobs import registry
from jobs.core.declaration import JobType
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.job_star import read_job_star

if TYPE_CHECKING:
    from jobs.core.exploring import ViewRequest

_METHODS = ("axes", "pca", "umap", "ica", "tsne")


def is_view_command(words: Sequence[str]) -> bool:
    """Tell whether a command line opens the explorer."""
    return words[:1] == ["explore"] or (len(words) > 1 and bool(_entry(words[0], words[1])))


def view_request(words: Sequence[str]) -> tuple[JobType, ViewRequest]:
    """Return what a command line wants to explore.

    Raises
    ------
    UserError
        When the job does not exist, has no latent space, or the usage is wrong.
    """
    if words[0] != "explore":
        return registry.JOB_TYPES[words[0]], load_function(_entry(words[0], words[1]))(words[2:])
    # here, because it loads numpy, which other commands do without
    from jobs.core.exploring import EmbeddingRequest, ViewRequest

    parser = Parser(prog="heteroscope explore", description="Open the explorer on the result of a job.")
    parser.add_argument("job", help="name, number, alias or folder of the job")
    parser.add_argument("--project", help="project folder [found from the job]")
    parser.add_argument("--half", type=int, choices=(0, 1, 2), default=1, help="half-set, 0: held out [1]")
    parser.add_argument("--checkpoint", type=Path, help="moment of the training to look at [the newest]")
    parser.add_argument("--method", choices=_METHODS, default="pca", help="how particles are laid out [pca]")
    parser.add_argument("--by-deformation", action="store_true", help="lay out by deformation, not by latent")
    parser.add_argument("--atoms", type=Path, help="PDB or mmCIF file to be moved along")
    given = parser.read(words[1:])
    project = open_project(given.project, given.job, look=True)
    name = find_job(project, given.job)
    root = Path(project.path).resolve()
    job_type = registry.of_job(read_job_star(root / name).label, root / name)
    if job_type is None or not job_type.explorer:
        raise UserError(f"{name.rstrip('/')} has no latent space to explore")
    request = ViewRequest(
        root / name,
        root,
        given.half,
        None if given.checkpoint is None else given.checkpoint.absolute(),
        EmbeddingRequest(given.method, "deformation" if given.by_deformation else "latent"),
        None if given.atoms is None else given.atoms.absolute(),
    )
    return job_type, request


def in_project(request: ViewRequest) -> bool:
    """Tell whether the job belongs to a project that the window can open."""
    return is_project(request.project_dir) and request.job_dir.is_relative_to(request.project_dir)


def _entry(type_key: str, command: str) -> str:
    job_type = registry.JOB_TYPES.get(type_key)
    return dict(job_type.view_commands).get(command, "") if job_type is not None else ""
