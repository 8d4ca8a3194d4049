"""``tomodrgn eval_images``, ``backproject_voxel`` and ``downsample``: commands that read images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.command_numbers import all_or_first, even_box, not_negative, positive, whole
from jobs.tomodrgn.commands_volumes import add_model, model_of
from jobs.tomodrgn.image_options import IMAGE_ORDERS
from jobs.tomodrgn.sources import SOURCES
from jobs.tomodrgn.terminal import Terminal, device_named
from jobs.tomodrgn.without_effect import (
    ALL_TILTS,
    EXACT,
    ONE_DEVICE,
    READING,
    add_without_effect,
    told_without_effect,
)

if TYPE_CHECKING:
    from jobs.formats.tilt_particles import TiltParticles


def add_eval_images(commands: Any) -> None:
    """Add the parser of ``eval_images`` to the others."""
    parser = commands.add_parser(
        "eval_images",
        help="find the latent places of particles with a trained encoder",
        description="Find the latent places of particles with a trained encoder, from all their tilts. The "
        "images are read as the training read its own.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("particles", type=Path, help="STAR file of the particles")
    add_model(parser)
    add("--out-z", type=Path, required=True, help="z.pkl to write: places, then logarithms of variances")
    add("-b", "--batch-size", type=whole(1), default=64, help="particles at once [64]")
    _add_reading(parser)
    parser.set_defaults(run=_eval_images)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options by which particles are chosen and read."""
    add = parser.add_argument
    add("--ind", "--ind-ptcls", dest="ind", type=Path, help="particles to use, counted from 0 [all]")
    add("--ind-imgs", type=Path, help="images to use, counted from 0 [all]")
    add("--sort-ptcl-imgs", choices=IMAGE_ORDERS, default="unsorted", help="order of images [unsorted]")
    add(
        "--use-first-ntilts",
        type=all_or_first,
        default=-1,
        metavar="N",
        help="images of each particle [-1: all]",
    )
    add("--use-first-nptcls", type=all_or_first, default=-1, metavar="N", help="particles [-1: all]")
    add("--source-software", choices=SOURCES, default="auto", help="refuse files of others [auto: any]")
    add("--datadir", type=Path, help="folder of the images, when they are not where the file says")
    add("--Apix", "--apix", type=positive, metavar="Å", help="pixel size instead of that of the file")
    add(
        "--dose-override",
        type=not_negative,
        metavar="e/Å²",
        help="dose per tilt instead of those of the file",
    )
    add("--seed", type=whole(0), default=0, help="random seed [0]")
    add("--uninvert-data", action="store_true", help="take the images as tomoDRGN does with this switch")
    add("--lazy", action="store_true", help="keep the images on disk [no]")
    add("--gpu-id", default="0", help="GPU to use, or cpu [0 where there is one]")
    add("--show-summary-stats", action="store_true", help="tell how images, doses and tilts are spread [no]")
    add("-v", "--verbose", action="store_true", help="tell more [no]")
    add_without_effect(parser, READING, EXACT, ONE_DEVICE, ALL_TILTS)


def _read(given: argparse.Namespace, terminal: Terminal) -> TiltParticles:
    from jobs.tomodrgn.describing import counted, distributions
    from jobs.tomodrgn.image_input import check_source, with_images

    for sentence in told_without_effect(given):
        terminal.say(sentence)
    particles = _chosen(given)
    check_source(particles, given.source_software)
    particles = with_images(particles, terminal.say)
    for warning in particles.warnings:
        terminal.say(f"Warning: {warning}")
    if given.verbose:
        terminal.say(counted(particles))
    for line in distributions(particles) if given.show_summary_stats else ():
        terminal.say(line)
    return particles


def _chosen(given: argparse.Namespace) -> TiltParticles:
    from jobs.formats.index_files import read_indices
    from jobs.formats.tilt_selection import Choice, choose
    from jobs.formats.tilt_series import read_tilt_particles

    particles = read_tilt_particles(
        given.particles, Path.cwd(), datadir=given.datadir, apix=given.Apix, dose_override=given.dose_override
    )
    n_rows = particles.table.n_rows if particles.one_row_per_image else particles.n_images
    return choose(
        particles,
        Choice(
            images=read_indices(given.ind_imgs, n_rows, "images") if given.ind_imgs else None,
            particles=read_indices(given.ind, particles.n) if given.ind else None,
            sort=given.sort_ptcl_imgs,
            first_ntilts=given.use_first_ntilts,
            first_nptcls=given.use_first_nptcls,
            seed=given.seed,
        ),
    )


