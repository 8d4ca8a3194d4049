"""IMOD models: what imodmodel reads we read; damaged files end with a message that names the byte."""

import contextlib

import imodmodel
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.imod_model import read_imod_model
from tests.support.imod_files import ascii_model, model_bytes
from tests.support.shared import shared_dir

_POINTS = [[(1.5, 2.5, 3.0), (4.5, 5.5, 6.0)], [(7.0, 8.0, 9.0)]]
_ANGLES = [(10.0, 20.0, 30.0), (-41.4, 0.0, -47.7)]
_CENTERS = [(12.5, 13.5, 14.0), (20.5, 21.5, 22.0)]


@pytest.fixture(scope="module")
def models():
    return shared_dir() / "data" / "imod"


@pytest.mark.parametrize(
    "name",
    [
        "two_contour_example.mod",
        "multiple_objects_example.mod",
        "slicer_angle_example.mod",
        "point_sizes_example.mod",
        "meshed_curvature_example.mod",
    ],
)
def test_that_models_of_imod_are_read_as_imodmodel_reads_them(models, name):
    ours = read_imod_model(models / name)
    theirs = imodmodel.ImodModel.from_file(models / name)
    assert ours.size == (theirs.header.xmax, theirs.header.ymax, theirs.header.zmax)
    assert len(ours.objects) == len(theirs.objects)
    for mine, other in zip(ours.objects, theirs.objects, strict=True):
        assert mine.name == other.header.name.strip("\0").rstrip()
        assert len(mine.contours) == len(other.contours)
        for a, b in zip(mine.contours, other.contours, strict=True):
            np.testing.assert_array_equal(a.points, b.points)
    assert len(ours.slicer) == len(theirs.slicer_angles)
    for i, other in enumerate(theirs.slicer_angles):
        np.testing.assert_allclose(ours.slicer.angles_deg[i], other.angles)
        np.testing.assert_allclose(ours.slicer.center[i], other.center)
    assert ours.transform is not None
    np.testing.assert_allclose(ours.transform.scale, theirs.minx.cscale)
    np.testing.assert_allclose(ours.transform.origin, theirs.minx.ctrans)
    np.testing.assert_allclose(ours.transform.old_origin, theirs.minx.otrans)


def test_that_the_fixtures_are_models_for_imodmodel_too(tmp_path):
    path = tmp_path / "a.mod"
    path.write_bytes(model_bytes(_POINTS, slicer=_ANGLES, centers=_CENTERS))
    table = imodmodel.read(path)
    np.testing.assert_allclose(table[["x", "y", "z"]], np.concatenate(_POINTS))
    angles = imodmodel.read(path, annotation="slicer_angles")
    np.testing.assert_allclose(angles[["x_rot", "y_rot", "z_rot"]], _ANGLES, rtol=1e-6)
    np.testing.assert_allclose(angles[["center_x", "center_y", "center_z"]], _CENTERS)


@pytest.mark.parametrize(
    "kind",
    [{}, {"slan_length": 48, "imat_length": 48}, {"label": b"SLAN IEOF"}, {"with_transform": False}],
    ids=["plain", "wrong lengths", "label like a chunk", "no transform"],
)
def test_that_points_and_slicer_angles_come_back(tmp_path, kind):
    path = tmp_path / "a.mod"
    path.write_bytes(model_bytes(_POINTS, slicer=_ANGLES, centers=_CENTERS, **kind))
    model = read_imod_model(path)
    points, objects, contours = model.points()
    np.testing.assert_array_equal(points, np.concatenate(_POINTS))
    assert objects.tolist() == [1, 1, 2] and contours.tolist() == [1, 1, 1]
    assert model.points((2,))[0].tolist() == [[7.0, 8.0, 9.0]]
    np.testing.assert_allclose(model.slicer.angles_deg, _ANGLES, rtol=1e-6)
    np.testing.assert_array_equal(model.slicer.center, _CENTERS)
    assert model.size == (50, 60, 40) and model.pixel_size == 10 and model.unit == "Å"
    assert (model.transform is None) == (kind == {"with_transform": False})
    assert all(thing.scattered for thing in model.objects)


# imodmodel's writer calls what pydantic means to remove
@pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")
def test_that_a_model_that_another_program_writes_with_wrong_lengths_is_read(tmp_path, models):
    model = imodmodel.ImodModel.from_file(models / "slicer_angle_example.mod")
    model.to_file(tmp_path / "written.mod")
    ours, original = (
        read_imod_model(tmp_path / "written.mod"),
        read_imod_model(models / "slicer_angle_example.mod"),
    )
    np.testing.assert_allclose(ours.slicer.angles_deg, original.slicer.angles_deg)
    np.testing.assert_allclose(ours.points()[0], original.points()[0])


def test_that_an_ascii_model_holds_the_same(tmp_path):
    path = tmp_path / "a.mod"
    path.write_text(ascii_model(_POINTS, _ANGLES, _CENTERS))
    model = read_imod_model(path)
    np.testing.assert_array_equal(model.points()[0], np.concatenate(_POINTS))
    np.testing.assert_allclose(model.slicer.angles_deg, _ANGLES)
    np.testing.assert_allclose(model.slicer.center, _CENTERS)
    assert model.slicer.label == ("a label", "a label")
    assert model.size == (50, 60, 40) and model.transform is not None
    assert model.objects[0].name == "particles 1" and model.objects[0].scattered


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        ("imod 1\nmax 1 2\n", "3 numbers", 2),
        ("imod 1\nobject 0 1 0\ncontour 0 0 2\n1 2 3\n", "ends within a contour", 4),
        ("imod 1\ncontour 0 0 1\n1 2 3\n", "before any object", 2),
        ("imod 1\nobject 0 1 0\ncontour 0 0 1\n1 nan 3\n", "3 numbers", 4),
    ],
)
def test_that_faults_of_ascii_models_name_the_line(tmp_path, text, message, row):
    path = tmp_path / "a.mod"
    path.write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        read_imod_model(path)
    assert caught.value.row == row


def test_that_every_truncation_ends_with_a_message(tmp_path):
    path = tmp_path / "a.mod"
    whole = model_bytes(_POINTS, slicer=_ANGLES, centers=_CENTERS)
    for length in range(8, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match="byte") as caught:
            read_imod_model(path)
        assert caught.value.path == path


def test_that_random_damage_never_loops_or_crashes(tmp_path):
    path = tmp_path / "a.mod"
    whole = np.frombuffer(model_bytes(_POINTS, slicer=_ANGLES, centers=_CENTERS), np.uint8)
    generator = np.random.default_rng(7)
    for _ in range(150):
        damaged = whole.copy()
        damaged[generator.integers(240, len(whole), 6)] = generator.integers(0, 256, 6)
        path.write_bytes(damaged.tobytes())
        with contextlib.suppress(FormatError):
            assert len(read_imod_model(path).objects) <= 3


@pytest.mark.parametrize("content", [b"", b"\0" * 400, b"PK\3\4 something", b"IMOD"])
def test_that_other_files_are_refused(tmp_path, content):
    path = tmp_path / "a.mod"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_imod_model(path)
