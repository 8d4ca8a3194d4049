"""The task "Estimate motions" of a DynaMight job, and its resumption."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from jobs.core.errors import UserError
from jobs.core.ranks import Ranks, give_up
from jobs.dynamight.atomic_graph import BIAS
from jobs.dynamight.encoder import Encoder, teach_encoder
from jobs.dynamight.outputs import (
    FORWARD,
    PARTICLES,
    checkpoint_path,
    write_graph,
    write_particles,
    write_volumes,
)
from jobs.dynamight.reporting import JobObserver
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.sharing import Sharing, follow
from jobs.dynamight.state import load_model, read_state, restore, write_checkpoint
from jobs.dynamight.uncertainty_files import write_errors

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

_PARTICLE_LABEL = "ParticleGroupMetadata.star.relion"


def run(context: WorkerContext) -> None:
    """Train both half-sets to the end, from the beginning or from the last checkpoint."""
    options = cast("DynaMightOptions", context.options)
    source = _source(options, context.project_dir)
    settings = TrainingSettings.from_options(options, context.seed)
    device = torch.device(context.device)
    context.say(f"Motions are estimated on {_describe(device)}, seed {settings.seed}")

    def read(done: int, of: int) -> None:
        context.check_abort()
        # In tenths: progress is drawn beside that of the epochs.
        context.progress("initialise", round(10 * done / of), 10)

    with ExitStack() as stack:
        ranks = _start_followers(context, stack, source, settings)
        prepared = prepare_training(source, settings, device, context.say, read)
        if ranks is not None:
            Sharing(ranks, context.check_abort).attach(prepared.training)
        _train(context, prepared)
    _finish(context, prepared, options.fn_star)


def _start_followers(
    context: WorkerContext, stack: ExitStack, source: TrainingInput, settings: TrainingSettings
) -> Ranks | None:
    """Start the processes on the other devices, which read the images while we do."""
    n = len(context.devices)
    if n < 2:
        return None
    context.say(f"{n} processes share the training, on {', '.join(dict.fromkeys(context.devices))}")
    threads = int(getattr(context.options, "nr_threads", 1))
    return stack.enter_context(
        Ranks(context.devices, threads, follow, (source, settings), partial(give_up, context.folder))
    )


def _train(context: WorkerContext, prepared: Prepared) -> None:
    """Begin, or go on from a checkpoint, and train to the end."""
    options = cast("DynaMightOptions", context.options)
    start = _last_checkpoint(context, options)
    if start is None:
        prepared.training.initialise()
    else:
        restore(prepared, read_state(start), start)
        epoch = prepared.training.schedule.epoch
        context.say(f"Resuming after epoch {epoch - 1} from {start.name}")
    observer = JobObserver(context, prepared, options.fn_star)
    try:
        prepared.training.run(observer)
        observer.pictures()
    finally:
        observer.close()


def _finish(context: WorkerContext, prepared: Prepared, star: str) -> None:
    """Teach the encoders and write the results, the final checkpoint last."""
    job = context.folder.path
    training = prepared.training
    last = training.schedule.epoch - 1
    encoders: list[Encoder] = []
    for number, half in enumerate(training.halves, 1):
        context.check_abort()
        context.progress("write", number - 1, 4)
        encoders.append(teach_encoder(half, training.noise, training.boxes, training.settings.seed + number))
    context.progress("write", 2, 4)
    write_volumes(job, prepared, last, masks=True)
    write_graph(job, prepared, last)
    context.progress("write", 3, 4)
    write_particles(job, prepared, context.project_dir)
    write_checkpoint(checkpoint_path(job, None), prepared, star, (encoders[0], encoders[1]))
    _write_errors(context)
    context.add_output(PARTICLES, _PARTICLE_LABEL)
    context.progress("write", 4, 4)
    context.say(_verdict(prepared))
    if prepared.training.settings.regularise_by_model:
        context.say(f"Warning: {BIAS}")
    context.say(f"Results are in {context.folder.name}{FORWARD}/")


def _write_errors(context: WorkerContext) -> None:
    """Write how sure the motion is; without any motion there is nothing to be sure of."""
    job = context.folder.path
    try:
        write_errors(job, load_model(checkpoint_path(job, None)))
    except UserError as error:
        context.say(f"No errors of the motion were estimated: {error}")


def _verdict(prepared: Prepared) -> str:
    """What was found, in a sentence."""
    training = prepared.training
    rms = [half.rms_displacement_a() for half in training.halves]
    gain = training.held_out_gain
    found = f"rms displacement {rms[0]:.2f} Å in half-set 1 and {rms[1]:.2f} Å in half-set 2"
    if math.isnan(gain):
        return f"Found: {found}. No particles were held out, so nothing can be said about its significance."
    if gain > 1.0:
        judgement = (
            f"the motion explains particles it was not learnt from better, by {gain:.1f} nats per image"
        )
    else:
        judgement = (
            f"the motion does not explain particles it was not learnt from ({gain:.1f} nats per image): "
            "there is no evidence of motion in these images"
        )
    return f"Found: {found}; {judgement}."


def _source(options: DynaMightOptions, project_dir: Path) -> TrainingInput:
    """Input files of the job, resolved in the project.

    Raises
    ------
    UserError
        If there is no particle file.
    """
    if not options.fn_star:
        raise UserError(
            "no particle STAR file was given",
            hint="Choose the particles of a refinement as input images STAR file.",
        )

    def resolve(path: str) -> Path | None:
        return project_dir / path if path else None

    return TrainingInput(
        star=project_dir / options.fn_star,
        project_dir=project_dir,
        map=resolve(options.fn_map),
        mask=resolve(options.mask_file),
        atomic_model=resolve(options.atomic_model),
        body_masks=resolve(options.deformation_masks),
    )


def _last_checkpoint(context: WorkerContext, options: DynaMightOptions) -> Path | None:
    """Checkpoint to go on from: the one asked for, or the newest of this job when it is resumed."""
    if options.fn_checkpoint:
        return context.project_dir / options.fn_checkpoint
    if not context.task.resumes:
        return None
    folder = checkpoint_path(context.folder.path, 0).parent
    numbered = sorted(p for p in folder.glob("*.pth") if p.stem.isdigit())
    if not numbered:
        context.say("Warning: there is no checkpoint in this folder yet: the training begins anew.")
        return None
    return max(numbered, key=lambda p: int(p.stem))


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"GPU {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"the CPU with {threads} thread{'' if threads == 1 else 's'}"
