"""Words and results that the explorer's window and its headless helpers exchange; numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["axes", "pca", "umap", "ica", "tsne"]
Basis = Literal["latent", "deformation"]
SubsetKind = Literal["star", "cs", "indices"]
#: A Warp/M image series, a RELION 5 optimisation set, the flavour of the input, index files with latents.
ExportKind = Literal["warp", "relion5", "same", "index_files"]

#: ``progress(done, of, sentence)``; called from a worker thread.
Progress = Callable[[int, int, str], None]
#: Whether to give up; called often from a worker thread.
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class EmbeddingRequest:
    """A plane (or more) in which particles are to be shown.

    Attributes
    ----------
    method
        ``axes`` are the latent axes themselves.
    by
        What is embedded: latent coordinates, or deformations (``features`` of the model).
    seed
        Source of randomness; the same seed gives the same embedding.
    neighbours
        Of UMAP.
    perplexity
        Of t-SNE.
    """

    method: Method = "pca"
    by: Basis = "latent"
    seed: int = 0
    neighbours: int = 15
    perplexity: float = 30.0


@dataclass(frozen=True)
class Embedding:
    """Where particles lie in the shown space.

    Attributes
    ----------
    request
        What was asked for.
    coordinates
        ``(P, d)`` float32, d of two or more.
    names
        Of the d axes, such as ``PC1 (62 %)``.
    offset, matrix
        Of linear embeddings by latent coordinates: ``latent = offset + coordinates @ matrix`` with shapes
        ``(L,)`` and ``(d, L)``; None for all others.
    """

    request: EmbeddingRequest
    coordinates: NDArray[np.float32]
    names: tuple[str, ...]
    offset: NDArray[np.float32] | None = None
    matrix: NDArray[np.float32] | None = None

    @property
    def is_linear(self) -> bool:
        """Whether a place in the plane tells an exact latent state."""
        return self.offset is not None and self.matrix is not None


@dataclass(frozen=True)
class Atoms:
    """An atomic model that is to be moved.

    Attributes
    ----------
    points_a
        ``(N, 3)`` float32, (x, y, z) in Å relative to the centre voxel of the box of the explored model.
    bonds
        ``(M, 2)`` int64 pairs of atoms.
    element
        ``(N,)`` element symbols.
    chain
        ``(N,)`` chain names.
    source
        File they were read from.
    """

    points_a: NDArray[np.float32]
    bonds: NDArray[np.int64]
    element: NDArray[Any]
    chain: NDArray[Any]
    source: str


@dataclass(frozen=True)
class ViewRequest:
    """What somebody wants to explore, from a form or a command line.

    Attributes
    ----------
    job_dir, project_dir
        Folders of the job and its project.
    half
        1, 2, or 0 for particles held out.
    snapshot
        Checkpoint to look at, None for the newest.
    embedding
        How particles are laid out first.
    atoms
        Atomic model to be shown, or None.
    clusters
        Number of clusters by which particles are coloured first; 0 for none.
    """

    job_dir: Path
    project_dir: Path
    half: int = 1
    snapshot: Path | None = None
    embedding: EmbeddingRequest = EmbeddingRequest()
    atoms: Path | None = None
    clusters: int = 0


@dataclass(frozen=True)
class MovieOrder:
    """A trajectory that is to be written.

    Attributes
    ----------
    states, plane
        ``(F, L)`` latent states and ``(F, 2)`` places in the shown plane.
    title
        How the trajectory was made, in words.
    atoms
        Atomic model to be moved along, or None.
    """

    states: NDArray[np.floating]
    plane: NDArray[np.floating]
    title: str
    atoms: Path | None = None


@dataclass(frozen=True)
class ExportOrder:
    """Selected particles that are to be written for other programs.

    Attributes
    ----------
    kind
        What for.
    names
        Identities of the particles.
    latent
        ``(n, L)`` latent places of these, for the files of latents.
    by_tomogram
        One file (or set) for each tomogram; of single particles, for each micrograph.
    """

    kind: ExportKind
    names: tuple[str, ...]
    latent: NDArray[np.floating]
    by_tomogram: bool = False
