"""The images of a job, from its particle file to samples on the device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.tilt_checks import check_images
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.run_settings import forward_options, sample_options
from jobs.tomodrgn.selections import select_input
from jobs.tomodrgn.sources import contradiction

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

CACHE = "images.cache"


def read_input(options: TomoDrgnOptions, project_dir: Path, seed: int) -> TiltParticles:
    """Read the particle file of a job and apply all its filters.

    Raises
    ------
    UserError
        When it cannot be used, or says less than the options need.
    """
    particles = read_tilt_particles(
        project_dir / options.fn_star,
        project_dir,
        datadir=project_dir / options.datadir if options.datadir else None,
        apix=options.angpix,
        dose_override=options.dose_override,
    )
    check_source(particles, options.source_software)
    return select_input(particles, options, project_dir, seed)


def check_source(particles: TiltParticles, named: str) -> None:
    """Refuse particles that are not of the program that is said to have written them.

    Raises
    ------
    UserError
        When they are not.
    """
    wrong = contradiction(named, particles.flavour)
    if wrong:
        raise UserError(
            wrong, path=particles.path, hint="Leave out --source-software, or choose another file"
        )


def with_images(
    particles: TiltParticles, say: Callable[[str], None], poll: Callable[[], None] | None = None
) -> TiltParticles:
    """The particles without images that are empty; they are said, and the others are known to be numbers.

    Raises
    ------
    UserError
        When an image holds NaN or infinity, a stack nothing but empty images, or a particle nothing else.
    """
    report = check_images(particles, poll=poll)
    if not len(report.empty):
        return particles
    if report.n_checked < particles.n_images:
        report = check_images(particles, sample=None, poll=poll)
    for warning in report.warnings:
        say(f"Warning: {warning}")
    full = np.ones(particles.n_images, bool)
    full[report.empty] = False
    left = particles.select_images(full)
    lost = particles.n - left.n
    say(f"They are left out{f', and with them {lost} particles that have no others' if lost else ''}.")
    return left


def open_bank(
    context: WorkerContext, options: TomoDrgnOptions, particles: TiltParticles, sign: int, device: str
) -> ImageBank:
    """Read all images of a job."""

    def each(done: int, of: int) -> None:
        context.check_abort()
        context.progress("images", done, of)

    return ImageBank(
        particles,
        sample_options(options, particles.box, sign),
        forward_options(options),
        device=device,
        cache=context.folder.path / CACHE,
        lazy=options.lazy,
        each=each,
    )
