from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.maths.rotations import euler_to_matrix
from jobs.maths.transforms2d import Planar


def _random(n: int, seed: int) -> Planar:
    generator = torch.Generator().manual_seed(seed)
    return Planar(
        360 * torch.rand(n, generator=generator, dtype=torch.float64),
        torch.randn(n, 2, generator=generator, dtype=torch.float64),
        torch.rand(n, generator=generator) < 0.5,
    )


def _matrix(alpha: float, sx: float, sy: float, mirror: bool) -> np.ndarray:
    a = np.deg2rad(alpha)
    turn = np.array([[np.cos(a), np.sin(a), sx], [-np.sin(a), np.cos(a), sy], [0, 0, 1]])
    return np.diag([-1.0 if mirror else 1.0, 1.0, 1.0]) @ turn


def _matrices(planar: Planar) -> np.ndarray:
    return np.stack([_matrix(*row[:3], row[3] > 0) for row in planar.to_table().numpy()])


@pytest.fixture
def points() -> Tensor:
    return torch.randn(50, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def test_that_points_go_where_the_matrix_of_the_definition_takes_them(points: Tensor) -> None:
    planar = _random(50, 1)
    expected = np.einsum("nij,nj->ni", _matrices(planar), np.c_[points, np.ones(50)])[:, :2]
    np.testing.assert_allclose(planar.apply(points), expected, atol=1e-12)


def test_that_composition_is_the_product_of_matrices_second_times_first() -> None:
    first, second = _random(60, 1), _random(60, 2)
    composed = second.compose(first)
    np.testing.assert_allclose(_matrices(composed), _matrices(second) @ _matrices(first), atol=1e-12)
    assert (composed.alpha_deg >= 0).all() and (composed.alpha_deg < 360).all()


def test_that_the_inverse_undoes_from_both_sides() -> None:
    planar = _random(60, 3)
    for product in (planar.inverse().compose(planar), planar.compose(planar.inverse())):
        np.testing.assert_allclose(_matrices(product), np.broadcast_to(np.eye(3), (60, 3, 3)), atol=1e-12)


def test_that_the_offset_is_the_point_that_becomes_the_centre() -> None:
    planar = _random(60, 4)
    offset = planar.pre_rotation_offset()
    np.testing.assert_allclose(planar.apply(offset), 0, atol=1e-12)
    again = Planar.from_offset(planar.alpha_deg, offset, planar.mirror)
    np.testing.assert_allclose(again.to_table(), planar.to_table(), atol=1e-12)


def test_that_the_columns_of_relion_say_the_same_and_come_back() -> None:
    planar = _random(60, 6)
    psi, origin, tilt = planar.to_relion(1.7)
    alpha, sx, sy = (planar.to_table()[:, i].numpy() for i in range(3))
    a = np.deg2rad(alpha)
    np.testing.assert_allclose(origin[:, 0], 1.7 * (np.cos(a) * sx - np.sin(a) * sy), atol=1e-12)
    np.testing.assert_allclose(origin[:, 1], 1.7 * (np.sin(a) * sx + np.cos(a) * sy), atol=1e-12)
    assert (psi >= 0).all() and (psi < 360).all()
    again = Planar.from_relion(psi, origin, tilt, 1.7)
    np.testing.assert_allclose(_matrices(again), _matrices(planar), atol=1e-12)


def test_that_relions_matrix_takes_points_of_the_class_to_their_places_in_the_image(points: Tensor) -> None:
    planar = _random(50, 7)
    psi, origin, tilt = planar.to_relion(1.0)
    angles = torch.stack((torch.zeros_like(psi), tilt, psi), -1)
    # RELION: the shifted image shows the point A x of the reference point x.
    place = torch.einsum("nij,nj->ni", euler_to_matrix(angles)[:, :2, :2], points)
    image_point = place - origin
    np.testing.assert_allclose(planar.apply(image_point), points, atol=1e-6)


def test_that_tables_go_both_ways_and_indexing_keeps_rows_together() -> None:
    planar = _random(10, 8)
    again = Planar.from_table(planar.to_table().numpy())
    assert torch.equal(again.to_table(), planar.to_table())
    assert torch.equal(planar[3:7].to_table(), planar.to_table()[3:7])
    assert torch.equal(
        Planar.identity(4, dtype=torch.float64).compose(planar[:4]).to_table(), planar[:4].to_table()
    )


def test_that_parts_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        Planar(torch.zeros(3), torch.zeros(2, 2), torch.zeros(3, dtype=torch.bool))
