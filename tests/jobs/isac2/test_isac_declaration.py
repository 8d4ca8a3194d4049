"""The options of ISAC2 have the names and defaults of the original, and what cannot be is refused."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.declaration import CheckContext, add_arguments, from_arguments, specs
from jobs.core.errors import UserError
from jobs.formats.mrc import write_stack
from jobs.isac2 import commands
from jobs.isac2.choosing import class_numbers
from jobs.isac2.class_list import class_files
from jobs.isac2.params import JOB_TYPE, Isac2Options

#: From the documentation of sp_isac2_gpu; what it has beyond is told in another way.
_DOCUMENTED = {
    "--radius": None,
    "--img_per_grp": -1,
    "--CTF": False,
    "--VPP": False,
    "--gpu_devices": "0",
    "--gpu_memory_use": 0.9,
    "--xr": 1,
    "--thld_err": 0.7,
    "--target_radius": 29,
    "--target_nx": 76,
    "--ir": 1,
    "--rs": 1,
    "--yr": -1,
    "--ts": 1.0,
    "--maxit": 30,
    "--center_method": "0",
    "--dst": 90.0,
    "--FL": 0.2,
    "--FH": 0.45,
    "--FF": 0.2,
    "--init_iter": 7,
    "--main_iter_limit": -1,
    "--iter_reali": 1,
    "--stab_ali": 5,
    "--minimum_grp_size": -1,
    "--rand_seed": None,
    "--skip_prealignment": False,
    "--skip_ordering": False,
    "--filament_width": -1.0,
    "--filament_mask_ignore": False,
}


def test_that_every_documented_option_has_its_name_and_default() -> None:
    declared = {flag: d for d in specs(Isac2Options) for flag in (*d.cli, f"--{d.name}")}
    assert {flag: declared[flag].default for flag in _DOCUMENTED} == _DOCUMENTED


def test_that_a_command_line_of_the_original_is_understood() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, Isac2Options)
    words = (
        "--radius=120 --CTF --gpu_devices=0,1 --FL=0.15 --center_method=-1 --rand_seed=7 --img_per_grp=100"
    )
    options = from_arguments(Isac2Options, parser.parse_args(words.split()))
    assert options.radius == 120 and options.ctf and not options.vpp and options.gpu_id == "0,1"
    assert options.fl == 0.15 and options.center_method == "-1" and options.rand_seed == 7


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ctf": True, "vpp": True}, "vpp"),
        ({"fn_stack": "bdb:stack"}, "fn_stack"),
        ({"img_per_grp": 50, "minimum_grp_size": 50}, "minimum_grp_size"),
        ({"target_radius": 40}, "target_radius"),
        ({"fl": 0.5, "fh": 0.4}, "fl"),
        ({"ts": 0.3}, "ts"),
        ({"radius": None}, "radius"),
        ({"main_iter_limit": 0}, "main_iter_limit"),
    ],
)
def test_that_what_cannot_be_is_refused_at_its_field(
    changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    (tmp_path / "a.star").write_text("data_\n")
    good: dict[str, Any] = {"fn_stack": "a.star", "radius": 100.0}
    context = CheckContext(tmp_path)
    assert not [p for p in JOB_TYPE.problems(Isac2Options(**good), context) if p.severity == "error"]
    found = JOB_TYPE.problems(Isac2Options(**{**good, **changes}), context)
    assert field in {problem.field for problem in found}


def test_that_classes_are_chosen_by_numbers_and_ranges() -> None:
    assert class_numbers("3, 1-2 9", 10) == [0, 1, 2, 8]
    assert class_numbers("", 3) == [0, 1, 2]
    for wrong, message in (
        ("x", "not a number"),
        ("3-1", "not a range"),
        ("4", "no class 4"),
        ("0", "range"),
    ):
        with pytest.raises(ValueError, match=message):
            class_numbers(wrong, 3)


def test_that_class_files_are_listed_in_the_order_they_were_made(tmp_path: Path) -> None:
    (tmp_path / "generations").mkdir()
    names = ["main001_generation002", "main002_generation001", "main001_generation010"]
    for name in names:
        (tmp_path / "generations" / f"{name}_model.star").touch()
    (tmp_path / "run_model.star").touch()
    titles = [title for title, _ in class_files(tmp_path, tmp_path)]
    assert titles == [
        "Main iteration 1, generation 2",
        "Main iteration 1, generation 10",
        "Main iteration 2, generation 1",
        "Stable classes",
    ]


def test_that_a_run_started_by_hand_uses_all_cores_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def note(_type: object, options: Isac2Options, **_details: object) -> object:
        seen.append(options.nr_threads)
        raise UserError("far enough")

    write_stack(tmp_path / "images.mrcs", np.random.default_rng(1).normal(size=(40, 16, 16)), 2.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "make_record", note)
    for more in ([], ["--n-threads=1"]):
        assert commands.main(["images.mrcs", "out", "--radius=6", "--img_per_grp=10", *more]) == 2
    assert seen == [len(os.sched_getaffinity(0)), 1]
