"""A whole classification: images prepared, classes found, results written, resumed where it was stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from jobs.core.errors import UserError
from jobs.isac2.accounting import IntArray, StableClass
from jobs.isac2.averages import ImageSource
from jobs.isac2.centred_input import centring_shifts
from jobs.isac2.ctf_weights import ctf_weights, weighted_stack
from jobs.isac2.engine import Engine
from jobs.isac2.generation import GenerationClassifier
from jobs.isac2.inspect_images import check_input
from jobs.isac2.mains import run_mains
from jobs.isac2.memory import limit_bytes
from jobs.isac2.native_tree import NativeTree
from jobs.isac2.ordering import order_averages
from jobs.isac2.outputs import GENERATIONS, RelionOutputs
from jobs.isac2.prepare import inspected, prepare, whitening
from jobs.isac2.run_state import CHECKPOINT, RunState, load_state, save_state
from jobs.isac2.workers import Workers, one_thread
from jobs.isac2.working_key import working_key

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.prepare import FloatImages
    from jobs.isac2.settings import IsacSettings

FINISHED: Final = "finished"
_MAIN_STATE: Final = "state.pth"
_PARTS: Final = 1000
#: Share of the memory that may be used in which all images, weighted or not, may stay on a card.
_RESIDENT: Final = 0.25


def run_isac(context: WorkerContext, settings: IsacSettings, source: ImageInput) -> RunState:
    """Classify, or go on with a classification that was stopped.

    Parameters
    ----------
    context
        Of the worker: folder, project, device, progress, and the wish to stop.
    settings
        The same for all starts of a run, but for its length, memory and ordering.
    source
        The images.

    Returns
    -------
    RunState
        At its end. Without any stable class that is a result, not an error.

    Raises
    ------
    UserError
        When images and settings do not fit each other or the run that was begun.
    """
    folder, device = Path(context.folder.path), torch.device(context.device)
    workers = Workers(context.devices or (context.device,))
    check_input(source, settings)
    for warning in source.warnings:
        context.say(warning)

    def report(phase: str, done: int, of: int) -> None:
        context.check_abort()
        context.progress(phase, done, of)

    shift = centring_shifts(source, settings, folder, device, report)
    working = prepare(source, shift, settings, folder, device, report)
    weights = ctf_weights(source, settings, folder, device, report)
    for warning in inspected(source, settings, folder).warnings(source):
        context.say(warning)
    checkpoint = folder / CHECKPOINT
    resumed = checkpoint.is_file()
    state = load_state(checkpoint, settings, device) if resumed else RunState.start(source.count)
    (folder / FINISHED).unlink(missing_ok=True)
    native = NativeTree(folder, settings, source.pixel_size_a)
    relion = RelionOutputs(folder, context.project_dir, settings, source, shift)
    native.begin(whitening(source, settings, folder))
    if resumed:
        context.say(f"Going on with main iteration {state.main}, generation {state.generation}.")
    else:
        group = settings.group_size(source.count)
        context.say(
            f"{source.count} images of {source.box} px become {settings.box} px; groups of {group}, classes "
            f"of more than {settings.minimum_size(source.count)}; seed {settings.rand_seed}."
        )

    def classified(main: int, generation: int, part: float) -> None:
        context.check_abort()
        context.progress(
            f"main {main} generation {generation}",
            round(_PARTS * part),
            _PARTS,
            classes_found=len(state.classes),
            particles_accounted=len(state.accounts.accepted),
        )

    weighted = None
    if weights is not None:
        key = working_key(source, settings, shift)
        weighted = _resident(weighted_stack(working, weights, key, folder, device, report), settings, device)
    images = _resident(working, settings, device)
    engine = Engine(images, settings, device, classified, workers, weights, weighted)
    with one_thread():
        run_mains(
            state,
            settings,
            GenerationClassifier(engine, settings.group_size(source.count)),
            _Observers(context, folder, settings, (native, relion)),
            lambda now: save_state(checkpoint, now, settings),
        )
    relion.final(state)
    if state.classes and not settings.skip_ordering:
        averages = torch.from_numpy(np.stack([found.average for found in state.classes]))
        ordering = order_averages(averages, settings, device)
        native.ordered(state.classes, ordering.averages, ordering.chain)
    native.ended(state)
    context.say(state.accounts.sentence() + ".")
    if state.classes:
        found = len(state.classes)
        context.say("One stable class was found." if found == 1 else f"{found} stable classes were found.")
    else:
        context.say(
            "No stable classes were found: no group of these images keeps together when it is aligned again, "
            "as with noise, images too few for their noise, or groups too small."
        )
    return state


def restart_run(folder: Path, main: int) -> int:
    """Take a run back to the end of a main iteration; what came later is removed.

    Parameters
    ----------
    folder
        Of the run.
    main
        Which; 0 for the last that is finished.

    Returns
    -------
    int
        The main iteration after which the run goes on.

    Raises
    ------
    UserError
        When it is not finished.
    """
    finished = sorted(
        int(path.parent.name[4:])
        for path in folder.glob("main*/finished")
        if path.parent.name[4:].isdecimal()
    )
    wanted = finished[-1] if main == 0 and finished else main
    state = folder / f"main{wanted:03d}" / _MAIN_STATE
    if wanted not in finished or not state.is_file():
        known = ", ".join(str(number) for number in finished) or "none"
        raise UserError(
            f"main iteration {main} is not finished" if main else "no main iteration is finished",
            path=folder,
            hint=f"Finished main iterations: {known}",
        )
    # First the state: who is killed after it finds later folders, which are then written again.
    temporary = folder / f".{CHECKPOINT}.tmp"
    shutil.copyfile(state, temporary)
    temporary.replace(folder / CHECKPOINT)
    (folder / FINISHED).unlink(missing_ok=True)
    for path in folder.glob("main*"):
        if path.is_dir() and path.name[4:].isdecimal() and int(path.name[4:]) > wanted:
            shutil.rmtree(path)
    for path in (folder / GENERATIONS).glob("main*_generation*"):
        if int(path.name[4:7]) > wanted:
            path.unlink()
    return wanted


class _Observers:
    """Tells both writers, keeps the state of every main iteration, and says what was found."""

    def __init__(
        self,
        context: WorkerContext,
        folder: Path,
        settings: IsacSettings,
        writers: tuple[NativeTree, RelionOutputs],
    ) -> None:
        self._context, self._folder, self._settings = context, folder, settings
        self._writers = writers

    def main_begins(self, state: RunState) -> None:
        self._context.say(f"Main iteration {state.main}: {len(state.pool)} images.")
        for writer in self._writers:
            writer.main_begins(state)

    def generation_ends(
        self, state: RunState, classes: list[StableClass], accepted: list[StableClass], bad: IntArray
    ) -> None:
        for writer in self._writers:
            writer.generation_ends(state, classes, accepted, bad)
        stable = sum(found.size for found in classes)
        self._context.progress(
            "generations",
            len(state.history),
            len(state.history) + 1,
            classes_found=len(state.classes),
            particles_accounted=len(state.accounts.accepted),
            new_classes=len(accepted),
            stable_fraction=stable / len(state.pool),
            agreement=0.0 if state.inner is None else state.inner.agreement,
        )
        self._context.say(
            f"Main {state.main}, generation {state.generation}: {len(accepted)} of {len(classes)} classes "
            f"accepted, with {sum(found.size for found in accepted)} of {len(state.pool)} images; {len(bad)} "
            "images in classes too small."
        )

    def main_ends(self, state: RunState) -> None:
        main = int(state.history[-1]["main"])
        save_state(self._folder / f"main{main:03d}" / _MAIN_STATE, state, self._settings)
        for writer in self._writers:
            writer.main_ends(state)


def _resident(
    working: FloatImages, settings: IsacSettings, device: torch.device
) -> ImageSource | torch.Tensor:
    """Return the images on the card where they fit, else the file they are read from."""
    if device.type == "cuda" and working.nbytes < _RESIDENT * limit_bytes(device, settings.gpu_memory_use):
        return torch.from_numpy(np.array(working)).to(device)
    return working
