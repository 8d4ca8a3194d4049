"""What ``convergence_vae`` is told, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from jobs.tomodrgn.convergence_sketch import SketchOrder
from jobs.tomodrgn.convergence_words import Series, Verdict
from jobs.tomodrgn.eval_vol import VolumeOrder
from jobs.tomodrgn.volume_space import MaskOrder

Array = NDArray[Any]


@dataclass(frozen=True)
class ConvergenceSettings:
    """What is compared, and how.

    Attributes
    ----------
    epoch, interval
        Newest epoch (see :func:`jobs.tomodrgn.analyze.resolve_epoch`), and epochs between comparisons.
    out
        Folder to write to, None = ``convergence.<epoch>``.
    subset, subset_seed, umap_seed
        Particles in UMAPs at most (None = all), and seeds of their choice and of the layout.
    skip_umap, skip_volumes
        Take the UMAPs or volumes of an earlier run.
    sketch, volumes, mask
        How crowded places are found, volumes made, and masks.
    ground_truth
        Maps to compare with.
    n_test, test_box
        Particles of which volumes by taught and held-out images are compared, and their largest box.
    ending, device
        Format of plots, and where volumes are computed.
    """

    epoch: int | None = None
    interval: int = 5
    out: Path | None = None
    subset: int | None = 50_000
    subset_seed: int = 0
    umap_seed: int = 42
    skip_umap: bool = False
    skip_volumes: bool = False
    sketch: SketchOrder = field(default_factory=SketchOrder)
    volumes: VolumeOrder = field(default_factory=VolumeOrder)
    mask: MaskOrder = field(default_factory=MaskOrder)
    ground_truth: tuple[Path, ...] = ()
    n_test: int = 100
    test_box: int = 48
    ending: str = "png"
    device: str = "cpu"


@dataclass(frozen=True)
class Convergence:
    """What was found.

    Attributes
    ----------
    out
        Folder of the results.
    series, verdict
        The measures, and what they mean.
    vectors
        ``(E - 2, 3)`` see :func:`jobs.tomodrgn.convergence_latent.shifts`.
    """

    out: Path
    series: Series
    verdict: Verdict
    vectors: Array
