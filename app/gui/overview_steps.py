"""What can be done next with a job, as buttons."""

from __future__ import annotations

from dataclasses import dataclass

from app.gui.class_jobs import has_classes
from app.gui.convert import queue_sentence
from app.gui.news import JobDetails
from jobs import registry
from jobs.core.declaration import JobType


@dataclass(frozen=True)
class Step:
    """A button: what it says and what it asks for (``explore``, ``task:inverse``, ``log`` …)."""

    text: str
    key: str
    tip: str = ""


@dataclass(frozen=True)
class Advice:
    """A sentence, the buttons that follow it, and further tasks that stand in a menu."""

    text: str = ""
    steps: tuple[Step, ...] = ()
    more: tuple[Step, ...] = ()


_CLASSES = Step("Classes…", "classes", "Look at the 2D classes, choose some and write their particles")

_TOMOGRAMS = Step("Tomograms…", "tomograms", "See the particles and their axes where they are (Ctrl+Shift+T)")


def advice_for(details: JobDetails, *, explorable: bool, writable: bool) -> Advice:
    """Return what a person would do next with this job."""
    status = details.entry.status
    declared = registry.JOB_TYPES.get(details.type_key or "")
    if declared is None:
        return _of_others(details, writable)
    watch = Step("Watch it", "monitor", "Curves, latent space and maps while the job runs")
    if status == "Running":
        stop = (Step("Abort…", "abort", "Ask the job to stop"),) if writable else ()
        if details.stop_asked:
            return Advice("The job was asked to stop, and ends in a moment.", (watch, *stop))
        classes = (_CLASSES,) if has_classes(details) else ()
        return Advice("The job is running.", (watch, *classes, *stop))
    if status == "Scheduled" and details.entry.place:
        form = (Step("Open the form", "form"),) if writable else ()
        queue = Step(
            "Show the queue", "queue", "What computes and what waits; start it anyway, or take it out"
        )
        return Advice(f"The job {queue_sentence(details.entry)}. It starts by itself.", (queue, *form))
    if status == "Scheduled":
        return Advice("The job waits to be started.", (Step("Open the form", "form"),) if writable else ())
    if status in ("Failed", "Aborted"):
        steps = [Step("Show log", "log", "Everything the job has said")]
        if writable:
            steps.append(
                Step("Open the form", "form", "Change settings and continue, or resume as it stands")
            )
        kept = "What it has saved is kept, and the job can be continued from there."
        return Advice(kept, tuple(steps))
    done = {run.task for run in details.runs}
    resumed = {task.name for task in declared.tasks if task.resumes}
    rehearsed = bool(declared.rehearsals) and not done & {declared.main_task.name, *resumed}
    if rehearsed and details.runs:
        return _after_rehearsal(details, declared, writable)
    further = [
        Step(task.label, f"task:{task.name}", "Opens the form with this task chosen")
        for task in declared.tasks
        if task.switch and not task.viewer and task.name not in done and not task.at_start
    ]
    again = [
        Step(f"{task.label} (again)", f"task:{task.name}", "Opens the form with this task chosen")
        for task in declared.tasks
        if task.switch and not task.viewer and task.name in done
    ]
    if not writable:
        further, again = [], []
    explore = (Step("Explore", "explore", "Walk through the latent space beside the moving map"),)
    first = explore if explorable else ((_CLASSES,) if has_classes(details) else ())
    if declared.tomograms and not explorable:
        first = (_TOMOGRAMS,)
    return Advice(details.next_step, (*first, *further[:1]), (*further[1:], *again))


def _after_rehearsal(details: JobDetails, declared: JobType, writable: bool) -> Advice:
    """Return what follows a dry run: looking at what it found, and the task itself."""
    steps = [Step("Table", "monitor", "What the dry run found")]
    if declared.tomograms:
        steps.append(_TOMOGRAMS)
    real = next((task for task in declared.tasks if task.resumes), None)
    more = []
    if writable:
        if real is not None:
            steps.append(Step(real.label, f"task:{real.name}", "Opens the form, ready to do it in earnest"))
        steps.append(Step("Clone job", "clone", "A new job with these settings, to change any of them"))
        more = [Step(f"{t.label} (again)", f"task:{t.name}", "Opens the form with this task chosen")
                for t in declared.rehearsals]  # fmt: skip
    return Advice(details.next_step, tuple(steps), tuple(more))


def _of_others(details: JobDetails, writable: bool) -> Advice:
    """Return what can be done with a job of another program: while it runs, it can be asked to stop."""
    classes = (_CLASSES,) if has_classes(details) else ()
    if details.entry.status != "Running":
        text = "Its 2D classes can be looked at, and chosen for further jobs." if classes else ""
        return Advice(text, classes)
    log = Step("Show log", "log", "Everything the job has said")
    if details.stop_asked:
        return Advice(
            "The job was asked to stop. It ends when its program looks for the request.", (log, *classes)
        )
    stop = (Step("Abort…", "abort", "Ask its program to stop, as RELION does"),) if writable else ()
    return Advice("Another program runs this job; it can be asked to stop.", (log, *classes, *stop))
