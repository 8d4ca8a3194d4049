"""The task that opens a latent space: identity checked, plain form written, volumes at centres of groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map
from jobs.formats.particle_set import ParticleSet
from jobs.latents.folder import Facts, fingerprint, write_folder
from jobs.latents.identity import match
from jobs.latents.latent_files import read_latents
from jobs.latents.latent_model import SHOWN_BOX
from jobs.latents.particle_images import ForeignParticles, read_foreign_particles
from jobs.latents.places import places_of
from jobs.latents.regression import KernelRegression
from jobs.latents.sign import sign_of

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.latents.params import LatentsOptions

_SHARE: Final = 10
#: A volume is to be made in seconds while somebody waits: so many particles and images at most.
_FEWEST, _MOST, _MOST_IMAGES = 100, 2000, 20_000


def run(context: WorkerContext) -> None:
    """Open the latent space that the job's options name.

    Raises
    ------
    UserError
        When files are missing, damaged, or do not belong together.
    """
    options = cast("LatentsOptions", context.options)
    folder, project = Path(context.folder.path), context.project_dir
    table = read_latents(project / options.fn_latent, options.columns)
    context.say(
        f"{table.path}: {len(table.columns)} coordinates of {table.n:,} particles, of {table.program}."
    )
    for note in table.notes:
        context.say(note)
    path = project / options.fn_particles
    everything = read_foreign_particles(path, project, options.particle_kind, n_latent=table.n)
    for warning in everything.content.warnings:
        context.say(f"Warning: {warning}")
    config = project / options.fn_config if options.fn_config else None
    found = match(table, everything, config, project)
    context.say(found.sentence)
    particles = everything.select(found.particle)
    if particles.n < 2:
        raise UserError("two particles at least are needed", path=path)
    latent = table.values[found.latent]
    sign, sentence = sign_of(particles, options.contrast, options.seed)
    context.say(sentence)
    wanted = float(options.effective or _wanted(particles))
    facts = Facts(
        particles=options.fn_particles,
        kind="tilt series" if particles.tilted else "single particles",
        fingerprint=fingerprint(particles.names),
        source=options.fn_latent,
        program=table.program,
        columns=table.columns,
        sign=sign,
        effective=wanted,
        kernel=options.kernel,
        seed=options.seed,
    )
    spread = None
    if table.log_variance is not None:
        variance = np.exp(table.log_variance[found.latent].astype(np.float64))
        spread = np.sqrt(variance.mean(1)).astype(np.float32)
    write_folder(folder, facts, latent, found.particle, particles.names, spread)
    _write_particles(context, particles, facts, latent)
    regression = KernelRegression(
        particles, latent, wanted, kernel=options.kernel, sign=sign, seed=options.seed
    )
    context.say(regression.half_sentence)
    if particles.box > SHOWN_BOX:
        context.say(
            f"While you explore, volumes hold the detail of {SHOWN_BOX} voxels along a side; maps that are "
            f"saved have all {particles.box}."
        )
    _make_volumes(context, regression, latent, facts.columns, options.nr_volumes, options.seed)


def _wanted(particles: ForeignParticles) -> int:
    """Effective number of particles of a volume, where the user leaves it open."""
    images = float(np.diff(particles.first).mean())
    most = min(_MOST, round(_MOST_IMAGES / images))
    return max(min(particles.n // _SHARE, most), _FEWEST)


def _write_particles(
    context: WorkerContext, particles: ForeignParticles, facts: Facts, latent: np.ndarray
) -> None:
    """Single particles once more, with their coordinates as columns: what a selection is taken from."""
    if not isinstance(particles.content, ParticleSet):
        return
    target = Path(context.folder.path) / "particles" / "particles.star"
    target.parent.mkdir(exist_ok=True)
    columns = {f"hsLatent{i + 1}": latent[:, i] for i in range(len(facts.columns))}
    particles.content.write(target, columns)
    context.add_output("particles/particles.star", "ParticleGroupMetadata.star.relion.latents")


def _make_volumes(
    context: WorkerContext,
    regression: KernelRegression,
    latent: np.ndarray,
    columns: tuple[str, ...],
    count: int,
    seed: int,
) -> None:
    folder = Path(context.folder.path) / "volumes"
    folder.mkdir(exist_ok=True)
    voxel = regression.particles.pixel_size_a
    lines = [",".join(("volume", "particles", "effective", "resolution_A", *columns))]
    places = places_of(latent, count, seed)
    context.say(f"{len(places)} volumes, each of about {regression.wanted:g} particles near its place:")
    for number, place in enumerate(places, start=1):

        def each(done: int, of: int, number: int = number) -> None:
            context.check_abort()
            context.progress(f"volume {number}", done, of)

        made = regression.volume(place, each=each)
        name = f"vol_{number:03d}"
        write_map(folder / f"{name}.mrc", made.volume.numpy(), voxel)
        for half, volume in enumerate(made.halves, start=1):
            write_map(folder / f"{name}_half{half}.mrc", volume.numpy(), voxel)
        context.add_output(f"volumes/{name}.mrc", "DensityMap.mrc.latents")
        context.save_snapshot("volume", made.volume.numpy())
        numbers = [str(made.particles), f"{made.effective:.0f}", f"{made.resolution_a:.2f}"]
        lines.append(",".join((name, *numbers, *(f"{value:.6g}" for value in place))))
        context.say(
            f"  {name}: {made.particles} particles (as many as {made.effective:.0f} equal ones), "
            f"half-maps agree to {made.resolution_a:.1f} Å"
        )
    with replacing(folder / "volumes.csv") as file:
        file.write(("\n".join(lines) + "\n").encode())
