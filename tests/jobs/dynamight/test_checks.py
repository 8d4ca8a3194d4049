"""Checks of a DynaMight job while its form is filled in: what is found, where it is said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from jobs.core.declaration import CheckContext
from jobs.core.errors import Problem
from jobs.dynamight.input_facts import particle_facts
from jobs.dynamight.params import FINAL_CHECKPOINT, JOB_TYPE, DynaMightOptions

OPTICS = {
    "rlnOpticsGroup": "1", "rlnOpticsGroupName": "g1", "rlnVoltage": "300", "rlnSphericalAberration": "2.7",
    "rlnAmplitudeContrast": "0.1", "rlnImagePixelSize": "1.500000", "rlnImageSize": "16",
    "rlnImageDimensionality": "2",
}  # fmt: skip
PARTICLE = {
    "rlnImageName": "000001@Extract/job002/p.mrcs", "rlnOpticsGroup": "1", "rlnAngleRot": "0",
    "rlnAngleTilt": "0", "rlnAnglePsi": "0", "rlnOriginXAngst": "0", "rlnOriginYAngst": "0",
    "rlnDefocusU": "9000", "rlnDefocusV": "9000", "rlnDefocusAngle": "0",
}  # fmt: skip


def table(name: str, rows: list[dict[str, str]]) -> str:
    labels = "".join(f"_{label} #{n}\n" for n, label in enumerate(rows[0], start=1))
    lines = "".join(" ".join(row.values()) + "\n" for row in rows)
    return f"\n# version 30001\n\ndata_{name}\n\nloop_\n{labels}{lines}\n"


class Inputs:
    """A project with particles, their stack, and a map that fit together."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.star("run_data.star")
        (project / "Extract/job002").mkdir(parents=True)
        self.volume("Extract/job002/p.mrcs", np.zeros((3, 16, 16)), 1.5)
        self.volume("map.mrc", np.linspace(0, 1, 16**3).reshape(16, 16, 16), 1.5)

    def star(
        self, name: str, optics: list[dict[str, str]] | None = None, drop: str = "", **changes: str
    ) -> None:
        groups = optics or [OPTICS]
        particle = {k: v for k, v in {**PARTICLE, **changes}.items() if k not in drop.split()}
        text = table("optics", groups) + table("particles", [particle] * 3)
        (self.project / name).write_text(text)

    def volume(self, name: str, data: Any, voxel_size_a: float) -> None:
        with mrcfile.new(self.project / name, overwrite=True) as file:
            file.set_data(np.asarray(data, np.float32))
            file.voxel_size = voxel_size_a

    def problems(self, **values: Any) -> list[Problem]:
        options = DynaMightOptions(**{"fn_star": "run_data.star", "fn_map": "map.mrc", **values})
        return JOB_TYPE.problems(options, CheckContext(self.project))

    def only(self, **values: Any) -> Problem:
        [problem] = self.problems(**values)
        return problem


@pytest.fixture
def inputs(project_dir: Path) -> Inputs:
    return Inputs(project_dir)


def test_that_inputs_that_fit_together_give_no_problem(inputs: Inputs) -> None:
    assert inputs.problems() == []
    assert inputs.problems(mask_file="map.mrc", initial_threshold=0.5, particle_diameter=20) == []


def test_that_particles_are_needed_and_a_map_is_recommended(inputs: Inputs) -> None:
    star, map_ = inputs.problems(fn_star="", fn_map="")
    assert (star.field, star.severity) == ("fn_star", "error")
    assert (map_.field, map_.severity) == ("fn_map", "warning")


@pytest.mark.parametrize(
    ("columns", "severity", "words"),
    [
        ("rlnAngleTilt rlnAnglePsi", "error", "no column rlnAngleTilt, rlnAnglePsi"),
        ("rlnOriginYAngst", "warning", "no column rlnOriginYAngst"),
        ("rlnDefocusV", "error", "lack rlnDefocusV of the CTF"),
        (
            "rlnDefocusU rlnDefocusV rlnDefocusAngle",
            "warning",
            "has no defocus: images are taken as free of CTF effects",
        ),
        ("rlnImageName", "error", "no column rlnImageName"),
    ],
)
def test_that_a_missing_column_is_named(inputs: Inputs, columns: str, severity: str, words: str) -> None:
    inputs.star("run_data.star", drop=columns)
    problem = inputs.only()
    assert (problem.field, problem.severity) == ("fn_star", severity)
    assert words in problem.message
    assert "run_data.star" in problem.message


def test_that_a_missing_stack_is_named_with_the_place_where_it_was_looked_for(inputs: Inputs) -> None:
    (inputs.project / "Extract/job002/p.mrcs").unlink()
    problem = inputs.only()
    assert "Extract/job002/p.mrcs, which does not exist" in problem.message
    assert str(inputs.project) in problem.hint


def test_that_a_stack_of_another_size_than_the_optics_table_says_is_found(inputs: Inputs) -> None:
    inputs.volume("Extract/job002/p.mrcs", np.zeros((3, 20, 20)), 1.5)
    assert "rlnImageSize is 16, but the images in Extract/job002/p.mrcs are 20" in inputs.only().message


def test_that_mixed_and_odd_boxes_are_refused(inputs: Inputs) -> None:
    other = {**OPTICS, "rlnOpticsGroup": "2", "rlnImageSize": "32"}
    inputs.star("run_data.star", [OPTICS, other])
    assert "boxes of 16 and 32 pixels" in inputs.only().message
    inputs.star("run_data.star", [{**OPTICS, "rlnImageSize": "15"}])
    inputs.volume("Extract/job002/p.mrcs", np.zeros((3, 15, 15)), 1.5)
    inputs.volume("map.mrc", np.zeros((15, 15, 15)), 1.5)
    assert [p.field for p in inputs.problems()] == ["fn_star", "fn_map"]
    assert all("15" in p.message and "an even number is needed" in p.message for p in inputs.problems())


