"""Options on the tab Tasks: analysis of the latent space, of volumes, paths through it, and convergence."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

MASKS: Final = ("none", "sphere", "tight", "soft")


def _task(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return option(default, label=label, help=help, tab="Tasks", kind=kind, enabled="continue", **details)


def _analyze(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return _task(default, label, help, kind=kind, when="do_analyze", **details)


class _AnalyzeOptions(JobOptions):
    """Tab Tasks: components, UMAP, groups and their volumes."""

    do_analyze: bool = _task(
        False,
        "Analyse the latent space?",
        "Principal components, UMAP, groups of particles by k-means, and volumes along the components and at "
        "the centres of the groups, with all plots, into analyze.N.",
        kind=Kind.YESNO,
    )
    analyze_groups: int = _analyze(
        20,
        "Groups of the k-means:",
        "Into how many groups particles are divided; a volume is made at the centre of each.",
        kind=Kind.INTEGER,
        low=2,
        high=100,
        step=1,
        minimum=1,
        cli=("--ksample",),
        cli_task="analyze",
    )
    analyze_pcs: int = _analyze(
        2,
        "Components with volumes:",
        "Along how many principal components ten volumes are made each.",
        kind=Kind.INTEGER,
        low=0,
        high=10,
        step=1,
        minimum=0,
        cli=("--pc",),
        cli_task="analyze",
    )
    analyze_percentiles: bool = _analyze(
        True,
        "Volumes at percentiles of the particles?",
        "Yes: volumes along a component stand at its 5th, 15th ... 95th percentile. No: at equal distances "
        "between the 5th and the 95th.",
        kind=Kind.YESNO,
    )
    analyze_ondata: bool = _analyze(
        False,
        "Only at states of particles?",
        "Yes: volumes along the components are made at the nearest particles, where the model has seen data.",
        kind=Kind.YESNO,
        cli=("--pc-ondata",),
        cli_task="analyze",
    )
    analyze_umap: bool = _analyze(
        True,
        "Make a UMAP?",
        "A plane in which particles that are alike lie together. The same seed gives the same picture.",
        kind=Kind.YESNO,
    )
    analyze_vol: bool = _analyze(
        True, "Make volumes?", "No: plots and groups only, which takes little time.", kind=Kind.YESNO
    )
    analyze_downsample: int | None = _analyze(
        None,
        "Box of these volumes (optional):",
        "An even number of voxels below the box of the images. Empty: the full box.",
        kind=Kind.INTEGER,
        minimum=2,
        unit="voxels",
    )
    analyze_lowpass: float | None = _analyze(
        None,
        "Filter of these volumes (optional):",
        "Resolution to which volumes are filtered.",
        kind=Kind.NUMBER,
        minimum=0.01,
        unit="Å",
    )
    analyze_flip: bool = _analyze(False, "Flip these volumes?", "Yes: volumes are mirrored.", kind=Kind.YESNO)
    analyze_invert: bool = _analyze(
        False, "Invert these volumes?", "Yes: the sign of all densities is changed.", kind=Kind.YESNO
    )


def _volumes(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return _task(default, label, help, kind=kind, when="do_analyze_volumes", **details)


def _traverse(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return _task(default, label, help, kind=kind, when="do_traverse", **details)


def _convergence(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return _task(default, label, help, kind=kind, when="do_convergence", **details)


class _ConvergenceOptions(JobOptions):
    """Tab Tasks: whether the training has come to rest."""

    do_convergence: bool = _task(
        False,
        "Has the training converged?",
        "Compares the epochs: how particles move in the latent space, and how like one another maps of the "
        "same state are. What that means is said in words, into convergence.N.",
        kind=Kind.YESNO,
    )
    convergence_interval: int = _convergence(
        5,
        "Epochs between comparisons:",
        "Maps are made at every so many epochs, and at the last.",
        kind=Kind.INTEGER,
        low=1,
        high=20,
        step=1,
        minimum=1,
    )
    convergence_downsample: int | None = _convergence(
        None,
        "Box of the compared maps (optional):",
        "An even number of voxels below the box of the images. Empty: the full box.",
        kind=Kind.INTEGER,
        minimum=2,
        unit="voxels",
    )
    convergence_mask: str = _convergence(
        "soft",
        "Mask of the maps:",
        "What part of the maps is compared: what is solid, with a soft edge or without, a sphere, or "
        "everything.",
        kind=Kind.CHOICE,
        choices=MASKS[::-1],
    )
    convergence_reference: str = _convergence(
        "",
        "Map to compare with (optional):",
        "Of a train_nn model needed: a map of the same box. Of a train_vae model: a map that is known to be "
        "true.",
        kind=Kind.FILE,
        pattern="*.mrc *.map",
        multiple=True,
    )


class _SpaceOptions(JobOptions):
    """Tab Tasks: volumes by their voxels, and ways through the latent space."""

    do_analyze_volumes: bool = _task(
        False,
        "Analyse volumes by their voxels?",
        "Principal components, UMAP and groups of a folder of volumes.",
        kind=Kind.YESNO,
    )
    volumes_folder: str = _volumes(
        "",
        "Folder of the volumes:",
        "Their names end on a number: what Make volumes writes.",
        kind=Kind.FOLDER,
        required=True,
    )
    volumes_pcs: int = _volumes(
        128,
        "Principal components:",
        "How many are kept; fewer where there are fewer volumes.",
        kind=Kind.INTEGER,
        low=2,
        high=256,
        step=1,
        minimum=1,
    )
    volumes_groups: int = _volumes(
        20,
        "Groups of volumes:",
        "Into how many groups volumes are divided.",
        kind=Kind.INTEGER,
        low=2,
        high=100,
        step=1,
        minimum=1,
    )
    volumes_mask: str = _volumes(
        "none",
        "Mask of the volumes:",
        "What part of the volumes counts: everything, a sphere, what is solid in any of them, or that with a "
        "soft edge.",
        kind=Kind.CHOICE,
        choices=MASKS,
    )
    volumes_mask_path: str = _volumes(
        "",
        "Own mask (optional):",
        "A map from 0 to 1 of the same box.",
        kind=Kind.FILE,
        pattern="*.mrc *.map",
    )
    do_traverse: bool = _task(
        False,
        "Find ways through the latent space?",
        "Writes latent places along the components, or from particle to particle between anchors, for "
        "Make volumes.",
        kind=Kind.YESNO,
    )
    traverse_anchors: str = _traverse(
        "",
        "Anchors (optional):",
        "Numbers of particles, from 0, through which the way leads, separated by blanks. Empty: straight "
        "along the components.",
        kind=Kind.TEXT,
    )
    traverse_points: int = _traverse(
        10,
        "Places along a component:",
        "Between the 5th and the 95th percentile of the particles.",
        kind=Kind.INTEGER,
        low=2,
        high=100,
        step=1,
        minimum=2,
    )
    traverse_percentiles: bool = _traverse(
        False,
        "Places at percentiles?",
        "Yes: as many particles lie between any two places. No: places are at equal distances.",
        kind=Kind.YESNO,
    )
    traverse_neighbours: int = _traverse(
        10,
        "Neighbours of a particle:",
        "A way between anchors steps from a particle to one of this many nearest.",
        kind=Kind.INTEGER,
        low=1,
        high=50,
        step=1,
        minimum=1,
    )
    traverse_average: float = _traverse(
        5.0,
        "Neighbours on average:",
        "The longest steps are left out until this many per particle remain. 0: none are.",
        kind=Kind.NUMBER,
        low=0,
        high=50,
        step=1,
        minimum=0,
    )


# The bases are searched from the right, so the analysis comes first on the tab.
class AnalysisOptions(_SpaceOptions, _ConvergenceOptions, _AnalyzeOptions):
    """Tab Tasks: what is found out about a training."""
