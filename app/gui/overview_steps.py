"""What can be done next with a job, as buttons."""

from __future__ import annotations

from dataclasses import dataclass

from app.gui.class_jobs import has_classes
from app.gui.news import JobDetails
from jobs import registry


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
    further = [
        Step(task.label, f"task:{task.name}", "Opens the form with this task chosen")
        for task in declared.tasks
        if task.switch and not task.viewer and task.name not in done
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
    return Advice(details.next_step, (*first, *further[:1]), (*further[1:], *again))


def _of_others(details: JobDetails, writable: bool) -> Advice:
    """Return what can be done with a job of another program: while it runs, it can be asked to stop."""
    classes = (_CLASSES,) if has_classes(details) else ()
    if details.entry.status != "Running":
        return Advice("", classes)
    log = Step("Show log", "log", "Everything the job has said")
    if details.stop_asked:
        return Advice(
            "The job was asked to stop. It ends when its program looks for the request.", (log, *classes)
        )
    stop = (Step("Abort…", "abort", "Ask its program to stop, as RELION does"),) if writable else ()
    return Advice("Another program runs this job; it can be asked to stop.", (log, *classes, *stop))
