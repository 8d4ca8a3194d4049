"""``tomodrgn pc_traversal``, ``graph_traversal`` and ``analyze_volumes`` on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.analysis_commands import add_plot_format
from jobs.tomodrgn.analysis_options import MASKS
from jobs.tomodrgn.command_numbers import not_negative, percentile, positive, whole
from jobs.tomodrgn.terminal import Terminal


def add_pc_traversal(commands: Any) -> None:
    """Add the parser of ``pc_traversal`` to the others."""
    parser = commands.add_parser(
        "pc_traversal",
        help="latent places along principal components",
        description="Write latent places along principal components, for eval_vol --zfile, and tell how many "
        "particles are within a distance of 3 of each.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("zfile", type=Path, help="z.pkl")
    add("-o", "--outdir", dest="out", type=Path, required=True, help="folder to write to")
    add("--dim", type=whole(1), help="one component only, counted from 1 [all]")
    add("-n", type=whole(2), default=10, help="places along each [10]")
    add("--lim", nargs=2, type=percentile, default=(5.0, 95.0), help="first and last percentile [5 95]")
    add("--use-percentile-spacing", action="store_true", help="as many particles between any two [no]")
    parser.set_defaults(run=_pc_traversal)


def add_graph_traversal(commands: Any) -> None:
    """Add the parser of ``graph_traversal`` to the others."""
    parser = commands.add_parser(
        "graph_traversal",
        help="a way from particle to particle between anchors",
        description="Find the shortest way through neighbouring particles that passes anchors in turn.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("zfile", type=Path, help="z.pkl")
    add("--anchors", nargs="+", required=True, help="particles counted from 0, or files of such numbers")
    add("-o", "--outdir", dest="out", type=Path, required=True, help="folder to write to")
    add("--max-neighbors", type=whole(1), default=10, help="neighbours of each particle [10]")
    add(
        "--avg-neighbors", type=positive, help="leave out the longest steps until this many remain [all stay]"
    )
    add_plot_format(parser)
    parser.set_defaults(run=_graph_traversal)


def add_analyze_volumes(commands: Any) -> None:
    """Add the parser of ``analyze_volumes`` to the others."""
    parser = commands.add_parser(
        "analyze_volumes",
        help="principal components, UMAP and groups of volumes",
        description="Analyse volumes in the space of their voxels. Their names end on _<number>.mrc.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--voldir", type=Path, required=True, help="folder of the volumes")
    add("--config", type=Path, help="config.pkl of their training, to compare with columns of its particles")
    add("-o", "--outdir", dest="out", type=Path, help="folder to write to [analyze_volumes beside them]")
    add("--num-pcs", type=whole(1), default=128, help="principal components kept [128]")
    add("--ksample", type=whole(1), default=20, help="groups of the k-means [20]")
    add("--seed", type=whole(0), default=42, help="of UMAP and k-means [42]")
    add_mask(parser, "none")
    add("--mask-path", type=Path, help="a map to use as mask instead")
    add_plot_format(parser)
    parser.set_defaults(run=_analyze_volumes)


def add_mask(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options that say how masks are made."""
    add = parser.add_argument
    names = [*MASKS, "None"]
    add(
        "--mask",
        "--fsc-mask",
        choices=names,
        default=default,
        help=f"what part of volumes counts [{default}]",
    )
    add("--thresh", type=percentile, default=99.0, help="percentile above which a volume is solid [99]")
    add("--dilate", type=not_negative, help="growth of a soft mask in voxels [a thirtieth of the box]")
    add("--dist", type=not_negative, help="width of its edge in voxels [a thirtieth of the box]")


def mask_order(given: argparse.Namespace) -> Any:
    """How masks are made, as :class:`jobs.tomodrgn.volume_space.MaskOrder`.

    Raises
    ------
    UserError
        When the percentile is none.
    """
    from jobs.tomodrgn.volume_space import MaskOrder

    if not 0 <= given.thresh <= 100:
        raise UserError(f"--thresh is a percentile from 0 to 100, not {given.thresh:g}")
    path = getattr(given, "mask_path", None)
    return MaskOrder(given.mask.lower(), path, given.thresh, given.dilate, given.dist)


def _pc_traversal(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.outputs import read_latent
    from jobs.tomodrgn.traversal_files import write_components

    terminal = Terminal()
    written = write_components(
        read_latent(given.zfile)[0],
        given.out,
        terminal,
        components=None if given.dim is None else [given.dim - 1],
        n=given.n,
        limits=(given.lim[0], given.lim[1]),
        percentiles=given.use_percentile_spacing,
    )
    for path in written:
        terminal.result(str(path))
    return EXIT_SUCCESS


def _graph_traversal(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.outputs import read_latent
    from jobs.tomodrgn.traversal_files import read_anchors, umap_beside, write_path

    terminal = Terminal()
    z = read_latent(given.zfile)[0]
    path = write_path(
        z,
        read_anchors(given.anchors),
        given.out,
        terminal,
        neighbours=given.max_neighbors,
        average=given.avg_neighbors,
        umap=umap_beside(given.zfile, len(z)),
        ending=given.plot_format,
    )
    terminal.result(" ".join(map(str, path)))
    return EXIT_SUCCESS


def _analyze_volumes(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.analyze_volumes import VolumeAnalysisSettings, analyze_volumes
    from jobs.tomodrgn.old_folders import open_folder

    terminal = Terminal()
    settings = VolumeAnalysisSettings(
        out=given.out,
        components=given.num_pcs,
        groups=given.ksample,
        mask=mask_order(given),
        seed=given.seed,
        ending=given.plot_format,
    )
    training = None if given.config is None else open_folder(given.config.parent)
    terminal.result(str(analyze_volumes(given.voldir, settings, terminal, training).out))
    return EXIT_SUCCESS