def test_that_tomography_particles_are_refused(inputs: Inputs) -> None:
    inputs.star("run_data.star", rlnImageName="Extract/job002/1_stack2d.mrcs", rlnTomoName="TS_01")
    assert "not 2D single-particle images" in inputs.only().message


@pytest.mark.parametrize("field", ["fn_map", "mask_file"])
@pytest.mark.parametrize(
    ("shape", "voxel_a", "severity", "words"),
    [
        ((18, 18, 18), 1.5, "error", "the box is 18 voxels, but that of the particles is 16"),
        ((16, 16, 18), 1.5, "error", "18 x 16 x 16 voxels, a cube was expected"),
        ((16, 16, 16), 1.6, "error", "the pixel size is 1.6 Å, but that of the particles is 1.5 Å"),
        ((16, 16, 16), 1.505, "warning", "the pixel size is 1.505 Å"),
        ((16, 16, 16), 0.0, "warning", "gives no pixel size"),
    ],
)
def test_that_a_volume_must_have_the_grid_of_the_particles(
    inputs: Inputs, field: str, shape: tuple[int, int, int], voxel_a: float, severity: str, words: str
) -> None:
    inputs.volume("other.mrc", np.zeros(shape), voxel_a)
    problem = inputs.only(**{field: "other.mrc"})
    assert (problem.field, problem.severity) == (field, severity)
    assert problem.message.startswith("other.mrc: ")
    assert words in problem.message


def test_that_files_of_another_kind_are_said_to_be_so(inputs: Inputs) -> None:
    (inputs.project / "text.mrc").write_text("no map")
    (inputs.project / "empty.star").write_text("")
    found = {p.field: p.message for p in inputs.problems(fn_map="text.mrc", fn_star="empty.star")}
    assert set(found) == {"fn_map", "fn_star"}
    assert "text.mrc" in found["fn_map"]
    assert "empty.star" in found["fn_star"]
    (inputs.project / "cut.mrc").write_bytes((inputs.project / "map.mrc").read_bytes()[:-2000])
    assert "cut off after 14 of 16 sections" in inputs.only(fn_map="cut.mrc").message


def test_that_a_threshold_above_all_density_and_a_too_large_diameter_are_refused(inputs: Inputs) -> None:
    problem = inputs.only(initial_threshold=1.5)
    assert problem.field == "initial_threshold"
    assert "1.5, but the highest density of map.mrc is 1" in problem.message
    problem = inputs.only(particle_diameter=30)
    assert problem.field == "particle_diameter"
    assert "the box is only 24 Å wide" in problem.message


@pytest.mark.parametrize(
    ("text", "good"),
    [("", True), ("2", True), ("cpu", True), ("0,1", True), ("0 1:3", True), ("1,1", False), ("a", False)],
)
def test_that_gpus_are_named_by_their_numbers_each_once(inputs: Inputs, text: str, good: bool) -> None:
    problems = inputs.problems(gpu_id=text)
    assert [problem.field for problem in problems] == ([] if good else ["gpu_id"])


def test_that_a_continuation_needs_its_model(inputs: Inputs) -> None:
    job = inputs.project / "DynaMight/job003"
    (job / FINAL_CHECKPOINT).parent.mkdir(parents=True)
    context = CheckContext(inputs.project, is_continue=True, job_dir=job)

    def problems(**values: Any) -> list[Problem]:
        return JOB_TYPE.problems(DynaMightOptions(fn_star="run_data.star", **values), context)

    [problem] = problems(do_visualize=True)
    assert problem.field == "fn_checkpoint"
    assert "checkpoint_final.pth" in problem.message
    assert problems() == []  # resumes the training
    (job / "forward_deformations/checkpoints/005.pth").touch()
    assert problems(do_visualize=True) == []
    (job / FINAL_CHECKPOINT).touch()
    [problem] = problems()
    assert "A task must be chosen" in problem.message
    assert problems(do_reconstruct=True) == []  # the motion is undone without its inverse
    [problem] = problems(do_visualize=True, fn_checkpoint="gone.pth")
    assert problem.field == "fn_checkpoint"
    (inputs.project / "run_data.star").unlink()
    assert [problem.field for problem in problems(do_visualize=True)] == ["fn_star"]


def test_that_checking_a_large_particle_file_again_costs_nothing(inputs: Inputs) -> None:
    path = inputs.project / "run_data.star"
    row = " ".join(PARTICLE.values()) + "\n"
    path.write_text(path.read_text().rstrip() + "\n" + row * 100_000)
    assert 90_000 < particle_facts(path).n_particles < 110_000
    began = time.perf_counter()
    for _ in range(20):
        assert inputs.problems() == []
    assert (time.perf_counter() - began) / 20 < 0.05


@pytest.mark.reference
@pytest.mark.parametrize("name", ["relion31.star", "relion31.6opticsgroups.star", "relion5.star"])
def test_that_particle_files_of_other_programs_are_understood(shared: Path, name: str) -> None:
    facts = particle_facts(shared / "data/star" / name)
    assert facts.boxes
    assert all(box % 2 == 0 for box in facts.boxes)
    assert facts.pixel_sizes_a[0] > 0.1
    assert facts.stack.endswith(".mrcs")
