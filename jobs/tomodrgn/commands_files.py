"""``tomodrgn filter_star``, ``view_config`` and ``cleanup``: commands that need no images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.task_options import IND_TYPES
from jobs.tomodrgn.terminal import Terminal

#: Words of the first generation for what a file is.
_KINDS: Final = {
    "warp_particleseries": "imageseries",
    "warp_imageseries": "imageseries",
    "warp_volumeseries": "volumeseries",
    "m_volumeseries": "volumeseries",
}


def add_filter_star(commands: Any) -> None:
    """Add the parser of ``filter_star`` to the others."""
    parser = commands.add_parser(
        "filter_star",
        help="write a selection of particles",
        description="Write the particles that indices, labels or tomograms select, with all their images, "
        "columns and blocks. What the file is, is found from its columns.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("input", type=Path, help="STAR file of particles, or optimisation set")
    add("-o", "--outstar", dest="out", type=Path, required=True, help="STAR file to write")
    add("--ind", "--ind-ptcls", type=Path, help="indices, counted from 0 (.pkl, .npy or text) [none]")
    add("--ind-type", choices=IND_TYPES, default="particle", help="what the indices count [particle]")
    add("--labels", type=Path, help="a label for each particle (.pkl, .npy or text) [none]")
    add("--labels-sel", nargs="+", help="labels that select")
    add("--tomogram", help="part of a tomogram's name; all: a further file for each tomogram [none]")
    add("--action", choices=("keep", "drop"), default="keep", help="what happens to the selected [keep]")
    add("--tomo-id-col", help="column with the name of the tomogram [found]")
    add("--datadir", type=Path, help="folder of the images, when they are not where the file says")
    add(
        "--starfile-type",
        "--input-type",
        dest="input_type",
        choices=("imageseries", "volumeseries", "optimisation_set", *_KINDS),
        help="what the file is [found from its columns]",
    )
    parser.set_defaults(run=_filter_star)


def _filter_star(given: argparse.Namespace) -> int:
    from jobs.formats.tilt_star_filter import StarFilter, filter_star

    kind = given.input_type or ""
    wanted = StarFilter(
        indices=given.ind,
        index_kind=given.ind_type,
        labels=given.labels,
        labels_sel=tuple(given.labels_sel or ()),
        drop=given.action == "drop",
        tomogram=given.tomogram or "",
        tomogram_column=(given.tomo_id_col or "").lstrip("_"),
        kind=_KINDS.get(kind, kind),
    )
    terminal = Terminal()
    for written in filter_star(given.input, given.out, wanted, Path.cwd(), datadir=given.datadir):
        terminal.say(f"{written.n_particles:,} particles in {written.n_images:,} images")
        terminal.result(str(written.path))
    return EXIT_SUCCESS


def add_view_config(commands: Any) -> None:
    """Add the parser of ``view_config`` to the others."""
    parser = commands.add_parser(
        "view_config",
        help="what a training was told",
        description="Tell what a training was told, of this program or of tomoDRGN. Nothing in the file is "
        "run.",
        allow_abbrev=False,
    )
    parser.add_argument("workdir", type=Path, help="folder of the training, or its config.pkl")
    parser.set_defaults(run=_view_config)


def _view_config(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.job_config import CONFIG, describe, read_config

    path = given.workdir / CONFIG if given.workdir.is_dir() else given.workdir
    terminal = Terminal()
    for line in describe(read_config(path)):
        terminal.result(line)
    return EXIT_SUCCESS


def add_cleanup(commands: Any) -> None:
    """Add the parser of ``cleanup`` to the others."""
    parser = commands.add_parser(
        "cleanup",
        help="delete files of single epochs",
        description="Delete files of single epochs of a training. Epochs of which there is an analysis (a "
        "folder whose name ends with their number) stay, and so do the final files.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("workdir", type=Path, help="folder of the training")
    add("--weights", action="store_true", help="delete weights.N.pkl [no]")
    add("--zfiles", action="store_true", help="delete z.N.pkl, z.N.train.pkl and z.N.test.pkl [no]")
    add("--volumes", action="store_true", help="delete all volumes (.mrc) in the folder and below [no]")
    add("--test", action="store_true", help="only tell what would be deleted [no]")
    parser.set_defaults(run=_cleanup)


def _cleanup(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.tidying import delete, find_files

    found = find_files(given.workdir, given.weights, given.zfiles, given.volumes)
    terminal = Terminal()
    for path in found:
        terminal.result(str(path))
    size = sum(path.lstat().st_size for path in found)
    if not given.test:
        delete(found)
    what = "would be deleted" if given.test else "deleted"
    terminal.say(f"{len(found)} files of {size / 1e6:.1f} MB {what}")
    return EXIT_SUCCESS
