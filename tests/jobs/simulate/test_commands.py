"""The command ``heteroscope simulate``, the job's options, and the job itself."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.formats.mrc import write_map
from jobs.simulate import run as simulate_job
from jobs.simulate.choices import specification
from jobs.simulate.commands import main
from jobs.simulate.params import JOB_TYPE, SimulateOptions
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Silent
from jobs.simulate.truth import GroundTruth

FEW = ["--nr_images", "20", "--box_size", "32", "--angpix", "6"]


def test_that_the_command_makes_a_data_set_and_prints_its_star_file(tmp_path, capsys):
    assert main(["--out", str(tmp_path / "d"), *FEW, "--snr", "0.5"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == str(tmp_path / "d" / "particles.star")
    assert "20 of 20" in printed.err
    truth = GroundTruth.load(tmp_path / "d" / "ground_truth.npz")
    assert (truth.n_images, truth.box, truth.pixel_size_a) == (20, 32, 6.0)
    assert truth.motions[0].name == "hinge of B"


def test_that_a_simulation_can_be_repeated_from_its_record(tmp_path):
    assert main(["--out", str(tmp_path / "a"), *FEW, "--recipe", "three_domains", "--seed", "7"]) == 0
    record = str(tmp_path / "a" / "simulation.json")
    assert json.loads((tmp_path / "a" / "simulation.json").read_text())["seed"] == 7
    assert main(["--out", str(tmp_path / "b"), "--fn_spec", record]) == 0
    first, again = (tmp_path / name / "particles.mrcs" for name in "ab")
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "custom"], "custom data need a map or an atomic model"),
        (["--box_size", "33"], "the box must be even, not 33"),
        (["--recipe", "custom", "--fn_structure", "missing.mrc"], "missing.mrc does not exist"),
        (
            ["--recipe", "R2", "--absent_fraction", "0.5"],
            "a region can be missing only where a motion names it",
        ),
        (["--defocus_low", "30000"], "the lowest defocus is above the highest"),
        (["--recipe", "R9"], "R9"),
        (["--snr", "much"], "much"),
        (["--no-such-option"], "no-such-option"),
    ],
)
def test_that_wrong_words_end_with_code_2_and_a_sentence(tmp_path, capsys, words, message):
    assert main(["--out", str(tmp_path / "d"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_that_a_folder_must_be_named_and_a_project_needs_the_other_command(capsys):
    assert main(FEW) == 2
    assert "Give --out DIR." in capsys.readouterr().err
    assert main(["--project", "here", *FEW]) == 2
    assert "heteroscope run simulate --project here" in capsys.readouterr().err


def test_that_empty_options_are_the_recipe(tmp_path):
    for name in ("R1", "R2", "three_domains", "noise"):
        assert specification(SimulateOptions(recipe=name), tmp_path) == recipe(name)


def test_that_options_reach_the_specification(tmp_path):
    write_map(tmp_path / "m.mrc", np.ones((25, 25, 25)), 4.0)
    options = SimulateOptions(
        recipe="custom", fn_structure="m.mrc", map_threshold=0.5, motion="twist", motion_low=-5,
        motion_high=15, nr_states=3, region="sphere", region_point="1,2,3", region_radius=20,
        motion_axis="0 1 0", pose_error=2, do_halves=False, seed=9,
    )  # fmt: skip
    assert JOB_TYPE.problems(options, CheckContext(tmp_path)) == []
    spec = specification(options, tmp_path)
    assert (spec.box, spec.pixel_size_a, spec.seed, spec.halves, spec.pose_error_deg) == (
        24,
        4.0,
        9,
        False,
        2,
    )
    (motion,) = spec.motions
    assert (motion.kind, motion.states, motion.axis) == ("twist", (-5.0, 5.0, 15.0), (0.0, 1.0, 0.0))
    assert (motion.region.kind, motion.region.point_a) == ("sphere", (1.0, 2.0, 3.0))
    assert (
        specification(SimulateOptions(recipe="custom", fn_structure="m.mrc", motion="none"), tmp_path).motions
        == ()
    )


def test_that_one_state_lies_in_the_middle_of_the_range(tmp_path):
    write_map(tmp_path / "m.mrc", np.ones((8, 8, 8)), 4.0)
    options = SimulateOptions(
        recipe="custom", fn_structure="m.mrc", nr_states=1, motion_low=0, motion_high=10
    )
    assert specification(options, tmp_path).motions[0].states == (5.0,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"region_normal": "up"}, "region_normal"),
        ({"region_normal": "0,0,0"}, "region_normal"),
        ({"motion_centre": "1,2"}, "motion_centre"),
        ({"region": "chain"}, "region_chains"),
        ({"motion_low": 5.0, "motion_high": 5.0}, "motion_low"),
    ],
)
def test_that_problems_name_their_field(tmp_path, change, field):
    write_map(tmp_path / "m.mrc", np.ones((8, 8, 8)), 4.0)
    options = SimulateOptions(recipe="custom", fn_structure="m.mrc", **change)
    assert [p.field for p in JOB_TYPE.problems(options, CheckContext(tmp_path))] == [field]


def test_that_a_map_without_voxel_size_asks_for_it(tmp_path, shared):
    options = SimulateOptions(
        recipe="custom", fn_structure=str(shared / "data" / "maps" / "ribosome_70S_65px.mrc")
    )
    assert [p.field for p in JOB_TYPE.problems(options, CheckContext(tmp_path))] == ["voxel_size"]
    with pytest.raises(UserError, match="has no voxel size"):
        specification(options, tmp_path)


def test_that_the_box_of_an_atomic_model_has_room_for_it(tmp_path):
    lines = [
        f"ATOM  {i:5d}  CA  GLY A{i:4d}    {10.0 * i:8.3f}{0.0:8.3f}{0.0:8.3f}  1.00  0.00           C"
        for i in range(1, 31)
    ]
    (tmp_path / "m.pdb").write_text("\n".join([*lines, "END", ""]))
    spec = specification(SimulateOptions(recipe="custom", fn_structure="m.pdb"), tmp_path)
    assert spec.pixel_size_a == 3.0
    assert spec.box % 2 == 0
    assert spec.box * 3 >= 1.5 * 290


def test_that_the_job_writes_into_its_folder_with_paths_of_the_project(tmp_path):
    class Context(Silent):
        options = SimulateOptions(nr_images=20, box_size=32, angpix=6.0)
        folder = SimpleNamespace(path=tmp_path / "Simulate" / "job001", name="Simulate/job001/")
        project_dir = tmp_path
        seed = 3
        said: list[str] = []
        outputs: dict[str, str] = {}
        snapshots: dict[str, tuple[int, ...]] = {}

        def add_output(self, relpath: str, label: str) -> None:
            self.outputs[relpath] = label

        def save_snapshot(self, name: str, array: np.ndarray) -> None:
            self.snapshots[name] = array.shape

        def say(self, text: str) -> None:
            self.said.append(text)

    context = Context()
    simulate_job.run(context)  # type: ignore[arg-type]
    text = (tmp_path / "Simulate" / "job001" / "particles.star").read_text()
    assert "000001@Simulate/job001/particles.mrcs" in text
    assert context.said[0] == "Simulating 20 images of box 32 at 6 Å per pixel."
    assert sorted(context.outputs) == ["half1.mrc", "half2.mrc"]
    assert context.snapshots == {"volume": (32, 32, 32)}
    for node in JOB_TYPE.main_task.outputs:
        assert (tmp_path / "Simulate" / "job001" / node.path).is_file()
