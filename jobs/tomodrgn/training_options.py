"""Options of a tomoDRGN job on the tab Training: images, their weights, and how the networks learn."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

#: Schedules by which the weight of the latent loss grows with the particles seen.
BETA_SCHEDULES: Final = ("a", "b", "c", "d", "e")
IMAGE_ORDERS: Final = ("unsorted", "dose_ascending", "random")


def _training(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="Training", kind=kind, **details)


class _LearningOptions(JobOptions):
    """Tab Training: how long, in which steps, towards what."""

    n_epochs: int = _training(
        20,
        "Number of epochs:",
        "How often every particle is looked at. Continuing a finished training, the number in all: 40 after "
        "20 adds 20.",
        kind=Kind.INTEGER,
        low=5,
        high=100,
        step=5,
        minimum=1,
        enabled="always",
        cli=("--num-epochs",),
    )
    batch_size: int = _training(
        8,
        "Particles per batch:",
        "How many particles are looked at together. Fewer give more steps per epoch and need less memory.",
        kind=Kind.INTEGER,
        low=1,
        high=64,
        step=1,
        minimum=1,
        cli=("--batch-size",),
    )
    learning_rate: float = _training(
        1e-4,
        "Learning rate:",
        "Size of the steps of the optimiser.",
        kind=Kind.NUMBER,
        minimum=1e-12,
        cli=("--lr",),
    )
    weight_decay: float = _training(
        0.0,
        "Weight decay:",
        "How strongly the weights of the networks are pulled towards zero.",
        kind=Kind.NUMBER,
        minimum=0,
        cli=("--wd",),
    )
    beta: str = _training(
        "",
        "Weight of the latent loss (optional):",
        "A number, or the letter of a schedule (a to e) by which it grows with the particles seen; schedules "
        "need the strength of control below. With that strength, the number is the divergence aimed at. "
        "Empty: 1 divided by the dimension of the latent space.",
        kind=Kind.TEXT,
        placeholder="1 / latent dimension",
        cli=("--beta",),
    )
    beta_control: float | None = _training(
        None,
        "Strength of controlled divergence (optional):",
        "Given: the divergence of the latent space is held at the value above, with this strength, instead "
        "of being weighted by it. 0.01 is a usual strength.",
        kind=Kind.NUMBER,
        minimum=0,
        cli=("--beta-control",),
    )
    fraction_train: float = _training(
        1.0,
        "Fraction of images to train on:",
        "Below 1, the other images of each particle are held back, and the latent places and volumes of both "
        "parts are compared at each checkpoint. At least one image remains in each part.",
        kind=Kind.NUMBER,
        low=0.3,
        high=1,
        step=0.1,
        minimum=0.01,
        maximum=1,
        cli=("--fraction-train",),
    )
    checkpoint_interval: int = _training(
        1,
        "Epochs between checkpoints:",
        "After so many epochs the networks and the latent places of all particles are written.",
        kind=Kind.INTEGER,
        low=1,
        high=20,
        step=1,
        minimum=1,
        enabled="always",
        cli=("--checkpoint",),
    )
    log_interval: int = _training(
        200,
        "Particles between lines of the log:",
        "How often the losses are written while an epoch runs.",
        kind=Kind.INTEGER,
        low=10,
        high=1000,
        step=10,
        minimum=1,
        enabled="always",
        cli=("--log-interval",),
    )
    seed: int = _training(
        50236,
        "Random seed:",
        "Source of all random numbers. The same seed gives the same result.",
        kind=Kind.INTEGER,
        minimum=0,
        maximum=2**31 - 1,
        cli=("--seed",),
    )
    gpu_id: str = _training(
        "0",
        "Which GPUs to use:",
        "Numbers of GPUs, as nvidia-smi counts; several, such as 0,1, share the training. Empty or cpu: no "
        "GPU. On a computer without any GPU the processor is used.",
        kind=Kind.GPU,
        multiple=True,
        enabled="always",
        cli=("--gpu-id",),
    )
    multigpu: bool = _training(
        False,
        "Use all GPUs of the computer?",
        "Yes: the training is shared by every GPU that is there, whatever the field above says.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--multigpu",),
    )
    amp: bool = _training(
        True,
        "Mixed precision?",
        "Yes: products of matrices are computed in 16 bits on a GPU that can, twice as fast or more. The "
        "losses are always summed in 32 bits. Without effect on the processor.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--amp",),
    )


class _WeightOptions(JobOptions):
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
        when="do_window",
        cli=("--window-r-outer",),
    )
    norm: str = _training(
        "",
        "Normalisation (optional):",
        "Two numbers, what is subtracted from Fourier coefficients and what they are divided by, such as "
        "'0 176.4'. Empty: 0, and the standard deviation of the data.",
        kind=Kind.TEXT,
        placeholder="from the data",
    )


class _ImageOptions(JobOptions):
    """Tab Training: which images of a particle are looked at, and how they are read."""

    sample_ntilts: int | None = _training(
        None,
        "Images per particle and epoch (optional):",
        "So many images of each particle are drawn at every look. Empty: all where the pooling allows it, "
        "for concatenate the smallest number that a particle has.",
        kind=Kind.INTEGER,
        minimum=1,
        cli=("--sample-ntilts",),
    )
    sequential_tilt_sampling: bool = _training(
        False,
        "Always the same images in order?",
        "Yes: the images of a particle come in the order of the file at every look. No: in random order, "
        "which makes the encoder depend less on it.",
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
    num_workers: int = _training(
        0,
        "Reading threads:",
        "Threads that fetch images ahead when they are kept on disk. 0: as many as are useful.",
        kind=Kind.INTEGER,
        low=0,
        high=16,
        step=1,
        minimum=0,
        enabled="always",
        cli=("--num-workers",),
    )
    prefetch_factor: int | None = _training(
        None,
        "Batches read ahead (optional):",
        "How many batches are fetched ahead when images are kept on disk. Empty: two.",
        kind=Kind.INTEGER,
        minimum=1,
        enabled="always",
        cli=("--prefetch-factor",),
    )
    persistent_workers: bool = _training(
        True,
        "Keep reading threads between epochs?",
        "Threads that read ahead live as long as the training; No is accepted and makes no difference.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--persistent-workers",),
    )
    pin_memory: bool = _training(
        True,
        "Pin memory?",
        "Yes: images on their way to a GPU lie in memory that is not swapped, which is faster.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--pin-memory",),
    )
    show_summary_stats: bool = _training(
        False,
        "Tell of every image distribution?",
        "Yes: the log says how tilts, doses and images per particle are distributed before the training.",
        kind=Kind.YESNO,
        cli=("--show-summary-stats",),
    )
    plot_format: str = _training(
        "png",
        "Format of plots:",
        "Of pictures that analyses write beside their numbers.",
        kind=Kind.CHOICE,
        choices=("png", "svgz"),
        enabled="always",
        cli=("--plot-format",),
    )
    verbose: bool = _training(
        False,
        "Tell more in the log?",
        "Yes: the log names shapes, sizes and timings as well.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--verbose",),
    )


# The bases are searched from the right, so the learning options come first on the tab.
class TrainingOptions(_ImageOptions, _WeightOptions, _LearningOptions):
    """Tab Training."""
