"""Trajectories as folders of maps: with a table of states, a script that plays them, and moved atoms."""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import AbortRequested, UserError
from jobs.core.exploring import Cancelled, Progress
from jobs.core.latent import DISPLACE, ExploredModel
from jobs.explore.chimerax import movie_script
from jobs.explore.maps import contour_level, write_state
from jobs.explore.moved_models import MovedModels
from jobs.explore.numbering import claimed, movie_name
from jobs.explore.steps import never, silent

MOVIES = "movies"
STATES = "states.csv"
SCRIPT = "movie.cxc"
_FEWEST_DIGITS = 3

Floats = NDArray[np.floating]


def volume_name(frame: int, n_frames: int) -> str:
    """File name of a frame; alphabetical order is the order in time."""
    digits = max(_FEWEST_DIGITS, len(str(n_frames - 1)))
    return f"volume{frame:0{digits}d}.mrc"


def save_movie(
    job_dir: Path,
    half: int,
    model: ExploredModel,
    states: Floats,
    *,
    plane: Floats | None = None,
    atoms: Path | None = None,
    title: str = "",
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> tuple[Path, list[str]]:
    """Write a trajectory as ``movies/movieNN_halfH/``.

    Parameters
    ----------
    job_dir
        Directory of the job.
    half
        Half-set of the model.
    model
        The model.
    states
        ``(F, L)`` latent states, one per frame.
    plane
        ``(F, 2)`` places in the plane in which the trajectory was made, noted beside the states.
    atoms
        Atomic model to be moved along.
    title
        What the movie shows.
    progress, cancelled
        Told, and asked, at every frame.

    Returns
    -------
    tuple of Path and list of str
        The folder, and sentences for the user.

    Raises
    ------
    UserError
        When there are no states, they do not suit the model, or nothing can be written.
    AbortRequested
        When `cancelled` says so; nothing is then left.
    """
    states = checked_states(model, states)
    n_frames = len(states)
    _check_room(job_dir, n_frames, model)
    notes: list[str] = []
    moved = None
    if atoms is not None:
        if DISPLACE not in model.abilities:
            raise UserError("this model tells maps, but not how atoms move", path=atoms)
        moved = MovedModels(atoms, model)
    with claimed(job_dir / MOVIES, movie_name, half) as claim, contextlib.ExitStack() as stack:
        if moved is not None:
            stack.enter_context(moved.open_in(claim.work, "model", n_frames))
        levels = []
        for frame, z in enumerate(states):
            if cancelled():
                raise AbortRequested
            progress(frame, n_frames, f"Writing frame {frame + 1} of {n_frames}")
            volume = write_state(claim.work / volume_name(frame, n_frames), model, z)
            levels.append(contour_level(volume))
            if moved is not None:
                moved.write(z)
        if cancelled():
            raise AbortRequested
        stack.close()
        files = moved.files if moved is not None else []
        notes = moved.notes if moved is not None else []
        write_states(claim.work / STATES, states, plane)
        script = movie_script(
            n_frames,
            float(np.median(levels)),
            title=title,
            atoms=files[0] if files else None,
            notes=notes,
        )
        (claim.work / SCRIPT).write_text(script, encoding="utf-8")
        folder = claim.publish_folder()
    progress(n_frames, n_frames, f"Wrote {n_frames} frames")
    return folder, notes


def _check_room(folder: Path, n_frames: int, model: ExploredModel) -> None:
    """Refuse a movie that the disk cannot hold, before an hour is spent on it."""
    needed = 4 * n_frames * model.box**3
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{n_frames} maps of {model.box}³ voxels need {needed / 1e9:.1f} GB, "
            f"but {free / 1e9:.1f} GB are free",
            path=folder,
            hint="Make room, or choose fewer frames.",
        )


def checked_states(model: ExploredModel, states: Floats) -> NDArray[np.float32]:
    """Return states as ``(F, L)`` float32.

    Raises
    ------
    UserError
        When there are none, their number of coordinates is not the model's, or one is not finite.
    """
    array = np.atleast_2d(np.asarray(states, np.float32))
    n_latent = model.embedding.shape[1]
    if not array.size:
        raise UserError("the trajectory has no states", hint="Draw or choose one first.")
    if array.ndim != 2 or array.shape[1] != n_latent:
        raise UserError(f"the states have {array.shape[-1]} coordinates, but the model has {n_latent}")
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise UserError(f"state {wrong[0]} of the trajectory is not finite")
    return array


def write_states(path: Path, states: Floats, plane: Floats | None) -> None:
    """Write a table of frame, latent coordinates ``z1`` …, and the place ``x``, ``y`` in the plane."""
    header = ["frame", *(f"z{k + 1}" for k in range(states.shape[1]))]
    rows: Sequence[Sequence[float]] = states.tolist()
    if plane is not None:
        if len(plane) != len(states):
            raise ValueError(f"{len(plane)} places for {len(states)} states")
        header += ["x", "y"]
        rows = [[*row, *place[:2]] for row, place in zip(rows, np.asarray(plane).tolist(), strict=True)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        # nine digits bring back the same float32
        writer.writerows([k, *(f"{v:.9g}" for v in row)] for k, row in enumerate(rows))


def read_states(path: Path, n_latent: int) -> NDArray[np.float32]:
    """Read the states ``(F, L)`` of a table that :func:`write_states` or a spreadsheet wrote.

    Raises
    ------
    UserError
        When the file is unreadable, lacks a column, or a cell is not a finite number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError("the file does not exist", path=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the table of states cannot be read: {error}", path=path) from error
    rows = list(csv.reader(text.splitlines()))
    names = [f"z{k + 1}" for k in range(n_latent)]
    header = [cell.strip() for cell in rows[0]] if rows else []
    missing = [name for name in names if name not in header]
    if missing:
        raise UserError(
            f"the table lacks the column {', '.join(missing)}",
            path=path,
            hint=f"The model has {n_latent} latent coordinates, so z1 to z{n_latent} are expected.",
        )
    columns = [header.index(name) for name in names]
    states = np.empty((len(rows) - 1, n_latent), np.float32)
    for number, row in enumerate(rows[1:], start=1):
        for k, column in enumerate(columns):
            states[number - 1, k] = _number(row, column, names[k], number, path)
    if not len(states):
        raise UserError("the table holds no states", path=path)
    return states


def _number(row: Sequence[str], column: int, name: str, number: int, path: Path) -> float:
    cell = row[column].strip() if column < len(row) else ""
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UserError(
            f"{name} is '{cell}', but a finite number is expected", path=path, row=number, column=name
        )
    return value
