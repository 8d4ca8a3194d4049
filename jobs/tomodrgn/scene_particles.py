"""What is known of the particles of a scene: places, states and labels, brought together by identity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.placing import Places
from jobs.formats.index_files import read_labels
from jobs.formats.particle_identity import find_particles
from jobs.formats.placed_particles import places_for, places_of, read_places
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.chimerax_scene import LabelColours, colours_of
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.scene_order import SceneOrder


@dataclass(frozen=True, eq=False)
class SceneParticles:
    """All particles of the order: places, which particle of the training each is (-1: none), z, labels."""

    places: Places
    trained: NDArray[np.int64] | None
    z: NDArray[np.float32] | None
    labels: NDArray[Any] | None


def gather(order: SceneOrder) -> SceneParticles:
    """Read what a scene needs to know.

    Raises
    ------
    UserError
        When files are missing or do not belong together.
    """
    trained: TiltParticles | None = None
    if order.folder is not None:
        trained = order.folder.particles(order.project_dir)
    places = _places(order, trained)
    index = None
    if trained is not None:
        # by identity: the order of the rows of the two files need not be the same
        index = _rows_in(trained, places, order)
        there = index >= 0
        if not there.all():
            note = f"{int((~there).sum()):,} particles were not trained on and are left out."
            places, index = replace(places.select(there), notes=(*places.notes, note)), index[there]
    z = None
    if order.mode == "volumes" and order.volume_dir is None:
        z = _latent(order, trained)
    labels = None
    if order.labels is not None:
        labels = _labels(order, places, trained, index)
    return SceneParticles(places, index, z, labels)


def _places(order: SceneOrder, trained: TiltParticles | None) -> Places:
    source = order.coordinates or order.star
    if source is None:
        if trained is None:
            raise UserError("no particles were given", hint="Give a STAR file, or the folder of a training")
        places = places_of(trained)
    else:
        places = read_places(
            source,
            order.project_dir,
            apix=order.apix,
            tomogram_column=order.tomogram_column,
            datadir=order.datadir,
        )
        if order.coordinates is not None and order.star is None and trained is not None:
            places = places_for(trained, places, order.coordinates, trained.particle_name)
        elif order.coordinates is not None and order.star is not None:
            wanted = read_tilt_particles(
                order.star, order.project_dir, datadir=order.datadir, require_images=False
            )
            places = places_for(wanted, places, order.coordinates, wanted.particle_name)
    if not places.known.any():
        raise UserError(
            "the file does not say where the particles are",
            path=source or (trained.path if trained is not None else None),
            hint="Give the volume series of the same particles as well (--coordinates)",
        )
    return places


def _rows_in(trained: TiltParticles, places: Places, order: SceneOrder) -> NDArray[np.int64]:
    path = order.coordinates or order.star or trained.path
    return find_particles(trained.particle_name, places.name, path)


def _latent(order: SceneOrder, trained: TiltParticles | None) -> NDArray[np.float32]:
    if order.folder is None or trained is None:
        raise UserError(
            "one volume for each particle needs a training",
            hint="Give -w weights.pkl and -c config.pkl, the folder of the training, or --vols-dir",
        )
    mean = read_latent(order.zfile)[0] if order.zfile is not None else order.folder.latent()[0]
    if len(mean) != trained.n:
        raise UserError(
            f"there are latent places of {len(mean):,} particles, but {trained.n:,} in the "
            "file of the training",
            path=order.zfile or order.folder.path,
        )
    return np.asarray(mean, np.float32)


def _labels(
    order: SceneOrder, places: Places, trained: TiltParticles | None, index: NDArray[np.int64] | None
) -> NDArray[Any]:
    """Labels `(P,)` of the particles of the scene."""
    assert order.labels is not None
    n = len(places.name)
    if trained is not None and index is not None:
        # in the order of the training, as analyses write them, and then found by identity
        return np.asarray(read_labels(order.labels, trained.n))[index]
    return np.asarray(read_labels(order.labels, n))


def wanted_tomograms(order: SceneOrder, places: Places) -> list[str]:
    """Return the tomograms to show; raises UserError for one that is not there."""
    names = [str(t) for t in dict.fromkeys(places.tomogram[places.known].tolist())]
    if not order.tomograms:
        return names
    found = []
    for part in order.tomograms:
        fits = [n for n in names if n == part] or [n for n in names if part in n]
        if not fits:
            raise UserError(
                f"there is no tomogram {part}",
                path=order.star,
                hint=f"There are {', '.join(names[:8])}{' …' if len(names) > 8 else ''}",
            )
        found += fits
    return list(dict.fromkeys(found))


def scene_colours(order: SceneOrder, known: SceneParticles) -> LabelColours | None:
    """Return the colours of all particles, None without labels; raises UserError for odd labels."""
    if known.labels is None:
        return None
    if known.labels.dtype.kind not in "iufb":
        raise UserError("labels that are numbers are expected", path=order.labels)
    if not np.isfinite(known.labels.astype(float)).all():
        raise UserError("some particles of the scene have no label", path=order.labels)
    try:
        return colours_of(known.labels, order.colour_map)
    except ValueError:
        raise UserError(
            f"matplotlib knows no colour map {order.colour_map}", hint="Such as viridis, tab10 or Set2"
        ) from None
