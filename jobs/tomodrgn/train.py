"""The main task of a tomoDRGN job: train the networks, from the beginning or from a checkpoint."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import torch

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import UserError
from jobs.core.ranks import Ranks, give_up
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.contrast import contrast_of
from jobs.tomodrgn.describing import counted, distributions
from jobs.tomodrgn.image_input import open_bank
from jobs.tomodrgn.job_config import CONFIG, write_config
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.observing import JobObserver, save_results
from jobs.tomodrgn.outputs import RunLog, copy_file, epochs_of, preprocessed_path, volume_path, weights_path
from jobs.tomodrgn.rounds import train
from jobs.tomodrgn.run_settings import config_parts, model_settings, training_settings
from jobs.tomodrgn.sharing import Shared, SharedTraining, follow, read_particles
from jobs.tomodrgn.trained_model import MODEL_SETTINGS
from jobs.tomodrgn.training import Training

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

PARTICLE_LABEL: Final = "ParticleGroupMetadata.star.relion.tomo"
MAP_LABEL: Final = "DensityMap.mrc.relion.tomodrgn"


def run(context: WorkerContext) -> None:
    """Train to the last epoch of the options; results stand in the job's folder."""
    options = cast("TomoDrgnOptions", context.options)
    job = context.folder.path
    began = time.monotonic()
    particles = read_particles(options, context.project_dir, context.seed, context.say, context.check_abort)
    _tell(context, particles, options)
    if options.model_kind == "train_vae" and particles.n < 2:
        raise UserError(
            "one particle is left, but a latent space is learnt from two at least",
            path=particles.path,
            hint="Choose more (--ind, --use-first-nptcls), or use train_nn",
        )
    contrast = contrast_of(particles, options.contrast)
    settings = model_settings(options, particles, context.seed)
    bank = open_bank(context, options, particles, contrast.sign, context.device)
    sentences = (contrast.sentence, *(_details(bank, settings, began) if options.verbose else ()))
    for text in sentences:
        context.say(text)
    with ExitStack() as stack:
        training = _training(context, stack, options, bank, settings, contrast.sign)
        # Nothing is written before everything that may be wrong has been read.
        resume = _start(context, options, training)
        filtered = _write_input(context, options, particles, bank, contrast.sign, settings)
        log = RunLog(job)
        for text in sentences:
            log.say(text)
        train(
            training,
            lambda epoch: weights_path(job, epoch),
            JobObserver(context, log, options.log_interval),
            extra={MODEL_SETTINGS: settings.to_dict(), "star": options.fn_star},
            resume=resume,
        )
        _finish(context, training, filtered)


def _tell(context: WorkerContext, particles: TiltParticles, options: TomoDrgnOptions) -> None:
    context.say(counted(particles))
    for warning in particles.warnings:
        context.say(f"Warning: {warning}")
    if options.show_summary_stats:
        for line in distributions(particles):
            context.say(line)


def _details(bank: ImageBank, settings: ModelSettings, began: float) -> tuple[str, ...]:
    n = sum(p.numel() for p in TomoModel(settings).parameters())
    where = "in a file of the job" if bank.cached else f"in the memory of {bank.device}"
    return (
        f"Images: {bank.image_bytes * bank.particles.n_images / 1e6:.1f} MB {where}, {len(bank.plane.index)} "
        f"Fourier samples each, noise scale {bank.norm:.6g}, read in {time.monotonic() - began:.1f} s",
        f"Networks: {n:,} weights; {settings.to_dict()}",
    )


def _training(
    context: WorkerContext,
    stack: ExitStack,
    options: TomoDrgnOptions,
    bank: ImageBank,
    settings: ModelSettings,
    sign: int,
) -> Training:
    """The training, shared with processes on further devices where there are any."""
    made = TomoModel(settings).to(context.device)
    how = training_settings(options, context.seed)
    # Who goes on finds consensus and linear start in the checkpoint.
    known = _goes_on(context, options) and bool(epochs_of(context.folder.path))
    begins = replace(how, consensus=how.consensus and not known)
    told = -1

    def starting(done: int, of: int) -> None:
        nonlocal told
        context.check_abort()
        if done != told:
            told = done
            context.progress("linear start", done, of)

    n = len(context.devices)
    if n < 2:
        training = Training(made, settings.zdim, bank, begins, starting=starting)
        training.settings = how
        return training
    context.say(f"{n} processes share the training, on {', '.join(dict.fromkeys(context.devices))}")
    shared = Shared(options, context.project_dir, context.folder.path, context.seed, sign, bank.norm)
    ranks = stack.enter_context(
        Ranks(context.devices, options.nr_threads, follow, (shared,), partial(give_up, context.folder))
    )
    together = SharedTraining(ranks, context.check_abort, made, settings.zdim, bank, begins, starting)
    together.settings = how
    return together


def _write_input(
    context: WorkerContext,
    options: TomoDrgnOptions,
    particles: TiltParticles,
    bank: ImageBank,
    sign: int,
    settings: ModelSettings,
) -> Path:
    """Write the particles as they are used, and the settings."""
    job = context.folder.path
    filtered = preprocessed_path(job, Path(options.fn_star))
    write_selection(
        particles,
        filtered,
        keep_original=particles.one_row_per_image,
        name_from=context.project_dir,
    )
    parts = config_parts(
        options,
        particles,
        star=options.fn_star,
        filtered=filtered.relative_to(context.project_dir),
        norm=(bank.samples.shift, bank.norm),
        sign=sign,
        model=settings,
        seed=context.seed,
    )
    write_config(job / CONFIG, parts)
    return filtered


def _goes_on(context: WorkerContext, options: TomoDrgnOptions) -> bool:
    return context.task.name in ("resume", "more") or options.load == "latest"


def _start(context: WorkerContext, options: TomoDrgnOptions, training: Training) -> Path | None:
    """Checkpoint to go on from; or begin with the weights of another training, if that is asked for."""
    job = context.folder.path
    done = epochs_of(job)
    if _goes_on(context, options):
        if done:
            context.say(f"Going on after epoch {done[-1] + 1} of {options.n_epochs}")
            return weights_path(job, done[-1])
        if context.task.name == "more":
            raise UserError("there is no checkpoint to go on from", path=job)
        context.say("Warning: there is no checkpoint in this folder yet: the training begins anew.")
        return None
    if options.load:
        path = context.project_dir / options.load
        state = load_checkpoint(path, device=torch.device(context.device))
        try:
            values = state["model_state_dict"]
            if ("consensus" in values) != options.do_consensus:
                raise KeyError("consensus")
            training.model.take_state(values)  # type: ignore[operator]
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(
                "the weights do not fit the networks of this job",
                path=path,
                hint="Give the same box and the same options on the Model tab as the training had",
            ) from error
        context.say(f"Beginning with the weights of {options.load}")
    return None


def _finish(context: WorkerContext, training: Training, filtered: Path) -> None:
    """Write the final files; the weights last, because they say that the training is complete."""
    job = context.folder.path
    last = weights_path(job, training.epoch - 1)
    latent = training.encode_all() if training.zdim else None
    save_results(context, training, latent, None)
    copy_file(last, weights_path(job))
    if latent is None:
        context.add_output(volume_path(job).name, MAP_LABEL)
    context.add_output(filtered.name, PARTICLE_LABEL)
    context.say(f"Trained for {training.epoch} epochs; results are in {context.folder.name}")
