"""What the command ``states`` does with an opened job: maps, movies, models, subsets, embeddings."""

from __future__ import annotations

import csv
import io
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.job_particles import particle_file_of
from app.project.project import Project
from jobs.core.declaration import JobType
from jobs.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jobs.core.latent import ExploredModel
    from jobs.explore.exports import Exporter

#: Under which a written subset is known in the project.
SUBSET_LABEL = "ParticleGroupMetadata.star.relion"


@dataclass
class Opened:
    """A job whose states are looked at.

    Attributes
    ----------
    project, name
        The project, and the job in it.
    job_type
        Its type.
    model
        The opened half-set.
    exporter
        Writes under the job's directory.
    open_half
        Opens another half-set of the same moment.
    """

    project: Project
    name: str
    job_type: JobType
    model: ExploredModel
    exporter: Exporter
    open_half: Callable[[int], ExploredModel]

    def other_half(self, names: Sequence[str]) -> dict[int, ExploredModel]:
        """Open the other half-set if some of these particles belong to it."""
        from jobs.formats.image_names import identity

        here = {identity(str(name)) for name in self.model.metadata["image_name"]}
        other = 3 - self.exporter.half
        return {} if all(identity(name) in here for name in names) else {other: self.open_half(other)}

    def rows(self, names: Sequence[str]) -> list[int]:
        """Return the rows of particles of the model, by identity."""
        from jobs.formats.image_names import identity

        place = {identity(str(n)): row for row, n in enumerate(self.model.metadata["image_name"])}
        missing = [name for name in names if identity(name) not in place]
        if missing:
            raise UserError(
                f"{missing[0]} is no particle of half-set {self.exporter.half}",
                hint="Another half-set can be chosen with --half",
            )
        return [place[identity(name)] for name in names]


def _tell(done: int, of: int, text: str) -> None:
    """Show progress on one line of a terminal; files are spared it."""
    if sys.stderr.isatty():
        share = f"{100 * done // of:3d} %  " if of else ""
        print(f"\r\x1b[K{share}{text}", end="\n" if of and done >= of else "", file=sys.stderr, flush=True)


def _one_of(given: Namespace, options: Sequence[str]) -> str:
    """Return the one option that is given.

    Raises
    ------
    UserError
        When none or more than one is.
    """
    chosen = [option for option in options if getattr(given, option) not in (None, False, [])]
    names = [f"--{option.replace('_', '-')}" for option in options]
    if len(chosen) != 1:
        said = "Only one" if chosen else "One"
        raise UserError(f"{said} of {', '.join(names)} is needed")
    return chosen[0]


# -- maps ----------------------------------------------------------------------------------------------------


def _map(opened: Opened, given: Namespace) -> Path:
    import numpy as np

    from jobs.explore.tracks import state_along

    model = opened.model
    which = _one_of(given, ("particle", "latent", "component", "consensus"))
    z: NDArray[np.floating] | None = None
    if which == "particle":
        z, title = model.embedding[opened.rows([given.particle])[0]], f"state of {given.particle}"
    elif which == "latent":
        z, title = np.array(_numbers(given.latent), np.float32), f"latent state {given.latent}"
    elif which == "component":
        z = state_along(model.embedding, given.component, given.at)
        title = f"component {given.component} at {given.at}"
    else:
        title = "consensus"
    path = opened.exporter.save_map(z, title, atoms=given.atoms)
    _print_notes(opened)
    return path


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise UserError(
            f"--latent: '{text}' is no list of numbers", hint="Such as --latent=0.5,-1.2"
        ) from None


# -- movies --------------------------------------------------------------------------------------------------


def _movie(opened: Opened, given: Namespace) -> Path:
    import numpy as np

    from jobs.explore.tracks import coordinate, principal

    made, title = _series(opened, given)
    found = principal(opened.model.embedding)
    # the plane of the first two components, also for models of one coordinate
    axes = [coordinate(made, found, k + 1) for k in range(min(2, len(found.axes)))]
    plane = np.stack([axes[0], axes[1] if len(axes) > 1 else np.zeros(len(made))], axis=1)
    folder = opened.exporter.save_movie(made, plane=plane, atoms=given.atoms, title=title, progress=_tell)
    _print_notes(opened)
    return folder


