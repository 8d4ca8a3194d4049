"""A latent model with a known answer: two blobs; the second moves along x with the first coordinate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core import latent
from jobs.core.latent import Cloud, ParticleView, Snapshot

#: Å by which the second blob moves per unit of the first latent coordinate.
STEP_A = 5.0
WIDTH_A = 6.0


class BlobModel:
    """Implements :class:`jobs.core.latent.ExploredModel` in numpy.

    Parameters
    ----------
    n : int
        Particles.
    n_latent : int
        Latent coordinates; only the first moves anything.
    box, voxel_size_a
        The cube.
    half : int
        Half-set shown in the names.
    """

    def __init__(
        self, n: int = 400, n_latent: int = 4, box: int = 24, voxel_size_a: float = 4.0, half: int = 1
    ) -> None:
        rng = np.random.default_rng(7 + half)
        scale = 1.0 / (1 + np.arange(n_latent))
        self.embedding = (rng.normal(size=(n, n_latent)) * scale).astype(np.float32)
        self.box, self.voxel_size_a, self.origin_a = box, voxel_size_a, (0.0, 0.0, 0.0)
        self.half = half
        names = np.array([f"{k + 1:06d}@Extract/job00{half}/stack.mrcs" for k in range(n)], object)
        self.metadata: Mapping[str, NDArray[Any]] = {
            "image_name": names,
            "rlnMicrographName": np.array([f"mic_{k % 5}.mrc" for k in range(n)], object),
            "rlnDefocusU": rng.uniform(8000, 25000, n),
            "rlnClassNumber": rng.integers(1, 4, n),
        }
        amount = np.abs(self.embedding[:, 0]) * STEP_A
        sign = np.sign(self.embedding[:, :1])
        self.measures: Mapping[str, NDArray[Any]] = {
            "amount": amount.astype(np.float32),
            "direction": np.hstack([sign, np.zeros((n, 2))]).astype(np.float32),
            "uncertainty": np.full(n, 0.5, np.float32),
        }
        self.half_set = np.full(n, half)
        self.error = np.full(n, 0.5, np.float32)
        self.decoded: list[NDArray[Any] | None] = []

    @property
    def abilities(self) -> frozenset[str]:
        """All of them."""
        return frozenset(
            {
                *(latent.DISPLACE, latent.CLOUD, latent.FEATURES, latent.PARTICLE_VIEW),
                *(latent.DISAGREEMENT, latent.ERRORS),
            }
        )

    def centres(self, z: NDArray[Any] | None) -> NDArray[np.float32]:
        """Centres ``(2, 3)`` of both blobs in Å."""
        x = 0.0 if z is None else float(z[0]) * STEP_A
        return np.array([[-12.0, 0, 0], [12.0 + x, 0, 0]], np.float32)

    def decode(self, z: NDArray[Any] | None, box: int | None = None) -> NDArray[np.float32]:
        """Two Gaussian blobs."""
        self.decoded.append(z)
        size = box or self.box
        axis = (np.arange(size) - size // 2) * (self.box * self.voxel_size_a / size)
        volume = np.zeros((size, size, size), np.float32)
        for x, y, z_a in self.centres(z):
            squares = (
                (axis[:, None, None] - z_a) ** 2
                + (axis[None, :, None] - y) ** 2
                + (axis[None, None, :] - x) ** 2
            )
            volume += np.exp(-0.5 * squares / WIDTH_A**2).astype(np.float32)
        return volume

    def displace(self, z: NDArray[Any], points_a: NDArray[Any]) -> NDArray[np.float32]:
        """Everything at x > 0 moves with the second blob."""
        moved = np.array(points_a, np.float32)
        moved[moved[:, 0] > 0, 0] += float(z[0]) * STEP_A
        return moved

    def cloud(self) -> Cloud:
        """Thirty Gaussians in each blob."""
        rng = np.random.default_rng(3)
        offsets = rng.normal(scale=2.0, size=(2, 30, 3))
        points = (self.centres(None)[:, None] + offsets).reshape(-1, 3).astype(np.float32)
        return Cloud(points, np.ones(60, np.float32), np.full(60, WIDTH_A, np.float32))

    def features(self) -> NDArray[np.float32]:
        """The only motion, as rms displacement over all Gaussians."""
        return (self.embedding[:, :1] * STEP_A / np.sqrt(2)).astype(np.float32)

    def disagreement(self, z: NDArray[Any], points_a: NDArray[Any]) -> NDArray[np.float32]:
        """A tenth of the motion."""
        moved = self.displace(z, points_a)
        return (0.1 * np.linalg.norm(moved - points_a, axis=1)).astype(np.float32)

    def errors(self, z: NDArray[Any], points_a: NDArray[Any]) -> NDArray[np.float32]:
        """A fifth of the motion, and half an Å."""
        return (0.5 + 2.0 * self.disagreement(z, points_a)).astype(np.float32)

    def particle_view(self, index: int) -> ParticleView:
        """A projection along z, and the same with noise."""
        projection = self.decode(self.embedding[index]).sum(0)
        noise = np.random.default_rng(index).normal(size=projection.shape)
        name = str(self.metadata["image_name"][index])
        return ParticleView(
            name, (projection + noise).astype(np.float32), projection.astype(np.float32), self.voxel_size_a
        )


class BlobSource:
    """A source of blob models with three snapshots."""

    def __init__(self, n: int = 400, path: Path = Path("blobs")) -> None:
        self.n, self.path = n, path
        self.opened: list[tuple[int, Path | None]] = []

    @property
    def half_sets(self) -> Sequence[int]:
        """All three."""
        return (1, 2, 0)

    def snapshots(self) -> Sequence[Snapshot]:
        """Two epochs and the end."""
        return [
            Snapshot("epoch 4", 4, self.path / "004.pth"),
            Snapshot("epoch 9", 9, self.path / "009.pth"),
            Snapshot("final", None, self.path / "checkpoint_final.pth"),
        ]

    def open(self, half: int, snapshot: Path | None = None) -> BlobModel:
        """A model of this half-set."""
        self.opened.append((half, snapshot))
        return BlobModel(self.n, half=half)
