"""Rotations: RELION's ZYZ angles against scipy, round trips, and the small-angle limit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from jobs.maths.rotations import (
    axis_angle_to_matrix,
    euler_to_matrix,
    matrix_to_euler,
    projection_matrices,
    quaternion_to_matrix,
    random_rotations,
    rotation_angle,
)

ANGLES = np.random.default_rng(0).uniform([-180, 0, -180], [180, 180, 180], (200, 3))


def test_that_relion_angles_are_the_inverse_of_scipys_intrinsic_zyz_rotation():
    expected = Rotation.from_euler("ZYZ", ANGLES, degrees=True).inv().as_matrix()
    np.testing.assert_allclose(euler_to_matrix(torch.tensor(ANGLES)).numpy(), expected, atol=1e-12)


def test_that_single_precision_matrices_agree_with_double_to_1e_6():
    single = euler_to_matrix(torch.tensor(ANGLES, dtype=torch.float32)).double()
    assert (single - euler_to_matrix(torch.tensor(ANGLES))).abs().max() < 1e-6


def test_that_psi_turns_the_image_and_not_the_molecule():
    # With psi = 90 a point on the x axis is seen at image (x, y) = (0, -1): the frame turned by +90.
    matrix = euler_to_matrix(torch.tensor([0.0, 0.0, 90.0]))
    torch.testing.assert_close(matrix @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, -1.0, 0.0]))


def test_that_angles_survive_the_way_through_matrices():
    back = matrix_to_euler(euler_to_matrix(torch.tensor(ANGLES))).numpy()
    np.testing.assert_allclose(back, ANGLES, atol=1e-9)


@pytest.mark.parametrize("tilt", [0.0, 180.0])
def test_that_rotations_at_the_poles_survive_the_way_through_angles(tilt):
    matrices = euler_to_matrix(torch.tensor([[30.0, tilt, 50.0], [-170.0, tilt, -20.0]], dtype=torch.float64))
    angles = matrix_to_euler(matrices)
    torch.testing.assert_close(euler_to_matrix(angles), matrices)
    assert angles[:, 0].abs().max() == 0


def test_that_leading_dimensions_are_kept():
    assert euler_to_matrix(torch.zeros(4, 5, 3)).shape == (4, 5, 3, 3)
    assert matrix_to_euler(torch.eye(3).expand(4, 5, 3, 3)).shape == (4, 5, 3)


def test_that_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"angles must have shape \(\.\.\., 3\), not \(3, 2\)"):
        euler_to_matrix(torch.zeros(3, 2))


def test_that_quaternions_and_rotation_vectors_agree_with_scipy():
    random = Rotation.random(100, rng=np.random.default_rng(1))
    xyzw = random.as_quat()
    wxyz = torch.tensor(np.roll(xyzw, 1, axis=1) * 3.0)
    np.testing.assert_allclose(quaternion_to_matrix(wxyz).numpy(), random.as_matrix(), atol=1e-12)
    vectors = torch.tensor(random.as_rotvec())
    np.testing.assert_allclose(axis_angle_to_matrix(vectors).numpy(), random.as_matrix(), atol=1e-12)


def test_that_a_zero_rotation_vector_is_the_identity_and_has_the_generators_as_gradient():
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    matrix = axis_angle_to_matrix(vector)
    assert torch.equal(matrix.detach(), torch.eye(3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(matrix[1, 0], vector)  # d(R_yx)/d(angle about z) = 1
    torch.testing.assert_close(gradient, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))


def test_that_random_rotations_are_proper_and_uniform():
    matrices = random_rotations(20_000, torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(20_000, dtype=torch.float64))
    # Under the uniform distribution entries have mean 0 and variance 1/3, and the trace has mean 0.
    assert matrices.mean(0).abs().max() < 0.02
    assert ((matrices**2).mean(0) - 1 / 3).abs().max() < 0.02


def test_that_the_angle_between_rotations_is_exact_down_to_a_thousandth_of_a_degree():
    for degrees in (1e-3, 1.0, 90.0, 179.0):
        turned = axis_angle_to_matrix(
            torch.tensor([[0.6, 0.0, 0.8]], dtype=torch.float64) * np.radians(degrees)
        )
        start = random_rotations(1, torch.Generator().manual_seed(0), dtype=torch.float64)
        assert rotation_angle(start, turned @ start).item() == pytest.approx(degrees, rel=1e-6)


def test_that_magnification_acts_on_points_as_the_transpose_of_what_it_does_to_frequencies():
    mag = torch.tensor([[1.02, 0.01], [-0.03, 0.97]], dtype=torch.float64)
    rotation = random_rotations(1, torch.Generator().manual_seed(2), dtype=torch.float64)[0]
    matrix = projection_matrices(rotation, mag)
    frequency, point = torch.tensor([0.3, -0.1]).double(), torch.tensor([1.0, 2.0, 3.0]).double()
    # The phase of a point at an image frequency is that of the object at M k.
    torch.testing.assert_close(frequency @ (matrix @ point), (mag @ frequency) @ (rotation[:2] @ point))
