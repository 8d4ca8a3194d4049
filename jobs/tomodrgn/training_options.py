"""Options of a tomoDRGN job on the tab Training: how the networks learn; with those of the images."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option
from jobs.tomodrgn.image_options import ImageOptions, WeightOptions

#: Schedules by which the weight of the latent loss grows with the particles seen.
BETA_SCHEDULES: Final = ("a", "b", "c", "d", "e")


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
        "Below 1, the other images of each particle are held back, and its latent place is found from both "
        "parts at each checkpoint (z.N.train.pkl, z.N.test.pkl). At least one image teaches; of particles "
        "with several, at least one is held back.",
        kind=Kind.NUMBER,
        low=0.3,
        high=1,
        step=0.1,
        minimum=0.01,
        maximum=1,
        cli=("--fraction-train",),
    )
    pixel_fraction: float = _training(
        0.5,
        "Fraction of pixels per step:",
        "At each step the decoder is asked for this part of the Fourier pixels of each image, drawn anew "
        "each time: often those that tell much about the structure, seldom those near zeros of the CTF or at "
        "frequencies without signal. Rare ones count more, so that the result is right on average, and an "
        "epoch takes little more than this part of the time. 1: all pixels.",
        kind=Kind.NUMBER,
        low=0.2,
        high=1,
        step=0.1,
        minimum=0.01,
        maximum=1,
        cli=("--pixel-fraction",),
    )
    checkpoint_interval: int = _training(
        1,
        "Epochs between checkpoints:",
        "After so many epochs the networks and the latent places of all particles are written, and after the "
        "last. train_nn counts from the first epoch: with 5, epochs 1, 6, 11 and so on.",
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
        "Numbers of GPUs, as nvidia-smi counts; several, such as 0,1, share every batch of the training. "
        "Empty or cpu: no GPU. On a computer without any GPU the processor is used.",
        kind=Kind.GPU,
        multiple=True,
        enabled="always",
        cli=("--gpu-id",),
    )
    amp: bool = _training(
        True,
        "Mixed precision?",
        "Yes: the training multiplies matrices in 16 bits (bfloat16) on a GPU that can, which is faster. "
        "Sums, losses, and what is written are always of 32 bits. Without effect on the processor.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--amp",),
    )


# The bases are searched from the right, so the learning options come first on the tab.
class TrainingOptions(ImageOptions, WeightOptions, _LearningOptions):
    """Tab Training."""
