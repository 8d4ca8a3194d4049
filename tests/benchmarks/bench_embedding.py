"""How long embeddings, clusters and paths take at 100,000 and 1,000,000 particles of eight coordinates.

A window shows progress meanwhile and stays free, since the slow ones run in a process of their own; what is
bounded here is how long somebody waits the first time. Afterwards the embedding comes from disk.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.core.exploring import EmbeddingRequest
from jobs.explore.clusters import clusters
from jobs.explore.embed_worker import embed_in_process
from jobs.explore.embedding_cache import EmbeddingCache, fingerprint
from jobs.explore.embeddings import embed
from jobs.explore.paths import default_anchors, dense_path
from tests.benchmarks.figures import Figures, best_of, measured

GROUP = "embedding"
METHODS = {"ica": "ICA", "umap": "UMAP", "tsne": "t-SNE fitted to 20,000"}


def particles(count: int) -> NDArray[np.float32]:
    """A mixture of twelve Gaussians in eight dimensions."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(12, 8))
    return (centres[rng.integers(0, 12, count)] + rng.normal(size=(count, 8))).astype(np.float32)


@pytest.mark.parametrize(("count", "goal"), [(100_000, 0.1), (1_000_000, 1.0)])
def test_principal_components(count: int, goal: float, figures: Figures) -> None:
    latent = particles(count)
    seconds = best_of(lambda: embed(latent, None, EmbeddingRequest("pca")))
    figures.add(GROUP, f"PCA of {count:,} particles", seconds, "s", f"< {goal:g} s")
    assert seconds < goal


def test_a_fingerprint_of_a_million_and_reading_from_disk(figures: Figures, tmp_path: Path) -> None:
    latent = particles(1_000_000)
    seconds = best_of(lambda: fingerprint(latent))
    figures.add(GROUP, "fingerprint of 1,000,000 particles", seconds, "s", "< 0.3 s")
    made = embed(latent, None, EmbeddingRequest("pca"))
    EmbeddingCache(tmp_path).put("mark", made)
    reading = best_of(lambda: EmbeddingCache(tmp_path).get("mark", made.request))
    figures.add(GROUP, "embedding of 1,000,000 particles from disk", reading, "s", "< 0.3 s")
    assert seconds < 0.3
    assert reading < 0.3


@pytest.mark.parametrize(("method", "goal"), [("ica", 30.0), ("umap", 180.0), ("tsne", 600.0)])
def test_methods_in_a_process_of_their_own(method: str, goal: float, figures: Figures) -> None:
    latent = particles(100_000)
    with measured() as taken:
        found = embed_in_process(
            latent,
            None,
            EmbeddingRequest(method),  # type: ignore[arg-type]
            lambda *_: None,
            lambda: False,
            threads=2,
        )
    assert np.isfinite(found.coordinates).all()
    figures.add(GROUP, f"{METHODS[method]} of 100,000 particles", taken.seconds, "s", f"< {goal:g} s")
    assert taken.seconds < goal


@pytest.mark.parametrize(("method", "goal"), [("kmeans", 15.0), ("gmm", 60.0)])
def test_clusters_of_a_million(method: str, goal: float, figures: Figures) -> None:
    latent = particles(1_000_000)
    with measured() as taken:
        clusters(latent, method, 12, seed=0)
    figures.add(GROUP, f"{method}, 12 clusters of 1,000,000 particles", taken.seconds, "s", f"< {goal:g} s")
    assert taken.seconds < goal


def test_a_path_through_a_million(figures: Figures) -> None:
    latent = particles(1_000_000)
    with measured() as taken:
        dense_path(latent, default_anchors(latent))
    figures.add(GROUP, "automatic path through 1,000,000 particles", taken.seconds, "s", "< 10 s")
    assert taken.seconds < 10
