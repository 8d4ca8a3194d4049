"""The import job from the command line, and what other programs find in the project afterwards."""

from __future__ import annotations

import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from app.cli import main
from app.project.project import Project
from jobs.core.declaration import spec
from jobs.core.job_star import read_job_star
from jobs.import_files.params import JOB_TYPE
from tests.support.jobs import end_leftovers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.project_graph import ProjectGraph
    from pipeliner.starfile_handler import JobStar as TheirJobStar


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A map that lies outside the project."""
    path = tmp_path / "elsewhere" / "consensus.mrc"
    path.parent.mkdir()
    grid = np.mgrid[:16, :16, :16] - 8.0
    with mrcfile.new(path) as file:
        file.set_data(np.exp(-(grid**2).sum(0) / 20).astype(np.float32) - 0.1)
        file.voxel_size = 3.0
    return path


def test_that_an_import_runs_here_whatever_the_site_says_and_other_programs_read_the_project(
    tmp_path: Path, volume: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # a site whose jobs all go to a queue; RELION fixes No for its Import as well
    monkeypatch.setenv("RELION_QUEUE_USE", "yes")
    path = tmp_path / "project"
    path.mkdir()
    Project.create(path)
    words = ["run", "import", "--project", str(path), "--fn_in_other", str(volume)]
    try:
        assert main(words) == 0
    finally:
        end_leftovers(path)
    assert capsys.readouterr().out.splitlines()[-1] == "Import/job001/"
    assert not (path / "Import/job001/run_submit.script").exists()
    assert read_job_star(path / "Import/job001").values["do_queue"] == "No"

    monkeypatch.chdir(path)
    graph = ProjectGraph(pipeline_dir=path)
    (process,) = graph.process_list
    assert (process.name, process.type, process.status) == ("Import/job001/", "relion.import", "Succeeded")
    assert [(n.name, n.type) for n in process.output_nodes] == [
        ("Import/job001/consensus.mrc", "DensityMap.mrc")
    ]
    theirs = TheirJobStar("Import/job001/job.star").joboptions
    assert (theirs["do_other"], theirs["do_raw"], theirs["fn_in_other"]) == ("Yes", "No", str(volume))


def test_that_an_import_is_not_submitted_to_a_queue(
    tmp_path: Path, volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "project"
    path.mkdir()
    Project.create(path)
    words = ["run", "import", "--project", str(path), "--fn_in_other", str(volume), "--do_queue", "Yes"]
    assert main(words) == 2
    assert "run on this computer" in capsys.readouterr().err
    assert not (path / "Import").exists()
    declared = spec(JOB_TYPE.options, "do_queue")
    assert not JOB_TYPE.is_enabled(declared, JOB_TYPE.options(), is_continue=False)
