"""Particles of IMOD projects: one folder per tomogram with reconstruction, model and tilt angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import (
    FloatArray,
    IntArray,
    ParticleTable,
    SourceSettings,
    TomogramEntry,
    table_of,
)
from jobs.dynamo_processor.finding import (
    Findings,
    choose,
    folder_names,
    listed,
    matches,
    tilt_range,
    usable_volume,
    volume_facts,
)
from jobs.dynamo_processor.model_frame import model_frame
from jobs.formats.columns import nearest
from jobs.formats.imod_model import ImodModel, read_imod_model
from jobs.formats.tilt_angles import read_tilt_angles
from jobs.maths.conventions3d import slicer_to_matrix


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms: folders of ``imod_dir`` that ``dir_contains`` names.

    Raises
    ------
    UserError
        When ``imod_dir`` is not given, no folder, or none of its folders matches.
    """
    top = settings.resolved(settings.imod_dir)
    if top is None:
        raise UserError("the folder of the IMOD project is not given", column="imod_dir")
    folders = [p for p in folder_names(top, "imod_dir") if p.is_dir()]
    chosen = [p for p in folders if matches(p.name, settings.dir_contains)]
    if not chosen:
        names = [p.name for p in folders]
        close = nearest(settings.dir_contains, names)
        raise UserError(
            f"no folder matches {settings.dir_contains!r}; there is {listed(names) or 'no folder at all'}",
            path=top,
            column="dir_contains",
            hint=f"Is {close} meant?" if close else "",
        )
    return [_entry(number, folder, settings) for number, folder in enumerate(chosen, start=1)]


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
    ignored = Findings()
    facts = volume_facts(volume, ignored)
    if facts is None:
        raise UserError(ignored.problems[0].message, hint=ignored.problems[0].hint)
    points, angles, objects, contours = _oriented(model, settings)
    kind = "slicer" if _uses_slicer(model, settings) else "point"
    name = entry.files["model"].name
    if angles is None:
        rotation = np.tile(np.eye(3), (len(points), 1, 1))
    else:
        rotation = slicer_to_matrix(angles, settings.symmetry_axis)
    return table_of(
        entry,
        model_frame(model, facts, ignored).voxels(points),
        rotation,
        [f"{entry.name}/{name}#{kind}{i + 1}" for i in range(len(points))],
        object_id=objects,
        extra={"imodObject": objects, "imodContour": contours},
    )


def _entry(number: int, folder: Path, settings: SourceSettings) -> TomogramEntry:
    findings = Findings()
    try:
        inside = [p for p in folder_names(folder, "imod_dir") if p.is_file()]
    except UserError as error:
        findings.from_error(error, "imod_dir")
        inside = []
    model_file = choose(inside, (".mod",), settings.mod_contains, "mod_contains", "the model", findings)
    tilts = choose(
        inside, (".tlt",), settings.tlt_contains, "tlt_contains", "the file of tilt angles", findings
    )
    volume = choose(
        inside, (".rec", ".mrc"), settings.rec_contains, "rec_contains", "the reconstruction", findings
    )
    facts = volume_facts(volume, findings, "rec_contains") if volume is not None else None
    low = high = float("nan")
    if tilts is not None:
        try:
            low, high = tilt_range(read_tilt_angles(tilts), findings, tilts.name)
        except UserError as error:
            findings.from_error(error, "tlt_contains")
    count = 0
    if model_file is not None:
        try:
            model = read_imod_model(model_file)
        except UserError as error:
            findings.from_error(error, "mod_contains")
        else:
            count = _count(model, settings, findings)
            if facts is not None and count:
                frame = model_frame(model, facts, findings)
                at = frame.voxels(_oriented(model, settings)[0])
                out = int(((at < -0.5) | (at > np.array(facts.size) - 0.5)).any(axis=1).sum())
                if out:
                    findings.warning(
                        f"{out} of {count} particles lie outside the reconstruction",
                        "mod_contains",
                        "Is it the model of this reconstruction, at the same binning?",
                    )
    files = {"model": model_file, "tilts": tilts}
    return TomogramEntry(
        number,
        folder.name,
        settings,
        volume,
        facts.size if facts else (0, 0, 0),
        facts.voxel_size_a if facts else 0.0,
        low,
        high,
        count,
        {role: path for role, path in files.items() if path is not None},
        problems=tuple(findings.problems),
    )


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
