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


class AnalysisOptions(_AnalyzeOptions):
    """Tab Tasks: what is found out about a training."""
