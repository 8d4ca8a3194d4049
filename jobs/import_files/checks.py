"""Cheap checks of an import job: the files exist and can be what they are said to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import Problem
from jobs.core.options import split_paths
from jobs.import_files import words

if TYPE_CHECKING:
    from jobs.import_files.params import ImportOptions

_SUFFIXES = {
    words.PARTICLES: words.TABLE_SUFFIXES,
    words.MAP: words.MAP_SUFFIXES,
    words.MASK: words.MAP_SUFFIXES,
    words.HALF_MAP: words.MAP_SUFFIXES,
    words.MODEL: words.MODEL_SUFFIXES,
    words.OPTIMISATION_SET: (".star",),
    words.AUTOMATIC: (*words.TABLE_SUFFIXES, *words.MAP_SUFFIXES, *words.MODEL_SUFFIXES),
}


def wanted_files(text: str, project_dir: Path) -> list[Path]:
    """Return the files that an option names, patterns resolved, each once and as absolute paths."""
    found: dict[Path, None] = {}
    for part in split_paths(text):
        path = project_dir / Path(part).expanduser()
        if any(sign in part for sign in "*?[") and not path.exists():
            found.update(dict.fromkeys(sorted(path.parent.glob(path.name))))
        else:
            found[path] = None
    return list(found)


def files_suit(options: ImportOptions, context: CheckContext) -> list[Problem]:
    """Every file has an ending that the chosen node type can have."""
    found = []
    for path in wanted_files(options.fn_in_other, context.project_dir):
        suffix = path.suffix.lower()
        if suffix in words.STACK_SUFFIXES:
            found.append(
                Problem(
                    f"{path.name} is a stack of images, which says nothing of its particles",
                    field="fn_in_other",
                    hint="Import the STAR or .cs file that names its images; the stack comes with it.",
                )
            )
        elif suffix not in _SUFFIXES[options.node_type]:
            endings = ", ".join(_SUFFIXES[options.node_type])
            found.append(
                Problem(
                    f"{path.name} cannot be imported as '{options.node_type}', which ends in {endings}",
                    field="fn_in_other",
                    hint="Choose another file or node type.",
                )
            )
    return found


def runs_here(options: ImportOptions, _context: CheckContext) -> list[Problem]:
    """Imports are not submitted to a queue."""
    if not options.do_queue:
        return []
    hint = "Leave 'Submit to queue?' at No"
    return [Problem("Import jobs run on this computer, without a queue", field="do_queue", hint=hint)]


CHECKS: tuple[Check, ...] = (files_suit, runs_here)
