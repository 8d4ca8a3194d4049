"""Particles of PEET: in every folder a model, its motive list, the reconstruction and tilt angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import ParticleTable, SourceSettings, TomogramEntry, table_of
from jobs.dynamo_processor.finding import Findings, choose, usable_volume
from jobs.dynamo_processor.imod_folders import look_into, needed_facts, note_outside, tomogram_folders
from jobs.dynamo_processor.model_frame import model_frame
from jobs.formats.imod_model import ImodModel, read_imod_model
from jobs.formats.peet import MotiveList, read_motive_list
from jobs.maths.conventions3d import peet_to_matrix

_USUAL_NAME = "MOTL"


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms: folders of ``imod_dir`` that ``dir_contains`` names.

    The motive list is the ``.csv`` file whose name ``volume_contains`` names, ``MOTL`` when that is empty.

    Raises
    ------
    UserError
        When ``imod_dir`` is not given, no folder, or none of its folders matches.
    """
    return [
        _entry(number, folder, settings) for number, folder in enumerate(tomogram_folders(settings), start=1)
    ]


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of a tomogram from its model and motive list.

    Raises
    ------
    UserError
        When the entry is not usable or a file of it cannot be read any more.
    """
    volume = usable_volume(entry)
    model = read_imod_model(entry.files["model"])
    motives = read_motive_list(entry.files["motives"])
    _require(model, motives, entry.files["motives"])
    frame = model_frame(model, needed_facts(volume), Findings())
    points, objects, contours = model.points()
    rows = motives.point - 1
    name = entry.files["motives"].name
    return table_of(
        entry,
        frame.voxels(points[rows]),
        peet_to_matrix(motives.angles_deg),
        [f"{entry.name}/{name}#{i + 1}" for i in range(len(motives))],
        shift=motives.offset * frame.ratio,
        object_id=objects[rows],
        class_id=motives.class_id,
        score=motives.correlation,
        extra={"peetPoint": motives.point, "imodContour": contours[rows]},
    )


def _entry(number: int, folder: Path, settings: SourceSettings) -> TomogramEntry:
    found = look_into(folder, settings)
    wanted = settings.volume_contains or _USUAL_NAME
    path = choose(found.inside, (".csv",), wanted, "volume_contains", "the motive list", found.findings)
    count = 0
    if path is not None:
        found.files["motives"] = path
        try:
            motives = read_motive_list(path)
            count = len(motives)
            if found.model is not None:
                _require(found.model, motives, path)
                if found.facts is not None:
                    frame = model_frame(found.model, found.facts, found.findings)
                    points = frame.voxels(found.model.points()[0][motives.point - 1])
                    note_outside(points + motives.offset * frame.ratio, found.facts, found.findings)
        except UserError as error:
            found.findings.from_error(error, "volume_contains")
    return found.entry(number, settings, count)


def _require(model: ImodModel, motives: MotiveList, path: Path) -> None:
    """Refuse motives of points that the model does not have."""
    points, highest = len(model.points()[0]), int(np.max(motives.point))
    if highest > points:
        raise UserError(
            f"the motive list is of {highest} points, but {model.path.name} has {points}",
            path=path,
            hint="Choose the model of this motive list.",
        )
