"""Neighbours and canonical correlations of two latent spaces, against scikit-learn and known answers."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.neighbors import NearestNeighbors

from app.cli import main
from jobs.core.errors import UserError
from jobs.latents.compare import canonical_correlations, canonical_directions, compare, neighbour_overlap
from jobs.latents.params import LatentsOptions
from tests.jobs.latents.conftest import run_task

RNG = np.random.default_rng(0)
A = RNG.normal(size=(600, 4)) * np.array([4, 2, 1, 0.5])


def rotation(n: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(3).normal(size=(n, n)))[0]


def test_that_a_rotated_copy_is_the_same():
    found = compare(A, 3 * A @ rotation(4) + 7)
    assert found.overlap == 1
    np.testing.assert_allclose(found.correlations, 1, atol=1e-9)
    assert "say the same" in found.sentence


def test_that_random_places_agree_as_often_as_chance():
    found = compare(A, RNG.normal(size=(600, 3)), neighbours=30)
    assert found.overlap == pytest.approx(30 / 599, abs=0.01)
    assert found.overlap_shuffled == pytest.approx(30 / 599, abs=0.01)
    assert max(np.abs(found.correlations)) < 0.2
    assert "nothing in common beyond chance" in found.sentence


def test_that_overlap_is_that_of_scikit_learn():
    b = A[:, :2] + RNG.normal(size=(600, 2))
    near = [
        NearestNeighbors(n_neighbors=15).fit(places).kneighbors(return_distance=False) for places in (A, b)
    ]
    shared = [len(set(p) & set(q)) / 15 for p, q in zip(*near, strict=True)]
    assert neighbour_overlap(A, b, 15) == pytest.approx(np.mean(shared), abs=1e-12)


def test_that_canonical_directions_are_those_of_scikit_learn():
    b = np.stack((A[:, 0] + RNG.normal(size=600), A[:, 2] - A[:, 1], RNG.normal(size=600)), axis=1)
    x, y = canonical_directions(A, b)
    ours = [np.corrcoef(A @ x[:, i], b @ y[:, i])[0, 1] for i in range(3)]
    u, v = CCA(n_components=3, max_iter=5000, tol=1e-12).fit_transform(A, b)
    np.testing.assert_allclose(ours, [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(3)], atol=1e-5)


def test_that_held_out_correlations_find_one_shared_direction_and_no_more():
    shared = RNG.normal(size=2000)
    noise = RNG.normal(size=(2, 2000, 9))
    a, b = (np.concatenate((shared[:, None] + n[:, :1], n[:, 1:]), axis=1) for n in noise)
    found = canonical_correlations(a, b)
    # a signal with as much noise in both: half of the variance is shared
    assert found[0] == pytest.approx(0.5, abs=0.06)
    assert np.abs(found[1:]).max() < 0.12
    assert "share 1 direction of 9" in compare(a, b).sentence


def test_that_several_particles_in_one_place_are_no_obstacle():
    a = np.zeros((50, 2))
    assert 0 <= neighbour_overlap(a, a, 5) <= 1
    found = compare(np.hstack((A, A[:, :1])), A)
    assert found.correlations == pytest.approx((1, 1, 1, 1), abs=1e-6)


def test_that_different_numbers_of_particles_are_refused():
    with pytest.raises(UserError, match="600 particles are compared with those of 599"):
        compare(A, A[:-1])


def test_that_the_command_compares_files(tmp_path, capsys):
    with (tmp_path / "z.pkl").open("wb") as file:
        pickle.dump(A.astype(np.float32), file)
    np.save(tmp_path / "other.npy", A @ rotation(4))
    assert main(["latents", "compare", str(tmp_path / "z.pkl"), str(tmp_path / "other.npy")]) == 0
    assert "100.0 % are neighbours in both" in capsys.readouterr().out
    words = ["latents", "compare", str(tmp_path / "z.pkl"), str(tmp_path / "other.npy"), "--json"]
    assert main([*words, "--columns-b", "1-2", "--neighbours", "5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["neighbours"] == 5 and len(found["correlations"]) == 2
    np.save(tmp_path / "short.npy", A[:-1])
    assert main(["latents", "compare", str(tmp_path / "z.pkl"), str(tmp_path / "short.npy")]) == 2
    assert "600 particles" in capsys.readouterr().err


def test_that_the_task_compares_by_name_and_writes_numbers(opened):
    order = np.random.default_rng(5).permutation(len(opened.z))
    names = opened.made.truth.image_name[order]
    rows = [f"{n},{-2 * opened.z[i, 0] + 1}" for n, i in zip(names, order, strict=True)]
    (opened.project / "other.csv").write_text("\n".join(["image_name,angle", *rows]))
    options = LatentsOptions(
        fn_particles="Simulate/job001/particles.star",
        fn_latent="z.pkl",
        do_compare=True,
        fn_other="other.csv",
    )
    assert run_task(opened.project, "Latents/job002/", options, "compare") == 0
    found = json.loads((opened.job / "comparison.json").read_text())
    assert found["n"] == len(opened.z)
    assert found["correlations"] == pytest.approx([1], abs=1e-6)
    assert found["overlap"] > 0.99 and "say the same" in found["sentence"]
