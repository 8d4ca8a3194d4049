"""The job as its worker does it: dry run, then the project, then the way back; and checks of the form."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from app.placed_model import PlacedModel
from app.tomogram_services import JobTomograms
from jobs.core import worker
from jobs.core.declaration import CheckContext
from jobs.core.folder import JobFolder, make_record
from jobs.dynamo_processor.params import JOB_TYPE, DynamoOptions
from jobs.formats.star import read_star_tables
from tests.support.tomography_projects import BOX, Placed, imod_project

JOB = "Dynamo/job001/"
EACH = 4


def _run(project: Path, options: DynamoOptions, task: str) -> int:
    folder = JobFolder(project, JOB)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clear_markers()
    run = folder.next_run()
    folder.write_options(run, make_record(JOB_TYPE, options, project_dir=project, run=run, task=task))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.chdir(project), patch.object(worker, "set_threads"):
            words = ["--project", str(project), "--job", JOB, "--run", str(run)]
            return worker.run_worker(JOB_TYPE, words)
    finally:
        signal.signal(signal.SIGTERM, before)


def _options(**changes: object) -> DynamoOptions:
    given = {
        "imod_dir": "imod", "dir_contains": "TS", "mod_contains": "particles", "box_size": BOX, "dim_r1": BOX,
        "lim_r1": "4", "low_r1": 8.0, **changes,
    }  # fmt: skip
    return DynamoOptions(**given)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Placed]]:
    """A project whose job was run as a dry run."""
    base = tmp_path_factory.mktemp("project")
    truth = imod_project(base / "imod", particles_each=EACH)
    assert _run(base, _options(scan_only=True), "setup") == 0
    return base, truth


def test_that_a_dry_run_shows_particles_in_their_tomograms_and_writes_no_project(
    project: tuple[Path, list[Placed]],
) -> None:
    base, truth = project
    job = base / JOB
    names = {path.name for path in job.iterdir()}
    assert {"scan.star", "preview.npz", "RELION_JOB_EXIT_SUCCESS"} <= names
    assert not names & {"input.tbl", "dynamo_process.m", "particles", "dynamo_summary.json"}
    services = JobTomograms(base, JOB, JOB_TYPE)
    places = services.all_places()
    expected = np.concatenate([placed.position for placed in truth]) * 10.0
    np.testing.assert_allclose(places.centre_a, expected, atol=1e-3)
    # RELION's matrix takes the reference into the tomogram
    turns = np.concatenate([placed.rotation for placed in truth])
    np.testing.assert_allclose(places.rotation, np.swapaxes(turns, 1, 2), atol=1e-6)
    volume = services.tomogram("TS_10")
    assert volume is not None and volume.path.parent.name == "TS_10"
    model = PlacedModel(places, base / JOB, JOB_TYPE)
    np.testing.assert_array_equal(services.places(model.names).centre_a, places.centre_a)


def test_that_the_job_goes_on_from_its_dry_run_and_brings_particles_back(
    project: tuple[Path, list[Placed]],
) -> None:
    base, _ = project
    job = base / JOB
    options = _options()
    assert JOB_TYPE.task_for(options, True, job).name == "again"
    assert _run(base, options, "again") == 0
    assert (job / "initial_average.mrc").is_file()
    outputs = (job / "RELION_OUTPUT_NODES.star").read_text()
    assert "Dynamo/job001/initial_average.mrc" in outputs
    figure = json.loads((job / "snapshots" / "fsc.json").read_text())
    assert [series["name"] for series in figure["series"]][1:] == [
        "some particles, as they are",
        "the same, turned the other way",
    ]
    back = _options(do_way_back=True, fn_refined=f"{JOB}particles/crop.tbl")
    assert JOB_TYPE.task_for(back, True, job).name == "way_back"
    assert _run(base, back, "way_back") == 0
    table = read_star_tables(job / "particles.star")["particles"]
    assert table.n_rows == 3 * EACH
    assert sorted(set(table.text("rlnTomoName"))) == ["TS_1", "TS_10", "TS_2"]


def test_that_the_map_of_a_job_stands_for_its_particles(project: tuple[Path, list[Placed]]) -> None:
    base, _ = project
    places = JobTomograms(base, JOB, JOB_TYPE).all_places()
    if not (base / JOB / "initial_average.mrc").is_file():
        assert _run(base, _options(), "again") == 0
    model = PlacedModel(places, base / JOB, JOB_TYPE)
    assert (model.box, model.voxel_size_a) == (BOX, pytest.approx(10.0))
    assert model.decode(None).shape == (BOX,) * 3
    assert model.decode(None, 8).shape == (8,) * 3


def test_that_a_configuration_file_takes_the_place_of_the_form(tmp_path: Path) -> None:
    imod_project(tmp_path / "imod", particles_each=2)
    (tmp_path / "job.yaml").write_text(
        "processors:\n- name: imod\n  args: {}\n- name: dynamo\n  args: {imod_dir: imod, dir_contains: TS, "
        "mod_contains: particles, box_size: 16, dim_r1: 16, lim_r1: 4, low_r1: 8, box_sze: 4}\n"
    )
    assert _run(tmp_path, DynamoOptions(fn_config="job.yaml", do_average=False), "setup") == 0
    assert len((tmp_path / JOB / "input.tbl").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"high_r1": 20.0}, "high_r1", "swapped"),
        ({"cs_r1": 30.0}, "cs_r1", "swapped"),
        ({"dim_r1": 64}, "dim_r1", "resampled"),
        ({"lim_r1": "8"}, "lim_r1", "leaves the box"),
        ({"lim_r1": "1 2"}, "lim_r1", "one or three numbers"),
        ({"nr_rounds": 2, "cr_later": "1; 2"}, "cr_later", "2 values"),
        ({"box_size": 15}, "box_size", "even"),
        ({"project_name": "my project"}, "project_name", "no name for MATLAB"),
        ({"imod_dir": ""}, "imod_dir", "need imod_dir"),
        ({"gpus": "all"}, "gpus", "no list of numbers"),
    ],
)
def test_that_the_form_marks_the_field_at_fault(
    tmp_path: Path, changes: dict[str, object], field: str, words: str
) -> None:
    (tmp_path / "imod").mkdir()
    assert not [p for p in JOB_TYPE.problems(_options(), CheckContext(tmp_path)) if p.severity == "error"]
    found = JOB_TYPE.problems(_options(**changes), CheckContext(tmp_path))
    assert any(p.field == field and words in p.message for p in found)
