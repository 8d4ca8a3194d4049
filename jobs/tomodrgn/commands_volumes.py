"""``tomodrgn eval_vol``: volumes of chosen places of the latent space, from any trained folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.command_numbers import even_box, number, positive, whole
from jobs.tomodrgn.terminal import Terminal, device_named
from jobs.tomodrgn.without_effect import EXACT, ONE_DEVICE, add_without_effect, told_without_effect


def add_eval_vol(commands: Any) -> None:
    """Add the parser of ``eval_vol`` to the others."""
    parser = commands.add_parser(
        "eval_vol",
        help="write volumes of chosen places of the latent space",
        description="Write the volume of each chosen place of the latent space; without a choice, those of "
        "all particles. Models of tomoDRGN are read as well; nothing in their files is run.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_model(parser)
    add("-o", dest="out", type=Path, required=True, help="folder to write to, made when missing")
    add("--prefix", default="vol_", help="beginning of file names [vol_]")
    add("-z", nargs="+", type=number, help="one latent place")
    add("--z-start", nargs="+", type=number, help="first place of a line")
    add("--z-end", nargs="+", type=number, help="last place of a line")
    add("-n", type=whole(1), default=10, help="places on the line [10]")
    add("--zfile", type=Path, help="z.pkl, .npy or text file with a place per row")
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
    add("--gpu-id", default="0", help="GPU to use, or cpu [0 where there is one]")
    add_without_effect(parser, EXACT, ONE_DEVICE)
    parser.set_defaults(run=_eval_vol)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a trained model."""
    add = parser.add_argument
    if parser.prog.endswith("eval_vol"):
        add("weights", nargs="?", type=Path, help="weights.pkl or weights.N.pkl (or -w)")
    add("-w", "--weights", dest="weights_file", type=Path, help="weights.pkl or weights.N.pkl")
    add("-c", "--config", type=Path, help="config.pkl [beside the weights]")


def _eval_vol(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.eval_vol import VolumeOrder, header_pixel_size, places_of, write_volumes
    from jobs.tomodrgn.trained_model import load_weights

    terminal = Terminal()
    for sentence in told_without_effect(given):
        terminal.say(sentence)
    order = VolumeOrder(
        zfile=given.zfile,
        z=tuple(given.z or ()),
        z_start=tuple(given.z_start or ()),
        z_end=tuple(given.z_end or ()),
        n=given.n,
        box=given.downsample,
        lowpass_a=given.lowpass,
        flip=given.flip,
        invert=given.invert,
        pixel_size_a=given.Apix,
        prefix=given.prefix,
        batch=given.batch_size,
    )
    folder, weights, epoch = model_of(given)
    places = places_of(order, folder, epoch)
    device = device_named(given.gpu_id, terminal)
    trained = load_weights(folder, weights, device)
    written = write_volumes(
        trained, places, order, given.out, lambda done, of: terminal.progress("volumes", done, of)
    )
    terminal.say(f"{len(written)} volumes of {header_pixel_size(order, trained):.4g} Å per voxel")
    terminal.result(str(given.out))
    return EXIT_SUCCESS


def model_of(given: argparse.Namespace) -> tuple[Any, Path, int | None]:
    """Return the folder, weights and epoch that a command line names.

    Raises
    ------
    UserError
        When it names none, or they do not exist.
    """
    from jobs.tomodrgn.job_config import CONFIG, read_config
    from jobs.tomodrgn.old_folders import TrainedFolder

    weights = given.weights_file or getattr(given, "weights", None)
    if weights is None:
        raise UserError("no weights were given", hint="Give weights.pkl of a training, as -w or first")
    if not weights.is_file():
        raise UserError("the weights do not exist", path=weights)
    config = given.config or weights.parent / CONFIG
    number = weights.name.split(".")[1]
    epoch = int(number) if number.isdigit() else None
    return TrainedFolder(weights.absolute().parent, read_config(config)), weights, epoch
