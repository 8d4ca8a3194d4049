"""The main task of a tomoDRGN job: train the networks, from the beginning or from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import torch

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import UserError
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.image_input import open_bank, read_input, sign_of
from jobs.tomodrgn.job_config import CONFIG, write_config
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.observing import JobObserver, save_results
from jobs.tomodrgn.outputs import RunLog, copy_file, epochs_of, preprocessed_path, volume_path, weights_path
from jobs.tomodrgn.rounds import train
from jobs.tomodrgn.run_settings import config_parts, model_settings, training_settings
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
    log = RunLog(job)
    particles = read_input(options, context.project_dir, context.seed)
    _tell(context, particles, options)
    sign, sentence = sign_of(options, particles)
    context.say(sentence)
    log.say(sentence)
    bank = open_bank(context, options, particles, sign, context.device)
    settings = model_settings(options, particles, context.seed)
    training = Training(
        TomoModel(settings).to(context.device),
        settings.zdim,
        bank,
        training_settings(options, context.seed),
    )
    filtered = _write_input(context, options, particles, bank, sign, settings)
    resume = _start(context, options, training)
    train(
        training,
        lambda epoch: weights_path(job, epoch),
        JobObserver(context, log, options.log_interval),
        extra={MODEL_SETTINGS: settings.to_dict(), "star": options.fn_star},
        resume=resume,
    )
    _finish(context, training, filtered)


def _tell(context: WorkerContext, particles: TiltParticles, options: TomoDrgnOptions) -> None:
    counts = particles.counts
    context.say(
        f"{particles.n} particles in {particles.n_images} images ({counts.min()} to {counts.max()} each), "
        f"box {particles.box} pixels of {particles.pixel_size_a:.4g} Å"
    )
    for warning in particles.warnings:
        context.say(f"Warning: {warning}")
    if options.source_software == "cistem":
        raise UserError("files of cisTEM are not supported", hint="Convert them to STAR")


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
    write_selection(particles, filtered, keep_original=particles.one_row_per_image)
    parts = config_parts(
        options,
        particles,
        star=options.fn_star,
        filtered=filtered.relative_to(context.project_dir),
        norm=bank.norm,
        sign=sign,
        model=settings,
        seed=context.seed,
    )
    write_config(job / CONFIG, parts)
    return filtered


def _start(context: WorkerContext, options: TomoDrgnOptions, training: Training) -> Path | None:
    """Checkpoint to go on from; or begin with the weights of another training, if that is asked for."""
    job = context.folder.path
    done = epochs_of(job)
    if context.task.name in ("resume", "more") or options.load == "latest":
        if done:
            context.say(f"Going on after epoch {done[-1] + 1} of {options.n_epochs}")
            return weights_path(job, done[-1])
        if context.task.name == "more":
            raise UserError("there is no checkpoint to go on from", path=job)
        return None
    if options.load:
        path = context.project_dir / options.load
        state = load_checkpoint(path, device=torch.device(context.device))
        try:
            training.model.take_state(state["model_state_dict"])  # type: ignore[operator]
        except (KeyError, RuntimeError) as error:
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
