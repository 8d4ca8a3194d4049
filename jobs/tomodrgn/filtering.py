"""Selections of particles by indices, labels and tomograms, written as the file was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.index_files import read_indices, read_labels
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles

ALL: Final = "all"
_TOMOGRAM_COLUMNS: Final = ("rlnTomoName", "rlnMicrographName", "wrpSourceName")


@dataclass(frozen=True)
class FilterOrder:
    """What is selected.

    Attributes
    ----------
    indices, index_kind
        File of indices, and what they count: ``particle``, ``image`` or ``tilt``.
    labels, chosen_labels
        File with a label per particle, and the labels that select.
    tomogram, tomogram_column
        Part of the name of a tomogram, or ``all`` to write each tomogram besides; column of the name.
    drop
        The selected are dropped instead of kept.
    """

    indices: Path | None = None
    index_kind: str = "particle"
    labels: Path | None = None
    chosen_labels: tuple[str, ...] = ()
    tomogram: str = ""
    tomogram_column: str = ""
    drop: bool = False


def write_filtered(
    star: Path, order: FilterOrder, out: Path, project_dir: Path, datadir: Path | None = None
) -> Iterator[tuple[Path, int, int]]:
    """Write the selection of a file; yields each file written, and its particles and images.

    Raises
    ------
    UserError
        When nothing is selected, or the order makes no sense.
    """
    particles = read_tilt_particles(star, project_dir, datadir=datadir, require_images=False)
    selected = select(particles, order)
    _check_target(star, out)
    write_selection(selected, out)
    yield out, selected.n, selected.n_images
    if order.tomogram != ALL:
        return
    names = tomogram_names(selected, order.tomogram_column)
    for name in dict.fromkeys(names.tolist()):
        part = selected.select(names == name)
        word = re.sub(r"[^\w.-]+", "_", name) or "unknown"
        path = out.with_name(f"{out.stem}_{word}{out.suffix}")
        write_selection(part, path)
        yield path, part.n, part.n_images


def select(particles: TiltParticles, order: FilterOrder) -> TiltParticles:
    """Return what an order keeps of a set.

    Raises
    ------
    UserError
        When that is nothing, or the order makes no sense.
    """
    if order.indices is not None and order.labels is not None:
        raise UserError("both indices and labels are given", hint="Use one of them")
    by_tomogram = bool(order.tomogram) and order.tomogram != ALL
    if order.indices is None and order.labels is None and not order.tomogram:
        raise UserError("nothing is selected", hint="Give --ind, --labels with --labels-sel, or --tomogram")
    chosen = np.ones(particles.n_images, bool)
    owner = particles.particle
    if order.indices is not None:
        chosen &= _by_indices(particles, order)
    if order.labels is not None:
        chosen &= _by_labels(particles, order)[owner]
    if by_tomogram:
        names = tomogram_names(particles, order.tomogram_column)
        chosen &= np.array([order.tomogram in name for name in names.tolist()], bool)[owner]
    if order.drop and (by_tomogram or order.indices is not None or order.labels is not None):
        chosen = ~chosen
    if not chosen.any():
        raise UserError("no particle is selected", path=particles.path, hint="Check the selection")
    return particles.select_images(chosen)


def _by_indices(particles: TiltParticles, order: FilterOrder) -> np.ndarray:
    assert order.indices is not None
    if order.index_kind == "particle":
        mask = np.zeros(particles.n, bool)
        mask[read_indices(order.indices, particles.n)] = True
        return mask[particles.particle]
    if order.index_kind == "image":
        mask = np.zeros(particles.n_images, bool)
        rows = np.lexsort((particles.section, particles.row))
        mask[rows[read_indices(order.indices, particles.n_images, "images")]] = True
        return mask
    place = np.arange(particles.n_images) - particles.first[:-1][particles.particle]
    most = int(particles.counts.max())
    return np.isin(place, read_indices(order.indices, most, "tilts"))


def _by_labels(particles: TiltParticles, order: FilterOrder) -> np.ndarray:
    assert order.labels is not None
    labels = read_labels(order.labels, particles.n)
    if not order.chosen_labels:
        raise UserError("no label is selected", hint="Give --labels-sel, such as --labels-sel 0 3")
    wanted: list[str | float] = list(order.chosen_labels)
    if labels.dtype.kind in "if":
        try:
            wanted = [float(word) for word in order.chosen_labels]
        except ValueError:
            words = " ".join(order.chosen_labels)
            raise UserError(f"the labels are numbers, but '{words}' is selected", path=order.labels) from None
    unknown = [label for label in wanted if label not in set(labels.tolist())]
    if unknown:
        known = " ".join(str(label) for label in np.unique(labels)[:20])
        raise UserError(f"no particle has label {unknown[0]}", path=order.labels, hint=f"Labels are {known}")
    return np.isin(labels, wanted)


def tomogram_names(particles: TiltParticles, column: str = "") -> np.ndarray:
    """Return the tomogram of each particle ``(P,)``, by a column of the file if one is named."""
    if column:
        return particles.table.text(column)[particles.row[particles.first[:-1]]]
    if any(particles.tomogram.tolist()):
        return particles.tomogram
    for label in _TOMOGRAM_COLUMNS:
        if label in particles.table:
            return tomogram_names(particles, label)
    # As older programs do: the image names of Warp hold that of the tomogram.
    return particles.table.text("rlnImageName")[particles.row[particles.first[:-1]]]


def _check_target(star: Path, out: Path) -> None:
    if out.suffix != ".star":
        raise UserError("the selection is written as a STAR file", path=out, hint="Let its name end in .star")
    if out.exists() and out.samefile(star):
        raise UserError("the input would be overwritten", path=out, hint="Give another name")
