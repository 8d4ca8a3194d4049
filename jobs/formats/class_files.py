"""Read 2D classes from the files of a Class2D job (optimiser, model, data), or from class_averages.star."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.class_set import SIZE, ClassSet, Image
from jobs.core.errors import FormatError
from jobs.formats.files import unreadable
from jobs.formats.image_names import WHOLE_FILE, BadImageNameError, find_project_root, split_image_names
from jobs.formats.mrc_header import read_map_header
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable

REFERENCE: Final = "rlnReferenceImage"
CLASS_NUMBER: Final = "rlnClassNumber"
PIXEL_ERROR_LABEL: Final = "hsPixelErrorPx"
#: The number by which particles name a class whose average was put into another stack.
NUMBER_LABEL: Final = "hsClassNumber"
_ENDINGS: Final = ("_optimiser.star", "_model.star", "_data.star")
_NAMES: Final = {
    "rlnClassDistribution": "distribution",
    "rlnAccuracyRotations": "accuracy_rotations_deg",
    "rlnAccuracyTranslations": "accuracy_translations_px",
    "rlnAccuracyTranslationsAngst": "accuracy_translations_a",
    "rlnEstimatedResolution": "resolution_a",
    "rlnOverallFourierCompleteness": "completeness",
    "rlnClassScore": "score",
}
_LABELS: Final = {name: label for label, name in _NAMES.items()}


def column_name(label: str) -> str:
    """Return the name in a :class:`ClassSet` of a STAR column: ``hsPixelErrorPx`` is ``pixel_error_px``."""
    if label in _NAMES:
        return _NAMES[label]
    if label.startswith("hs") and label[2:3].isupper():
        return re.sub(r"(?<!^)(?=[A-Z])", "_", label[2:]).lower()
    return label


def column_label(name: str) -> str:
    """Return the STAR column for a name: RELION's own where it has one, else one that begins with ``hs``.

    Names that are no words of ours (labels that were kept as they stood) stay as they are.
    """
    if name in _LABELS:
        return _LABELS[name]
    return "hs" + name.title().replace("_", "") if name.islower() else name


def read_class_set(path: str | Path, project_dir: str | Path | None = None) -> ClassSet:
    """Read class averages, what is known of each, and which particles belong to it.

    Classes are numbered by the section that ``rlnReferenceImage`` names, as RELION's own programs do, unless
    ``hsClassNumber`` says otherwise; their order is that of the file. Every further column is kept under its
    own label.

    Parameters
    ----------
    path
        ``…_optimiser.star``, ``…_model.star`` or ``…_data.star`` of a Class2D job of any program, or a
        ``class_averages.star`` (particles are then taken from ``particles.star`` beside it, if there).
    project_dir
        Folder to which paths are relative; otherwise the folder of the file and those above it are tried.

    Raises
    ------
    FormatError
        When files are missing or damaged, or when these are not 2D classes.
    """
    path = Path(path)
    project = None if project_dir is None else Path(project_dir)
    model, data = _files(path, project)
    tables = read_star_tables(model)
    classes = _class_table(tables, model)
    averages = _averages(classes, model, project)
    columns = _columns(classes)
    class_of, errors = np.zeros(0, np.int64), None
    if data is not None:
        sections = np.array([section + 1 for _, section in averages])
        numbers = classes.ints(NUMBER_LABEL) if NUMBER_LABEL in classes else sections
        class_of, errors = _members(data, numbers)
        sizes = np.bincount(class_of[class_of >= 0], minlength=len(averages))
        columns[SIZE] = sizes.astype(np.int64)
    elif SIZE not in columns:
        columns[SIZE] = np.zeros(len(averages), np.int64)
    columns[SIZE] = columns[SIZE].astype(np.int64)
    return ClassSet(
        path=path,
        averages=averages,
        reader=read_section,
        pixel_size_a=_pixel_size(tables, averages[0][0]),
        columns=columns,
        particles=data,
        class_of=class_of,
        pixel_errors=errors,
    )


def read_section(path: Path, section: int) -> Image:
    """Read one section (from 0) of an image stack, `(y, x)` float32.

    Raises
    ------
    FormatError
        When the stack is missing, damaged, or has no such section.
    """
    header = read_map_header(path, permissive=True)
    nz, ny, nx = header.shape
    if not 0 <= section < min(nz, header.sections_present):
        raise FormatError(
            f"the stack has {header.sections_present} images, but no. {section + 1} is asked for", path=path
        )
    size = ny * nx
    try:
        offset = header.data_offset + section * size * header.dtype.itemsize
        raw = np.fromfile(path, header.dtype, size, offset=offset)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(raw) < size:
        raise FormatError(f"the file ends within image {section + 1}", path=path)
    return raw.reshape(ny, nx).astype(np.float32)


def _files(path: Path, project: Path | None) -> tuple[Path, Path | None]:
    """Return the file with the classes and the one with the particles, which are told by their endings."""
    ending = next((e for e in _ENDINGS if path.name.endswith(e)), None)
    if ending is None:
        beside = path.with_name("particles.star")
        return path, beside if beside.is_file() and beside != path else None
    stem = path.name.removesuffix(ending)
    model, data = path.with_name(f"{stem}_model.star"), path.with_name(f"{stem}_data.star")
    if ending == "_optimiser.star" and not (model.is_file() and data.is_file()):
        general = next(iter(read_star_tables(path).values()))
        model = _named(general, "rlnModelStarFile", path, project, model)
        data = _named(general, "rlnExperimentalDataStarFile", path, project, data)
    if not model.is_file():
        raise FormatError(f"the classes are not there: {model.name} is missing beside it", path=path)
    return model, data if data.is_file() else None


def _named(table: StarTable, label: str, path: Path, project: Path | None, other: Path) -> Path:
    """Return the file that a cell names, wherever it lies; ``other`` where there is none."""
    if other.is_file() or label not in table:
        return other
    name = str(table.text(label)[0])
    root = find_project_root(path, name, project)
    return other if root is None else root / name


def _class_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    found = tables.get("model_classes") or next((t for t in tables.values() if REFERENCE in t), None)
    general = tables.get("model_general")
    if found is None or REFERENCE not in found or not found.n_rows:
        raise FormatError(
            "the file holds no 2D classes",
            path=path,
            hint="Choose run_it025_optimiser.star (or _model.star) of a Class2D job, or class_averages.star.",
        )
    label = "rlnReferenceDimensionality"
    if general is not None and label in general and int(general.ints(label)[0]) != 2:
        raise FormatError("these are classes of volumes, but 2D classes are expected", path=path)
    return found


def _averages(table: StarTable, path: Path, project: Path | None) -> tuple[tuple[Path, int], ...]:
    try:
        names = split_image_names(table.text(REFERENCE))
    except BadImageNameError as error:
        raise table.cell_error(error.row, REFERENCE, error.expected) from error
    whole = np.flatnonzero(names.section == WHOLE_FILE)
    if len(whole):
        raise table.cell_error(
            int(whole[0]), REFERENCE, "an image of a stack, as 000001@stack.mrcs, is expected"
        )
    stacks = []
    for name in names.paths:
        # A job folder that was moved or renamed still has its stack beside the table.
        beside = path.with_name(Path(name).name)
        root = find_project_root(path, name, project)
        if root is None and not beside.is_file():
            raise FormatError(f"the class averages {name} do not exist", path=path, column=REFERENCE)
        stacks.append(beside if root is None else root / name)
    pairs = zip(names.stack.tolist(), names.section.tolist(), strict=True)
    return tuple((stacks[stack], section) for stack, section in pairs)


def _columns(table: StarTable) -> dict[str, npt.NDArray[Any]]:
    columns: dict[str, npt.NDArray[Any]] = {}
    for label in table.columns:
        if label == REFERENCE:
            continue
        name = column_name(label)
        try:
            columns[name] = table.floats(label)
        except FormatError:  # a column of words
            columns[name] = table.text(label)
    return columns


def _members(path: Path, numbers: IntArray) -> tuple[IntArray, FloatArray | None]:
    """Return class index (-1: none) and, where known, pixel error of every particle of a data file."""
    tables = read_star_tables(path)
    table = tables.get("particles") or next((t for t in tables.values() if CLASS_NUMBER in t), None)
    if table is None or CLASS_NUMBER not in table:
        raise FormatError("the particles are not in classes", path=path, column=CLASS_NUMBER)
    number = table.ints(CLASS_NUMBER)
    place = np.full(max(int(number.max(initial=0)), int(numbers.max())) + 1, -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    class_of = np.where(number > 0, place[np.maximum(number, 0)], -1)
    errors = table.floats(PIXEL_ERROR_LABEL) if PIXEL_ERROR_LABEL in table else None
    return class_of, errors


def _pixel_size(tables: dict[str, StarTable], stack: Path) -> float:
    """Return Å per pixel as the model states it, else the header of the stack; 0 when neither does."""
    general = tables.get("model_general")
    if general is not None and "rlnPixelSize" in general:
        return float(general.floats("rlnPixelSize")[0])
    return float(read_map_header(stack, permissive=True).voxel_size_a)
