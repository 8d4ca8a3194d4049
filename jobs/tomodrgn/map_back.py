"""Put each particle's own volume, one map, or a marker where the particle is, as a scene for ChimeraX."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.placing import placements
from jobs.formats.files import replacing
from jobs.tomodrgn.artiax import write_artiax
from jobs.tomodrgn.chimerax_scene import LabelColours, scene_script
from jobs.tomodrgn.scene_maps import SceneMaps, decoder_of, prefix_of
from jobs.tomodrgn.scene_order import SceneOrder
from jobs.tomodrgn.scene_particles import SceneParticles, gather, scene_colours, wanted_tomograms

SCRIPT: Final = "mapback.cxc"
LABEL_FILE: Final = "rgba_labels.txt"
ARTIAX: Final = "artiax.star"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class WrittenScene:
    """One script, how many particles it shows, all files of it but maps, and what was assumed."""

    path: Path
    n: int
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def write_scenes(
    order: SceneOrder, device: str = "cpu", progress: Progress = lambda done, of: None
) -> list[WrittenScene]:
    """Write the scene of each tomogram; particles whose place is not known are left out.

    Raises
    ------
    UserError
        When something that the mode needs is missing, or files do not belong together.
    """
    known = gather(order)
    tomograms = wanted_tomograms(order, known.places)
    one_file = order.out.suffix.lower() in (".cxc", ".cxs")
    if one_file and len(tomograms) > 1:
        raise UserError(
            f"a single script shows one tomogram, but there are {len(tomograms)}: {', '.join(tomograms[:5])}",
            path=order.out,
            hint="Name one with --tomoname, or give a folder (--outdir) for all",
        )
    decode = decoder_of(order, known, device)
    usable = known.places.oriented if order.mode != "markers" else known.places.known
    chosen = {t: np.flatnonzero((known.places.tomogram == t) & usable) for t in tomograms}
    total = sum(len(rows) for rows in chosen.values())
    if not total:
        raise UserError("of none of the particles place and orientation are known", path=order.star)
    colours = scene_colours(order, known)
    written, done = [], 0
    for tomogram, rows in chosen.items():
        if not len(rows):
            continue
        target = order.out.with_suffix(".cxc") if one_file else order.out / folder_name(tomogram) / SCRIPT
        target.parent.mkdir(parents=True, exist_ok=True)
        maps = decode(rows, target, _counted(progress, done, total)) if decode is not None else None
        done += len(rows)
        written.append(_write(order, known, tomogram, rows, target, maps, colours))
        progress(done, total)
    return written


def _counted(progress: Progress, begun: int, total: int) -> Callable[[int], None]:
    return lambda k: progress(begun + k, total)


def folder_name(tomogram: str) -> str:
    """Return the folder of a tomogram's scene."""
    return "tomo_" + (tomogram.replace("/", "_").replace("\\", "_") or "unnamed")


def _write(
    order: SceneOrder,
    known: SceneParticles,
    tomogram: str,
    rows: NDArray[np.int64],
    target: Path,
    maps: SceneMaps | None,
    colours: LabelColours | None,
) -> WrittenScene:
    places = known.places.select(rows)
    here = colours.select(rows) if colours is not None else None
    if maps is None:
        turn = np.where(np.isfinite(places.rotation), places.rotation, np.eye(3))
        matrices = placements(turn, places.centre_a, 0, 1.0)
        names = None
    else:
        geometry = (maps.sides, maps.voxel_size_a, maps.origin_a)
        matrices = placements(places.rotation, places.centre_a, *geometry)
        names = [_relative(path, target.parent) for path in maps.paths]
    shown = _tomogram_file(order.tomogram_dir, tomogram)
    text = scene_script(
        matrices,
        here.hexes if here is not None else None,
        maps=names,
        voxel_size_a=maps.voxel_size_a if maps is not None and maps.restated else None,
        level=order.level,
        marker_radius_a=order.marker_radius_a,
        tomogram=_relative(shown, target.parent) if shown is not None else "",
        notes=(f"{len(rows):,} particles of {tomogram or 'a tomogram without a name'}", *places.notes),
    )
    files = [target]
    with replacing(target) as file:
        file.write(text.encode())
    if here is not None:
        files.append(target.parent / f"{prefix_of(target)}{LABEL_FILE}")
        with replacing(files[-1]) as file:
            file.write(here.table().encode())
    if order.artiax and places.oriented.all():
        files.append(target.parent / f"{prefix_of(target)}{ARTIAX}")
        write_artiax(files[-1], places, places.pixel_size_a or 1.0, _further(known, rows, here))
    return WrittenScene(target, len(rows), tuple(files), places.notes)


def _further(
    known: SceneParticles, rows: NDArray[np.int64], colours: LabelColours | None
) -> dict[str, NDArray[np.generic]]:
    """Columns of a particle list: labels, as they are and as classes from 1, and latent coordinates."""
    further: dict[str, NDArray[np.generic]] = {}
    if known.labels is not None and colours is not None:
        further["rlnClassNumber"] = colours.index + 1
        further["tomodrgnLabel"] = known.labels[rows]
    if known.z is not None and known.trained is not None:
        for k, axis in enumerate(known.z[known.trained[rows]].T):
            further[f"tomodrgnZ{k + 1}"] = axis
    return further


def _tomogram_file(folder: Path | None, tomogram: str) -> Path | None:
    """The reconstruction of a tomogram: the file whose name begins with its name."""
    if folder is None:
        return None
    if not folder.is_dir():
        raise UserError("there is no such folder", path=folder)
    stem = Path(tomogram).name.removesuffix(".tomostar")
    fits = [p for p in sorted(folder.iterdir()) if p.suffix in (".mrc", ".rec") and p.name.startswith(stem)]
    return fits[0] if fits else None


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.absolute(), folder.absolute()).replace("\\", "/")
