"""What the fake job does; its seed says how: 13 fails, 17 dies, 19 takes long, 23 is killed once."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from jobs.core.errors import UserError
from jobs.core.worker import WorkerContext

STEPS = 12


def run(context: WorkerContext) -> None:
    """Write progress, a latent space that opens up, and a volume."""
    seed = int(context.options.seed)  # type: ignore[attr-defined]
    context.say(f"The fake begins with {context.options.nr_gaussians} Gaussians.")  # type: ignore[attr-defined]
    if seed == 13:
        raise UserError("the box of the map is 60 px, that of the particles 64 px", path="consensus.mrc")
    if seed == 17:
        os._exit(9)
    begun = context.folder.path / "begun"
    if seed == 23 and not begun.exists():
        begun.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-1, 1, 2000)
    points = np.stack([angles, 0.4 * angles**2], axis=1) + rng.normal(0, 0.05, (2000, 2))
    z, y, x = np.mgrid[:32, :32, :32] - 16.0
    steps = STEPS * 90 if seed == 19 else STEPS
    for step in range(1, steps + 1):
        context.check_abort()
        grown = min(step / STEPS, 1.0)
        context.save_snapshot("latent", (grown * points).astype(np.float32))
        context.save_snapshot("latent_colour", np.hypot(*points.T).astype(np.float32))
        volume = np.exp(-(x**2 + (y - 6 * grown) ** 2 + z**2) / 40) + np.exp(
            -(x**2 + (y + 8) ** 2 + z**2) / 20
        )
        context.save_snapshot("volume", volume.astype(np.float32))
        context.progress(
            "train",
            step,
            steps,
            loss_data_half1=1.0 - 0.3 * grown,
            loss_data_half2=1.01 - 0.3 * grown,
            rms_displacement_A_half1=5.0 * grown,
            rms_displacement_A_half2=5.1 * grown,
            particles_per_s=750.0,
        )
        context.say(f"Epoch {step} of {steps} was learnt.")
        time.sleep(0.035)
    folder = context.folder.path / "forward_deformations" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint_final.pth").write_bytes(b"fake")
