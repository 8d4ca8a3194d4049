"""The task of a simulation job: options to specification, data set into the job's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.formats.mrc import read_map
from jobs.simulate.choices import specification
from jobs.simulate.simulation import simulate

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.simulate.params import SimulateOptions


def run(context: WorkerContext) -> None:
    """Simulate the data set that the job's options describe."""
    options = cast("SimulateOptions", context.options)
    spec = specification(options, context.project_dir, context.seed)
    context.say(f"Simulating {spec.n_images} images of box {spec.box} at {spec.pixel_size_a:g} Å per pixel.")
    made = simulate(spec, Path(context.folder.path), image_prefix=context.folder.name, reporter=context)
    truth = made.truth
    if spec.halves:
        for number in (1, 2):
            context.add_output(f"half{number}.mrc", "DensityMap.mrc.relion.halfmap.simulate")
    context.save_snapshot("volume", read_map(made.consensus).data)
    for motion in truth.motions:
        context.say(f"{motion.name}: {motion.kind} in {motion.unit}")
    context.say(
        f"{len(truth.beads_a)} beads of known displacement; noise of standard deviation {truth.noise_sd:.3g}."
    )
