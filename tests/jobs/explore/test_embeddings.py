"""Embeddings: linear ones are exact and known, others keep neighbours together; in another process too."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.core.exploring import Embedding, EmbeddingRequest, Method
from jobs.explore import neighbour_embeddings, neighbours
from jobs.explore.embed_worker import embed_in_process
from jobs.explore.embeddings import embed
from jobs.explore.neighbours import Neighbours
from jobs.explore.steps import Steps

METHODS: tuple[Method, ...] = ("axes", "pca", "ica", "umap", "tsne")


def groups(rng: np.random.Generator, count: int = 300) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Three groups in six dimensions, twenty widths apart."""
    centres = 20 * np.eye(3, 6)
    label = rng.integers(0, 3, count)
    return (centres[label] + rng.normal(size=(count, 6))).astype(np.float32), label


def purity(coordinates: NDArray[np.float32], label: NDArray[np.intp], count: int = 10) -> float:
    """Mean share of the nearest neighbours in the plane that belong to the same group."""
    found = cKDTree(coordinates).query(coordinates, count + 1)[1][:, 1:]
    return float((label[found] == label[:, None]).mean())


def restored(found: Embedding) -> NDArray[np.float32]:
    assert found.offset is not None and found.matrix is not None
    return found.offset + found.coordinates @ found.matrix


def never() -> bool:
    return False


def ignore(done: int, of: int, sentence: str) -> None:
    pass


# -- linear ------------------------------------------------------------------------------------------------


def test_that_latent_axes_are_the_latent_coordinates_themselves(rng: np.random.Generator) -> None:
    latent = rng.normal(size=(50, 3)).astype(np.float32)
    found = embed(latent, None, EmbeddingRequest("axes"))
    np.testing.assert_array_equal(found.coordinates, latent)
    assert found.names == ("z1", "z2", "z3")
    assert found.offset is not None and found.matrix is not None
    np.testing.assert_array_equal(found.offset, np.zeros(3))
    np.testing.assert_array_equal(found.matrix, np.eye(3))


@pytest.mark.parametrize("method", ["axes", "pca", "ica"])
def test_that_linear_coordinates_give_the_latent_state_back(method: Method, rng: np.random.Generator) -> None:
    latent = (rng.normal(size=(2000, 5)) @ rng.normal(size=(5, 5)) + 3).astype(np.float32)
    found = embed(latent, None, EmbeddingRequest(method))
    assert found.is_linear
    np.testing.assert_allclose(restored(found), latent, atol=1e-5)


def test_that_principal_components_are_uncorrelated_and_hold_the_named_share(
    rng: np.random.Generator,
) -> None:
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    independent = rng.normal(size=(20_000, 4)) * [6, 3, 1, 0.05]
    independent -= independent.mean(axis=0)
    latent = (independent @ turn).astype(np.float32)
    found = embed(latent, None, EmbeddingRequest("pca"))
    covariance = np.cov(found.coordinates.T)
    np.testing.assert_allclose(np.diag(covariance), np.sort(np.linalg.eigvalsh(covariance))[::-1], rtol=1e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [6, 3, 1, 0.05], rtol=0.02)
    assert found.names == ("PC1 (78 %)", "PC2 (20 %)", "PC3 (2 %)", "PC4 (<1 %)")
    assert found.matrix is not None
    # the sign does not depend on the solver: the largest entry of every axis is positive
    assert (found.matrix[np.arange(4), np.abs(found.matrix).argmax(axis=1)] > 0).all()


def test_that_principal_components_agree_with_another_implementation(rng: np.random.Generator) -> None:
    from sklearn.decomposition import PCA

    latent = (rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))).astype(np.float32)
    ours = embed(latent, None, EmbeddingRequest("pca")).coordinates
    theirs = PCA().fit_transform(latent.astype(np.float64))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-4)


def test_that_motions_have_the_distances_of_the_features_in_angstroms(rng: np.random.Generator) -> None:
    latent = rng.normal(size=(200, 3)).astype(np.float32)
    features = (rng.normal(size=(200, 2)) @ rng.normal(size=(2, 40))).astype(np.float32)
    for method in ("pca", "ica"):
        found = embed(latent, features, EmbeddingRequest(method, by="deformation"))
        assert not found.is_linear
        assert found.names[0].startswith("motion ")
        # the mean square in Å² over particles and components is that of the features, whatever the mixing
        size = (found.coordinates.astype(np.float64) ** 2).sum(axis=1).mean()
        about_mean = ((features - features.mean(axis=0)) ** 2).sum(axis=1).mean()
        assert size == pytest.approx(about_mean, rel=1e-3)
    pca = embed(latent, features, EmbeddingRequest("pca", by="deformation")).coordinates
    np.testing.assert_allclose(
        np.linalg.norm(pca[3] - pca[7]), np.linalg.norm(features[3] - features[7]), rtol=1e-4
    )


