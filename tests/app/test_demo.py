"""The demo's folder, options and words; the whole of it runs with ``make demo``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app import demo
from app.project.project import Project
from jobs import registry
from jobs.core.declaration import CheckContext, from_values
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from jobs.simulate.truth import GroundTruth, displacements


def test_that_a_new_folder_becomes_a_project_and_is_opened_the_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "demo"
    demo.open_or_create(folder)
    assert (folder / "default_pipeline.star").is_file()
    assert isinstance(demo.open_or_create(folder), Project)


def test_that_a_folder_with_other_files_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert demo.main([str(tmp_path)]) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert "heteroscope demo DIR" in said


@pytest.mark.parametrize("key", ["simulate", "dynamight"])
def test_that_the_options_of_the_demo_are_declared_and_valid(key: str) -> None:
    wishes = demo.Wishes(Path("demo"))
    values = demo.simulation(wishes) if key == "simulate" else demo.training(wishes, "Simulate/job001/")
    options, problems = from_values(registry.job_type(key).options, values)
    assert problems == []
    missing = {"fn_star", "fn_map"}  # the files that the simulation is going to write
    found = registry.job_type(key).problems(options, CheckContext(Path("demo")))
    assert [p for p in found if p.severity == "error" and p.field not in missing] == []


@pytest.fixture(scope="module")
def truth_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth")
    simulate(recipe("R1").with_changes(n_images=40), folder)
    return folder / "ground_truth.npz"


def test_that_the_truth_compared_with_itself_is_perfect(truth_file: Path, tmp_path: Path) -> None:
    truth = GroundTruth.load(truth_file)
    found = tmp_path / "found.npz"
    np.savez(found, displacement=displacements(truth), image_name=truth.image_name)
    text = "\n".join(demo.comparison(truth_file, found))
    assert "100 %" in text
    assert text.count("0.00 Å") == 2


def test_that_half_the_motion_is_reported_as_half_its_size(truth_file: Path, tmp_path: Path) -> None:
    truth = GroundTruth.load(truth_file)
    found = tmp_path / "found.npz"
    np.savez(found, displacement=0.5 * displacements(truth), image_name=truth.image_name)
    assert "50 %" in "\n".join(demo.comparison(truth_file, found))


def test_that_the_demo_goes_on_with_tasks_of_the_tutorial() -> None:
    tasks = {task.switch: task.name for task in registry.job_type("dynamight").tasks if task.switch}
    assert [tasks[switch] for switch, _ in demo.STEPS] == ["inverse", "reconstruct"]
