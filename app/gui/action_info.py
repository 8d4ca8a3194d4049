"""What decides whether an action may be used, and how one is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """What decides which actions may be used.

    Attributes
    ----------
    project
        A project is open.
    writable
        It is not read-only.
    job
        A job of the lists is shown, not a new one.
    ours
        Its type is one of this program's.
    status
        Its status in RELION's words, empty without a job.
    waits
        It is in the queue for a device, or in that of a cluster, and has not begun.
    can_run
        The form is complete and something has changed since the last start.
    explorable
        Its results have a latent space.
    in_tomograms
        Its particles lie in tomograms.
    has_classes
        It makes 2D classes.
    undoable
        Jobs were deleted in this window and nothing else happened to them.
    """

    project: bool = False
    writable: bool = False
    job: bool = False
    ours: bool = False
    status: str = ""
    waits: bool = False
    can_run: bool = False
    why_not_run: str = ""
    explorable: bool = False
    in_tomograms: bool = False
    has_classes: bool = False
    undoable: bool = False


@dataclass(frozen=True)
class Need:
    """A condition of an action, with the sentence that explains why it cannot be used now."""

    met: Callable[[Situation], bool]
    otherwise: str


PROJECT = Need(lambda s: s.project, "Open a project first.")
WRITABLE = Need(lambda s: s.project and s.writable, "The project is open for reading only.")
JOB = Need(lambda s: s.job, "Choose a job in the lists first.")
OURS = Need(lambda s: s.ours, "This job belongs to another program, which has to do that.")
RUNNING = Need(lambda s: s.status == "Running" or s.waits, "The job is not running.")
IDLE = Need(lambda s: s.status != "Running" or s.waits, "The job is running: abort it first.")
UNFINISHED = Need(lambda s: s.status not in ("", "Succeeded"), "The job is finished already.")
SUCCEEDED = Need(
    lambda s: s.status == "Succeeded",
    "Only jobs that have succeeded can be cleaned: an unfinished one may need its files.",
)
NOT_FAILED = Need(lambda s: s.status not in ("", "Failed"), "The job is marked as failed already.")
EXPLORABLE = Need(lambda s: s.explorable, "This job has no latent space to explore.")
IN_TOMOGRAMS = Need(lambda s: s.in_tomograms, "The particles of this job do not lie in tomograms.")
HAS_CLASSES = Need(lambda s: s.has_classes, "This job has no 2D classes.")
UNDOABLE = Need(lambda s: s.undoable, "Nothing was deleted in this window.")
READY = Need(lambda s: s.can_run, "")


@dataclass(frozen=True)
class ActionInfo:
    """One action: what is shown, and the name of the method of `Commands` that does it."""

    key: str
    text: str
    tip: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    needs: tuple[Need, ...] = ()
    checkable: bool = False

    def hindrance(self, situation: Situation) -> str:
        """Return why the action cannot be used now, or an empty text when it can."""
        for need in self.needs:
            if not need.met(situation):
                return need.otherwise or situation.why_not_run or "Not now."
        return ""
