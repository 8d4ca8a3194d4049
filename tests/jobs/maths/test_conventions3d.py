"""Orientations in five conventions agree with figures measured with other programs, and with each other."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jobs.formats.tilt_geometry import euler_matrices
from jobs.maths import conventions3d as conventions

_RANDOM = Rotation.random(10_000, random_state=np.random.default_rng(3)).as_matrix()


def test_that_dynamo_and_relion_angles_are_those_measured_with_eulerangles():
    m = conventions.dynamo_to_matrix([-155.55, 63.924, 197.81])
    expected = [[0.8110, -0.5165, -0.2747], [0.4516, 0.2544, 0.8552], [-0.3718, -0.8177, 0.4396]]
    np.testing.assert_allclose(m, expected, atol=6e-5)
    np.testing.assert_allclose(conventions.matrix_to_relion(m), (107.81, 63.924, -65.55), atol=1e-9)


@pytest.mark.parametrize(
    ("slicer", "dynamo"),
    [
        ((0, 0, 0), (0, 90, 0)),
        ((13.1, 0, -30.2), (-30.2, 103.1, 0)),
        ((20, 30, 40), (50.314, 107.229, 31.567)),
        ((-41.4, 0, -47.7), (-47.7, 48.6, 0)),
        ((-35.5, 12, -36), (-44.436, 55.388, 14.633)),
    ],
)
def test_that_slicer_angles_give_the_dynamo_angles_measured(slicer, dynamo):
    found = conventions.matrix_to_dynamo(conventions.slicer_to_matrix(slicer))
    np.testing.assert_allclose(found, dynamo, atol=6e-4)


def test_that_the_negative_tilt_of_the_original_is_the_same_rotation():
    ours = conventions.slicer_to_matrix((13.1, 0, -30.2))
    theirs = conventions.dynamo_to_matrix((149.8, -103.1, -180))
    assert conventions.angle_between(ours, theirs) < 1e-10


def test_that_an_eman2_transform_gives_the_rotation_and_shift_measured():
    rotation = [
        [0.054704, -0.944562, 0.323744],
        [0.691975, -0.197883, -0.694272],
        [0.719846, 0.262003, 0.642788],
    ]
    transform = np.concatenate((rotation, np.array([[2.0], [-1.0], [3.0]])), axis=1)
    for form in (transform, transform.ravel()):
        m, shift = conventions.eman2_to_matrix(form)
        np.testing.assert_allclose(conventions.matrix_to_dynamo(m), (70, 50, 25), atol=1e-3)
        np.testing.assert_allclose(shift, (-1.5770, 0.9052, -3.2701), atol=6e-5)
    np.testing.assert_allclose(conventions.matrix_to_eman2(m, shift), transform, atol=5e-6)


def test_that_matrices_are_those_of_scipy():
    angles = np.random.default_rng(1).uniform(-180, 180, (500, 3))
    zxz = Rotation.from_euler("zxz", angles, degrees=True).as_matrix()
    zyz = Rotation.from_euler("zyz", angles[:, ::-1], degrees=True).as_matrix()
    zyx = Rotation.from_euler("zyx", angles[:, ::-1], degrees=True).as_matrix()
    np.testing.assert_allclose(conventions.dynamo_to_matrix(angles), zxz, atol=1e-12)
    np.testing.assert_allclose(conventions.relion_to_matrix(angles), zyz, atol=1e-12)
    np.testing.assert_allclose(conventions.slicer_to_matrix(angles, "z"), zyx, atol=1e-12)
    # RELION's own matrix goes the other way
    np.testing.assert_allclose(euler_matrices(angles), np.swapaxes(zyz, 1, 2), atol=1e-12)
    np.testing.assert_allclose(conventions.peet_to_matrix(angles), np.swapaxes(zxz, 1, 2), atol=1e-12)


@pytest.mark.parametrize("name", ["dynamo", "relion", "slicer", "peet"])
def test_that_ten_thousand_rotations_come_back(name):
    there = getattr(conventions, f"matrix_to_{name}")
    back = getattr(conventions, f"{name}_to_matrix")
    assert conventions.angle_between(back(there(_RANDOM)), _RANDOM).max() < 1e-6


def test_that_conventions_agree_along_any_path():
    dynamo = conventions.matrix_to_dynamo(_RANDOM)
    phi, theta, psi = conventions.matrix_to_peet(_RANDOM).T
    np.testing.assert_allclose(np.stack((-psi, -theta, -phi), axis=1), dynamo)
    assert (dynamo[:, 1] >= 0).all() and (dynamo[:, 1] <= 180).all()


@pytest.mark.parametrize("tilt", [0.0, 180.0, 1e-9, 180 - 1e-9, 1e-4, 1e-6, 90.0])
def test_that_rotations_at_and_near_the_poles_come_back(tilt):
    turns = np.array([(a, tilt, b) for a in (-170.0, 0.0, 33.0, 180.0) for b in (-90.0, 0.0, 71.0)])
    m = conventions.dynamo_to_matrix(turns)
    for name in ("dynamo", "relion", "slicer", "peet"):
        found = getattr(conventions, f"{name}_to_matrix")(getattr(conventions, f"matrix_to_{name}")(m))
        assert conventions.angle_between(found, m).max() < 1e-4
    if tilt in (0.0, 180.0):
        found = conventions.matrix_to_dynamo(m)
        assert (found[:, 0] == 0).all() and (found[:, 1] == tilt).all()


@pytest.mark.parametrize("y", [90.0, -90.0])
def test_that_slicer_angles_with_the_view_across_come_back(y):
    m = conventions.slicer_to_matrix([(10.0, y, 25.0), (0.0, y, 0.0)])
    assert (
        conventions.angle_between(conventions.slicer_to_matrix(conventions.matrix_to_slicer(m)), m).max()
        < 1e-6
    )


def test_that_one_row_stays_one_row():
    for name in ("dynamo", "relion", "slicer", "peet"):
        angles = getattr(conventions, f"matrix_to_{name}")(_RANDOM[:1])
        assert angles.shape == (1, 3)
        assert getattr(conventions, f"{name}_to_matrix")(angles).shape == (1, 3, 3)
        assert getattr(conventions, f"{name}_to_matrix")(angles[0]).shape == (3, 3)
        assert getattr(conventions, f"matrix_to_{name}")(_RANDOM[:0]).shape == (0, 3)


@pytest.mark.parametrize(("axis", "column"), [("x", 0), ("y", 1), ("z", 2)])
def test_that_the_axis_set_upright_in_the_slicer_becomes_z(axis, column):
    m = conventions.slicer_to_matrix((20.0, 30.0, 40.0), axis)
    view = conventions.slicer_to_matrix((20.0, 30.0, 40.0), "z")
    # the third row of M is the reference's z in the tomogram; rows of the view are its axes there
    np.testing.assert_allclose(m[2], view[column], atol=1e-12)
    assert np.linalg.det(m) == pytest.approx(1)
    angles = conventions.matrix_to_slicer(m, axis)
    np.testing.assert_allclose(angles, (20, 30, 40), atol=1e-9)


def test_that_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="angles"):
        conventions.dynamo_to_matrix([1.0, 2.0])
    with pytest.raises(ValueError, match="matrices"):
        conventions.matrix_to_dynamo(np.eye(4))
    with pytest.raises(ValueError, match="transforms"):
        conventions.eman2_to_matrix(np.eye(3))
