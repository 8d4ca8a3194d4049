"""Projects of RELION 3.0, 3.1 and 4: recognised, shown, and brought to RELION 5's form only on request."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

from app.project.graph import SUCCEEDED
from app.project.pipeline_star import (
    COLUMNS,
    COUNTER,
    GENERAL,
    INPUT_EDGES,
    NODES,
    OUTPUT_EDGES,
    PROCESSES,
)
from jobs.core.errors import FormatError, UserError
from jobs.core.job_star import TYPE_LABELS
from jobs.core.relion_star import VERSION, Table, format_star, parse_star, write_error

#: Status numbers of RELION 3.
_STATUS_WORDS = {"0": "Running", "1": "Scheduled", "2": "Succeeded", "3": "Failed", "4": "Aborted"}

#: Node type numbers of RELION 3, and labels by which RELION 5 offers such files as inputs.
_NODE_LABELS = {
    "0": "MicrographMovieGroupMetadata.star.relion",
    "1": "MicrographGroupMetadata.star.relion",
    "2": "MicrographCoordsGroup.star.relion",
    "3": "ParticleGroupMetadata.star.relion",
    "5": "Image2DGroupMetadata.star.relion",
    "6": "DensityMap.mrc.relion",
    "7": "Mask3D.mrc.relion",
    "8": "ModelData.star.relion",
    "9": "OptimiserData.star.relion",
    "10": "DensityMap.mrc.relion.halfmap",
    "11": "DensityMap.mrc.relion",
    "12": "Image3D.mrc.localresmap",
    "13": "LogFile.pdf.relion",
    "14": "ProcessData.star.relion.postprocess",
    "15": "ParamsData.txt.relion.polish",
}

#: Words of RELION 4's node labels and what RELION 5 calls them. A word that the new one contains is only
#: replaced where the new one does not stand already.
_LABEL_WORDS = (
    ("ParticlesData", "ParticleGroupMetadata"),
    ("MicrographMoviesData", "MicrographMovieGroupMetadata"),
    ("MicrographsData", "MicrographGroupMetadata"),
    ("MicrographsCoords", "MicrographCoordsGroup"),
    ("Images2DData", "Image2DGroupMetadata"),
    ("ImagesData", "Image2DGroupMetadata"),
    ("(?<!Tomo)OptimisationSet", "TomoOptimisationSet"),
    ("TomogramData", "TomogramGroupMetadata"),
    ("(?<!Tomo)TrajectoryData", "TomoTrajectoryData"),
    ("(?<!Tomo)ManifoldData", "TomoManifoldData"),
)

_FIRST_VERSION = re.compile(r"^[ \t]*#\s*version\s+(\d+)", re.IGNORECASE | re.MULTILINE)


def old_version(text: str) -> str:
    """Return the RELION version a pipeline file belongs to: "3.0", "3.1", "4", or empty for RELION 5."""
    match = _FIRST_VERSION.search(text[:4000])
    version = int(match[1]) if match else 30000
    if _has_label(text, "_rlnPipeLineProcessType") or _has_label(text, "_rlnPipeLineNodeType"):
        return "3.1" if version > 30000 else "3.0"
    return "4" if version < VERSION else ""


def _has_label(text: str, label: str) -> bool:
    """Tell whether a file has this very label, and not the longer one of RELION 4 and 5."""
    at = text.find(label)
    return at >= 0 and text[at + len(label) : at + len(label) + 1].isspace()


def convert(text: str, path: str | Path | None = None) -> str:
    """Return the content of an old pipeline file in RELION 5's form.

    Raises
    ------
    FormatError
        When it cannot be read.
    """
    tables = {table.name: table for table in parse_star(text, path)}
    general = tables.get(GENERAL)
    counter = (general.column(COUNTER) or [""])[0] if general is not None else ""
    if not counter.isdecimal():
        raise FormatError("there is no job counter, so this is no project file", path=path, column=COUNTER)
    processes = [_process(row) for row in _records(tables.get(PROCESSES))]
    nodes = [_node(row) for row in _records(tables.get(NODES))]
    result = [
        Table(GENERAL, [COUNTER], [[counter]], False, VERSION),
        Table(PROCESSES, list(COLUMNS[PROCESSES]), processes, True, VERSION),
        Table(NODES, list(COLUMNS[NODES]), nodes, True, VERSION),
    ]
    for name in (INPUT_EDGES, OUTPUT_EDGES):
        columns = COLUMNS[name]
        rows = [[row.get(label, "") for label in columns] for row in _records(tables.get(name))]
        result.append(Table(name, list(columns), rows, True, VERSION))
    return format_star(result)


def _records(table: Table | None) -> list[dict[str, str]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows] if table is not None else []


def _process(row: dict[str, str]) -> list[str]:
    name = row.get("rlnPipeLineProcessName", "")
    label = row.get("rlnPipeLineProcessTypeLabel")
    if label is None:
        number = row.get("rlnPipeLineProcessType", "")
        # RELION accepts the name of the type's directory for a type it no longer has
        label = TYPE_LABELS.get(int(number)) if number.isdecimal() else None
        label = label or name.partition("/")[0]
    status = row.get("rlnPipeLineProcessStatusLabel")
    if status is None:
        status = _STATUS_WORDS.get(row.get("rlnPipeLineProcessStatus", ""), SUCCEEDED)
    return [name, row.get("rlnPipeLineProcessAlias", "None") or "None", label, status]


def _node(row: dict[str, str]) -> list[str]:
    name = row.get("rlnPipeLineNodeName", "")
    label = row.get("rlnPipeLineNodeTypeLabel")
    if label is None:
        suffix = PurePosixPath(name).suffix.lstrip(".") or "unknown"
        number = row.get("rlnPipeLineNodeType", "")
        label = _NODE_LABELS.get(number, f"ProcessData.{suffix}.relion")
    return [name, new_label(label), row.get("rlnPipeLineNodeTypeLabelDepth", "1")]


def new_label(label: str) -> str:
    """Return a node label of RELION 4 in RELION 5's words; new ones stay as they are."""
    for old, new in _LABEL_WORDS:
        label = re.sub(old, new, label)
    if label.startswith(("TomogramsData", "TiltSeriesData", "TomogramSet")):
        return "TomogramGroupMetadata.star.relion.tomo"
    return label


def keep_copy(path: Path, suffix: str) -> Path:
    """Copy a file beside itself under a name that is not taken, and return the copy.

    Raises
    ------
    UserError
        When no copy can be made.
    """
    target = path.with_name(f"{path.name}.{suffix}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.{suffix}_{number}")
    try:
        shutil.copy2(path, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise write_error(error, target) from error
    return target


class OldProject(UserError):
    """The project was last written by an older RELION.

    Attributes
    ----------
    version
        "3.0", "3.1" or "4".
    """

    def __init__(self, version: str, path: Path) -> None:
        super().__init__(
            f"This project belongs to RELION {version}, which cannot open it any more once it is upgraded",
            path=path,
            hint="Upgrade it (a backup of the project file is kept), or open it read-only",
        )
        self.version = version
