"""Small sets of tilt particles made of noise and a blob, for tests of what uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.formats.mrc import write_stack
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_particles import TiltParticles


def random_matrices(n: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Rotations ``(n, 3, 3)``, uniformly random."""
    q, r = np.linalg.qr(rng.normal(size=(n, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    q[:, :, 0] *= np.linalg.det(q)[:, None]
    return q.astype(np.float32)


def noisy_set(
    folder: Path,
    counts: tuple[int, ...],
    box: int,
    seed: int,
    *,
    signal: float = 0.0,
    premultiplied: bool = False,
    empty: int | None = None,
) -> TiltParticles:
    """Particles whose images are unit noise and a blob, in one stack that is written to ``folder``."""
    rng = np.random.default_rng(seed)
    n = sum(counts)
    axis = np.arange(box) - box // 2
    blob = np.exp(-(axis[:, None] ** 2 + axis**2) / 8)
    images = (rng.normal(size=(n, box, box)) + signal * blob).astype(np.float32)
    if empty is not None:
        images[empty] = 0
    folder.mkdir(parents=True, exist_ok=True)
    stack = folder / f"set{seed}.mrcs"
    write_stack(stack, images, 5.0)
    first = np.concatenate(([0], np.cumsum(counts)))
    place = np.arange(n) - np.repeat(first[:-1], counts)
    tilt = 3.0 * place
    ones, p = np.ones(n), len(counts)
    return TiltParticles(
        path=folder / "set.star",
        project_dir=folder,
        flavour="series",
        particle_name=np.array([f"p{i}" for i in range(p)], dtype=object),
        tomogram=np.array([""] * p, dtype=object),
        half=np.zeros(p, np.int64),
        coordinate_a=np.full((p, 3), np.nan),
        particle_rotation=np.full((p, 3, 3), np.nan, np.float32),
        first=first,
        stacks=[stack],
        stack=np.zeros(n, np.int64),
        section=np.arange(n),
        frame=place,
        rotation=random_matrices(n, rng),
        origin_a=rng.uniform(-8, 8, (n, 2)),
        box=box,
        pixel_size_a=5.0,
        voltage_kv=300 * ones,
        spherical_aberration_mm=2.7 * ones,
        amplitude_contrast=0.1 * ones,
        defocus_u_a=rng.uniform(1e4, 2e4, n),
        defocus_v_a=rng.uniform(1e4, 2e4, n),
        defocus_angle_deg=rng.uniform(0, 180, n),
        phase_shift_deg=0 * ones,
        dose=3.0 * (place + 1),
        tilt_deg=tilt,
        tilt_weight=np.cos(np.deg2rad(tilt)),
        ctf_known=np.ones(n, bool),
        ctf_premultiplied=premultiplied,
        dose_weighted=False,
        hand=1,
        tables={"": StarTable.from_columns("", {"rlnImageName": [f"{i + 1}@set.mrcs" for i in range(n)]})},
        table_name="",
        row=np.arange(n),
        further={},
        original=np.arange(p),
        warnings=(),
    )
