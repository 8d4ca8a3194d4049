"""Embeddings on disk: found again when they fit, ignored when anything is wrong with them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.core.exploring import Embedding, EmbeddingRequest
from jobs.explore import embedding_cache
from jobs.explore.embedding_cache import MOST_PER_REQUEST, EmbeddingCache, fingerprint
from jobs.explore.embeddings import embed

UMAP = EmbeddingRequest("umap", seed=4, neighbours=12)


@pytest.fixture
def made(rng: np.random.Generator) -> Embedding:
    return Embedding(UMAP, rng.normal(size=(30, 2)).astype(np.float32), ("UMAP 1", "UMAP 2"))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def test_that_an_embedding_is_read_back_by_a_later_program_exactly(tmp_path: Path, made: Embedding) -> None:
    EmbeddingCache(tmp_path / "explorer").put("abc", made)
    found = EmbeddingCache(tmp_path / "explorer").get("abc", UMAP)
    assert found is not None
    np.testing.assert_array_equal(found.coordinates, made.coordinates)
    assert found.coordinates.dtype == np.float32
    assert (found.names, found.request, found.is_linear) == (made.names, UMAP, False)
    (file,) = files(tmp_path / "explorer")
    with np.load(file, allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["coordinates"], made.coordinates)


def test_that_the_inverse_of_a_linear_embedding_is_kept_too(tmp_path: Path, rng: np.random.Generator) -> None:
    latent = rng.normal(size=(60, 4)).astype(np.float32)
    request = EmbeddingRequest("pca")
    mark = fingerprint(latent)
    EmbeddingCache(tmp_path).put(mark, embed(latent, None, request))
    found = EmbeddingCache(tmp_path).get(mark, request)
    assert found is not None and found.offset is not None and found.matrix is not None
    np.testing.assert_allclose(found.offset + found.coordinates @ found.matrix, latent, atol=1e-5)


def test_that_other_particles_or_another_request_find_nothing(tmp_path: Path, made: Embedding) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put("a" * 32, made)
    assert cache.get("b" * 32, UMAP) is None
    # the same name of file, but another array
    assert cache.get("a" * 31 + "b", UMAP) is None
    changes = {"seed": 5, "neighbours": 13, "by": "deformation", "method": "tsne", "perplexity": 7.0}
    for name, value in changes.items():
        assert EmbeddingCache(tmp_path).get("a" * 32, replace(UMAP, **{name: value})) is None


def test_that_a_fingerprint_changes_with_any_number_or_shape(rng: np.random.Generator) -> None:
    points = rng.normal(size=(100, 8)).astype(np.float32)
    changed = points.copy()
    changed[57, 3] = np.nextafter(changed[57, 3], np.float32(9))
    marks = [fingerprint(p) for p in (points, changed, points.reshape(50, 16), points.astype(np.float64))]
    assert len(set(marks)) == 4
    assert fingerprint(np.asfortranarray(points)) == fingerprint(points.copy()) == marks[0]


@pytest.mark.parametrize(
    "what", ["truncated", "empty", "text", "other arrays", "other version", "torn shape"]
)
def test_that_damaged_and_foreign_files_are_ignored_and_replaced(
    what: str, tmp_path: Path, made: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "other version":
        monkeypatch.setattr(embedding_cache, "VERSION", 0)
    EmbeddingCache(tmp_path).put("abc", made)
    monkeypatch.undo()
    (file,) = files(tmp_path)
    with np.load(file, allow_pickle=False) as stored:
        parts = {key: stored[key] for key in stored.files}
    if what == "truncated":
        file.write_bytes(file.read_bytes()[:300])
    elif what == "empty":
        file.write_bytes(b"")
    elif what == "text":
        file.write_text("data_particles\n")
    elif what == "other arrays":
        np.savez(file, points=np.ones(3))
    elif what == "torn shape":
        np.savez(file, **{**parts, "coordinates": parts["coordinates"][:, :1]})
    assert EmbeddingCache(tmp_path).get("abc", UMAP) is None
    EmbeddingCache(tmp_path).put("abc", made)
    assert EmbeddingCache(tmp_path).get("abc", UMAP) is not None


def test_that_a_file_with_objects_in_it_is_not_unpickled(tmp_path: Path, made: Embedding) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    EmbeddingCache(tmp_path).put("abc", made)
    (file,) = files(tmp_path)
    with np.load(file, allow_pickle=False) as stored:
        parts = {key: stored[key] for key in stored.files}
    np.savez(file, **{**parts, "coordinates": np.array([[Trap(), Trap()]], object)})
    assert EmbeddingCache(tmp_path).get("abc", UMAP) is None
    assert not (tmp_path / "sprung").exists()


def test_that_a_folder_that_can_not_be_written_leaves_embeddings_in_memory(
    tmp_path: Path, made: Embedding
) -> None:
    in_the_way = tmp_path / "explorer"
    in_the_way.write_text("a file where the folder should be")
    cache = EmbeddingCache(in_the_way)
    cache.put("abc", made)
    assert cache.get("abc", UMAP) is made
    assert in_the_way.read_text() == "a file where the folder should be"


def test_that_a_project_that_is_only_read_stays_as_it_is(tmp_path: Path, made: Embedding) -> None:
    cache = EmbeddingCache(tmp_path / "explorer", writable=False)
    cache.put("abc", made)
    assert cache.get("abc", UMAP) is made
    assert files(tmp_path) == []


def test_that_older_embeddings_of_the_same_request_make_room_and_those_of_others_stay(
    tmp_path: Path, made: Embedding
) -> None:
    other = replace(made, request=replace(UMAP, seed=99))
    cache = EmbeddingCache(tmp_path)
    cache.put("other", other)
    for k in range(MOST_PER_REQUEST + 3):
        cache.put(f"snapshot{k}", made)
        # clocks of file systems are coarse
        os.utime(tmp_path / f"embedding_umap_latent_seed4_n12_snapshot{k}.npz", (k, k))
    kept = [k for k in range(MOST_PER_REQUEST + 3) if EmbeddingCache(tmp_path).get(f"snapshot{k}", UMAP)]
    assert kept == list(range(3, MOST_PER_REQUEST + 3))
    assert EmbeddingCache(tmp_path).get("other", other.request) is not None


def test_that_number_and_size_of_files_are_bounded(
    tmp_path: Path, made: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "notes.npz"
    mine.write_bytes(b"of somebody else")
    monkeypatch.setattr(embedding_cache, "MOST_FILES", 5)
    cache = EmbeddingCache(tmp_path)
    for seed in range(9):
        cache.put("abc", replace(made, request=replace(UMAP, seed=seed)))
        os.utime(tmp_path / f"embedding_umap_latent_seed{seed}_n12_abc.npz", (seed, seed))
    assert [s for s in range(9) if EmbeddingCache(tmp_path).get("abc", replace(UMAP, seed=s))] == [
        4,
        5,
        6,
        7,
        8,
    ]
    one = next(tmp_path.glob("embedding_*")).stat().st_size
    monkeypatch.setattr(embedding_cache, "MOST_BYTES", int(2.5 * one))
    cache.put("abc", replace(made, request=replace(UMAP, seed=9)))
    assert [s for s in range(10) if EmbeddingCache(tmp_path).get("abc", replace(UMAP, seed=s))] == [8, 9]
    assert mine.read_bytes() == b"of somebody else"
