"""Maps that are written: values, voxel size, origin, name, and the level that shows the molecule."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.maps import contour_level, save_map
from tests.support.explored import STEP_A, BlobModel


def read(path: Path) -> tuple[np.ndarray, float, tuple[float, float, float]]:
    with mrcfile.open(path) as file:
        origin = file.header.origin
        return file.data.copy(), float(file.voxel_size.x), (float(origin.x), float(origin.y), float(origin.z))


def test_that_a_map_holds_the_decoded_values_at_their_place(tmp_path: Path) -> None:
    model = BlobModel()
    model.origin_a = (-48.0, 12.5, 3.0)
    z = np.array([1.5, 0, 0, 0], np.float32)
    path = save_map(tmp_path, 1, model, z)
    assert path == tmp_path / "maps" / "map001_half1.mrc"
    data, voxel, origin = read(path)
    np.testing.assert_array_equal(data, model.decode(z))
    assert voxel == pytest.approx(4.0)
    assert origin == pytest.approx((-48.0, 12.5, 3.0))


def test_that_the_blob_in_the_written_map_has_moved_as_far_as_the_state_says(tmp_path: Path) -> None:
    model = BlobModel()
    places = []
    for z in (None, np.array([2.0, 0, 0, 0])):
        data, voxel, _ = read(save_map(tmp_path, 2, model, z))
        profile = data.sum((0, 1))[13:]
        places.append(voxel * float((profile * np.arange(13, 24)).sum() / profile.sum()))
    assert places[1] - places[0] == pytest.approx(2 * STEP_A, abs=1.0)
    assert sorted(p.name for p in (tmp_path / "maps").iterdir()) == ["map001_half2.mrc", "map002_half2.mrc"]


def test_that_a_model_that_fails_leaves_no_file(tmp_path: Path) -> None:
    class Broken(BlobModel):
        def decode(self, z: object, box: int | None = None) -> np.ndarray:
            raise UserError("the process has died")

    with pytest.raises(UserError, match="died"):
        save_map(tmp_path, 1, Broken(), None)
    assert list(tmp_path.iterdir()) == []


def test_that_the_level_surrounds_both_blobs_and_little_else() -> None:
    model = BlobModel()
    volume = model.decode(None)
    level = contour_level(volume)
    inside = volume > level
    voxels = np.rint(model.centres(None) / 4.0).astype(int) + 12
    assert all(inside[z, y, x] for x, y, z in voxels)
    assert inside.mean() < 0.05
    # a contour of a Gaussian below a tenth or above nine tenths of its height would look wrong
    assert 0.1 < level < 0.9


def test_that_the_level_parts_two_greys_in_the_middle_and_follows_the_scale() -> None:
    volume = np.full((20, 20, 20), -1.0, np.float32)
    volume[5:9, 5:9, 5:9] = 3.0
    assert contour_level(volume) == pytest.approx(1.0, abs=0.05)
    assert contour_level(1e-3 * volume) == pytest.approx(1e-3, abs=5e-5)


def test_that_an_even_map_has_a_level_too() -> None:
    assert contour_level(np.full((4, 4, 4), 2.0)) == 2.0
