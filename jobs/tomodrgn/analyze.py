"""``analyze``: the latent space of a training as plots, groups of particles and volumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import UserError
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.analysis_figures import show_analysis
from jobs.tomodrgn.analysis_staging import Reporter, staged
from jobs.tomodrgn.analysis_steps import Analysis, AnalyzeSettings, Work
from jobs.tomodrgn.eval_vol import VolumeOrder
from jobs.tomodrgn.old_folders import TrainedFolder, open_folder

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions


def resolve_epoch(folder: TrainedFolder, wanted: int | None) -> tuple[int, int | None]:
    """Return the number of an epoch, and how the folder knows it (None: its final files).

    Parameters
    ----------
    folder
        The training.
    wanted
        Counted from 0; None = the newest with latent places, -1 = the final files.

    Raises
    ------
    UserError
        When there is none.
    """
    known = [e for e in folder.epochs if not folder.config.zdim or folder.latent_file(e) is not None]
    if wanted is not None and wanted >= 0:
        if wanted not in known:
            listed = ", ".join(map(str, known)) or "none"
            raise UserError(
                f"epoch {wanted} has no weights with latent places",
                path=folder.path,
                hint=f"Epochs that have: {listed}",
            )
        return wanted, wanted
    if wanted is None and known:
        return known[-1], known[-1]
    if not folder.has_final:
        raise UserError("the training has no final weights yet", path=folder.path, hint="Give an epoch")
    state = load_checkpoint(folder.weights())
    return int(state.get("epoch", known[-1] if known else 0)), None


def analyze(
    folder: TrainedFolder, settings: AnalyzeSettings, reporter: Reporter, project_dir: Path | None = None
) -> Analysis:
    """Analyse an epoch of a training; results take the place of earlier ones when all are there.

    Raises
    ------
    UserError
        When files are missing or the settings make no sense.
    """
    if not folder.config.zdim:
        raise UserError(
            "a train_nn model has no latent space to analyse",
            path=folder.path,
            hint="Use convergence_nn, or train with train_vae",
        )
    if settings.n_pc < 0 or settings.ksample < 1:
        raise UserError("the number of components is at least 0 and that of groups at least 1")
    number, key = resolve_epoch(folder, settings.epoch)
    z = folder.latent(key)[0]
    out = settings.out or folder.path / f"analyze.{number}"
    particles = _particles(folder, len(z), project_dir, reporter)
    reporter.say(f"{len(z):,} particles in {z.shape[1]} latent dimensions after epoch {number}")
    with staged(out) as place:
        found = Work(folder, settings, reporter, place, z, particles).all(out, number, key)
    reporter.say(f"The analysis is in {out}")
    return found


def _particles(
    folder: TrainedFolder, count: int, project_dir: Path | None, reporter: Reporter
) -> TiltParticles | None:
    try:
        particles = folder.particles(project_dir, images=True)
    except UserError as error:
        try:
            particles = folder.particles(project_dir)
        except UserError:
            reporter.say(f"Without columns and images of the particles: {error}")
            return None
    if particles.n != count:
        reporter.say(
            f"Without columns and images of the particles: {particles.n} are in the file, but there are "
            f"latent places of {count}"
        )
        return None
    return particles


class JobReporter:
    """Tells a job's log and monitor, and stops when the user asks for it."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context

    def say(self, text: str) -> None:
        """Write a line to the log."""
        self._context.say(text)

    def progress(self, what: str, done: int, of: int) -> None:
        """Tell the monitor.

        Raises
        ------
        AbortRequested
            When the user asked to stop.
        """
        self._context.check_abort()
        self._context.progress(what, done, of)


def run(context: WorkerContext) -> None:
    """Analyse what the Tasks tab says, and show it in the window."""
    options = cast("TomoDrgnOptions", context.options)
    settings = AnalyzeSettings(
        epoch=None if options.epoch < 0 else options.epoch,
        n_pc=options.analyze_pcs,
        pc_ondata=options.analyze_ondata,
        pc_percentiles=options.analyze_percentiles,
        ksample=options.analyze_groups,
        skip_umap=not options.analyze_umap,
        skip_vol=not options.analyze_vol,
        volumes=VolumeOrder(
            box=options.analyze_downsample,
            lowpass_a=options.analyze_lowpass,
            flip=options.analyze_flip,
            invert=options.analyze_invert,
        ),
        device=context.device,
    )
    found = analyze(
        open_folder(context.folder.path), settings, JobReporter(context), project_dir=context.project_dir
    )
    show_analysis(context, found)