def _eval_images(given: argparse.Namespace) -> int:
    from jobs.formats.tilt_export import write_selection
    from jobs.tomodrgn.contrast import contrast_of
    from jobs.tomodrgn.embedding import embed
    from jobs.tomodrgn.outputs import preprocessed_path, write_latent
    from jobs.tomodrgn.trained_model import load_weights

    terminal = Terminal()
    folder, weights, _ = model_of(given)
    device = device_named(given.gpu_id, terminal)
    trained = load_weights(folder, weights, device)
    # The images of the training are where the training found them.
    if given.datadir is None and Path(folder.config.datadir or "-").is_dir():
        given.datadir = Path(folder.config.datadir)
    particles = _read(given, terminal)
    contrast = contrast_of(particles, "uninvert") if given.uninvert_data else None
    if contrast is not None:
        terminal.say(contrast.sentence)
    given.out_z.parent.mkdir(parents=True, exist_ok=True)
    mean, log_variance = embed(
        trained,
        folder.config,
        particles,
        device=device,
        cache=given.out_z.parent,
        lazy=given.lazy,
        batch=given.batch_size,
        contrast=None if contrast is None else contrast.sign,
        each=terminal.progress,
    )
    write_latent(given.out_z, mean, log_variance)
    written = preprocessed_path(given.out_z.parent, given.particles)
    if written.exists() and written.samefile(given.particles):
        terminal.say("The particle file is the one that was given; it is left as it is.")
    else:
        write_selection(particles, written, name_from=Path.cwd())
    terminal.say(f"{particles.n:,} particles; their order is that of {written}")
    terminal.result(str(given.out_z))
    return EXIT_SUCCESS


def add_backproject(commands: Any) -> None:
    """Add the parser of ``backproject_voxel`` to the others."""
    parser = commands.add_parser(
        "backproject_voxel",
        help="reconstruct particles with half-maps",
        description="Reconstruct a map of the particles by backprojection of all their tilts, with half-maps "
        "and their Fourier shell correlation.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("particles", type=Path, help="STAR file of the particles")
    add("-o", "--output", type=Path, required=True, help="map to write, X.mrc; others are named after it")
    add("--recon-tilt-weight", action="store_true", help="model the loss of signal by tilt [no]")
    add("--recon-dose-weight", action="store_true", help="model radiation damage [no]")
    add("--lowpass", type=positive, metavar="Å", help="resolution of the filtered map [FSC 0.143]")
    add("--flip", action="store_true", help="flip the handedness [no]")
    _add_reading(parser)
    parser.set_defaults(run=_backproject)


def _backproject(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.backproject import backproject_voxel
    from jobs.tomodrgn.contrast import contrast_of
    from jobs.tomodrgn.reconstruction import BackprojectOptions

    terminal = Terminal()
    particles = _read(given, terminal)
    device = device_named(given.gpu_id, terminal)
    options = BackprojectOptions(
        recon_tilt_weight=given.recon_tilt_weight,
        recon_dose_weight=given.recon_dose_weight,
        lowpass_a=given.lowpass,
        flip=given.flip,
        contrast=contrast_of(particles, "uninvert" if given.uninvert_data else "auto"),
        lazy=given.lazy,
        seed=given.seed,
    )
    files = backproject_voxel(
        particles,
        given.output,
        options,
        device=device,
        each=lambda done, of: terminal.progress("images", done, of),
    )
    for sentence in files.sentences:
        terminal.say(sentence)
    terminal.result(str(files.full))
    return EXIT_SUCCESS


def add_downsample(commands: Any) -> None:
    """Add the parser of ``downsample`` to the others."""
    parser = commands.add_parser(
        "downsample",
        help="make images or a volume smaller by cropping their Fourier transforms",
        description="Make images or a volume smaller by cropping their Fourier transforms: the same space in "
        "fewer, larger pixels.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("input", type=Path, help="volume, stack, .txt list of stacks, or STAR file of tilt series")
    add(
        "-d",
        "-D",
        "--downsample",
        type=even_box,
        required=True,
        metavar="BOX",
        help="new even box, in pixels",
    )
    add("-o", "--output", type=Path, required=True, help="file to write: .mrc of a volume, else .mrcs")
    add("-b", "--batch-size", type=whole(1), default=5000, help="images at once at most [5000]")
    add("--is-vol", action="store_true", help="the input is a volume [by its name]")
    add("--chunk", type=whole(1), help="images per file written [all in one]")
    add("--lazy", action="store_true", help="accepted; images are always read as needed")
    add("--datadir", type=Path, help="folder of the images, when they are not where the file says")
    add("--write-tiltseries-starfile", action="store_true", help="write the STAR file of the images too [no]")
    parser.set_defaults(run=_downsample)


def _downsample(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.downsample import DownsampleOptions, downsample

    terminal = Terminal()
    made = downsample(
        given.input,
        given.output,
        DownsampleOptions(
            box=given.downsample,
            is_vol=given.is_vol or given.output.suffix == ".mrc",
            chunk=given.chunk,
            batch_size=given.batch_size,
            write_tiltseries_starfile=given.write_tiltseries_starfile,
        ),
        datadir=given.datadir,
        project_dir=Path.cwd(),
        each=lambda done, of: terminal.progress("images", done, of),
    )
    terminal.say(f"box {made.box}, {made.pixel_size_a:.4g} Å per pixel")
    for path in (*made.outputs, *made.lists):
        terminal.result(str(path))
    return EXIT_SUCCESS
