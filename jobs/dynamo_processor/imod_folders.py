"""Folders of IMOD and PEET projects: which are meant, and which files in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import FloatArray, SourceSettings, TomogramEntry
from jobs.dynamo_processor.finding import (
    Findings,
    VolumeFacts,
    choose,
    folder_names,
    listed,
    matches,
    tilt_range,
    volume_facts,
)
from jobs.formats.columns import nearest
from jobs.formats.imod_model import ImodModel, read_imod_model
from jobs.formats.tilt_angles import read_tilt_angles


@dataclass
class FolderFiles:
    """What was found in the folder of a tomogram; None for what is missing or damaged.

    Attributes
    ----------
    folder
        The folder.
    inside
        Files in it, in natural order.
    findings
        What is wrong.
    volume, facts
        Reconstruction and its header.
    model
        Contours and slicer angles.
    files
        Files by role.
    tilts
        Smallest and largest tilt in degrees.
    """

    folder: Path
    inside: list[Path] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    volume: Path | None = None
    facts: VolumeFacts | None = None
    model: ImodModel | None = None
    files: dict[str, Path] = field(default_factory=dict)
    tilts: tuple[float, float] = (float("nan"), float("nan"))

    def entry(self, number: int, settings: SourceSettings, count: int) -> TomogramEntry:
        """Return the entry of ``count`` particles."""
        return TomogramEntry(
            number,
            self.folder.name,
            settings,
            self.volume,
            self.facts.size if self.facts else (0, 0, 0),
            self.facts.voxel_size_a if self.facts else 0.0,
            *self.tilts,
            count,
            self.files,
            problems=tuple(self.findings.problems),
        )


def tomogram_folders(settings: SourceSettings) -> list[Path]:
    """Return the folders of ``imod_dir`` that ``dir_contains`` names, in natural order.

    Raises
    ------
    UserError
        When ``imod_dir`` is not given, no folder, or none of its folders matches.
    """
    top = settings.resolved(settings.imod_dir)
    if top is None:
        raise UserError("the folder of the IMOD project is not given", column="imod_dir")
    folders = [p for p in folder_names(top, "imod_dir") if p.is_dir() and not p.name.startswith(".")]
    chosen = [p for p in folders if matches(p.name, settings.dir_contains)]
    if chosen:
        return chosen
    names = [p.name for p in folders]
    close = nearest(settings.dir_contains, names)
    raise UserError(
        f"no folder matches {settings.dir_contains!r}; there is {listed(names) or 'no folder at all'}",
        path=top,
        column="dir_contains",
        hint=f"Is {close} meant?" if close else "",
    )


def look_into(folder: Path, settings: SourceSettings) -> FolderFiles:
    """Find reconstruction, model and tilt angles in a folder; what is wrong with them is noted."""
    found = FolderFiles(folder)
    note = found.findings
    try:
        found.inside = [p for p in folder_names(folder, "imod_dir") if p.is_file()]
    except UserError as error:
        note.from_error(error, "imod_dir")
    inside = found.inside
    model = choose(inside, (".mod",), settings.mod_contains, "mod_contains", "the model", note)
    tilts = choose(inside, (".tlt",), settings.tlt_contains, "tlt_contains", "the file of tilt angles", note)
    what = "the reconstruction"
    found.volume = choose(inside, (".rec", ".mrc"), settings.rec_contains, "rec_contains", what, note)
    if found.volume is not None:
        found.facts = volume_facts(found.volume, note, "rec_contains")
    if tilts is not None:
        found.files["tilts"] = tilts
        try:
            found.tilts = tilt_range(read_tilt_angles(tilts), note, tilts.name)
        except UserError as error:
            note.from_error(error, "tlt_contains")
    if model is not None:
        found.files["model"] = model
        try:
            found.model = read_imod_model(model)
        except UserError as error:
            note.from_error(error, "mod_contains")
    return found


def needed_facts(volume: Path) -> VolumeFacts:
    """Return the header of a reconstruction that was found before.

    Raises
    ------
    UserError
        When it cannot be read any more.
    """
    findings = Findings()
    facts = volume_facts(volume, findings)
    if facts is None:
        raise UserError(findings.problems[0].message, hint=findings.problems[0].hint)
    return facts


def note_outside(position: FloatArray, facts: VolumeFacts, findings: Findings) -> None:
    """Note how many particles `(n, 3)`, voxel index from 0, lie outside the reconstruction."""
    out = int(((position < -0.5) | (position > np.array(facts.size) - 0.5)).any(axis=1).sum())
    if out:
        findings.warning(
            f"{out} of {len(position)} particles lie outside the reconstruction",
            "mod_contains",
            "Is it the model of this reconstruction, at the same binning?",
        )
