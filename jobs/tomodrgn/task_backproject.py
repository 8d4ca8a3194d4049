"""The task "Backproject": a reconstruction of the particles of a job, with half-maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from jobs.tomodrgn.backproject import backproject_voxel
from jobs.tomodrgn.contrast import contrast_of
from jobs.tomodrgn.image_input import read_input, with_images
from jobs.tomodrgn.reconstruction import BackprojectOptions
from jobs.tomodrgn.task_figures import show_backprojection
from jobs.tomodrgn.train import MAP_LABEL

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

HALF_MAP_LABEL = "DensityMap.mrc.relion.halfmap.tomodrgn"


def run(context: WorkerContext) -> None:
    """Write the maps into ``backprojection``."""
    options = cast("TomoDrgnOptions", context.options)
    particles = read_input(options, context.project_dir, context.seed)
    particles = with_images(particles, context.say, context.check_abort)
    out = context.folder.path / "backprojection"
    out.mkdir(exist_ok=True)

    def each(done: int, of: int) -> None:
        context.check_abort()
        context.progress("images", done, of)

    files = backproject_voxel(
        particles,
        out / "map.mrc",
        BackprojectOptions(
            recon_tilt_weight=options.recon_tilt_weight,
            recon_dose_weight=options.recon_dose_weight,
            lowpass_a=options.backproject_lowpass,
            flip=options.backproject_flip,
            contrast=contrast_of(particles, options.contrast),
            lazy=options.lazy,
            seed=context.seed,
        ),
        device=context.device,
        each=each,
    )
    show_backprojection(context, files.result)
    for text in files.sentences:
        context.say(text)
    for path, label in (
        *((half, HALF_MAP_LABEL) for half in files.halves),
        (files.full, MAP_LABEL),
        (files.filtered, MAP_LABEL),
    ):
        context.add_output(f"{out.name}/{path.name}", label)
