"""From places in a plane to latent states and back."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from jobs.core.exploring import Embedding, EmbeddingRequest
from widgets.explorer.plane import Plane

Floats = NDArray[np.float32]


def pca_embedding(latent: Floats, count: int) -> Embedding:
    """Principal components by scikit-learn."""
    fitted = PCA(count).fit(latent)
    return Embedding(
        EmbeddingRequest("pca"),
        fitted.transform(latent).astype(np.float32),
        tuple(f"PC{k + 1}" for k in range(count)),
        fitted.mean_.astype(np.float32),
        fitted.components_.astype(np.float32),
    )


def curved_embedding(xy: Floats) -> Embedding:
    """Places without a way back."""
    return Embedding(EmbeddingRequest("umap"), xy, ("UMAP1", "UMAP2"))


@pytest.fixture
def latent(rng: np.random.Generator) -> Floats:
    return (rng.normal(size=(500, 4)) * [3, 2, 1, 0.5] + [1, 2, 3, 4]).astype(np.float32)


def test_that_the_exact_state_of_a_particles_place_is_its_latent_when_all_axes_are_shown(
    rng: np.random.Generator,
) -> None:
    latent = rng.normal(size=(100, 2)).astype(np.float32)
    plane = Plane(pca_embedding(latent, 2), latent)
    np.testing.assert_allclose(plane.states_at(plane.xy, exact=True), latent, atol=1e-5)
    assert plane.is_exact


def test_that_axes_not_shown_have_their_mean(latent: Floats) -> None:
    embedding = pca_embedding(latent, 4)
    plane = Plane(embedding, latent, (2, 0))
    z = plane.state_at(0.5, -1.5, exact=True)
    fitted = PCA(4).fit(latent)
    np.testing.assert_allclose(fitted.transform(z[None])[0], [-1.5, 0, 0.5, 0], atol=1e-4)
    assert plane.names == ("PC3", "PC1")


@pytest.mark.parametrize("count", [2, 4])
def test_that_the_place_of_the_exact_state_of_a_place_is_that_place(latent: Floats, count: int) -> None:
    plane = Plane(pca_embedding(latent, count), latent)
    places = np.array([[0.3, -2], [10, 4], [-1, 0]], np.float32)
    np.testing.assert_allclose(plane.places_of(plane.states_at(places, exact=True)), places, atol=1e-4)
    np.testing.assert_allclose(plane.place_of(plane.state_at(0.3, -2, exact=True)), [0.3, -2], atol=1e-4)


def test_that_a_matrix_which_is_not_orthonormal_is_inverted_all_the_same(latent: Floats) -> None:
    matrix = np.array([[2, 0, 0, 0], [1, 1, 0, 0]], np.float32)
    embedding = Embedding(EmbeddingRequest("ica"), latent[:, :2], ("a", "b"), np.ones(4, np.float32), matrix)
    plane = Plane(embedding, latent)
    np.testing.assert_allclose(plane.place_of([1 + 2 * 3 + 5, 1 + 5, 1, 1]), [3, 5], atol=1e-5)


def test_that_the_nearest_particle_is_that_of_brute_force_before_and_after_trees_are_built(
    latent: Floats, rng: np.random.Generator
) -> None:
    xy = (rng.uniform(size=(500, 2)) * [1, 1000]).astype(np.float32)
    plane = Plane(curved_embedding(xy), latent)
    span = np.ptp(xy, axis=0)
    asked = rng.uniform(size=(30, 2)) * [1, 1000]
    expected = [int(np.argmin((((xy - point) / span) ** 2).sum(1))) for point in asked]
    assert [plane.nearest(x, y) for x, y in asked] == expected
    plane.prepare()
    assert [plane.nearest(x, y) for x, y in asked] == expected
    assert plane.nearest_rows(asked)[0][:, 0].tolist() == expected


def test_that_without_exact_the_state_is_that_of_the_nearest_particle(latent: Floats) -> None:
    plane = Plane(pca_embedding(latent, 2), latent)
    x, y = plane.xy[17] + 1e-5
    np.testing.assert_array_equal(plane.state_at(x, y, exact=False), latent[17])


def test_that_particles_without_a_number_are_never_chosen(latent: Floats) -> None:
    embedding = pca_embedding(latent, 2)
    embedding.coordinates[3] = np.nan
    latent[5] = np.nan
    plane = Plane(embedding, latent)
    asked = embedding.coordinates[5]
    assert plane.nearest(asked[0], asked[1]) not in (3, 5)
    plane.prepare()
    assert plane.nearest(asked[0], asked[1]) not in (3, 5)
    assert np.isfinite(plane.state_at(asked[0], asked[1], exact=True)).all()
    assert not set(plane.nearest_rows([asked], 400)[0].ravel()) & {3, 5}


def test_that_a_curved_plane_gives_a_particles_own_state_at_its_place(
    latent: Floats, rng: np.random.Generator
) -> None:
    plane = Plane(curved_embedding(rng.normal(size=(500, 2)).astype(np.float32)), latent)
    assert not plane.is_exact
    np.testing.assert_allclose(plane.states_at(plane.xy[:20], exact=True), latent[:20], atol=1e-4)
    np.testing.assert_array_equal(plane.place_of(latent[7]), plane.xy[7])
    plane.prepare()
    np.testing.assert_array_equal(plane.place_of(latent[7]), plane.xy[7])


def test_that_states_of_a_curved_plane_are_within_their_neighbours_and_do_not_jump(
    rng: np.random.Generator,
) -> None:
    xy = rng.uniform(-1, 1, size=(800, 2)).astype(np.float32)
    # latent space is the plane itself, bent: z = (x, y, x² + y²)
    latent = np.column_stack([xy, (xy**2).sum(1)]).astype(np.float32)
    plane = Plane(curved_embedding(xy), latent)
    line = np.column_stack([np.linspace(-0.8, 0.8, 4001), np.full(4001, 0.1)])
    states = plane.states_at(line, exact=True)
    np.testing.assert_allclose(states[:, :2], line, atol=0.1)
    # a step of 0.0004 in the plane never moves the state by more than a small multiple
    assert np.linalg.norm(np.diff(states, axis=0), axis=1).max() < 0.02


def test_that_copies_of_one_particle_do_no_harm() -> None:
    latent = np.ones((20, 3), np.float32)
    plane = Plane(curved_embedding(np.zeros((20, 2), np.float32)), latent)
    np.testing.assert_array_equal(plane.state_at(0.5, 0.5, exact=True), [1, 1, 1])
    assert plane.typical_gap() == 0


def test_that_principal_components_of_latent_space_serve_where_axes_have_no_direction(latent: Floats) -> None:
    plane = Plane(curved_embedding(latent[:, :2].copy()), latent)
    centre, direction, coordinate = plane.component(0)
    fitted = PCA(4).fit(latent)
    np.testing.assert_allclose(centre, latent.mean(0), atol=1e-4)
    assert abs(direction @ fitted.components_[0]) == pytest.approx(1, abs=1e-4)
    assert direction[np.argmax(np.abs(direction))] > 0
    assert coordinate.var() == pytest.approx(fitted.explained_variance_[0], rel=0.01)
    assert plane.n_components == 4


@pytest.mark.parametrize("axes", [(0, 2), (-1, 0)])
def test_that_axes_that_do_not_exist_are_refused(latent: Floats, axes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="axes"):
        Plane(pca_embedding(latent, 2), latent, axes)


def test_that_planes_without_any_place_are_refused(latent: Floats) -> None:
    with pytest.raises(ValueError, match="no particle"):
        Plane(curved_embedding(np.full((500, 2), np.nan, np.float32)), latent)
    with pytest.raises(ValueError, match="match"):
        Plane(curved_embedding(np.zeros((3, 2), np.float32)), latent)


def test_that_a_click_among_a_million_never_waits_for_trees(rng: np.random.Generator) -> None:
    xy = rng.normal(size=(1_000_000, 2)).astype(np.float32)
    plane = Plane(curved_embedding(xy), xy)
    builder = threading.Thread(target=plane.prepare)
    builder.start()
    began = time.perf_counter()
    row = plane.nearest(0.1, 0.2)
    took = time.perf_counter() - began
    builder.join()
    assert row == plane.nearest(0.1, 0.2)
    assert took < 0.25  # alone it takes some 10 ms; other tests may run beside it
