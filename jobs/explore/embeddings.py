"""Places of particles in a plane: latent axes, PCA, ICA, UMAP and t-SNE, by latent or by deformation.

Linear embeddings take moments. UMAP and t-SNE take seconds to minutes and hold Python's lock for long
stretches: a window calls :func:`jobs.explore.embed_worker.embed_in_process` instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.exploring import Cancelled, Embedding, EmbeddingRequest, Method, Progress
from jobs.explore import linear_embeddings
from jobs.explore.steps import Steps, never, silent

#: Names for people.
TITLES: dict[Method, str] = {
    "axes": "latent axes",
    "pca": "PCA",
    "ica": "ICA",
    "umap": "UMAP",
    "tsne": "t-SNE",
}
#: Fewest particles with which a method means anything.
_FEWEST: dict[Method, int] = {"axes": 0, "pca": 1, "ica": 3, "umap": 5, "tsne": 5}


def embed(
    latent: NDArray[np.floating],
    features: NDArray[np.floating] | None,
    request: EmbeddingRequest,
    progress: Progress = silent,
    cancelled: Cancelled = never,
    *,
    threads: int = 1,
) -> Embedding:
    """Embed particles.

    The same arrays, request and number of threads give the same coordinates, bit for bit. Particles whose
    numbers are not all finite take no part; their coordinates are NaN.

    Parameters
    ----------
    latent
        ``(P, L)`` latent coordinates.
    features
        ``(P, K)`` numbers in Å whose Euclidean distances are rms differences of displacement; needed when the
        request is by deformation.
    request
        Method, what is embedded, and the settings of the method.
    progress, cancelled
        Told and asked between steps.
    threads
        For the search of neighbours; everything else uses what its library was allowed.

    Returns
    -------
    Embedding
        With all of the components for linear methods, two coordinates for the others. Where a method was
        fitted to a part of the particles, the name of the first axis says so.

    Raises
    ------
    UserError
        When the request makes no sense for these particles.
    AbortRequested
        When it was cancelled.
    """
    steps = Steps(progress, cancelled)
    points, finite = wanted(latent, features, request)
    title = TITLES[request.method]
    steps.at(0.0, f"{title} of {int(finite.sum()):,} particles")
    if request.method in ("umap", "tsne"):
        # both bring scikit-learn or numba with them, which linear embeddings do not need
        from jobs.explore import neighbour_embeddings

        placed, fitted = neighbour_embeddings.place(points[finite], request, steps, threads)
        coordinates = np.full((len(points), 2), np.nan, np.float32)
        coordinates[finite] = placed
        # what an axis is called stays with the picture, so that nobody is misled later
        remark = f" ({fitted:,} fitted)" if fitted < len(placed) else ""
        done = Embedding(request, coordinates, (f"{title} 1{remark}", f"{title} 2"))
        told = f"; {fitted:,} were fitted, the others lie between their neighbours" if remark else ""
    else:
        done, told = linear_embeddings.place(points, finite, request), ""
    steps.at(1.0, f"{title} of {int(finite.sum()):,} particles is ready{told}")
    return done


def wanted(
    latent: NDArray[Any], features: NDArray[Any] | None, request: EmbeddingRequest
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Return what is to be embedded, ``(P, D)``, and which rows ``(P,)`` are finite.

    Raises
    ------
    UserError
        When the request makes no sense for these particles.
    """
    if request.method not in TITLES:
        raise UserError(f"There is no embedding called {request.method}", hint=f"Choose {_known()}")
    if request.by == "deformation":
        if request.method == "axes":
            raise UserError(
                "Deformations have no axes of their own",
                hint="Choose latent axes by latent, or PCA by deformation",
            )
        if features is None:
            raise UserError(
                "This model does not tell how far apart the deformations of particles are",
                hint="Embed by latent coordinates instead",
            )
    chosen = latent if request.by == "latent" or features is None else features
    points = np.asarray(chosen)
    if points.ndim != 2 or points.shape[1] == 0:
        raise UserError(
            f"Embedding needs a table of particles by coordinates, not one of shape {points.shape}"
        )
    if points.dtype.kind != "f":
        points = points.astype(np.float32)
    finite = np.isfinite(points).all(axis=1)
    _check(request, points, finite)
    return points, finite


def _known() -> str:
    *first, last = TITLES.values()
    return f"{', '.join(first)} or {last}"


def _check(request: EmbeddingRequest, points: NDArray[np.floating], finite: NDArray[np.bool_]) -> None:
    """Refuse what cannot be embedded."""
    title, count = TITLES[request.method], int(finite.sum())
    fewest = _FEWEST[request.method]
    if count < fewest:
        lost = len(points) - count
        without = f" ({lost:,} others have coordinates that are not numbers)" if lost else ""
        raise UserError(
            f"{title} needs at least {fewest} particles; there are {count}{without}",
            hint="Look at the latent axes instead" if request.method != "pca" else "",
        )
    if not 0 <= request.seed < 2**32:
        raise UserError(f"The seed must be a whole number from 0 to 4294967295, not {request.seed}")
    if request.method == "umap" and request.neighbours < 2:
        raise UserError(f"UMAP needs at least 2 neighbours, not {request.neighbours}")
    if request.method == "tsne" and not 1 <= request.perplexity < 1000:
        raise UserError(f"t-SNE needs a perplexity between 1 and 1000, not {request.perplexity:g}")
    if request.method in ("ica", "umap", "tsne"):
        some = points[finite]
        if (some.max(axis=0) == some.min(axis=0)).all():
            what = "latent coordinates" if request.by == "latent" else "deformation"
            raise UserError(
                f"All particles have the same {what}, so {title} has nothing to show",
                hint="Look at the latent axes instead",
            )
