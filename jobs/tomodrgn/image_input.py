"""The images of a job, from its particle file to samples on the device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.errors import UserError
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.contrast import detect_contrast, stated_contrast
from jobs.tomodrgn.run_settings import forward_options, sample_options
from jobs.tomodrgn.selections import select_input

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
    if particles.box % 2:
        raise UserError(
            f"the images are {particles.box} pixels wide, an even number is needed",
            path=particles.path,
            hint="Extract the particles in an even box",
        )
    return select_input(particles, options, project_dir, seed)


def sign_of(options: TomoDrgnOptions, particles: TiltParticles) -> tuple[int, str]:
    """Sign that makes protein white, and a sentence that says how it was found."""
    if options.contrast in ("white", "dark"):
        return (
            1 if options.contrast == "white" else -1
        ), f"Protein is taken as {options.contrast} in the images."
    found = stated_contrast(particles, True) if options.contrast == "uninvert" else detect_contrast(particles)
    return found.sign, found.sentence


def open_bank(
    context: WorkerContext, options: TomoDrgnOptions, particles: TiltParticles, sign: int, device: str
) -> ImageBank:
    """Read all images of a job."""

    def each(done: int, of: int) -> None:
        context.check_abort()
        context.progress("images", done, of)

    return ImageBank(
        particles,
        sample_options(options, sign),
        forward_options(options),
        device=device,
        cache=context.folder.path / CACHE,
        lazy=options.lazy,
        each=each,
    )
