"""PEET projects: points moved by offsets, references turned by the angles of motive lists."""

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import SourceSettings
from jobs.formats.peet import read_motive_list
from jobs.maths.conventions3d import angle_between, matrix_to_peet
from tests.support import tomography_projects as projects
from tests.support.imod_files import MOTIVE_HEADER, model_bytes, write_motives
from tests.support.peet_projects import peet_project

_EACH = 5


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peet")
    truth, order = peet_project(folder, _EACH)
    return SourceSettings(source_type="peet", imod_dir=folder), truth.position, truth.rotation, order


def test_that_points_are_moved_and_the_average_is_the_map(project):
    settings, centre, rotation, order = project
    (entry,) = sources.find(settings)
    table = sources.particles(entry)
    assert (
        entry.n_particles == _EACH
        and not entry.problems
        and (entry.tilt_min_deg, entry.tilt_max_deg) == (-60, 60)
    )
    np.testing.assert_allclose(table.position + table.shift, centre[order], atol=1e-4)
    assert angle_between(table.rotation, rotation[order]).max() < 1e-6
    np.testing.assert_allclose(table.score, 0.1 * (order + 1))
    assert table.object_id.tolist() == np.where(order < 2, 1, 2).tolist()
    assert table.class_id.tolist() == ((order + 1) % 2).tolist()
    volumes = [mrcfile.read(entry.volume)] * _EACH
    average = projects.averaged(volumes, table.position, table.rotation, table.shift)
    assert projects.correlation(average, projects.reference()) > 0.99
    for shift, turn in ((0 * table.shift, table.rotation), (table.shift, np.swapaxes(table.rotation, 1, 2))):
        wrong = projects.averaged(volumes, table.position, turn, shift)
        assert projects.correlation(wrong, projects.reference()) < 0.8


def test_that_motives_are_read_as_written_with_their_angles_in_turning_order(tmp_path, project):
    angles = matrix_to_peet(project[2])
    write_motives(tmp_path / "a.csv", np.arange(1, 6), np.full(5, 0.5), np.ones((5, 3)), angles)
    read = read_motive_list(tmp_path / "a.csv")
    np.testing.assert_allclose(read.angles_deg, angles, rtol=1e-6)
    assert (read.offset == 1).all() and (read.correlation == 0.5).all()
    assert read.class_id.tolist() == [1, 0, 1, 0, 1]


def test_that_a_list_of_another_model_is_named(project, tmp_path):
    folder = tmp_path / "TS_1"
    folder.mkdir()
    for file in (project[0].imod_dir / "TS_1").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "a.mod").write_bytes(model_bytes([[(1, 2, 3)]]))
    (entry,) = sources.find(SourceSettings(source_type="peet", imod_dir=tmp_path))
    assert not entry.usable and "is of 5 points, but a.mod has 1" in entry.problems[0].message


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (MOTIVE_HEADER + "\n", None),
        (MOTIVE_HEADER + "\n1,2,3\n", 2),
        (MOTIVE_HEADER + "\n" + "0," * 19 + "0\n", 2),
    ],
)
def test_that_damaged_lists_name_the_line(tmp_path, text, row):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_motive_list(tmp_path / "a.csv")
    assert caught.value.row == row
