"""The task "Write a selection": chosen particles of a job as a STAR file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.formats.star import read_star_tables
from jobs.formats.tilt_export import write_warp_series
from jobs.formats.tilt_series import is_set, read_tilt_particles
from jobs.formats.tilt_star_filter import StarFilter, filter_star
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.train import PARTICLE_LABEL

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions


def run(context: WorkerContext) -> None:
    """Write the selection that the Tasks tab asks for into ``selection.NNN``."""
    options = cast("TomoDrgnOptions", context.options)
    root = context.project_dir
    star, _ = open_folder(context.folder.path).star(root)
    out = context.folder.path / f"selection.{context.run:03d}"
    out.mkdir(exist_ok=True)
    wanted = StarFilter(
        indices=root / options.fn_filter_ind if options.fn_filter_ind else None,
        index_kind=options.filter_ind_type,
        labels=root / options.fn_filter_labels if options.fn_filter_labels else None,
        labels_sel=tuple(options.filter_labels_sel.split()),
        drop=options.filter_action == "drop",
        tomogram=options.filter_tomogram,
    )
    datadir = root / options.datadir if options.datadir else None
    name = "particles_optimisation_set.star" if is_set(read_star_tables(star)) else "particles.star"
    for written in filter_star(star, out / name, wanted, root, datadir=datadir, name_from=root):
        context.say(
            f"{written.n_particles:,} particles in {written.n_images:,} images are in "
            f"{context.folder.name}{out.name}/{written.path.name}"
        )
        context.add_output(f"{out.name}/{written.path.name}", PARTICLE_LABEL)
    if options.filter_export != "as_input":
        _export(context, out / name, options)


def _export(context: WorkerContext, star: Path, options: TomoDrgnOptions) -> None:
    particles = read_tilt_particles(
        star,
        context.project_dir,
        datadir=context.project_dir / options.datadir if options.datadir else None,
        apix=options.angpix,
        dose_override=options.dose_override,
    )
    if options.filter_export == "warp":
        write_warp_series(particles, star.with_name("particles_warp.star"))
        context.add_output(f"{star.parent.name}/particles_warp.star", PARTICLE_LABEL)
        return
    from jobs.formats.tilt_export_relion5 import write_relion5_set

    found = write_relion5_set(particles, star.parent / "relion5")
    context.add_output(
        str(found.optimisation_set.relative_to(context.folder.path)), "TomoOptimisationSet.star.relion"
    )