def _series(opened: Opened, given: Namespace) -> tuple[NDArray[np.float32], str]:
    from jobs.explore import paths, tracks
    from jobs.explore.movies import read_states

    latent = opened.model.embedding
    if given.frames is not None and given.frames < 2:
        raise UserError(f"a movie has two frames or more, not {given.frames}")
    frames = given.frames or tracks.FRAMES
    ways = ("component", "dense", "path") if given.dense else ("component", "through", "path")
    which = _one_of(given, ways)
    if which == "component":
        if not 0 <= given.low < given.high <= 100:
            raise UserError("--low and --high are percentiles from 0 to 100, the low one first")
        made = tracks.along_component(
            latent, given.component, frames, given.low, given.high, straight=given.straight
        )
        return made, f"along component {given.component}"
    if which == "path":
        made = read_states(given.path, latent.shape[1])
        made = made if given.frames is None else tracks.through(made, given.frames)
        return made, f"states of {given.path.name}"
    rows = opened.rows([name for name in (given.through or "").split(",") if name])
    if which == "through":
        return tracks.through(latent[rows], frames), f"through {given.through}"
    anchors = rows if rows else list(paths.default_anchors(latent))
    path = paths.dense_path(latent, anchors, progress=_tell)
    return tracks.along_rows(latent, path, frames), "along crowded regions"


# -- models of particles -------------------------------------------------------------------------------------


def _models(opened: Opened, given: Namespace) -> Path:
    from jobs.explore.particle_lists import wanted_names
    from jobs.explore.particle_models import check_number

    root = Path(opened.project.path)
    names = wanted_names(given.particles, lambda: particle_file_of(root, opened.name, opened.job_type))
    hint = f"Give --most {len(names)} to write them all, with --one-file into one file"
    check_number(len(names), given.most, hint)
    others = {} if given.half is not None else opened.other_half(names)
    folder = opened.exporter.save_models(
        names, given.atoms, others=others, one_file=given.one_file, progress=_tell
    )
    _print_notes(opened)
    return folder


# -- subsets -------------------------------------------------------------------------------------------------


def _subset(opened: Opened, given: Namespace) -> Path:
    mask = _chosen(opened, given)
    names = [str(name) for name in opened.model.metadata["image_name"][mask]]
    print(f"{len(names):,} of {len(mask):,} particles are chosen", file=sys.stderr)
    if given.register and (given.cs is not None or given.indices):
        raise UserError("--register is for RELION's subsets, not for --cs or --indices")
    star = particle_file_of(Path(opened.project.path), opened.name, opened.job_type)
    if given.cs is not None:
        return opened.exporter.save_cs(given.cs, names, star=star)
    if given.indices:
        return opened.exporter.save_indices(star, names)
    path = opened.exporter.save_subset(star, names)
    if given.register:
        inside = str(path.relative_to(opened.project.path))
        opened.project.add_outputs(opened.name, [(inside, SUBSET_LABEL)])
    return path


def _chosen(opened: Opened, given: Namespace) -> NDArray[np.bool_]:
    import numpy as np

    from jobs.explore import choosing, clusters, subsets

    model = opened.model
    count = len(model.embedding)
    masks: list[NDArray[np.bool_]] = []
    if given.where:
        masks += [choosing.choose(choosing.columns_of(model), given.where, any_of=given.any)]
    if given.inside_cluster is not None:
        if not 1 <= given.inside_cluster <= given.clusters:
            raise UserError(f"--inside-cluster is a number from 1 to {given.clusters}")
        labels = clusters.clusters(model.embedding, given.method, given.clusters, given.seed)
        masks.append(labels == given.inside_cluster - 1)
    if given.names is not None:
        masks.append(np.zeros(count, bool))
        masks[-1][opened.rows(subsets.read_names(given.names))] = True
    if not masks:
        raise UserError("One of --where, --inside-cluster, --names is needed")
    joined = np.logical_or.reduce(masks) if given.any else np.logical_and.reduce(masks)
    return ~joined if given.invert else joined


# -- embeddings ----------------------------------------------------------------------------------------------


def _embedding(opened: Opened, given: Namespace) -> Path:
    import os

    from jobs.core.exploring import Basis, EmbeddingRequest
    from jobs.explore.embeddings import embed
    from jobs.formats.files import replacing

    by: Basis = "deformation" if given.by_deformation else "latent"
    request = EmbeddingRequest(given.method, by, given.seed, given.neighbours, given.perplexity)
    model = opened.model
    features = model.features() if given.by_deformation else None
    placed = embed(model.embedding, features, request, _tell, threads=os.cpu_count() or 1)
    rows = zip(model.metadata["image_name"], placed.coordinates.tolist(), strict=True)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["image_name", *placed.names])
    lines.writerows([name, *(f"{value:.9g}" for value in row)] for name, row in rows)
    with replacing(given.out) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))
    path: Path = given.out
    return path


def _print_notes(opened: Opened) -> None:
    for note in opened.exporter.notes:
        print(f"Note: {note}", file=sys.stderr)


ACTIONS: dict[str, Callable[[Opened, Namespace], Path]] = {
    "map": _map,
    "movie": _movie,
    "models": _models,
    "subset": _subset,
    "embedding": _embedding,
}
