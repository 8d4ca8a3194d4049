"""Latent spaces to compare, brought to the same particles: by name or identifier, else by equal numbers."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.files import read_whole
from jobs.formats.image_names import identity
from jobs.latents.folder import TABLE, read_folder
from jobs.latents.latent_files import LatentTable, read_latents

Places = npt.NDArray[np.float32]


def open_latents(path: Path, columns: str = "") -> LatentTable:
    """Open a latent file, or the folder of a job that opened one."""
    if not path.is_dir():
        return read_latents(path, columns)
    facts, latent, _ = read_folder(path)
    lines = read_whole(path / TABLE).decode().splitlines()
    names = np.array([row[0] for row in csv.reader(lines[1:])], object)
    if len(names) != len(latent):
        raise UserError("the files of the folder do not belong together", path=path)
    return LatentTable(path, facts.program, latent, facts.columns, names=names)


def pair(first: LatentTable, second: LatentTable) -> tuple[Places, Places, str]:
    """Return places ``(P, A)`` and ``(P, B)`` of the particles of both, and how they were found.

    Raises
    ------
    UserError
        When they have no particles in common, or only an order that does not fit.
    """
    keys = _keys(first, second)
    if keys is None:
        if first.n != second.n:
            raise UserError(
                f"there are places of {first.n:,} particles in {first.path}, and of {second.n:,} in "
                f"{second.path}",
                hint="Without names or identifiers in both the numbers must be the same; open each with its "
                "particle file, and compare the folders of the jobs.",
            )
        rows = np.arange(first.n), np.arange(first.n)
        sentence = f"The {first.n:,} particles of both were taken to be the same, in the same order."
    else:
        theirs, ours = keys
        for table, found in ((first, theirs), (second, ours)):
            if len(set(found)) < len(found):
                raise UserError("a particle stands in the file twice", path=table.path)
        place = {key: row for row, key in enumerate(ours)}
        common = [(i, place[key]) for i, key in enumerate(theirs) if key in place]
        if not common:
            raise UserError(f"{first.path} and {second.path} have no particles in common")
        both = np.array(common, np.int64)
        rows = both[:, 0], both[:, 1]
        sentence = f"{len(both):,} particles are in both (of {first.n:,} and {second.n:,})."
    a, b = first.values[rows[0]], second.values[rows[1]]
    known = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    return a[known], b[known], sentence


def _keys(first: LatentTable, second: LatentTable) -> tuple[list[Any], list[Any]] | None:
    if first.uids is not None and second.uids is not None:
        return first.uids.tolist(), second.uids.tolist()
    if first.names is not None and second.names is not None:
        return [identity(str(n)) for n in first.names], [identity(str(n)) for n in second.names]
    return None
