"""The task of an import job: every file into the job's folder, what was found into log and key figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jobs.core.errors import UserError
from jobs.formats.files import replacing
from jobs.import_files import tilt_particles, words
from jobs.import_files.checks import wanted_files
from jobs.import_files.kinds import node_type_of
from jobs.import_files.maps import import_map
from jobs.import_files.others import import_model, import_optimisation_set
from jobs.import_files.particles import import_particles
from jobs.import_files.places import JobPlaces
from jobs.import_files.summary import Summary

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.import_files.params import ImportOptions


def run(context: WorkerContext) -> None:
    """Import the files that the job's options name.

    Raises
    ------
    UserError
        When there is none, or one of them cannot be imported.
    """
    options = cast("ImportOptions", context.options)
    files = wanted_files(options.fn_in_other, context.project_dir)
    if not files:
        raise UserError(f"no file matches {options.fn_in_other}", hint="Choose existing files.")
    places = JobPlaces(context.project_dir, context.folder.name, options.image_mode, context.check_abort)
    summary = Summary()
    for number, path in enumerate(files, 1):
        context.check_abort()
        node_type = node_type_of(path, options.node_type)
        context.say(f"{path}: {node_type}")
        _import_one(path, node_type, options, places, context, summary)
        context.progress("files", number, len(files))
    summary.show(context)
    with replacing(context.folder.path / "imported.json") as file:
        file.write((json.dumps(summary.entries, indent=1, ensure_ascii=False) + "\n").encode())


def _import_one(
    path: Path,
    node_type: str,
    options: ImportOptions,
    places: JobPlaces,
    context: WorkerContext,
    summary: Summary,
) -> None:
    entry: dict[str, Any]
    notes: tuple[str, ...] = ()
    label = words.LABELS.get(node_type, "")
    if node_type == words.PARTICLES and tilt_particles.holds_tilt_particles(path):
        tilts = tilt_particles.import_tilt_particles(path, options, places, context)
        name, label, notes = tilts.name, tilt_particles.LABEL, tilts.notes
        entry = summary.add_tilt_particles(tilts)
    elif node_type == words.PARTICLES:
        imported = import_particles(path, options, places, context)
        name, notes = imported.name, imported.notes
        entry = summary.add_particles(imported)
    elif node_type in (words.MAP, words.MASK, words.HALF_MAP):
        found = import_map(path, node_type, options.angpix_override, places)
        name, notes = found.name, found.notes
        entry = summary.add_map(found, node_type)
    elif node_type == words.MODEL:
        name, label, atoms, chains = import_model(path, places)
        entry = summary.add_model(name, atoms, chains)
    else:
        given = context.project_dir / options.fn_source_project if options.fn_source_project else None
        name, count, missing = import_optimisation_set(path, places, given)
        if missing:
            notes = (f"{len(missing)} of its {count} files were not found: {', '.join(missing)}.",)
        entry = summary.add_optimisation_set(name, count, len(missing))
    context.add_output(name, label)
    summary.entries.append({"file": str(path), "result": name, "label": label, **entry, "notes": list(notes)})
    context.say("  " + summary.sentence(entry))
    for note in notes:
        context.say("  " + note)
