"""What a scene for ChimeraX is to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.tomodrgn.old_folders import TrainedFolder

MODES: Final = ("volumes", "volume", "markers")


@dataclass(frozen=True)
class SceneOrder:
    """What a scene is to show.

    Attributes
    ----------
    star
        Particles: a volume series, an image series or an optimisation set; None for those of the training.
    mode
        ``volumes``: one decoded for each particle (or those of `volume_dir`); ``volume``: the same map for
        all; ``markers``.
    out
        Folder in which ``tomo_<name>/mapback.cxc`` are written, or one script (``….cxc``).
    coordinates
        Volume series with the places of the same particles, where `star` does not state them.
    tomograms
        Names, or parts of names, of tomograms; all when empty.
    tomogram_column
        Column with the name of the tomogram; found when empty.
    apix
        Å per pixel of the coordinates; as stated when None.
    volume, volume_dir, volume_apix
        The map of ``volume``; a folder of numbered volumes; their voxel size when the header is wrong.
    folder, weights, zfile
        A training, its weights (the final ones when None), and other latent places of its particles.
    box, lowpass_a, flip, invert, batch
        Of decoded volumes.
    labels, colour_map
        A label for each particle of the training (or of `star`), and a matplotlib colour map.
    level, marker_radius_a
        Contour level, and radius of markers.
    tomogram_dir
        Folder of reconstructed tomograms, which the script shows as well; not when None.
    artiax
        Whether a particle list for ArtiaX and RELION 5 is written beside each script.
    datadir, project_dir
        Folders of images, and of the project.
    """

    star: Path | None
    mode: str
    out: Path
    coordinates: Path | None = None
    tomograms: tuple[str, ...] = ()
    tomogram_column: str = ""
    apix: float | None = None
    volume: Path | None = None
    volume_dir: Path | None = None
    volume_apix: float | None = None
    folder: TrainedFolder | None = None
    weights: Path | None = None
    zfile: Path | None = None
    box: int | None = None
    lowpass_a: float | None = None
    flip: bool = False
    invert: bool = False
    batch: int = 8
    labels: Path | None = None
    colour_map: str = ""
    level: float = 0.5
    marker_radius_a: float = 100.0
    tomogram_dir: Path | None = None
    artiax: bool = True
    datadir: Path | None = None
    project_dir: Path | None = None
