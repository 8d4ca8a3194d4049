"""Tab Tasks of ISAC2: what is done with a classification."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

SHARPENING: Final = ("none", "b-factor")


def _task(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "continue")
    return option(default, label=label, help=help, tab="Tasks", kind=kind, **details)


class TaskOptions(JobOptions):
    """Tab Tasks."""

    do_restart: bool = _task(
        False,
        "Restart after a main iteration?",
        "Yes: takes the run up after a main iteration that was finished; later ones are removed. An "
        "interrupted run needs no restart: it goes on where it was when no task is chosen.",
        kind=Kind.YESNO,
    )
    restart: int = _task(
        0,
        "Main iteration (0: the last one finished):",
        "After which main iteration the run goes on.",
        kind=Kind.INTEGER,
        minimum=0,
        low=0,
        high=20,
        step=1,
        when="do_restart",
    )
    do_full_size: bool = _task(
        False,
        "Make full-size averages?",
        "Yes: averages from the images as they are, at their own size, corrected for the CTF.",
        kind=Kind.YESNO,
    )
    full_size_classes: str = _task(
        "",
        "Of which classes (empty: all):",
        "Numbers of classes from 1, and ranges: 1-10, 13.",
        kind=Kind.TEXT,
        when="do_full_size",
    )
    sharpening: str = _task(
        "none",
        "Sharpening:",
        "b-factor: the fall of amplitudes with frequency is undone by a factor that is fitted to the "
        "spectrum of each average; they are then filtered to the resolution of its halves.",
        kind=Kind.CHOICE,
        choices=SHARPENING,
        when="do_full_size",
    )
    local_alignment: bool = _task(
        False,
        "Refine the alignment of members?",
        "Yes: members are turned and moved a little more, about a pixel of the classification, as long as "
        "even and odd members agree better for it. For images that were shrunk a lot.",
        kind=Kind.YESNO,
        when="do_full_size",
    )
    do_substack: bool = _task(
        False,
        "Write particles of chosen classes?",
        "Yes: their particles as a STAR file with all columns of the input, one for each class if wanted, "
        "their averages, and the files of isac_substack.",
        kind=Kind.YESNO,
    )
    substack_classes: str = _task(
        "",
        "Which classes (empty: all):",
        "Numbers of classes from 1, and ranges: 1-10, 13. Or choose them in the gallery of classes.",
        kind=Kind.TEXT,
        when="do_substack",
    )
    substack_each: bool = _task(
        False,
        "A file for each class?",
        "Yes: besides the file of all chosen classes, one for each of them.",
        kind=Kind.YESNO,
        when="do_substack",
    )
    substack_basename: str = _task(
        "isac_substack",
        "Name of the substack:",
        "Beginning of the names of the files.",
        kind=Kind.TEXT,
        when="do_substack",
    )
    do_evaluate: bool = _task(
        False,
        "Write an evaluation report?",
        "Yes: resolution of the classes, their sizes and views; with another run of the same images also how "
        "far both agree.",
        kind=Kind.YESNO,
    )
    fn_other_run: str = _task(
        "",
        "Another run of the same images (optional):",
        "A class file (run_optimiser.star) of a run with another seed or of another program: tells how far "
        "classes are reproduced.",
        kind=Kind.FILE,
        pattern="*_optimiser.star *_model.star",
        when="do_evaluate",
    )
    fn_poses: str = _task(
        "",
        "Poses of the particles (optional):",
        "A STAR file of the same particles with poses of a refinement: tells which directions classes show, "
        "and how far those of their members spread.",
        kind=Kind.FILE,
        pattern="*.star *.cs",
        when="do_evaluate",
    )
