"""Particles of chosen classes in the files that followers of SPHIRE's isac_substack read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.image_stack_input import ImageInput
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.native_tree import write_rows
from jobs.maths.transforms2d import Planar

BASENAME: Final = "isac_substack"
_AVERAGED: Final = "params_avg"
IntArray = npt.NDArray[np.int64]


def particle_rows(classes: ClassSet) -> StarTable:
    """Return the table with a row for each particle of a set of classes.

    Raises
    ------
    UserError
        When the particles are not known.
    """
    if classes.particles is None:
        raise UserError("the particles of these classes are not known", path=classes.path)
    tables = read_star_tables(classes.particles)
    found = tables.get("particles") or next(t for t in tables.values() if "rlnImageName" in t)
    found.require(["rlnImageName"])
    return found


def rows_of_input(source: ImageInput, classes: ClassSet) -> tuple[IntArray, StarTable]:
    """Return the rows of the input of all particles of classes, and the table of these particles."""
    table = particle_rows(classes)
    return source.particles.indices_of(table.text("rlnImageName")), table


def planar_of(table: StarTable, pixel_size_a: float) -> Planar:
    """Return how each particle of a class file is laid onto its average, shifts in pixels of the images.

    Parameters
    ----------
    table
        Rows with ``rlnAnglePsi``, ``rlnAngleTilt`` and origins.
    pixel_size_a
        Å per pixel of the images; files of RELION 3.0 have origins in pixels already.
    """
    labels = ("rlnOriginXAngst", "rlnOriginYAngst")
    unit = pixel_size_a
    if labels[0] not in table:
        labels, unit = ("rlnOriginX", "rlnOriginY"), 1.0
    zeros = np.zeros(table.n_rows)
    origin = np.stack([table.floats(label) if label in table else zeros for label in labels], 1)
    psi, tilt = (table.floats(a) if a in table else zeros for a in ("rlnAnglePsi", "rlnAngleTilt"))
    psi_deg, tilt_deg = torch.from_numpy(psi.copy()), torch.from_numpy(tilt.copy())
    return Planar.from_relion(psi_deg, torch.from_numpy(origin), tilt_deg, unit)


def classes_of_averages(path: Path, classes: ClassSet, rows: IntArray) -> list[int]:
    """Return the classes whose averages stand in a stack from which some were removed.

    Parameters
    ----------
    path
        HDF stack with ``members`` in its headers (numbers of the input).
    classes
        All classes.
    rows
        `(P,)` number in the input of every particle of the classes.

    Raises
    ------
    UserError
        When an average is of no class.
    """
    class_of = dict(zip(rows.tolist(), classes.class_of.tolist(), strict=True))
    chosen = set()
    with EmanStack(path) as stack:
        for number, members in enumerate(stack.attribute("members")):
            found = {class_of.get(int(member), -1) for member in members}
            if len(found) != 1 or found == {-1}:
                raise UserError(
                    f"average {number} of the stack is none of the classes of this run", path=path
                )
            chosen |= found
    return sorted(chosen)


def write_substack(
    folder: Path, basename: str, source: ImageInput, classes: ClassSet, chosen: list[int]
) -> None:
    """Write lists of the particles of chosen classes, and how each is laid onto its average.

    ``<base>_particle_id_list.txt`` (numbers of the input, ascending), ``<base>_header_align2d.txt`` (alpha,
    tx, ty, mirror, scale in the same order), ``params_avg/params_avg_NNN.txt`` (the same of each class in the
    order of its members), ``init_isac_params.txt`` (number and these five) and ``particle_membership.txt``
    (number and class, from 0).

    Parameters
    ----------
    folder
        Where to write, made if need be.
    basename
        Beginning of names.
    source
        The input.
    classes
        All classes of the run.
    chosen
        Those wanted, from 0.
    """
    table = particle_rows(classes)
    rows = source.particles.indices_of(table.text("rlnImageName"))
    parameters = _Parameters(planar_of(table, source.pixel_size_a or 1.0))
    together = parameters.write(folder, classes, chosen, rows)
    ids = rows[together]
    write_rows(folder / f"{basename}_particle_id_list.txt", ids)
    write_rows(folder / f"{basename}_header_align2d.txt", *parameters.columns(together))
    write_rows(folder / "particle_membership.txt", ids, classes.class_of[together])


def write_alignment(
    folder: Path, planar: Planar, classes: ClassSet, chosen: list[int], rows: IntArray
) -> None:
    """Write how particles are laid onto their averages, in the files that sp_compute_isac_avg leaves.

    ``params_avg/params_avg_NNN.txt`` (alpha, tx, ty, mirror, scale of the members of class NNN, from 0) and
    ``init_isac_params.txt`` (number in the input and these five, ascending).

    Parameters
    ----------
    folder
        Where to write; lists of an earlier choice of classes are removed.
    planar
        `P` transformations of all particles of the classes, shifts in pixels of the images.
    classes, chosen
        All classes, and those wanted.
    rows
        `(P,)` number in the input of every particle of the classes.
    """
    for old in (folder / _AVERAGED).glob("params_avg_*.txt"):
        old.unlink()
    _Parameters(planar).write(folder, classes, chosen, rows)


class _Parameters:
    """Alignment of particles as rows of alpha, tx, ty, mirror, scale."""

    def __init__(self, planar: Planar) -> None:
        self._table = planar.to_table().numpy()
        self._table[:, 0] %= 360.0

    def columns(self, which: IntArray) -> list[npt.NDArray[np.generic]]:
        """Columns of some particles, in this order."""
        part = self._table[which]
        return [*part[:, :3].T, part[:, 3].astype(np.int64), np.ones(len(which))]

    def write(self, folder: Path, classes: ClassSet, chosen: list[int], rows: IntArray) -> IntArray:
        """Write a list for each class and one of all; returns the particles by their number in the input."""
        (folder / _AVERAGED).mkdir(parents=True, exist_ok=True)
        for number in chosen:
            path = folder / _AVERAGED / f"params_avg_{number:03d}.txt"
            write_rows(path, *self.columns(classes.members(number)))
        together = np.concatenate([classes.members(k) for k in chosen])
        together = together[np.argsort(rows[together], kind="stable")]
        write_rows(folder / "init_isac_params.txt", rows[together], *self.columns(together))
        return together
