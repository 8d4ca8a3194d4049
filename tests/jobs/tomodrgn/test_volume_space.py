"""Masks, correlations and components of volumes against numpy, and the analysis of a folder of them."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import adjusted_rand_score

from jobs.core.errors import UserError
from jobs.formats.mrc import write_map
from jobs.formats.pickles import read_pickles
from jobs.maths.fsc import fsc
from jobs.tomodrgn import analyze_volumes, commands, volume_space
from jobs.tomodrgn.params import TomoDrgnOptions
from jobs.tomodrgn.volume_space import MaskOrder, correlation, correlations, mask_of, shells, voxel_pca
from tests.jobs.tomodrgn.conftest import context_of
from tests.support.fake_training import fake_training

BOX = 12


def kinds_of_volumes(count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Noisy volumes of two kinds that differ in where a second blob is."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*[np.arange(BOX) - BOX // 2] * 3, indexing="ij")
    kind = rng.integers(0, 2, count)

    def blob(at: int) -> np.ndarray:
        return np.exp(-((z - at) ** 2 + y**2 + x**2) / 8)

    shapes = (blob(0) + blob(3), blob(0) + blob(-3))
    return [
        (shapes[k] + rng.normal(scale=0.02, size=x.shape)).astype(np.float32) for k in kind.tolist()
    ], kind


def write_volumes(folder: Path, volumes: list[np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, volume in enumerate(volumes):
        write_map(folder / f"vol_{number:03d}.mrc", volume, 4.0)


def test_that_correlations_are_those_of_numpy() -> None:
    volumes, _ = kinds_of_volumes(4)
    mask = mask_of(volumes, MaskOrder("soft"))
    assert mask is not None
    expected = np.corrcoef([(v * mask).ravel().astype(float) for v in volumes])
    np.testing.assert_allclose(correlations(volumes, volumes, mask), expected, atol=1e-6)
    assert correlation(volumes[0], -volumes[0]) == pytest.approx(-1)
    assert correlation(volumes[0], np.ones_like(volumes[0])) == 0


def test_that_shells_are_those_of_the_house_and_leave_their_volumes_alone() -> None:
    a, b = kinds_of_volumes(2)[0]
    before = a.copy()
    mask = mask_of([a, b], MaskOrder("soft"))
    assert mask is not None
    found = shells(a, b, mask)
    np.testing.assert_array_equal(a, before)
    expected = fsc(*(torch.from_numpy((v * mask).astype(np.float64)) for v in (a, b)))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(shells(a, 3 * a), 1.0, atol=1e-6)
    assert found.shape == (BOX // 2 + 1,)


def test_that_masks_hold_what_is_solid_in_any_volume() -> None:
    volumes, _ = kinds_of_volumes(6)
    assert mask_of(volumes, MaskOrder("none")) is None
    tight = mask_of(lambda: iter(volumes), MaskOrder("tight", percentile=95))
    assert tight is not None
    expected = np.any([v >= np.percentile(v, 95) for v in volumes], axis=0)
    np.testing.assert_array_equal(tight, expected)
    soft = mask_of(volumes, MaskOrder("soft", percentile=95, dilate=1, edge=2))
    assert soft is not None
    share = np.clip((distance_transform_edt(~expected) - 1) / 2, 0, 1)
    np.testing.assert_allclose(soft, 0.5 * (1 + np.cos(np.pi * share)), atol=1e-6)
    sphere = mask_of(volumes, MaskOrder("sphere"))
    assert sphere is not None and sphere[BOX // 2, BOX // 2, 0] == 1 and sphere[0, 0, 0] == 0
    with pytest.raises(UserError, match="no mask round"):
        mask_of(volumes, MaskOrder("round"))


@pytest.mark.parametrize("products", [8192, 5])
def test_that_components_of_voxels_are_those_of_numpy(products: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_space, "_MOST_PRODUCTS", products)
    rows = np.random.default_rng(1).normal(size=(30, 200)).astype(np.float32) @ np.diag(
        np.linspace(3, 0.1, 200).astype(np.float32)
    )
    found = voxel_pca(rows, 4, block=64)
    centred = rows - rows.mean(0)
    _, size, axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(found.variance, size[:4] ** 2 / 29, rtol=1e-3)
    assert found.total == pytest.approx(float((size**2).sum() / 29), rel=1e-3)
    np.testing.assert_allclose(np.abs(found.axes @ axes[:4].T), np.eye(4), atol=2e-3)
    np.testing.assert_allclose(found.coordinates, centred @ found.axes.T, atol=2e-3)


@pytest.mark.parametrize("mask", ["none", "sphere", "tight", "soft"])
def test_that_kinds_of_volumes_are_found_within_any_mask(
    mask: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a UMAP is, other tests ask.
    monkeypatch.setattr(analyze_volumes, "umap", lambda z, *_: np.ascontiguousarray(z[:, :2]))
    volumes, kind = kinds_of_volumes(14)
    write_volumes(tmp_path / "v", volumes)
    words = f"analyze_volumes --voldir {tmp_path / 'v'} --num-pcs 5 --ksample 2 --mask {mask}"
    words += f" -o {tmp_path / 'out'}"
    for _ in range(2 if mask == "none" else 1):  # a second time into the same folder
        assert commands.main([*words.split(), "--thresh", "90"]) == 0
    out = tmp_path / "out"
    assert capsys.readouterr().out.strip().splitlines()[-1] == str(out)
    assert read_pickles(out / "voxel_pc.pkl")[0].shape == (14, 5)
    assert read_pickles(out / "voxel_pc_umap.pkl")[0].shape == (14, 2)
    (labels,) = read_pickles(out / "kmeans2" / "voxel_kmeans2_labels.pkl")
    assert adjusted_rand_score(labels, kind) == 1
    rows = np.loadtxt(out / "kmeans2" / "voxel_kmeans_centers_ind.txt", dtype=int)
    assert labels[rows].tolist() == [0, 1]
    with mrcfile.open(out / "kmeans2" / "voxel_kmeans2_cluster1.mrc") as volume:
        np.testing.assert_allclose(
            volume.data, np.mean([v for v, k in zip(volumes, labels, strict=True) if k == 1], 0), atol=1e-5
        )
        assert float(volume.voxel_size.x) == pytest.approx(4)
    ends = []
    for i in (0, 9):
        with mrcfile.open(out / "pc1" / f"voxel_pc1_vol{i}.mrc") as volume:
            ends.append(volume.data.copy())
    # Along the first component one kind becomes the other.
    difference = ends[1] - ends[0]
    truth = np.mean([v for v, k in zip(volumes, kind, strict=True) if k], 0) - np.mean(
        [v for v, k in zip(volumes, kind, strict=True) if not k], 0
    )
    inside = difference != 0
    assert abs(np.corrcoef(difference[inside], truth[inside])[0, 1]) > 0.95
    assert not list(out.glob(".*"))


def test_that_volumes_of_particles_are_held_against_their_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyze_volumes, "umap", lambda z, *_: np.ascontiguousarray(z[:, :2]))
    job = tmp_path / "TomoDRGN" / "job001"
    fake_training(job, count=8, epochs=1)
    volumes, _ = kinds_of_volumes(8)
    write_volumes(job / "volumes.002", volumes)
    options = TomoDrgnOptions(
        fn_star=str(job / "particles.star"),
        zdim=4,
        do_analyze_volumes=True,
        volumes_folder="TomoDRGN/job001/volumes.002",
        volumes_groups=2,
    )
    context = context_of(tmp_path, "TomoDRGN/job001/", options, "analyze_volumes")
    analyze_volumes.run(context)
    context.metrics.close()
    out = job / f"analyze_volumes.{context.run:03d}"
    assert (out / "controls" / "rlnDefocusU.png").exists()
    assert (job / "snapshots" / "analyze_volumes_maps.json").exists()


def test_that_folders_without_enough_volumes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_volumes(tmp_path, kinds_of_volumes(1)[0])
    assert commands.main(["analyze_volumes", "--voldir", str(tmp_path)]) == 2
    assert "2 are needed" in capsys.readouterr().err
