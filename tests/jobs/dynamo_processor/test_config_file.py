"""Configuration files of the original give the same job as the form; what cannot be used is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.config_file import options_of, read_config, unknown_name, write_config
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.round_parameters import BY_NAME
from jobs.dynamo_processor.rounds import later_text, later_values, options_from_named, read_value, rounds_of

#: The samples of the users' document (their "..." written out), mixed with another processor.
SAMPLE = """
root: "/data/t4ss"
name: "T4SS"
processors: [
  { name: "eman2", args: {steps_to_run: ["import"]} },
  {
    name: "dynamo",
    args: {
      box_size: 64,
      num_workers: 12,
      project_name: "demo",
      real_data_mode: true,
      source_type: "imod",
      imod_dir: "path/to/imod/project/directory",
      dynamo_dir: "path/to/new/dynamo/project/directory",
      dir_contains: "project_name",
      rec_contains: "name_SIRT_1k",
      mod_contains: "particle_name.mod",
      tlt_contains: "project_name.tlt",
      cores: 1, mwa: 12, ite_r1: 1, cr_r1: 20, cs_r1: 1, ir_r1: 30, is_r1: 1, rff_r1: 2, rf_r1: 5,
      dim_r1: 64, lim_r1: [10, 10, 10], limm_r1: 1, nref_r1: 1, high_r1: 1, low_r1: 18, sym_r1: "c13",
      dst: "matlab_gpu", gpus: 0
    }
  },
  {
    name: "dynamo",
    args: {
      box_size: 64, num_workers: 12, project_name: "demo", real_data_mode: true, source_type: "eman2",
      eman2_dir: "path/to/eman2", params_json: "path/to/eman2/spt_00/particle_parms_1.json"
    }
  }
]
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_that_the_samples_of_the_original_give_the_job_of_the_form(tmp_path: Path) -> None:
    config = read_config(_written(tmp_path, SAMPLE))
    assert config.passed_over == ("eman2",)
    options, warnings = options_of(config, 1)
    form = DynamoOptions(
        root="/data/t4ss",
        name="T4SS",
        source_type="imod",
        imod_dir="path/to/imod/project/directory",
        dynamo_dir="path/to/new/dynamo/project/directory",
        dir_contains="project_name",
        rec_contains="name_SIRT_1k",
        mod_contains="particle_name.mod",
        tlt_contains="project_name.tlt",
        sym_r1="c13",
    )
    assert not warnings
    assert options == form
    second, _ = options_of(config, 2)
    assert (second.source_type, second.eman2_dir) == ("eman2", "path/to/eman2")


def test_that_a_written_file_gives_the_same_job_again(tmp_path: Path) -> None:
    options = DynamoOptions(
        imod_dir="/data/imod",
        nr_rounds=3,
        cr_later="10; 5",
        lim_later="5 5 2.5",
        sym_r1="c7",
        gpus="0 1",
        mask="/m.em",
    )
    write_config(tmp_path / "again.yaml", options)
    again, warnings = options_of(read_config(tmp_path / "again.yaml"))
    assert not warnings
    assert again == options


def test_that_unknown_names_are_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    text = "processors:\n- name: dynamo\n  args: {box_szie: 32, cr_r1: 30, dm_r2: 4}\n"
    options, warnings = options_of(read_config(_written(tmp_path, text)))
    assert options.cr_r1 == 30
    assert warnings == [unknown_name("box_szie"), unknown_name("dm_r2")]
    assert "'box_size'" in warnings[0]
    assert "'dim_r2'" in warnings[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("processors:\n- name: dynamo\n  args: !!python/object/apply:os.system ['true']\n", "has a tag"),
        ("processors:\n- name: dynamo\n  args: {box_size: 1, box\n", "no YAML"),
        ("root: here\n", "no list of processors"),
        ("processors: [{name: imod}]\n", "no processor called dynamo .*imod"),
        ("processors: [{name: dynamo, args: [1, 2]}]\n", "no names with values"),
        ("processors: [{args: {}}]\n", "has no name"),
        ("\x00\x01", "no YAML"),
    ],
)
def test_that_files_that_can_not_be_used_say_why(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_config(_written(tmp_path, text))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("{box_size: small}", "box_size.*whole number"),
        ("{cr_r1: -20}", "cr: '-20'.*at least 0"),
        ("{lim_r1: [1, 2]}", "one or three numbers"),
        ("{sym_r1: 'c13; delete'}", "symmetry"),
        ("{real_data_mode: perhaps}", "true or false"),
        ("{source_type: xmipp}", "source_type is 'xmipp'"),
        ("{ite_r1: 1.5}", "whole number"),
    ],
)
def test_that_values_that_can_not_be_used_are_named(tmp_path: Path, args: str, words: str) -> None:
    config = read_config(_written(tmp_path, f"processors:\n- {{name: dynamo, args: {args}}}\n"))
    with pytest.raises(FormatError, match=words):
        options_of(config)


def test_that_anchors_are_followed_and_numbers_in_words_of_yaml_are_read(tmp_path: Path) -> None:
    text = (
        "common: &c {box_size: '48', cs_r1: 5e-1, real_data_mode: yes}\n"
        "processors:\n- name: dynamo\n  args: {<<: *c, ite: [1, 3], gpus: [0, 1]}\n"
    )
    options, warnings = options_of(read_config(_written(tmp_path, text)))
    assert not warnings
    assert (options.box_size, options.cs_r1, options.gpus) == (48, 0.5, "0 1")
    assert [values["ite"] for values in rounds_of(options).values] == [1, 3]


def test_that_rounds_that_are_left_out_go_on_as_before() -> None:
    fields = options_from_named({"cr_r1": 60, "cr_r3": 10, "ite_r2": 4})
    rounds = rounds_of(DynamoOptions(**fields))
    assert [values["cr"] for values in rounds.values] == [60, 60, 10]
    assert [values["ite"] for values in rounds.values] == [1, 4, 4]
    assert rounds.named()["low_r3"] == 18


def test_that_values_of_later_rounds_survive_their_field() -> None:
    for values in ([5, 5, 3], [20, 10, 10], [1, 1, 1]):
        text = later_text(values, 20)
        assert later_values(BY_NAME["cr"], text, 4, 20) == values
    with pytest.raises(UserError, match="2 values for rounds from 2"):
        later_values(BY_NAME["cr"], "1; 2", 2, 3)
    assert read_value(BY_NAME["lim"], 4) == (4.0, 4.0, 4.0)
    assert read_value(BY_NAME["sym"], "h[22.04,1.408]") == "h[22.04,1.408]"
