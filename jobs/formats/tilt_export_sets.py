"""Write optimisation sets: the flavour that was read, with the particles and images that were chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.mrc import write_stack
from jobs.formats.mrc_header import read_map_header
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import write_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import StarTable, TextArray
from jobs.formats.tilt_export_relion5 import Relion5Export, write_relion5_set
from jobs.formats.tilt_particles import TiltParticles

__all__ = ["Relion5Export", "flag_texts", "write_optimisation_set", "write_relion5_set"]

_ENDING = "_optimisation_set"
_FLAGS = "rlnTomoVisibleFrames"
_ROLES = {
    "particles": "rlnTomoParticlesFile",
    "tomograms": "rlnTomoTomogramsFile",
    "trajectories": "rlnTomoTrajectoriesFile",
}


def write_optimisation_set(particles: TiltParticles, path: str | Path) -> list[Path]:
    """Write a set again with the particles and images it holds now; all columns and blocks are kept.

    Images that were dropped become 0 in ``rlnTomoVisibleFrames``. Where a stack holds visible frames only
    (RELION 5), a particle that lost images gets a new stack beside the set, since the numbers of its sections
    would no longer fit.

    Parameters
    ----------
    particles
        Particles of an optimisation set (``warptools`` or ``relion5``).
    path
        Optimisation set to write; particles, tomograms and trajectories are written beside it under the same
        name without ``_optimisation_set``.

    Returns
    -------
    list of pathlib.Path
        The files written, the set first.

    Raises
    ------
    UserError
        When the particles are no optimisation set, or a file cannot be written.
    """
    target = Path(path)
    if "tomograms" not in particles.further:
        raise UserError(
            "the particles are an image series, which has no optimisation set",
            path=particles.path,
            hint="Write it as an image series, or convert it to a RELION 5 set.",
        )
    base = target.stem.removesuffix(_ENDING)
    if base == target.stem:
        base += "_particles"
    names = {
        "particles": target.with_name(f"{base}.star"),
        "tomograms": target.with_name(f"{base.removesuffix('_particles')}_tomograms.star"),
        "trajectories": target.with_name(f"{base.removesuffix('_particles')}_trajectories.star"),
    }
    table = _with_flags(particles, target)
    tables = {n: table if n == particles.table_name else t for n, t in particles.tables.items()}
    write_star_tables(names["particles"], tables)
    written = [names["particles"]]
    pairs: dict[str, str] = {_ROLES["particles"]: _named(particles, target, names["particles"])}
    for role in ("tomograms", "trajectories"):
        if role in particles.further:
            write_star_tables(names[role], particles.further[role][1])
            pairs[_ROLES[role]] = _named(particles, target, names[role])
            written.append(names[role])
    write_star_tables(target, _set_tables(particles, pairs))
    return [target, *written]


def flag_texts(frames: list[IntArray], n_tilts: IntArray) -> TextArray:
    """Return ``[1,0,…]`` for each particle: 1 for the frames (from 0) it has, 0 for others."""
    out = np.empty(len(frames), object)
    for i, (frame, n) in enumerate(zip(frames, n_tilts.tolist(), strict=True)):
        flags = np.zeros(n, np.int64)
        flags[frame] = 1
        out[i] = "[" + ",".join(map(str, flags.tolist())) + "]"
    return out


def _with_flags(particles: TiltParticles, target: Path) -> StarTable:
    """Return the particle table with the flags of the images the set holds."""
    table = particles.table
    frames: list[IntArray] = [np.zeros(0, np.int64)] * table.n_rows
    owner = np.zeros(table.n_rows, np.int64)
    for p in range(particles.n):
        begin, end = int(particles.first[p]), int(particles.first[p + 1])
        row = int(particles.row[begin])
        frames[row], owner[row] = np.sort(particles.frame[begin:end]), p
    if _FLAGS in table:
        before = table.vectors(_FLAGS)
        n_tilts = np.array([len(v) for v in before], np.int64)
        had = np.array([int(v.sum()) for v in before], np.int64)
    else:
        n_tilts = had = np.array([_n_sections(particles, int(p)) for p in owner], np.int64)
    less = np.flatnonzero(np.array([len(f) for f in frames]) < had)
    if not len(less):
        return table
    # Only rows that changed are written anew: all others keep their characters.
    texts = table.text(_FLAGS) if _FLAGS in table else flag_texts([np.arange(n) for n in n_tilts], n_tilts)
    texts[less] = flag_texts([frames[i] for i in less], n_tilts[less])
    columns = {_FLAGS: texts}
    image_names = table.text("rlnImageName")
    compact = [i for i in less.tolist() if _n_sections(particles, int(owner[i])) != n_tilts[i]]
    if compact:
        images = ImageStacks(particles)
        for i in compact:
            image_names[i] = _shorter_stack(particles, images, int(owner[i]), target)
        columns["rlnImageName"] = image_names
    return table.with_columns(columns)


def _n_sections(particles: TiltParticles, particle: int) -> int:
    stack = particles.stacks[int(particles.stack[particles.first[particle]])]
    return read_map_header(stack, permissive=True).shape[0]


def _shorter_stack(particles: TiltParticles, images: ImageStacks, particle: int, target: Path) -> str:
    """Write the images of one particle to a stack of their own and return its name for the STAR file."""
    name = str(particles.particle_name[particle]).replace("/", "_")
    folder = target.parent / f"{target.stem.removesuffix(_ENDING)}_stacks"
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.arange(particles.first[particle], particles.first[particle + 1])
    rows = rows[np.argsort(particles.frame[rows], kind="stable")]
    path = folder / f"{name}.mrcs"
    write_stack(path, images.read(rows), particles.pixel_size_a, dtype=images.dtype)
    return _named(particles, target, path)


def _named(particles: TiltParticles, target: Path, file: Path) -> str:
    """Return how the set names a file: from the project as RELION does, or from its own folder."""
    inside = file.resolve().is_relative_to(particles.project_dir.resolve())
    if particles.flavour == "relion5" and inside:
        return file.resolve().relative_to(particles.project_dir.resolve()).as_posix()
    return file.relative_to(target.parent).as_posix()


def _set_tables(particles: TiltParticles, pairs: dict[str, str]) -> dict[str, StarTable]:
    if "optimisation_set" not in particles.further:
        return {"": StarTable.from_columns("", {k: [v] for k, v in pairs.items()}, is_loop=False)}
    tables = {}
    for name, table in particles.further["optimisation_set"][1].items():
        if _ROLES["particles"] in table:
            tables[name] = table.with_columns({k: np.array([v], object) for k, v in pairs.items()})
        else:
            tables[name] = table
    return tables
