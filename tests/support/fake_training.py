"""A trained folder that was never trained: particles in known groups, a decoder with a known answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.core.checkpoint import save_checkpoint
from jobs.formats.mrc import write_map, write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.tomodrgn.job_config import CONFIG, write_config
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.outputs import epoch_line, latent_path, write_latent
from jobs.tomodrgn.trained_model import MODEL_SETTINGS

BOX = 8
PIXEL_A = 5.0
N_GROUPS = 4
TILTS = 2


def blobs(count: int, zdim: int, seed: int = 1, spread: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Places ``(P, zdim)`` in four groups far apart, and the group of each."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, N_GROUPS, count)
    middle = np.zeros((N_GROUPS, zdim))
    for k in range(N_GROUPS):
        middle[k, k % zdim] = 4.0 * (1 + k // zdim) * (1 if k % 2 else -1)
    return (middle[group] + rng.normal(scale=spread, size=(count, zdim))).astype(np.float32), group


def write_particles(folder: Path, count: int, seed: int = 2) -> Path:
    """Write particles of two tomograms in two images each, and their stack."""
    rng = np.random.default_rng(seed)
    n = TILTS * count
    particle, turn = np.divmod(np.arange(n), TILTS)
    columns: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@stack.mrcs" for i in range(n)],
        "rlnGroupName": [f"TS_{p % 2:02d}_{p:06d}" for p in particle],
        "rlnMicrographName": [f"TS_{p % 2:02d}.tomostar" for p in particle],
        "rlnDetectorPixelSize": np.full(n, PIXEL_A),
        "rlnVoltage": np.full(n, 300.0),
        "rlnSphericalAberration": np.full(n, 2.7),
        "rlnAmplitudeContrast": np.full(n, 0.07),
        "rlnDefocusU": 20000 + 1000 * rng.random(n),
        "rlnDefocusV": 20000 + 1000 * rng.random(n),
        "rlnDefocusAngle": 180 * rng.random(n),
        "rlnAngleRot": 360 * rng.random(n),
        "rlnAngleTilt": 180 * rng.random(n),
        "rlnAnglePsi": 360 * rng.random(n),
        "rlnCtfBfactor": -4 * 3.0 * (turn + 1),
        "rlnCtfScalefactor": np.cos(np.deg2rad(3.0 * turn)),
    }
    images = rng.normal(size=(n, BOX, BOX)).astype(np.float32)
    images[:, 0, 0] = np.arange(n)
    write_stack(folder / "stack.mrcs", images, PIXEL_A)
    path = folder / "particles.star"
    write_star_tables(path, [StarTable.from_columns("", columns)])
    return path


def settings_of(zdim: int) -> ModelSettings:
    """Networks as small as they can be."""
    return ModelSettings(
        box=BOX,
        pixel_size_a=PIXEL_A,
        zdim=zdim,
        n_tilts=TILTS,
        enc_layers_a=1,
        enc_dim_a=4,
        out_dim_a=2,
        enc_dim_b=4,
        dec_layers=1,
        dec_dim=8,
    )


def write_config_of(folder: Path, star: Path, zdim: int) -> None:
    """Write the settings of the training."""
    parts = {
        "starfile_args": {"sourcefile": str(star), "sourcefile_filtered": None, "ind_ptcls": None},
        "dataset_args": {"datadir": str(folder), "norm": (0.0, 1.0)},
        "lattice_args": {"boxsize": BOX, "extent": 0.5},
        "model_args": {"zdim": zdim},
        "angpix": PIXEL_A,
    }
    write_config(folder / CONFIG, parts)


def weights_of(zdim: int, epoch: int, shift: float = 0.0) -> dict[str, object]:
    """A checkpoint; ``shift`` is added to every weight of the decoder."""
    settings = settings_of(zdim)
    state = TomoModel(settings).state_dict()
    for name, value in state.items():
        if name.startswith("decoder") and value.is_floating_point() and "freq" not in name:
            state[name] = value + shift * torch.randn(
                value.shape, generator=torch.Generator().manual_seed(epoch)
            )
    return {
        "epoch": epoch,
        "norm": 1.0,
        "model_state_dict": state,
        MODEL_SETTINGS: settings.to_dict(),
    }


def fake_training(folder: Path, *, count: int = 60, zdim: int = 4, epochs: int = 3) -> np.ndarray:
    """Write a folder with a latent space; places come to rest, weights too. Returns the groups ``(P,)``."""
    folder.mkdir(parents=True, exist_ok=True)
    star = write_particles(folder, count)
    write_config_of(folder, star, zdim)
    z, group = blobs(count, zdim)
    rng = np.random.default_rng(3)
    lines = []
    for epoch in range(epochs):
        places = z + 0.5 ** (epoch + 2) * rng.normal(size=z.shape) * (epoch < epochs - 1)
        write_latent(latent_path(folder, epoch), places, np.full(z.shape, -2.0))
        save_checkpoint(folder / f"weights.{epoch}.pkl", weights_of(zdim, epoch, 0.01 * 0.3**epoch))
        lines.append(epoch_line(epoch, 0.9 + 0.2 * 0.5**epoch, 3.0, 0.91 + 0.2 * 0.5**epoch, 1.0))
    write_latent(latent_path(folder), z, np.full(z.shape, -2.0))
    save_checkpoint(folder / "weights.pkl", weights_of(zdim, epochs - 1, 0.01 * 0.3 ** (epochs - 1)))
    (folder / "run.log").write_text("\n".join(lines) + "\n")
    return group


def fake_homogeneous(folder: Path, epochs: int = 3, box: int = 16) -> np.ndarray:
    """Write a folder without latent space whose volumes come ever nearer to the one that is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config_of(folder, folder / "particles.star", 0)
    rng = np.random.default_rng(4)
    axis = np.arange(box) - box // 2
    radius = np.sqrt(sum(np.meshgrid(axis**2, axis**2, axis**2)))
    truth = (np.exp(-(radius**2) / (box / 6) ** 2 / 2) * (1 + 0.5 * rng.normal(size=radius.shape))).astype(
        np.float32
    )
    for epoch in range(epochs):
        noise = rng.normal(scale=0.5**epoch, size=truth.shape)
        write_map(folder / f"reconstruct.{epoch}.mrc", truth + noise, PIXEL_A)
        save_checkpoint(folder / f"weights.{epoch}.pkl", {"epoch": epoch, "model_state_dict": {}})
    return truth
