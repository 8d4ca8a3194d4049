"""``tomodrgn analyze``: the analysis of a trained folder on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.command_numbers import even_box, positive, whole
from jobs.tomodrgn.terminal import Terminal, device_named


def add_analyze(commands: Any) -> None:
    """Add the parser of ``analyze`` to the others."""
    parser = commands.add_parser(
        "analyze",
        help="principal components, UMAP, groups of particles, and volumes of them",
        description="Analyse the latent space of a training: principal components, UMAP, k-means, volumes "
        "along components and at centres of groups, and all plots. Earlier results are replaced at the end.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_epoch(parser)
    add("--pc", type=whole(0), default=2, help="components along which volumes are made [2]")
    add("--pc-ondata", action="store_true", help="at the particles nearest to those places [no]")
    add(
        "--pc-spacing",
        choices=("percentile", "equal"),
        default="percentile",
        help="places along components: at equally spaced percentiles, or at equal distances [percentile]",
    )
    add("--ksample", type=whole(1), default=20, help="groups of the k-means [20]")
    add("--skip-umap", action="store_true", help="make no UMAP [no]")
    add("--skip-vol", action="store_true", help="make no volumes [no]")
    add("--seed", type=whole(0), default=42, help="of UMAP and k-means [42]")
    add_volume_options(parser)
    add_plot_format(parser)
    parser.set_defaults(run=_analyze)


def add_epoch(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a training and an epoch of it, as both generations spell them."""
    add = parser.add_argument
    add("workdir", type=Path, help="folder of the training")
    add("epoch_word", nargs="?", metavar="epoch", help="epoch counted from 0, latest, or -1 = final [latest]")
    add("--epoch", dest="epoch_option", help="the same as an option")
    add("-o", "--outdir", dest="out", type=Path, help="folder to write to [in that of the training]")


def epoch_of(given: argparse.Namespace) -> int | None:
    """The epoch that was asked for: None = latest, -1 = final.

    Raises
    ------
    UserError
        When it is no number, or given twice.
    """
    words = [word for word in (given.epoch_word, given.epoch_option) if word is not None]
    if len(set(words)) > 1:
        raise UserError(f"two epochs are given, {words[0]} and {words[1]}")
    if not words or words[0] == "latest":
        return None
    if words[0] in ("-1", "final"):
        return -1
    if not words[0].isdigit():
        raise UserError(f"an epoch is a number, latest or -1, not '{words[0]}'")
    return int(words[0])


def add_volume_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how volumes are made."""
    add = parser.add_argument
    add("-d", "--downsample", type=even_box, help="box of the volumes, an even number [that of the images]")
    add(
        "--lowpass",
        type=positive,
        metavar="Å",
        help="resolution to which volumes are filtered [not filtered]",
    )
    add("--flip", action="store_true", help="flip the handedness [no]")
    add("--invert", action="store_true", help="invert the contrast [no]")
    add("--Apix", "--apix", type=positive, metavar="Å", help="pixel size for the headers [the right one]")
    add("-b", "--batch-size", type=whole(1), default=8, help="volumes computed together [8]")
    add("--gpu-id", "--device", "--cuda", default="0", help="GPU to use, or cpu [0 where there is one]")


def add_plot_format(parser: argparse.ArgumentParser) -> None:
    """Add the option for the format of plots."""
    from jobs.tomodrgn.analysis_plots import FORMATS

    parser.add_argument("--plot-format", choices=FORMATS, default="png", help="format of plots [png]")


def volume_order(given: argparse.Namespace) -> Any:
    """How volumes are made, as :class:`jobs.tomodrgn.eval_vol.VolumeOrder`."""
    from jobs.tomodrgn.eval_vol import VolumeOrder

    return VolumeOrder(
        box=given.downsample,
        lowpass_a=given.lowpass,
        flip=given.flip,
        invert=given.invert,
        pixel_size_a=given.Apix,
        batch=given.batch_size,
    )


def _analyze(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.analysis_steps import AnalyzeSettings
    from jobs.tomodrgn.analyze import analyze
    from jobs.tomodrgn.old_folders import open_folder

    terminal = Terminal()
    settings = AnalyzeSettings(
        epoch=epoch_of(given),
        out=given.out,
        n_pc=given.pc,
        pc_ondata=given.pc_ondata,
        pc_percentiles=given.pc_spacing == "percentile",
        ksample=given.ksample,
        skip_umap=given.skip_umap,
        skip_vol=given.skip_vol,
        volumes=volume_order(given),
        ending=given.plot_format,
        seed=given.seed,
        device=device_named(given.gpu_id, terminal),
    )
    found = analyze(open_folder(given.workdir), settings, terminal)
    terminal.result(str(found.out))
    return EXIT_SUCCESS
