"""Atomic models of single particles: one per particle of a list, and a table that tells which is whose."""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import AbortRequested, UserError
from jobs.core.exploring import Cancelled, Progress
from jobs.core.latent import DISPLACE, ExploredModel
from jobs.explore.moved_models import MovedModels
from jobs.explore.movies import checked_states
from jobs.explore.numbering import claimed
from jobs.explore.steps import never, silent
from jobs.formats.image_names import identity
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

MODELS: Final = "models"
TABLE: Final = "models"
SCRIPT: Final = "models.cxc"
#: Models that are written unless more are asked for.
MOST: Final = 1000
#: Models that a script opens side by side.
_SHOWN = 50
_FEWEST_DIGITS = 4


@dataclass(frozen=True)
class ParticleState:
    """A particle of which a model is wanted.

    Attributes
    ----------
    name
        Identity, ``section@stack``.
    half
        Half-set whose model moves the atoms.
    z
        ``(L,)`` its latent state in the model of that half-set.
    """

    name: str
    half: int
    z: NDArray[np.float32]


def states_of(names: Sequence[str], models: Mapping[int, ExploredModel]) -> list[ParticleState]:
    """Find the state of every particle, in the half-set to which it belongs.

    Raises
    ------
    UserError
        When a particle is in none of the half-sets.
    """
    place: dict[tuple[str, int], tuple[int, int]] = {}
    for half, model in models.items():
        for row, name in enumerate(model.metadata["image_name"]):
            place.setdefault(identity(str(name)), (half, row))
    missing = [name for name in names if identity(name) not in place]
    if missing:
        sets = "half-set" if len(models) == 1 else "half-sets"
        raise UserError(
            f"{len(missing)} of {len(names)} particles are not in {sets} "
            f"{' and '.join(map(str, models))}, such as {missing[0]}",
            hint="Choose particles that this job was trained on.",
        )
    found = []
    for name in names:
        half, row = place[identity(name)]
        found.append(ParticleState(name, half, np.asarray(models[half].embedding[row], np.float32)))
    return found


def check_number(count: int, most: int = MOST, hint: str = "") -> None:
    """Refuse more models than somebody may have meant.

    Raises
    ------
    UserError
        When there are more particles than `most`, or none.
    """
    if not count:
        raise UserError("no particles are chosen, so there are no models to write")
    if count > most:
        raise UserError(
            f"{count:,} particles are chosen, each of which becomes a model; {most:,} are written at most",
            hint=hint or "Choose fewer particles.",
        )


