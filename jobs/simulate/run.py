"""The task of a simulation job: options to specification, data set into the job's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.formats.mrc import read_map
from jobs.simulate.choices import specification, tilt_specification
from jobs.simulate.class_options import class_specification
from jobs.simulate.class_simulation import simulate_classes
from jobs.simulate.simulation import simulate
from jobs.simulate.tilt_series import simulate_tilt_series

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.simulate.class_specification import ClassSpec
    from jobs.simulate.params import SimulateOptions
    from jobs.simulate.tilt_specification import TiltSpec


def run(context: WorkerContext) -> None:
    """Simulate the data set that the job's options describe."""
    options = cast("SimulateOptions", context.options)
    classes = class_specification(options, context.project_dir, context.seed)
    if classes is not None:
        _run_classes(context, classes)
        return
    tilts = tilt_specification(options, context.project_dir, context.seed)
    if tilts is not None:
        _run_tilt_series(context, tilts)
        return
    spec = specification(options, context.project_dir, context.seed)
    context.say(
        f"Simulating {spec.n_images:,} images of box {spec.box} at {spec.pixel_size_a:g} Å per pixel."
    )
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


def _run_tilt_series(context: WorkerContext, spec: TiltSpec) -> None:
    context.say(f"Simulating tilt series of {spec.n_particles:,} particles: {', '.join(spec.species)}.")
    folder = Path(context.folder.path)
    truth = simulate_tilt_series(spec, folder, image_prefix=context.folder.name, reporter=context)
    for number in (1, 2):
        context.add_output(f"half{number}.mrc", "DensityMap.mrc.relion.halfmap.simulate")
    context.save_snapshot("volume", read_map(folder / "consensus.mrc").data)
    context.say(f"{len(truth.particle):,} images; noise of standard deviation {truth.noise_sd:.3g}.")


def _run_classes(context: WorkerContext, spec: ClassSpec) -> None:
    context.say(
        f"Simulating {spec.n_images:,} images of {spec.n_views} views and {spec.n_noise} of noise, "
        f"box {spec.box} at {spec.pixel_size_a:g} Å per pixel."
    )
    folder = Path(context.folder.path)
    truth = simulate_classes(spec, folder, image_prefix=context.folder.name, reporter=context)
    context.save_snapshot("volume", read_map(folder / "consensus.mrc").data)
    context.say(f"Noise of standard deviation {truth.noise_sd:.3g}; views and poses are in truth.star.")
