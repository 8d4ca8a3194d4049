"""Options of a tomoDRGN job on the tab Training: which images are looked at, and what of them counts."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

IMAGE_ORDERS: Final = ("unsorted", "dose_ascending", "random")


def _training(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="Training", kind=kind, **details)


class WeightOptions(JobOptions):
    """Tab Training: what of the images counts."""

    recon_dose_weight: bool = _training(
        False,
        "Model radiation damage?",
        "Yes: high frequencies fade with the dose as the critical exposure says, in the expected images and "
        "in the weights of the residuals. Needs the dose of each image.",
        kind=Kind.YESNO,
        cli=("--recon-dose-weight",),
    )
    recon_tilt_weight: bool = _training(
        False,
        "Model the loss of signal by tilt?",
        "Yes: images of tilted stages are expected to be weaker, by the cosine of the tilt.",
        kind=Kind.YESNO,
        cli=("--recon-tilt-weight",),
    )
    l_dose_mask: bool = _training(
        False,
        "Leave out damaged frequencies?",
        "Yes: Fourier pixels exposed to more than 2.5 times their critical dose are not evaluated, which is "
        "faster. Needs the dose of each image.",
        kind=Kind.YESNO,
        cli=("--l-dose-mask",),
    )
    dose_override: float | None = _training(
        None,
        "Dose per tilt (optional):",
        "Replaces the doses of the STAR file: the n-th image of each particle, in the order of the file, has "
        "received n times this dose.",
        kind=Kind.NUMBER,
        minimum=0,
        unit="e/Å²",
        cli=("--dose-override",),
    )
    do_window: bool = _training(
        True,
        "Window the images?",
        "Yes: images fade to zero outside a circle before they are transformed.",
        kind=Kind.YESNO,
        cli=("--window",),
    )
    window_r: float = _training(
        0.85,
        "Inner radius of the window:",
        "Up to here images keep their values, as a part of half the box.",
        kind=Kind.NUMBER,
        low=0.5,
        high=1,
        step=0.01,
        minimum=0,
        maximum=1.5,
        when="do_window",
        cli=("--window-r",),
    )
    window_r_outer: float = _training(
        0.99,
        "Outer radius of the window:",
        "From here on images are zero, as a part of half the box.",
        kind=Kind.NUMBER,
        low=0.5,
        high=1.4,
        step=0.01,
        minimum=0,
        maximum=1.5,
        when="do_window",
        cli=("--window-r-outer",),
    )
    norm: str = _training(
        "",
        "Normalisation (optional):",
        "Two numbers, what is subtracted from the Fourier (Hartley) coefficients of the images and what they "
        "are divided by, such as '0 176.4', as tomoDRGN states them: of transforms that are not scaled. "
        "Empty: 0, and the standard deviation of the noise.",
        kind=Kind.TEXT,
        placeholder="from the data",
    )


class ImageOptions(JobOptions):
    """Tab Training: which images of a particle are looked at, and how they are read."""

    sample_ntilts: int | None = _training(
        None,
        "Images per particle and epoch (optional):",
        "At every look so many images of each particle are drawn; a particle with fewer shows all it has. "
        "Empty: all. The latent places are found from all images in the end, with concatenate from the first "
        "so many.",
        kind=Kind.INTEGER,
        minimum=1,
        cli=("--sample-ntilts",),
    )
    sequential_tilt_sampling: bool = _training(
        False,
        "Always draw the first of them?",
        "Yes: the first images of each particle are looked at every time. No: others are drawn at random at "
        "every look. Without effect unless images are drawn. They always come in the order of the file.",
        kind=Kind.YESNO,
        cli=("--sequential-tilt-sampling",),
    )
    sort_ptcl_imgs: str = _training(
        "unsorted",
        "Order that decides which images stay:",
        "When only the first images of each particle are used: first in the file, by increasing dose, or "
        "at random.",
        kind=Kind.CHOICE,
        choices=IMAGE_ORDERS,
        cli=("--sort-ptcl-imgs",),
    )
    use_first_ntilts: int = _training(
        -1,
        "Use only the first images:",
        "Of each particle only so many images are used; particles with fewer keep those they have. -1: all.",
        kind=Kind.INTEGER,
        minimum=-1,
        cli=("--use-first-ntilts",),
    )
    use_first_nptcls: int = _training(
        -1,
        "Use only the first particles:",
        "Only so many particles of the file are used. -1: all.",
        kind=Kind.INTEGER,
        minimum=-1,
        cli=("--use-first-nptcls",),
    )
    lazy: bool = _training(
        False,
        "Keep the images on disk?",
        "Yes: transformed images are kept in a file of the job and read as needed, for data larger than the "
        "memory. No: they are kept in memory.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--lazy",),
    )
    show_summary_stats: bool = _training(
        False,
        "Tell of every image distribution?",
        "Yes: the log says how images per particle, doses, tilts, defocus and tomograms are distributed "
        "before the training.",
        kind=Kind.YESNO,
        cli=("--show-summary-stats",),
    )
    verbose: bool = _training(
        False,
        "Tell more in the log?",
        "Yes: the log names the sizes of networks and images, and how long reading took, as well.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--verbose",),
    )