def test_that_independent_components_unmix_two_uniform_sources(rng: np.random.Generator) -> None:
    sources = rng.uniform(-1, 1, size=(4000, 2))
    latent = (sources @ [[2.0, 1.0], [1.0, 1.5]] + [5, -7]).astype(np.float32)
    ica = embed(latent, None, EmbeddingRequest("ica")).coordinates
    pca = embed(latent, None, EmbeddingRequest("pca")).coordinates
    found = np.abs(np.corrcoef(ica.T, sources.T)[:2, 2:])
    assert sorted(found.argmax(axis=1)) == [0, 1]
    assert found.max(axis=1).min() > 0.99
    # principal components do not: each is a mixture
    assert np.abs(np.corrcoef(pca.T, sources.T)[:2, 2:]).max(axis=1).min() < 0.9


# -- neighbours --------------------------------------------------------------------------------------------


def test_that_umap_separates_groups_and_is_the_same_bit_for_bit_in_another_process(
    rng: np.random.Generator,
) -> None:
    latent, label = groups(rng)
    latent[4] = np.nan
    request = EmbeddingRequest("umap", seed=3)
    told: list[tuple[int, int, str]] = []
    first = embed(latent, None, request, lambda *step: told.append(step))
    assert first.coordinates.shape == (300, 2)
    assert np.isnan(first.coordinates[4]).all()
    there = np.isfinite(first.coordinates).all(axis=1)
    assert there.sum() == 299
    assert purity(first.coordinates[there], label[there]) > 0.99
    assert not first.is_linear
    shares = [done / of for done, of, _ in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert any("epoch 300 of 300" in sentence for _, _, sentence in told)

    heard: list[str] = []
    second = embed_in_process(
        latent, None, request, lambda _done, _of, sentence: heard.append(sentence), never, threads=2
    )
    np.testing.assert_array_equal(second.coordinates, first.coordinates)
    assert second.names == first.names and second.request == request
    assert any("epoch" in sentence for sentence in heard)


def test_that_tsne_keeps_the_neighbours_of_a_rolled_sheet(rng: np.random.Generator) -> None:
    along, across = rng.uniform(1.5 * np.pi, 4.5 * np.pi, 500), rng.uniform(0, 15, 500)
    sheet = np.column_stack([along * np.cos(along), across, along * np.sin(along)]).astype(np.float32)
    told: list[str] = []
    request = EmbeddingRequest("tsne", perplexity=20)
    found = embed(sheet, None, request, lambda _done, _of, sentence: told.append(sentence))
    assert any("iteration 750 of 750" in sentence for sentence in told)
    before = cKDTree(sheet).query(sheet, 6)[1][:, 1:]

    def kept(places: NDArray[np.float32]) -> float:
        after = cKDTree(places).query(places, 16)[1][:, 1:]
        return float(np.mean([np.isin(b, a).mean() for b, a in zip(before, after, strict=True)]))

    assert kept(found.coordinates) > 0.95
    assert kept(embed(sheet, None, EmbeddingRequest("pca")).coordinates[:, :2]) < 0.8


def test_that_particles_beyond_the_fitted_ones_lie_with_their_neighbours_and_the_axis_says_so(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    latent, label = groups(rng)
    monkeypatch.setitem(neighbour_embeddings.MOST_FITTED, "tsne", 150)
    latent[100:200] = latent[:100]
    label[100:200] = label[:100]
    told: list[str] = []
    request = EmbeddingRequest("tsne", perplexity=10)
    made = embed(latent, None, request, lambda _done, _of, sentence: told.append(sentence))
    found = made.coordinates
    assert np.isfinite(found).all()
    assert purity(found, label, 5) > 0.99
    fitted = np.zeros(300, bool)
    fitted[neighbour_embeddings.chosen(np.arange(300), 150, request.seed)] = True
    one_of_two = fitted[:100] != fitted[100:200]
    assert one_of_two.sum() > 10
    # a particle at the place of a fitted one is put on it
    np.testing.assert_allclose(found[:100][one_of_two], found[100:200][one_of_two], atol=1e-3)
    assert made.names == ("t-SNE 1 (150 fitted)", "t-SNE 2")
    assert "150 were fitted" in told[-1]


def test_that_both_searches_find_the_same_neighbours(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = rng.normal(size=(300, 8)).astype(np.float32)
    points[9] = points[4]
    steps = Steps(ignore, never)
    tree_rows, tree_distances = Neighbours(points, 2).of_all(6, steps, "")
    monkeypatch.setattr(neighbours, "MOST_FOR_TREE", 7)
    rows, distances = Neighbours(points, 2).of_all(6, steps, "")
    different = np.delete(np.arange(300), [4, 9])
    np.testing.assert_array_equal(rows[different, 0], different)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.sort(tree_rows, axis=1))
    np.testing.assert_allclose(distances, tree_distances, atol=1e-6)
    assert (distances[:, 0] == 0).all() and (distances[[4, 9], 1] == 0).all()


# -- degenerate input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["axes", "pca", "ica"])
def test_that_particles_without_numbers_get_none_and_change_nothing(
    method: Method, rng: np.random.Generator
) -> None:
    latent = rng.uniform(size=(100, 3)).astype(np.float32)
    spoilt = np.vstack([latent, [[np.nan, 1, 1], [np.inf, 0, 0]]]).astype(np.float32)
    found = embed(spoilt, None, EmbeddingRequest(method)).coordinates
    assert np.isnan(found[100:]).all()
    np.testing.assert_allclose(
        found[:100], embed(latent, None, EmbeddingRequest(method)).coordinates, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS[:3])
def test_that_a_single_latent_coordinate_becomes_a_plane_whose_second_axis_changes_nothing(
    method: Method, rng: np.random.Generator
) -> None:
    latent = rng.normal(size=(60, 1)).astype(np.float32)
    found = embed(latent, None, EmbeddingRequest(method))
    assert found.coordinates.shape == (60, 2)
    assert found.names[1] == "spread (no meaning)"
    np.testing.assert_allclose(restored(found), latent, atol=1e-5)
    assert len(np.unique(found.coordinates[:, 1])) == 60


def test_that_constant_dimensions_cost_nothing_of_the_state(rng: np.random.Generator) -> None:
    latent = np.full((80, 4), 2.5, np.float32)
    latent[:, 1:3] = rng.uniform(size=(80, 2))
    for method in METHODS[:3]:
        found = embed(latent, None, EmbeddingRequest(method))
        np.testing.assert_allclose(restored(found), latent, atol=1e-5)
    assert len(embed(latent, None, EmbeddingRequest("ica")).names) == 2
    assert embed(latent, None, EmbeddingRequest("pca")).names[2:] == ("PC3 (0 %)", "PC4 (0 %)")


def test_that_five_particles_are_enough_for_every_method_and_fewer_are_refused_in_words(
    rng: np.random.Generator,
) -> None:
    latent = rng.normal(size=(5, 8)).astype(np.float32)
    for method in METHODS:
        assert np.isfinite(embed(latent, None, EmbeddingRequest(method)).coordinates).all()
    np.testing.assert_allclose(
        restored(embed(latent[:1], None, EmbeddingRequest("pca"))), latent[:1], atol=1e-6
    )
    with pytest.raises(UserError, match="t-SNE needs at least 5 particles; there are 2"):
        embed(latent[:2], None, EmbeddingRequest("tsne"))
    latent[:3, 2] = np.nan
    with pytest.raises(UserError, match=r"there are 2 .3 others have coordinates that are not numbers"):
        embed(latent, None, EmbeddingRequest("ica"))


@pytest.mark.parametrize(
    ("request_", "features", "words"),
    [
        (EmbeddingRequest("pca", by="deformation"), None, "does not tell how far apart"),
        (EmbeddingRequest("axes", by="deformation"), np.ones((9, 2)), "have no axes of their own"),
        (EmbeddingRequest("umap"), None, "All particles have the same latent coordinates"),
        (EmbeddingRequest("umap", neighbours=1), None, "at least 2 neighbours, not 1"),
        (EmbeddingRequest("ica", seed=-1), None, "from 0 to 4294967295, not -1"),
        (EmbeddingRequest("tsne", perplexity=0.5), None, "perplexity between 1 and 1000, not 0.5"),
        (EmbeddingRequest("isomap"), None, "no embedding called isomap"),  # type: ignore[arg-type]
    ],
)
def test_that_senseless_requests_are_refused_in_words(
    request_: EmbeddingRequest, features: NDArray[np.float64] | None, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        embed(np.ones((9, 2), np.float32), features, request_)
