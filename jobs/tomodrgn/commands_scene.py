"""``tomodrgn subtomo2chimerax``: particles, or their own volumes, where they are in the cell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jobs.core.errors import UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.tomodrgn.scene_order import MODES
from jobs.tomodrgn.terminal import Terminal, device_named


def add_subtomo2chimerax(commands: Any) -> None:
    """Add the parser of ``subtomo2chimerax`` to the others."""
    parser = commands.add_parser(
        "subtomo2chimerax",
        help="write scenes for ChimeraX and ArtiaX",
        description="Write a ChimeraX script per tomogram that puts each particle's own volume, one map, or "
        "a marker where the particle is, coloured by labels, and a particle list that ArtiaX and RELION 5 "
        "read. The state of a particle is found by its name, never by its row.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "input", type=Path, help="STAR file with coordinates, optimisation set, or folder of a training (job)"
    )
    add("-o", "--out-file", dest="o", type=Path, help="one script, ….cxc, for one tomogram (--tomoname)")
    add("--outdir", type=Path, help="folder for tomo_<name>/mapback.cxc of every tomogram")
    add("--mode", choices=MODES, help="what is shown [volumes with a model or folder, volume with a map]")
    add("--coordinates", type=Path, help="volume series of the same particles, where the input has no places")
    add("--tomoname", nargs="+", default=(), help="tomograms (or parts of their names) to write [all]")
    add("--tomo-id-col", default="", help="column with the name of the tomogram [found]")
    add(
        *("--star-apix-override", "--star-angpix-override", "--apix"),
        dest="apix",
        type=float,
        metavar="Å",
        help="pixel size of the coordinates [as the file states]",
    )
    add("--vol-path", "--vol", dest="volume", type=Path, help="map for all particles (mode volume)")
    add("--vols-dir", type=Path, help="folder of volumes numbered like the particles, instead of decoding")
    add(
        *("--vol-apix-override", "--vol-angpix-override", "--vols-apix-override"),
        dest="volume_apix",
        type=float,
        metavar="Å",
        help="voxel size of the map, where its header states none",
    )
    add("-w", "--weights", type=Path, help="weights.pkl or weights.N.pkl (mode volumes)")
    add("-c", "--config", type=Path, help="config.pkl [beside the weights]")
    add("--zfile", type=Path, help="latent places of the particles of the training [those of the folder]")
    add("-d", "--downsample", type=int, help="box of decoded volumes [that of the images]")
    add("--lowpass", type=float, metavar="Å", help="resolution to which volumes are filtered [not filtered]")
    add("--flip", action="store_true", help="flip the handedness of volumes [no]")
    add("--invert", action="store_true", help="invert the contrast of volumes [no]")
    add("-b", "--batch-size", type=int, default=8, help="volumes computed together [8]")
    add("--gpu-id", default="0", help="GPU to use, or cpu [0 where there is one]")
    add("--coloring-labels", "--labels", dest="labels", type=Path, help="a label for each particle")
    add(
        *("--colormap", "--matplotlib-colormap"),
        default="",
        help="matplotlib colour map for the labels [ten colours in turn]",
    )
    add(
        *("--vol-render-level", "--vols-render-level"),
        dest="level",
        type=float,
        default=0.5,
        help="contour level [0.5]",
    )
    add("--marker-radius-angstrom", type=float, default=100.0, metavar="Å", help="radius of markers [100]")
    add("--tomogram-dir", type=Path, help="folder of reconstructed tomograms, which are shown as well [none]")
    add("--no-artiax", action="store_true", help="do not write artiax.star beside each script")
    add("--datadir", type=Path, help="folder of the images, when they are not where the file says")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from jobs.tomodrgn.map_back import write_scenes
    from jobs.tomodrgn.scene_order import SceneOrder

    if (given.o is None) == (given.outdir is None):
        raise UserError("one of --outdir and -o is needed", hint="--outdir FOLDER writes all tomograms")
    if given.batch_size < 1:
        raise UserError("--batch-size is at least 1")
    folder, star = _training(given)
    mode = given.mode or _mode(given, folder is not None)
    order = SceneOrder(
        star=star,
        mode=mode,
        out=given.outdir if given.o is None else _script_name(given.o),
        coordinates=given.coordinates,
        tomograms=tuple(given.tomoname),
        tomogram_column=given.tomo_id_col,
        apix=given.apix,
        volume=given.volume,
        volume_dir=given.vols_dir,
        volume_apix=given.volume_apix,
        folder=folder,
        weights=given.weights,
        zfile=given.zfile,
        box=given.downsample,
        lowpass_a=given.lowpass,
        flip=given.flip,
        invert=given.invert,
        batch=given.batch_size,
        labels=given.labels,
        colour_map=given.colormap,
        level=given.level,
        marker_radius_a=given.marker_radius_angstrom,
        tomogram_dir=given.tomogram_dir,
        artiax=not given.no_artiax,
        datadir=given.datadir,
    )
    terminal = Terminal()
    device = device_named(given.gpu_id, terminal) if mode == "volumes" else "cpu"
    scenes = write_scenes(order, device, lambda done, of: terminal.progress("particles", done, of))
    for scene in scenes:
        terminal.say(" ".join([f"{scene.n:,} particles.", *scene.notes]))
        terminal.result(str(scene.path))
    return EXIT_SUCCESS


def _training(given: argparse.Namespace) -> tuple[Any, Path | None]:
    """The training, if one is named, and the particle file unless it is that of the training."""
    from jobs.tomodrgn.job_config import CONFIG, read_config
    from jobs.tomodrgn.old_folders import TrainedFolder, open_folder

    if given.input.is_dir():
        return open_folder(given.input), None
    if given.weights is None and given.config is None:
        return None, given.input
    if given.weights is not None and not given.weights.is_file():
        raise UserError("the weights do not exist", path=given.weights)
    beside = given.weights.parent if given.weights is not None else given.config.parent
    config = given.config or beside / CONFIG
    return TrainedFolder(beside.absolute(), read_config(config)), given.input


def _mode(given: argparse.Namespace, trained: bool) -> str:
    if given.volume is not None:
        return "volume"
    if given.vols_dir is not None or given.weights is not None or (trained and given.input.is_dir()):
        return "volumes"
    return "markers"


def _script_name(path: Path) -> Path:
    """ChimeraX runs scripts by the ending ``.cxc``; ``.cxs`` is that of its sessions."""
    return path.with_suffix(".cxc")
