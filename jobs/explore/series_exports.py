"""Selections for other programs: Warp/M series, RELION 5 sets, index files; together or for each tomogram.

Particles are found by identity. Everything is read back before it is told to have been written.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.exploring import ExportKind, ExportOrder
from jobs.explore.numbering import Claim, claimed, subset_name
from jobs.explore.subsets import SUBSETS, read_particle_tables
from jobs.explore.tilt_subsets import are_of_tilt_series, places_of, read_series
from jobs.formats.image_names import identity
from jobs.formats.pickles import read_pickles, write_pickles
from jobs.formats.tilt_export import write_selection, write_warp_series
from jobs.formats.tilt_export_relion5 import write_relion5_set
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles

_SET: Final = "_optimisation_set.star"
_MICROGRAPH: Final = "rlnMicrographName"
_UNSAFE: Final = re.compile(r"[^\w.+-]+")


def export_selection(
    project_dir: Path, job_dir: Path, half: int, star: Path, order: ExportOrder
) -> tuple[Path, list[str]]:
    """Write chosen particles into ``subsets/subset_K_halfH/``.

    Parameters
    ----------
    project_dir, job_dir
        The project, and the directory of the job.
    half
        Half-set, for the name.
    star
        Particle file of the job.
    order
        What is wanted.

    Returns
    -------
    tuple
        The file to go on with (the folder when there are several), and sentences for the user.

    Raises
    ------
    UserError
        When the selection is empty, a particle is missing, the data do not allow this form, or a file cannot
        be written; nothing is then left.
    """
    if not order.names:
        raise UserError("no particles are selected", path=star, hint="Select some, then save again.")
    if len(order.latent) != len(order.names):
        raise ValueError(f"{len(order.latent)} latent places of {len(order.names)} particles")
    if order.kind == "index_files":
        return _index_files(project_dir, job_dir, half, star, order)
    if not are_of_tilt_series(star, order.names):
        raise UserError(
            "these are single particles, and this form is for tilt series",
            path=star,
            hint="Save them as a RELION STAR file.",
        )
    particles, root = read_series(star, project_dir)
    rows = np.unique(places_of(particles, order.names))
    groups = _groups(particles.tomogram, rows) if order.by_tomogram else {"": rows}
    written: dict[Path, NDArray[np.int64]] = {}
    with claimed(job_dir / SUBSETS, subset_name, half) as claim:
        for tomogram, members in groups.items():
            path = _write(order.kind, particles.select(members), claim, tomogram, root)
            written[path.relative_to(claim.work)] = members
        _rename_inside(claim)
        folder = claim.publish_folder()
    try:
        for inside, members in written.items():
            _check(folder / inside, particles, members, root)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    paths = [folder / inside for inside in written]
    notes = [f"{len(rows):,} particles in {len(paths)} files, read back and compared."] if paths[1:] else []
    return (paths[0] if len(paths) == 1 else folder), notes


def _write(kind: ExportKind, chosen: TiltParticles, claim: Claim, tomogram: str, root: Path | None) -> Path:
    name = tomogram or claim.name
    if kind == "warp":
        path = claim.work / f"{name}.star"
        write_warp_series(chosen, path)
        return path
    if kind == "relion5":
        return write_relion5_set(chosen, claim.work / name if tomogram else claim.work).optimisation_set
    alone = chosen.one_row_per_image and not chosen.further
    folder = claim.work / tomogram if tomogram and not alone else claim.work
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{'.star' if alone else _SET}"
    write_selection(chosen, path, name_from=root)
    return path


def _rename_inside(claim: Claim) -> None:
    """Let files name each other by the folder in which they are going to be."""
    before, after = f"{claim.work.name}/".encode(), f"{claim.name}/".encode()
    for path in claim.work.rglob("*.star"):
        content = path.read_bytes()
        if before in content:
            path.write_bytes(content.replace(before, after))


def _check(path: Path, source: TiltParticles, members: NDArray[np.int64], root: Path | None) -> None:
    """Read a file and compare its particles with those that were meant."""
    if root is None:
        again = read_tilt_particles(path, source.project_dir, apix=1.0, require_images=False)
    else:
        again = read_tilt_particles(path, root)
    expected = source.select(members)
    place = {str(name): k for k, name in enumerate(again.particle_name)}
    names = [str(name) for name in expected.particle_name]
    same = again.n == len(members) == len(place) and all(name in place for name in names)
    if same:
        found = again.select(np.array([place[name] for name in names]))
        same = np.array_equal(found.counts, expected.counts) and np.allclose(
            found.rotation, expected.rotation, atol=1e-4
        )
    if not same:
        raise UserError(
            "the selection could not be written: reading it back gives other particles",
            path=source.path,
            hint="Nothing was left; save it in the form of the input instead.",
        )


def _index_files(
    project_dir: Path, job_dir: Path, half: int, star: Path, order: ExportOrder
) -> tuple[Path, list[str]]:
    """Write indices to keep and to leave out, in the numbering before any filter, and latent places."""
    original, of, rows = _numbering(project_dir, star, order.names)
    by_row = np.argsort(rows, kind="stable")
    rows, latent = rows[by_row], np.asarray(order.latent)[by_row]
    if len(np.unique(rows)) < len(rows):
        raise UserError("a particle is named more than once in the selection", path=star)
    rest = np.setdiff1d(np.arange(len(original)), rows)
    with claimed(job_dir / SUBSETS, subset_name, half) as claim:

        def put(name: str, values: NDArray[np.generic]) -> None:
            write_pickles(claim.work / name, values)
            if not np.array_equal(read_pickles(claim.work / name)[0], values):
                raise UserError(f"{name} could not be written: reading it back differs", path=star)

        put(f"ind_keep.{len(rows)}_particles.pkl", original[rows])
        put(f"ind_bad.{len(rest)}_particles.pkl", original[rest])
        put(f"z_keep.{len(rows)}.pkl", latent)
        if order.by_tomogram:
            for name, members in _groups(of, rows).items():
                put(f"ind_keep.{len(members)}_particles.{name}.pkl", original[members])
                put(f"z_keep.{len(members)}.{name}.pkl", latent[np.searchsorted(rows, members)])
        folder = claim.publish_folder()
    moved = not np.array_equal(original, np.arange(len(original)))
    notes = ["Indices count the particles before any filter, from 0."] if moved else []
    return folder, notes


def _numbering(
    project_dir: Path, star: Path, names: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.int64]]:
    """Return the unfiltered number and the tomogram of each particle of a file, and the rows of the names."""
    if are_of_tilt_series(star, names):
        particles, _ = read_series(star, project_dir)
        return particles.original, particles.tomogram, places_of(particles, names)
    source = read_particle_tables(star)
    count = source.particles.n_rows
    of = source.particles.text(_MICROGRAPH) if _MICROGRAPH in source.particles else np.full(count, "", object)
    source.rows_of(names)  # says which are missing or not unique
    place = {identity(name): k for k, name in enumerate(source.image_names().tolist())}
    rows = np.array([place[identity(name)] for name in names], np.int64)
    return np.arange(count, dtype=np.int64), of, rows


def _groups(of: NDArray[np.object_], rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each tomogram, by names that can be those of files."""
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(str(of[row]), []).append(row)
    if set(found) == {""}:
        raise UserError("the file does not say in which tomogram particles are", hint="Write them together.")
    named: dict[str, NDArray[np.int64]] = {}
    for tomogram, members in found.items():
        safe = _UNSAFE.sub("_", Path(tomogram).stem or tomogram).strip("._") or "unknown"
        name, number = safe, 1
        while name in named:
            number += 1
            name = f"{safe}_{number}"
        named[name] = np.array(members, np.int64)
    return named
