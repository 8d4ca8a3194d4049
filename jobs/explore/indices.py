"""Selections as lists of rows and names, for programs that filter by index."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.explore.numbering import claimed, subset_name
from jobs.explore.subsets import SUBSETS, read_particle_tables

_HEADER = "# row of the STAR file (the first is 0), particle"


def save_indices(job_dir: Path, half: int, star: Path, names: Iterable[str]) -> Path:
    """Write the rows of chosen particles as ``subsets/subset_K_halfH.txt``, ``.npy`` and ``.pkl``.

    The text holds rows and names; the other two hold the rows alone, as int64, in the form in which cryoDRGN
    and tomoDRGN take them. Rows count from 0 in the STAR file.

    Parameters
    ----------
    job_dir
        Directory of the job.
    half
        Half-set, for the name.
    star
        Particle file in which the rows are counted.
    names
        Identities of the chosen particles.

    Returns
    -------
    Path
        The text file.

    Raises
    ------
    UserError
        As :func:`jobs.explore.subsets.save_subset`.
    """
    source = read_particle_tables(star)
    rows = source.rows_of(names)
    return write_indices(job_dir, half, rows, source.image_names()[rows])


def write_indices(job_dir: Path, half: int, rows: NDArray[np.int64], names: Iterable[str]) -> Path:
    """Write rows ``(n,)`` and the names that belong to them, as :func:`save_indices` does."""
    with claimed(job_dir / SUBSETS, subset_name, half) as claim:
        base = claim.work / claim.name
        lines = [_HEADER, *(f"{row} {name}" for row, name in zip(rows.tolist(), names, strict=True))]
        base.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        np.save(base.with_suffix(".npy"), rows, allow_pickle=False)
        with base.with_suffix(".pkl").open("wb") as file:
            pickle.dump(rows, file, protocol=4)
        return claim.publish(".npy", ".pkl", ".txt")[-1]
