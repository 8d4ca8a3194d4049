"""What is to be explored, as the form and the original's command say it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jobs.core.command_words import CommandParser
from jobs.core.errors import UserError
from jobs.core.exploring import EmbeddingRequest, Method, ViewRequest
from jobs.dynamight.params import DynaMightOptions

_METHODS: Final[dict[str, Method]] = {"PCA": "pca", "UMAP": "umap", "TSNE": "tsne", "ICA": "ica"}
#: Clusters shown by the original's --cluster.
_CLUSTERS: Final = 5
#: Options of the original that have no effect here, because the explorer needs or finds them itself.
_WITHOUT_EFFECT: Final = (
    "--mask-file",
    "--particle-diameter",
    "--soft-edge-width",
    "--batch-size",
    "--gpu-id",
    "--n-workers",
    "--inverse-deformation",
    "--refinement-star-file",
    "--pipeline-control",
)


def from_options(options: DynaMightOptions, job_dir: Path, project_dir: Path) -> ViewRequest:
    """What the fields of the Tasks tab ask for."""
    snapshot = project_dir / options.fn_checkpoint if options.fn_checkpoint else None
    atoms = project_dir / options.atomic_model if options.atomic_model else None
    return ViewRequest(job_dir, project_dir, options.halfset, snapshot, atoms=atoms)


def from_command(argv: Sequence[str]) -> ViewRequest:
    """What ``explore-latent-space OUTPUT_DIRECTORY`` with the original's options asks for.

    Raises
    ------
    UserError
        For wrong usage.
    """
    given = _parser().parse_args(list(argv))
    job_dir = Path(given.output_directory).absolute()
    if not job_dir.is_dir():
        raise UserError("there is no such folder", path=job_dir, hint="Give the folder of a DynaMight job.")
    method = _METHODS.get(str(given.method).upper())
    if method is None:
        raise UserError(
            f"'{given.method}' is no way to reduce dimensions", hint=f"Choose one of {', '.join(_METHODS)}."
        )
    return ViewRequest(
        job_dir,
        _project_of(job_dir),
        given.half,
        None if given.checkpoint is None else Path(given.checkpoint).absolute(),
        EmbeddingRequest(method, "deformation" if given.by_deformation else "latent"),
        None if given.atoms is None else Path(given.atoms).absolute(),
        _CLUSTERS if given.cluster else 0,
    )


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="heteroscope dynamight explore-latent-space",
        description="Open the latent space of a job beside the molecule. Options of the original that are "
        f"accepted without effect: {', '.join(_WITHOUT_EFFECT)}.",
        allow_abbrev=False,
    )
    parser.add_argument("output_directory", help="job folder, such as DynaMight/job001")
    parser.add_argument(
        "--half-set", dest="half", type=int, choices=(0, 1, 2), default=1, help="0: held out [1]"
    )
    parser.add_argument("--checkpoint-file", dest="checkpoint", help="checkpoint to look at [the newest]")
    parser.add_argument(
        "--dimensionality-reduction-method", dest="method", default="PCA", help="PCA, UMAP, TSNE, ICA [PCA]"
    )
    yes_no = argparse.BooleanOptionalAction
    parser.add_argument(
        "--reduce-by-deformation",
        dest="by_deformation",
        action=yes_no,
        default=False,
        help="lay out by motion",
    )
    parser.add_argument("--cluster", action=yes_no, default=False, help=f"colour by {_CLUSTERS} clusters")
    parser.add_argument("--atomic-model", dest="atoms", help="PDB or mmCIF file to be moved along")
    parser.add_argument("--preload-images", action=yes_no, help=argparse.SUPPRESS)
    for name in _WITHOUT_EFFECT:
        parser.add_argument(name, help=argparse.SUPPRESS)
    return parser


def _project_of(job_dir: Path) -> Path:
    """Nearest project above a job, else two levels up."""
    for folder in job_dir.parents:
        if (folder / ".gui_projectdir").exists() or (folder / "default_pipeline.star").exists():
            return folder
    return job_dir.parent.parent
