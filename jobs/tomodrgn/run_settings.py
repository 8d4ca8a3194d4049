"""What the parts of a training are told, made of the options of a job."""

from __future__ import annotations

import dataclasses
import math
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.errors import UserError
from jobs.core.options import gpu_words
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.contrast import stated_contrast
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.words import numbers_of

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions


def training_settings(options: TomoDrgnOptions, seed: int) -> TrainingSettings:
    """How the networks learn."""
    beta: float | str | None = None
    if options.beta:
        values = numbers_of(options.beta)
        beta = values[0] if values else options.beta
    return TrainingSettings(
        epochs=options.n_epochs,
        batch_size=options.batch_size,
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        beta=beta,
        beta_control=options.beta_control,
        checkpoint_every=options.checkpoint_interval,
        seed=seed,
        fraction_train=options.fraction_train,
        consensus=options.do_consensus,
        linear=options.do_linear_start,
        sample_ntilts=options.sample_ntilts,
        sequential=options.sequential_tilt_sampling,
        shown_ntilts=options.sample_ntilts if options.pooling_function == "concatenate" else None,
        amp=options.amp,
        pixel_fraction=options.pixel_fraction,
    )


def model_settings(options: TomoDrgnOptions, particles: TiltParticles, seed: int) -> ModelSettings:
    """Shapes of the networks.

    Raises
    ------
    UserError
        When a latent space is wanted but has no dimension.
    """
    vae = options.model_kind == "train_vae"
    if vae and options.zdim is None:
        raise UserError("the dimension of the latent space is not given", hint="Give --zdim, such as 8")
    names = {field.name for field in dataclasses.fields(ModelSettings)}
    # Shapes have the same names here and there.
    shared = {name: value for name, value in options.model_dump().items() if name in names}
    n_tilts = int(particles.counts.max())
    if options.pooling_function == "concatenate" and options.sample_ntilts:
        n_tilts = min(n_tilts, options.sample_ntilts)
    shared |= {
        "box": particles.box,
        "pixel_size_a": particles.pixel_size_a,
        "zdim": options.zdim if vae else 0,
        "n_tilts": n_tilts,
        "seed": seed,
    }
    return ModelSettings(**shared)


def sample_options(options: TomoDrgnOptions, box: int, sign: int) -> SampleOptions:
    """How images ``box`` pixels wide become samples."""
    stated = numbers_of(options.norm) if options.norm else None
    shift, scale = own_norm(stated[0], stated[1], box) if stated else (0.0, None)
    return SampleOptions(
        window=options.do_window,
        window_in=options.window_r,
        window_out=options.window_r_outer,
        sign=sign,
        scale=scale,
        shift=shift,
    )


def own_norm(shift: float, scale: float, box: int) -> tuple[float, float]:
    """Shift and scale of parts of orthonormal Fourier coefficients, from those of Hartley coefficients.

    The original states them for transforms that are not scaled. A Hartley coefficient is the difference of
    both parts, so that its noise is larger than theirs, and what is subtracted from all of it is subtracted
    from real parts.
    """
    return shift / box, scale / (box * math.sqrt(2))


def forward_options(options: TomoDrgnOptions) -> ForwardOptions:
    """Which factors the expected images have."""
    return ForwardOptions(
        dose=options.recon_dose_weight, tilt=options.recon_tilt_weight, dose_mask=options.l_dose_mask
    )


def config_parts(
    options: TomoDrgnOptions,
    particles: TiltParticles,
    *,
    star: str,
    filtered: Path,
    norm: tuple[float, float],
    sign: int,
    model: ModelSettings,
    seed: int,
) -> dict[str, Any]:
    """Return the content of ``config.pkl``, in the parts and names of the newer generation."""
    o = options
    latent = {
        "qlayersA": o.enc_layers_a,
        "qdimA": o.enc_dim_a,
        "out_dimA": o.out_dim_a,
        "ntilts": model.n_tilts,
        "qlayersB": o.enc_layers_b,
        "qdimB": o.enc_dim_b,
        "zdim": o.zdim,
        "players": o.dec_layers,
        "pdim": o.dec_dim,
        "enc_mask": o.enc_mask,
        "pooling_function": o.pooling_function,
        "num_seeds": o.num_seeds,
        "num_heads": o.num_heads,
        "layer_norm": o.layer_norm,
    }
    alone = {"in_dim": 3, "hidden_layers": o.dec_layers, "hidden_dim": o.dec_dim}
    return {
        "starfile_args": {
            "sourcefile": star,
            "source_software": particles.flavour,
            "ind_imgs": o.fn_ind_imgs or None,
            "ind_ptcls": o.fn_ind or None,
            "sort_ptcl_imgs": o.sort_ptcl_imgs,
            "use_first_ntilts": o.use_first_ntilts,
            "use_first_nptcls": o.use_first_nptcls,
            "sourcefile_filtered": str(filtered),
            "angpix": o.angpix,
            "n_particles": particles.n,
            "n_images": particles.n_images,
        },
        "dataset_args": {
            "datadir": o.datadir or None,
            "lazy": o.lazy,
            # By the meaning there, see own_norm.
            "norm": (norm[0] * particles.box, norm[1] * particles.box * math.sqrt(2)),
            # By its meaning there: of a CTF that is negative at low frequencies.
            "invert_data": sign == stated_contrast(particles, False).sign,
            "window": o.do_window,
            "window_r": o.window_r,
            "window_r_outer": o.window_r_outer,
            "recon_dose_weight": o.recon_dose_weight,
            "recon_tilt_weight": o.recon_tilt_weight,
            "l_dose_mask": o.l_dose_mask,
            "dose_override": o.dose_override,
            "sample_ntilts": o.sample_ntilts,
            "sequential_tilt_sampling": o.sequential_tilt_sampling,
            "fraction_train": o.fraction_train,
        },
        "lattice_args": {"boxsize": particles.box + 1, "extent": model.extent, "ignore_DC": True},
        "model_args": {
            **(latent if model.zdim else alone),
            "activation": o.activation,
            "pe_type": o.pe_type,
            "pe_dim": o.pe_dim,
            "feat_sigma": o.feat_sigma,
        },
        "training_args": {
            "n": o.n_epochs,
            "B": o.batch_size,
            "wd": o.weight_decay,
            "lr": o.learning_rate,
            "beta": o.beta or None,
            "beta_control": o.beta_control,
            "amp": o.amp,
            "multigpu": len(gpu_words(o.gpu_id)) > 1,
            "lazy": o.lazy,
            "verbose": o.verbose,
            "log_interval": o.log_interval,
            "checkpoint": o.checkpoint_interval,
        },
        "meta": {"time": datetime.now(), "cmd": shlex.join(sys.argv), "version": _version()},
        "seed": seed,
        "angpix": particles.pixel_size_a,
    }


def _version() -> str:
    from jobs.core.record import installed_versions

    return str(installed_versions().get("heteroscope", ""))
