"""The task "Embed images": latent places of particles by a trained encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.embedding import embed
from jobs.tomodrgn.image_input import CACHE
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.outputs import preprocessed_path, write_latent
from jobs.tomodrgn.train import PARTICLE_LABEL

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions


def run(context: WorkerContext) -> None:
    """Write the places of the chosen particles and their STAR file into ``embedded.NNN``."""
    options = cast("TomoDrgnOptions", context.options)
    folder = open_folder(context.folder.path)
    trained = folder.model(None if options.epoch < 0 else options.epoch, context.device)
    if options.fn_embed:
        star = context.project_dir / options.fn_embed
        particles = read_tilt_particles(
            star,
            context.project_dir,
            datadir=context.project_dir / options.datadir if options.datadir else None,
            apix=options.angpix,
        )
    else:
        star = Path(options.fn_star)
        particles = folder.particles(context.project_dir, images=True)
    out = context.folder.path / f"embedded.{context.run:03d}"
    out.mkdir(exist_ok=True)

    def each(what: str, done: int, of: int) -> None:
        context.check_abort()
        context.progress(what, done, of)

    mean, log_variance = embed(
        trained,
        folder.config,
        particles,
        device=context.device,
        cache=context.folder.path / CACHE,
        lazy=options.lazy,
        batch=options.embed_batch,
        each=each,
    )
    write_latent(out / "z.pkl", mean, log_variance)
    written = preprocessed_path(out, star)
    write_selection(particles, written, name_from=context.project_dir)
    context.add_output(f"{out.name}/{written.name}", PARTICLE_LABEL)
    context.say(f"Places of {particles.n:,} particles are in {context.folder.name}{out.name}/z.pkl")
