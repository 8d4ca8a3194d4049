"""What a job writes about its particles is the input of a further job, however the first named its images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __main__ as door
from app.project.project import Project
from jobs.formats.particles import read_particles
from jobs.formats.project_names import named_from_project
from jobs.formats.star import read_star_tables
from jobs.simulate.simulation import Simulation
from tests.support.jobs import end_leftovers

OPTIONS = {
    "gpu_id": "cpu",
    "nr_gaussians": 40,
    "n-warmup-epochs": 1,
    "n-epochs": 2,
    "batch-size": 50,
    "n-neurons-per-layer": 16,
}


@pytest.fixture
def project(tiny: Simulation, tmp_path: Path) -> Iterator[Path]:
    """A project with a data set in a folder of its own, whose images are named from that folder."""
    path = tmp_path / "project"
    shutil.copytree(tiny.folder, path / "data")
    Project.create(path)
    yield path
    end_leftovers(path)


def run(project: Path, star: str) -> int:
    words = [f"--{name}={value}" for name, value in OPTIONS.items()]
    given = ["--project", str(project), "--quiet", f"--fn_star={star}", "--fn_map=data/consensus.mrc"]
    return door.main(["run", "dynamight", *given, *words])


@pytest.mark.slow
def test_that_a_further_job_takes_the_particles_of_the_first(project: Path) -> None:
    assert run(project, "data/particles.star") == 0
    first = "DynaMight/job001/forward_deformations/particles.star"
    given, written = (read_star_tables(project / path) for path in ("data/particles.star", first))
    names = list(written["particles"].text("rlnImageName"))
    assert names == [name.replace("@", "@data/") for name in given["particles"].text("rlnImageName")]
    for column in set(given["particles"].columns) - {"rlnImageName"}:
        assert list(written["particles"].text(column)) == list(given["particles"].text(column)), column
    assert run(project, first) == 0
    second = read_star_tables(project / first.replace("job001", "job002"))
    assert list(second["particles"].text("rlnImageName")) == names


def test_that_names_that_are_right_or_lead_nowhere_stay(project: Path, tmp_path: Path) -> None:
    particles = read_particles(project / "data/particles.star", project_dir=project)
    assert particles.project_dir == project / "data"
    again = named_from_project(particles, project)
    assert again.section.tolist() == particles.section.tolist()
    assert [path.resolve() for path in again.stacks] == [path.resolve() for path in particles.stacks]
    assert named_from_project(again, project) is again
    beside = named_from_project(particles, tmp_path / "other")
    assert beside is particles, "a project that is not there has no stacks"
    (tmp_path / "other").mkdir()
    outside = named_from_project(particles, tmp_path / "other")
    assert outside.image_name[0] == "000001@../project/data/particles.mrcs"
