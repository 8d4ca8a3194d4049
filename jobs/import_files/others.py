"""Atomic models and tomography optimisation sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.structures import is_mmcif, read_structure
from jobs.import_files.places import JobPlaces

_FILES = ("rlnTomo", "File")


def import_model(path: Path, places: JobPlaces) -> tuple[str, str, int, int]:
    """Bring an atomic model into the project; returns its path, label, and numbers of atoms and chains.

    Raises
    ------
    FormatError
        When it cannot be read or holds no atoms.
    """
    structure = read_structure(path)
    atoms = sum(1 for model in structure for chain in model for residue in chain for _ in residue)
    chains = len(structure[0]) if len(structure) else 0
    if not atoms:
        raise FormatError("the file holds no atoms", path=path, hint="Choose the model, not its density.")
    suffix = ".cif" if is_mmcif(path) else ".pdb"
    name = places.name_for(path, path.stem, suffix)
    places.put(path, name)
    return name, f"AtomCoords{suffix}", atoms, chains


def import_optimisation_set(path: Path, places: JobPlaces, given: Path | None) -> tuple[str, int, list[str]]:
    """Bring a tomography optimisation set into the project as a node, its files named by where they are.

    Returns
    -------
    name, count, missing
        Path inside the job, number of files named, and those that were not found.

    Raises
    ------
    FormatError
        When it is no optimisation set.
    """
    tables = read_star_tables(path)
    table = next((t for t in tables.values() if "rlnTomoParticlesFile" in t), None)
    if table is None or table.n_rows != 1:
        raise FormatError(
            "this is no optimisation set: one row with rlnTomoParticlesFile is expected", path=path
        )
    changed: dict[str, np.ndarray] = {}
    missing: list[str] = []
    count = 0
    for column in table.columns:
        text = table.text(column)[0]
        if not (column.startswith(_FILES[0]) and column.endswith(_FILES[1])) or not text:
            continue
        count += 1
        found = _find(text, path, places.project_dir, given)
        if found is None:
            missing.append(text)
            continue
        changed[column] = np.array([places.inside(found) or str(found.resolve())], object)
    name = places.name_for(path, path.stem, ".star")
    write_star_tables(
        places.folder / name, {**tables, table.name: table.with_columns(changed) if changed else table}
    )
    return name, count, missing


def _find(text: str, path: Path, project_dir: Path, given: Path | None) -> Path | None:
    folder = path.absolute().parent
    for root in (given, folder, *folder.parents, project_dir):
        if root is not None and (root / text).is_file():
            return root / text
    return None
