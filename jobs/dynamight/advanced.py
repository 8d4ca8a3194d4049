"""Tab Advanced of the DynaMight job: the original's command-line options, and those that are new here."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, Kind, option


def _advanced(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    """Declare an option that only the original's command line has: kept out of ``job.star``."""
    return option(
        default,
        label=label,
        help=help,
        tab="Advanced",
        kind=kind,
        in_job_star=False,
        **{"enabled": "new", "cli_task": "train", **details},
    )


class AdvancedOptions(JobOptions):
    """Tab Advanced: the original's command-line options, and those that are new here."""

    mask_file: str = _advanced(
        "",
        "Deformation mask (optional):",
        "Mask in the box of the map. Where it is 1 the molecule may move, where it is 0 it stays rigid; "
        "values between hold the motion back accordingly.",
        kind=Kind.INPUT_NODE,
        node_labels=("Mask3D.mrc", "Mask3D"),
        pattern="*.mrc *.map",
        cli=("--mask-file",),
    )
    particle_diameter: float | None = _advanced(
        None,
        "Particle diameter (optional):",
        "Diameter of the circle outside which images are set to zero. Empty: as large as the box allows.",
        kind=Kind.NUMBER,
        minimum=1,
        unit="Å",
        cli=("--particle-diameter",),
        cli_task="",
    )
    soft_edge_width: float = _advanced(
        20.0,
        "Width of the soft edge:",
        "Width of the smooth edge of that circle.",
        kind=Kind.NUMBER,
        low=0,
        high=50,
        step=1,
        minimum=0,
        unit="Å",
        cli=("--soft-edge-width",),
    )
    initial_resolution: float = _advanced(
        8.0,
        "Initial resolution:",
        "Resolution of the map that is reconstructed from the particles when no consensus map is given.",
        kind=Kind.NUMBER,
        low=3,
        high=30,
        step=0.5,
        minimum=0.1,
        unit="Å",
        cli=("--initial-resolution",),
    )
    n_gaussian_widths: int = _advanced(
        1,
        "Number of Gaussian widths:",
        "How many different widths the Gaussians may have; each Gaussian is a mixture of them.",
        kind=Kind.INTEGER,
        low=1,
        high=5,
        step=1,
        minimum=1,
        cli=("--n-gaussian-widths",),
    )
    n_latent_dimensions: int = _advanced(
        6,
        "Latent dimensions:",
        "How many numbers describe the state of one particle.",
        kind=Kind.INTEGER,
        low=1,
        high=16,
        step=1,
        minimum=1,
        cli=("--n-latent-dimensions", "--n-latent-dims"),
    )
    n_motion_modes: int = _advanced(
        24,
        "Motion modes:",
        "How many elementary motions the displacement of the molecule is composed of. A hinge needs two.",
        kind=Kind.INTEGER,
        low=4,
        high=64,
        step=4,
        minimum=1,
    )
    n_positional_encoding_dimensions: int = _advanced(
        4,
        "Positional encoding frequencies:",
        "How many frequencies per coordinate the network sees; more allow sharper borders between moving "
        "parts. 0: the bare coordinates.",
        kind=Kind.INTEGER,
        low=0,
        high=20,
        step=1,
        minimum=0,
        cli=("--n-positional-encoding-dimensions",),
    )
    n_linear_layers: int = _advanced(
        2,
        "Network layers:",
        "Hidden layers of the network that gives each Gaussian its displacement.",
        kind=Kind.INTEGER,
        low=1,
        high=16,
        step=1,
        minimum=1,
        cli=("--n-linear-layers",),
    )
    n_neurons_per_layer: int = _advanced(
        64,
        "Neurons per layer:",
        "Width of each of those layers.",
        kind=Kind.INTEGER,
        low=8,
        high=256,
        step=8,
        minimum=1,
        cli=("--n-neurons-per-layer",),
    )
    n_epochs: int = _advanced(
        150,
        "Maximum number of training epochs:",
        "After so many passes over the particles the training is brought to its end, converged or not.",
        kind=Kind.INTEGER,
        low=1,
        high=500,
        step=1,
        minimum=1,
        cli=("--n-epochs",),
    )
    n_warmup_epochs: int = _advanced(
        3,
        "Warm-up epochs:",
        "First epochs, in which only the scale and width of the Gaussians are fitted and nothing moves.",
        kind=Kind.INTEGER,
        low=0,
        high=20,
        step=1,
        minimum=0,
        cli=("--n-warmup-epochs",),
    )
    max_minutes: float | None = _advanced(
        None,
        "Time limit (optional):",
        "After this time the training is brought to its end with the results so far. Empty: no limit.",
        kind=Kind.NUMBER,
        minimum=0.01,
        unit="minutes",
        enabled="always",
    )
    batch_size: int = _advanced(
        64,
        "Batch size:",
        "Images per training step. It is lowered by itself when the GPU runs out of memory.",
        kind=Kind.INTEGER,
        low=8,
        high=512,
        step=8,
        minimum=1,
        cli=("--batch-size",),
    )
    weight_decay: float = _advanced(
        0.0,
        "Weight decay:",
        "Pull of the network's weights towards zero.",
        kind=Kind.NUMBER,
        low=0,
        high=0.1,
        step=0.001,
        minimum=0,
        cli=("--weight-decay",),
    )
    kld_factor: float = _advanced(
        1.0,
        "Latent prior weight:",
        "Weight of the prior of the particles' states. 1 is what the statistics ask for; less lets noise "
        "look like motion, more makes motions smaller.",
        kind=Kind.NUMBER,
        low=0,
        high=1,
        step=0.01,
        minimum=0,
        cli=("--kld-factor",),
    )
    consensus_update_rate: float = _advanced(
        1.0,
        "Consensus update rate:",
        "How fast the consensus structure follows the mean of the moved structures. 0: it stays as it is.",
        kind=Kind.NUMBER,
        low=0,
        high=1,
        step=0.05,
        minimum=0,
        cli=("--consensus-update-rate",),
    )
    consensus_update_decay: float = _advanced(
        0.95,
        "Consensus update decay:",
        "Factor by which that rate falls in each epoch that brings no improvement.",
        kind=Kind.NUMBER,
        low=0.5,
        high=1,
        step=0.01,
        minimum=0,
        maximum=1,
        cli=("--consensus-update-decay",),
    )
    consensus_update_pooled_particles: int = _advanced(
        0,
        "Particles per consensus update:",
        "How many particles are averaged for one update of the consensus structure. 0: all of them.",
        kind=Kind.INTEGER,
        low=0,
        high=1000,
        step=10,
        minimum=0,
        cli=("--consensus-update-pooled-particles",),
    )
    apply_bfactor: float = _advanced(
        0.0,
        "Fourier weight falloff:",
        "Falloff of the weight of fine detail at the start of the training: at the Nyquist frequency "
        "the weight is exp(-b). 0: all frequencies count alike.",
        kind=Kind.NUMBER,
        low=0,
        high=20,
        step=0.5,
        minimum=0,
        cli=("--apply-bfactor",),
    )
    use_data_normalization: bool = _advanced(
        True,
        "Weight by the noise?",
        "Yes: each frequency counts according to how much of it is noise in these images.",
        kind=Kind.YESNO,
        cli=("--use-data-normalization",),
    )
    combine_resolution: float = _advanced(
        8.0,
        "Combine resolution:",
        "How far the masks that are written with the consensus maps reach beyond the Gaussians.",
        kind=Kind.NUMBER,
        low=2,
        high=30,
        step=0.5,
        minimum=0.1,
        unit="Å",
        cli=("--combine-resolution",),
    )
    pose_refinement: bool = _advanced(
        False,
        "Refine poses?",
        "Yes: angles and shifts of the particles are improved along with the motion. Choose it when all of "
        "the molecule seems to move: that is what errors of the poses look like.",
        kind=Kind.YESNO,
    )
    validation_fraction: float = _advanced(
        0.1,
        "Validation fraction:",
        "Part of the particles that is held out of the training of both half-sets, to measure errors.",
        kind=Kind.NUMBER,
        low=0,
        high=0.5,
        step=0.05,
        minimum=0,
        maximum=0.5,
    )
    seed: int = _advanced(
        0,
        "Random seed:",
        "Start of all random numbers; the same seed gives the same result.",
        kind=Kind.INTEGER,
        minimum=0,
        maximum=2**31 - 1,
        cli_task="",
    )
    n_workers: int = _advanced(
        1,
        "Reading threads:",
        "How many threads read and prepare images ahead when they do not fit into memory.",
        kind=Kind.INTEGER,
        low=0,
        high=16,
        step=1,
        minimum=0,
        enabled="always",
        cli=("--n-workers",),
        cli_task="",
    )