def save_particle_models(
    job_dir: Path,
    models: Mapping[int, ExploredModel],
    particles: Sequence[ParticleState],
    atoms: Path,
    *,
    one_file: bool = False,
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> tuple[Path, list[str]]:
    """Write one atomic model per particle under ``models/``.

    The folder holds ``particle0000.cif`` …, or with `one_file` one ``model.cif`` (and ``model.pdb`` where it
    fits) with a model per particle; ``models.star`` and ``models.csv`` with file, model number, particle,
    half-set, root mean square displacement of the atoms and latent state; and a script for ChimeraX.

    Parameters
    ----------
    job_dir
        Directory of the job.
    models
        The models by half-set.
    particles
        Whose models are wanted.
    atoms
        Atomic model, in the frame in which ChimeraX shows the consensus map.
    one_file
        All models in one file.
    progress, cancelled
        Told, and asked, at every particle.

    Returns
    -------
    tuple of Path and list of str
        The folder, and sentences for the user.

    Raises
    ------
    UserError
        When there are no particles, the models cannot move atoms, or nothing can be written.
    AbortRequested
        When `cancelled` says so; nothing is then left.
    """
    check_number(len(particles), len(particles) or 1)
    halves = sorted({particle.half for particle in particles})
    for half in halves:
        if DISPLACE not in models[half].abilities:
            raise UserError("this model tells maps, but not how atoms move", path=atoms)
        checked_states(models[half], np.stack([p.z for p in particles if p.half == half]))
    moved = {half: MovedModels(atoms, models[half]) for half in halves}
    _check_room(job_dir, len(particles), atoms)
    notes: list[str] = []
    with claimed(job_dir / MODELS, _folder_name, halves[0] if len(halves) == 1 else 12) as claim:
        with contextlib.ExitStack() as stack:
            writer = moved[halves[0]]
            if one_file:
                stack.enter_context(writer.open_in(claim.work, "model", len(particles)))
            files, rms = [], []
            for number, particle in enumerate(particles):
                if cancelled():
                    raise AbortRequested
                progress(number, len(particles), f"Writing model {number + 1} of {len(particles)}")
                points = moved[particle.half].positions_at(particle.z)
                shift = points - writer.points_a
                rms.append(float(np.sqrt((shift**2).sum(axis=1).mean())))
                if one_file:
                    writer.write_points(points)
                else:
                    stem = _model_name(number, len(particles))
                    with writer.open_in(claim.work, stem, 1, pdb=False):
                        writer.write_points(points)
                    files.append(writer.files[0])
            if one_file:
                stack.close()
                files = [writer.files[0]] * len(particles)
                notes += writer.notes
        if cancelled():
            raise AbortRequested
        _write_tables(claim.work, particles, files, rms, one_file=one_file)
        script = _script(files, one_file=one_file, source=atoms.name)
        (claim.work / SCRIPT).write_text(script, encoding="utf-8")
        folder = claim.publish_folder()
    progress(len(particles), len(particles), f"Wrote {len(particles)} models")
    return folder, notes


def _folder_name(number: int, half: int) -> str:
    return f"models{number:02d}_half{half}"


def _model_name(number: int, count: int) -> str:
    digits = max(_FEWEST_DIGITS, len(str(count - 1)))
    return f"particle{number:0{digits}d}"


def _check_room(folder: Path, count: int, atoms: Path) -> None:
    """Refuse models that the disk cannot hold, before an hour is spent on them."""
    needed, free = count * atoms.stat().st_size, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{count} models need about {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free",
            path=folder,
            hint="Make room, or choose fewer particles.",
        )


def _write_tables(
    folder: Path,
    particles: Sequence[ParticleState],
    files: Sequence[str],
    rms: Sequence[float],
    *,
    one_file: bool,
) -> None:
    states = np.stack([particle.z for particle in particles]).astype(np.float64)
    columns: dict[str, Sequence[object]] = {
        "hsModelFile": list(files),
        "hsModelNumber": [number + 1 if one_file else 1 for number in range(len(particles))],
        "rlnImageName": [particle.name for particle in particles],
        "hsHalfSet": [particle.half for particle in particles],
        "hsAtomRmsDisplacementAngst": [round(value, 4) for value in rms],
        # nine digits bring back the same float32
        **{f"hsLatent{k + 1}": [f"{v:.9g}" for v in states[:, k]] for k in range(states.shape[1])},
    }
    star = {label: np.array(values, object) for label, values in columns.items()}
    table = StarTable.from_columns("models", star, version=None)
    write_star_tables(folder / f"{TABLE}.star", [table])
    with (folder / f"{TABLE}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _script(files: Sequence[str], *, one_file: bool, source: str) -> str:
    """Return a script that shows the models over one another; ChimeraX runs it in the folder it lies in."""
    count = len(files)
    lines = [
        f"# {source} in the states of {count} particles; models.star tells which is whose.",
        "# Open this file in an empty ChimeraX session.",
    ]
    if one_file:
        lines += [
            f"open {files[0]} coordsets true",
            "# Steps from particle to particle; coordset #1 7 shows the seventh.",
            "coordset slider #1",
        ]
    else:
        if count > _SHOWN:
            lines.append(f"# The first {_SHOWN} of them; open particle*.cif opens all.")
        lines += [f"open {name}" for name in files[:_SHOWN]]
    lines += ["color bychain", "view"]
    return "\n".join(lines) + "\n"
