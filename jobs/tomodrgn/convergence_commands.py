"""``tomodrgn convergence_vae`` and ``convergence_nn`` on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.analysis_commands import (
    add_epoch,
    add_plot_format,
    add_volume_options,
    epoch_of,
    volume_order,
)
from jobs.tomodrgn.command_numbers import not_negative, whole
from jobs.tomodrgn.terminal import Terminal, device_named
from jobs.tomodrgn.traversal_commands import add_mask, mask_order


def add_convergence_vae(commands: Any) -> None:
    """Add the parser of ``convergence_vae`` to the others."""
    parser = commands.add_parser(
        "convergence_vae",
        help="whether a training with a latent space has come to rest",
        description="Compare the epochs of a train_vae model by many heuristics, and say what they mean.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_epoch(parser)
    add("--epoch-interval", type=whole(1), default=5, help="epochs between comparisons [5]")
    add("--subset", default="50000", help="particles in UMAPs at most, None = all [50000]")
    add("--random-seed", type=whole(0), default=0, help="of the choice of those particles [0]")
    add("--random-state", default="42", help="seed of UMAPs [42]")
    add("--skip-umap", action="store_true", help="take the UMAPs of the earlier run [no]")
    add("--skip-volgen", action="store_true", help="take the volumes of the earlier run [no]")
    add("--n-bins", type=whole(1), default=30, help="bins along each axis of a UMAP [30]")
    add("--smooth", default="True", help="smooth the histogram of particles (True or False) [True]")
    add("--smooth-width", type=not_negative, default=1.0, help="sigma of the smoothing in bins [1]")
    add("--pruned-maxima", type=whole(1), default=12, help="maxima left after pruning close ones [12]")
    add("--radius", type=not_negative, default=5.0, help="distance in bins below which maxima are close [5]")
    add("--final-maxima", type=whole(1), default=10, help="maxima of which maps are made [10]")
    add("--ground-truth", nargs="+", default=[], help="maps that are known to be true, also as patterns")
    add("--n-test", type=whole(0), default=100, help="particles whose held-out volumes are compared [100]")
    add_volume_options(parser)
    add_mask(parser, "soft")
    add_plot_format(parser)
    add("--force-umap-cpu", action="store_true", help="accepted; UMAPs are always made on the processor")
    for flag in ("--n-epochs-umap", "--max-threads"):
        add(flag, type=int, help="accepted, without effect")
    parser.set_defaults(run=_convergence_vae)


def add_convergence_nn(commands: Any) -> None:
    """Add the parser of ``convergence_nn`` to the others."""
    parser = commands.add_parser(
        "convergence_nn",
        help="how like a reference the volume of a train_nn model becomes",
        description="Compare the volume of every epoch of a train_nn model with a reference map.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("training_directory", type=Path, help="folder with reconstruct.N.mrc")
    add("reference_volume", type=Path, help="map to compare with")
    add("--max-epoch", type=whole(0), help="newest epoch to look at [the last]")
    add("--include-dc", action="store_true", help="the mean is part of the curves [no]")
    add(
        "-o",
        "--outdir",
        dest="out",
        type=Path,
        help="folder to write to [convergence.N in that of the training]",
    )
    add_mask(parser, "soft")
    add_plot_format(parser)
    parser.set_defaults(run=_convergence_nn)


def _convergence_vae(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.convergence_settings import ConvergenceSettings
    from jobs.tomodrgn.convergence_sketch import SketchOrder
    from jobs.tomodrgn.convergence_vae import convergence_vae
    from jobs.tomodrgn.old_folders import open_folder

    terminal = Terminal()
    settings = ConvergenceSettings(
        epoch=epoch_of(given),
        interval=given.epoch_interval,
        out=given.out,
        subset=_number(given.subset, "--subset"),
        subset_seed=given.random_seed,
        # Without a seed nothing would be gained here but a picture that nobody gets again.
        umap_seed=_number(given.random_state, "--random-state") or 42,
        skip_umap=given.skip_umap,
        skip_volumes=given.skip_volgen,
        sketch=SketchOrder(
            given.n_bins,
            _answer(given.smooth),
            given.smooth_width,
            given.pruned_maxima,
            given.radius,
            given.final_maxima,
        ),
        volumes=volume_order(given),
        mask=mask_order(given),
        ground_truth=tuple(_maps(given.ground_truth)),
        n_test=given.n_test,
        ending=given.plot_format,
        device=device_named(given.gpu_id, terminal),
    )
    found = convergence_vae(open_folder(given.workdir), settings, terminal)
    terminal.result(str(found.out))
    return EXIT_SUCCESS


def _convergence_nn(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.convergence_nn import convergence_nn

    terminal = Terminal()
    found = convergence_nn(
        given.training_directory,
        given.reference_volume,
        terminal,
        max_epoch=given.max_epoch,
        include_dc=given.include_dc,
        mask=mask_order(given),
        out=given.out,
        ending=given.plot_format,
    )
    terminal.result(str(found.out))
    return EXIT_SUCCESS


def _number(word: str, flag: str) -> int | None:
    if word.lower() == "none":
        return None
    if not word.isdigit() or (flag == "--subset" and int(word) < 1):
        raise UserError(f"{flag} is a number or None, not '{word}'")
    return int(word)


def _answer(word: str) -> bool:
    if word.lower() not in ("true", "yes", "false", "no"):
        raise UserError(f"--smooth is True or False, not '{word}'")
    return word.lower() in ("true", "yes")


def _maps(patterns: list[str]) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        matches = [path] if path.is_file() else sorted(path.parent.glob(path.name))
        if not matches:
            raise UserError("there is no such map", path=path)
        found += matches
    return found
