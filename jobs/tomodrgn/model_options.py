"""Options of a tomoDRGN job on the tab Model: the shapes of its networks."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

POOLINGS: Final = ("concatenate", "max", "mean", "median", "set_encoder")
ENCODINGS: Final = (
    *("geom_ft", "geom_full", "geom_lowf", "geom_nohighf"),
    *("linear_lowf", "gaussian", "none"),
)
ACTIVATIONS: Final = ("relu", "leaky_relu")


def _model(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    return option(default, label=label, help=help, tab="Model", kind=kind, enabled="new", **details)


def _layers(default: int, label: str, help: str, *cli: str) -> Any:
    return _model(
        default, label, help, kind=Kind.INTEGER, low=1, high=8, step=1, minimum=0, maximum=64, cli=cli
    )


def _nodes(default: int, label: str, help: str, *cli: str) -> Any:
    return _model(
        default,
        label,
        help,
        kind=Kind.INTEGER,
        low=32,
        high=1024,
        step=32,
        minimum=1,
        maximum=1 << 16,
        cli=cli,
    )


class ModelOptions(JobOptions):
    """Tab Model: encoder of each image, pooling over images, encoder of the particle, decoder."""

    do_consensus: bool = _model(
        True,
        "Learn differences from a consensus?",
        "Yes: all particles are reconstructed together first, and the networks learn how each differs from "
        "that, which is quicker and more accurate. No: they learn whole volumes, as the original does.",
        kind=Kind.YESNO,
        cli=("--consensus",),
    )
    do_linear_start: bool = _model(
        True,
        "Begin with a linear fit?",
        "Yes: before the first epoch particles are explained as the consensus plus at most eight volumes, "
        "one for each of the first latent coordinates, which is solved without training; the networks begin "
        "there. No: the latent space is learnt from nothing, as the original does. Without effect where "
        "there is no consensus or no latent space.",
        kind=Kind.YESNO,
        cli=("--linear-start",),
    )
    enc_layers_a: int = _layers(
        3,
        "Hidden layers of encoder A:",
        "Encoder A looks at each tilt image by itself. This is how many hidden layers it has.",
        "--enc-layers-A",
        "--enc-layers-a",
    )
    enc_dim_a: int = _nodes(
        256,
        "Nodes per layer of encoder A:",
        "Width of the hidden layers of the encoder of single tilt images.",
        "--enc-dim-A",
        "--enc-dim-a",
    )
    out_dim_a: int = _nodes(
        128,
        "Outputs of encoder A:",
        "How many numbers encoder A says about each tilt image; pooling brings those of all images of a "
        "particle together.",
        "--out-dim-A",
        "--out-dim-a",
    )
    enc_layers_b: int = _layers(
        1,
        "Hidden layers of encoder B:",
        "Encoder B turns what is pooled of a particle into its place in the latent space. This is how many "
        "hidden layers it has.",
        "--enc-layers-B",
        "--enc-layers-b",
    )
    enc_dim_b: int = _nodes(
        256,
        "Nodes per layer of encoder B:",
        "Width of the hidden layers of the encoder of particles; with set_encoder, of its attention.",
        "--enc-dim-B",
        "--enc-dim-b",
    )
    enc_mask: int | None = _model(
        None,
        "Encoder mask radius (optional):",
        "Fourier pixels within this radius are shown to the encoder. Empty: up to Nyquist, half the box. "
        "-1: all, the corners beyond Nyquist too.",
        kind=Kind.INTEGER,
        minimum=-1,
        unit="pixels",
        placeholder="half the box",
        cli=("--enc-mask",),
    )
    pooling_function: str = _model(
        "concatenate",
        "Pooling over tilt images:",
        "How the images of a particle are brought together. concatenate: one after another, in a fixed "
        "order. max, mean, median: number by number, whatever their count. set_encoder: by attention, the "
        "most powerful and the slowest.",
        kind=Kind.CHOICE,
        choices=POOLINGS,
        cli=("--pooling-function",),
    )
    num_seeds: int = _model(
        1,
        "Seeds of the set encoder:",
        "Number of learnt questions that set_encoder asks of the images of a particle. Without effect for "
        "other poolings.",
        kind=Kind.INTEGER,
        low=1,
        high=4,
        step=1,
        minimum=1,
        cli=("--num-seeds",),
    )
    num_heads: int = _model(
        4,
        "Attention heads of the set encoder:",
        "Must divide the nodes per layer of encoder B. Without effect for other poolings than set_encoder.",
        kind=Kind.INTEGER,
        low=1,
        high=16,
        step=1,
        minimum=1,
        cli=("--num-heads",),
    )
    layer_norm: bool = _model(
        False,
        "Normalise layers of the set encoder?",
        "Yes: each attention block of set_encoder is followed by a normalisation of its layer. Without "
        "effect for other poolings.",
        kind=Kind.YESNO,
        cli=("--layer-norm",),
    )
    dec_layers: int = _layers(
        3,
        "Hidden layers of the decoder:",
        "The decoder gives the Fourier coefficient of the volume at any spatial frequency. This is how many "
        "hidden layers it has.",
        "--dec-layers",
        "--layers",
    )
    dec_dim: int = _nodes(
        256,
        "Nodes per layer of the decoder:",
        "Width of the hidden layers of the decoder. 512 or more describe finer detail and take longer.",
        "--dec-dim",
        "--dim",
    )
    l_extent: float = _model(
        0.5,
        "Extent of the coordinate lattice:",
        "Largest coordinate handed to the decoder; 0.5 is Nyquist in cycles per pixel. Other values matter "
        "only without positional encoding.",
        kind=Kind.NUMBER,
        minimum=0.001,
        cli=("--l-extent",),
    )
    pe_type: str = _model(
        "geom_lowf",
        "Positional encoding:",
        "How a spatial frequency is presented to the decoder. geom_lowf favours low resolution, geom_ft and "
        "geom_full reach high resolution, gaussian draws random waves, none hands over the coordinates.",
        kind=Kind.CHOICE,
        choices=ENCODINGS,
        cli=("--pe-type",),
    )
    pe_dim: int | None = _model(
        None,
        "Features per axis (optional):",
        "Number of waves of the positional encoding along each axis. Empty: half the box.",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=1024,
        placeholder="half the box",
        cli=("--pe-dim",),
    )
    feat_sigma: float = _model(
        0.5,
        "Spread of gaussian features:",
        "Standard deviation of the random waves of the gaussian encoding, as a part of Nyquist. Larger "
        "values reach finer detail and fit more noise.",
        kind=Kind.NUMBER,
        low=0.1,
        high=2,
        step=0.1,
        minimum=0.001,
        cli=("--feat-sigma",),
    )
    activation: str = _model(
        "relu",
        "Activation:",
        "What follows each hidden layer of all networks.",
        kind=Kind.CHOICE,
        choices=ACTIVATIONS,
        cli=("--activation",),
    )
