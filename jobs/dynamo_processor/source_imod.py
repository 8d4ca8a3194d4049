"""Particles of IMOD projects: one folder per tomogram with reconstruction, model and tilt angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from jobs.dynamo_processor.contract import (
    FloatArray,
    IntArray,
    ParticleTable,
    SourceSettings,
    TomogramEntry,
    table_of,
)
from jobs.dynamo_processor.finding import Findings, listed, usable_volume
from jobs.dynamo_processor.imod_folders import look_into, needed_facts, note_outside, tomogram_folders
from jobs.dynamo_processor.model_frame import model_frame
from jobs.formats.imod_model import ImodModel, read_imod_model
from jobs.maths.conventions3d import slicer_to_matrix


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms: folders of ``imod_dir`` that ``dir_contains`` names.

    Raises
    ------
    UserError
        When ``imod_dir`` is not given, no folder, or none of its folders matches.
    """
    return [
        _entry(number, folder, settings) for number, folder in enumerate(tomogram_folders(settings), start=1)
    ]


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of a tomogram from its model.

    Raises
    ------
    UserError
        When the entry is not usable or the model cannot be read any more.
    """
    volume = usable_volume(entry)
    settings = entry.settings
    model = read_imod_model(entry.files["model"])
    facts = needed_facts(volume)
    points, angles, objects, contours = _oriented(model, settings)
    kind = "slicer" if _uses_slicer(model, settings) else "point"
    name = entry.files["model"].name
    if angles is None:
        rotation = np.tile(np.eye(3), (len(points), 1, 1))
    else:
        rotation = slicer_to_matrix(angles, settings.symmetry_axis)
    return table_of(
        entry,
        model_frame(model, facts, Findings()).voxels(points),
        rotation,
        [f"{entry.name}/{name}#{kind}{i + 1}" for i in range(len(points))],
        object_id=objects,
        extra={"imodObject": objects, "imodContour": contours},
    )


def _entry(number: int, folder: Path, settings: SourceSettings) -> TomogramEntry:
    found = look_into(folder, settings)
    count = 0
    if found.model is not None:
        count = _count(found.model, settings, found.findings)
        if found.facts is not None and count:
            frame = model_frame(found.model, found.facts, found.findings)
            note_outside(frame.voxels(_oriented(found.model, settings)[0]), found.facts, found.findings)
    return found.entry(number, settings, count)


def _uses_slicer(model: ImodModel, settings: SourceSettings) -> bool:
    return settings.point_source == "slicer" or (settings.point_source == "auto" and len(model.slicer) > 0)


def _count(model: ImodModel, settings: SourceSettings, findings: Findings) -> int:
    """Return the number of particles of a model; what is wrong with them is noted."""
    beyond = [n for n in settings.objects if not 1 <= n <= len(model.objects)]
    slicer, points = len(model.slicer), len(model.points(settings.objects)[0])
    if _uses_slicer(model, settings):
        if not slicer:
            there = f"only {points} points of contours" if points else "nothing else"
            findings.error(
                f"{model.path.name} holds no slicer angles, {there}",
                "point_source",
                "Save angles in the Slicer window, or take contour points.",
            )
        return slicer
    if beyond:
        findings.warning(
            f"{model.path.name} has {len(model.objects)} objects, "
            f"none with the number {listed(map(str, beyond))}",
            "objects",
        )
    if not points:
        findings.error(f"{model.path.name} is empty: it holds no points", "mod_contains")
    elif settings.point_source == "nearest" and not slicer:
        findings.error(f"{model.path.name} holds no slicer angles to take orientations from", "point_source")
    elif settings.point_source == "auto":
        findings.warning(
            f"{model.path.name} holds no slicer angles: its {points} points have no orientation",
            "point_source",
        )
    return points


def _oriented(
    model: ImodModel, settings: SourceSettings
) -> tuple[FloatArray, FloatArray | None, IntArray, IntArray]:
    """Points `(n, 3)`, their slicer angles or None where they have none, numbers of objects and contours."""
    if _uses_slicer(model, settings):
        none = np.zeros(len(model.slicer), np.int64)
        return model.slicer.center, model.slicer.angles_deg, none, none
    points, objects, contours = model.points(settings.objects)
    if settings.point_source != "nearest" or not len(model.slicer) or not len(points):
        return points, None, objects, contours
    closest = cKDTree(model.slicer.center).query(points)[1]
    return points, model.slicer.angles_deg[closest], objects, contours
