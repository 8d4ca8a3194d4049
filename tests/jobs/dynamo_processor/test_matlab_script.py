"""The script, run by GNU Octave with stubs in place of Dynamo's commands."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from jobs.dynamo_processor.matlab_script import ScriptSettings, common_parameters, quoted, script_text
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.rounds import rounds_of
from tests.support.dynamo_stubs import run_script

OPTIONS = DynamoOptions(
    nr_rounds=2, cr_later="10", lim_later="5 5 2.5", sym_r1="c13", gpus="0 1", dst="standalone"
)
_EVEN = (
    "dcp.new even_it d particles template averages/init_avg_azrand_even.em masks default "
    "t input_azrand_even.tbl gui 0"
)
#: The calls for OPTIONS, both halves, without the 31 dvput of each project.
GOLDEN = """dtcrop tomograms_input.doc input.tbl particles 64 mw 12
dynamo_table_randomize_azimuth particles/crop.tbl
dwrite [1 1;2 1;3 1] input_azrand.tbl
dynamo_table_eo input_azrand.tbl disk 1
daverage particles t input_azrand_odd.tbl fcompensate 1 mw 12
dwrite 0 averages/init_avg_azrand_odd.em
daverage particles t input_azrand_even.tbl fcompensate 1 mw 12
dwrite 0 averages/init_avg_azrand_even.em
dcp.new odd_it d particles template averages/init_avg_azrand_odd.em masks default t input_azrand_odd.tbl gui 0
dvcheck odd_it
dvunfold odd_it
@EVEN@
dvcheck even_it
dvunfold even_it""".replace("@EVEN@", _EVEN).splitlines()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Calls of a script whose project lies in a folder with blanks and a quote."""
    base = tmp_path_factory.mktemp("octave")
    project = base / "Ann's own tomograms"
    project.mkdir()
    mask = project / "it's a mask.em"
    common = common_parameters(OPTIONS, mask)
    settings = ScriptSettings(project, "it", 64, 12, rounds_of(OPTIONS), common)
    script = base / "dynamo_process.m"
    script.write_text(script_text(settings))
    found, fault = run_script(script, base)
    assert not fault
    assert (project / "averages").is_dir()
    return found


def test_that_the_script_makes_the_calls_of_the_original_in_their_order(calls: list[str]) -> None:
    assert [call for call in calls if not call.startswith("dvput")] == GOLDEN


def test_that_every_parameter_of_both_rounds_is_set_in_both_projects(calls: list[str]) -> None:
    for half in ("odd_it", "even_it"):
        put = [call.split(" ", 4)[3:] for call in calls if call.startswith(f"dvput {half} d ")]
        names = [name for name, _ in put]
        values = dict(put)
        first = [
            "ite",
            "cr",
            "cs",
            "ir",
            "is",
            "rff",
            "rf",
            "dim",
            "lim",
            "limm",
            "nref",
            "high",
            "low",
            "sym",
        ]
        rounds = [f"{name}_r{k}" for k in (1, 2) for name in first]
        assert names == ["mask", "cores", "mwa", *rounds, "dst", "gpus"]
        assert values["mask"].endswith("Ann's own tomograms/it's a mask.em")
        assert (values["cr_r1"], values["cr_r2"]) == ("20", "10")
        assert (values["lim_r1"], values["lim_r2"]) == ("[10 10 10]", "[5 5 2.5]")
        assert (values["sym_r1"], values["gpus"], values["dst"]) == ("c13", "[0 1]", "standalone")


def test_that_one_project_of_all_particles_needs_no_halves(tmp_path: Path) -> None:
    settings = ScriptSettings(
        tmp_path,
        "whole",
        32,
        0,
        rounds_of(DynamoOptions()),
        halves="together",
        crop=False,
        randomize_azimuth=False,
    )
    script = tmp_path / "s.m"
    script.write_text(script_text(settings))
    found, fault = run_script(script, tmp_path)
    assert not fault
    assert not any(call.startswith(("dtcrop", "dynamo_table_eo")) for call in found)
    assert "dread particles/crop.tbl" in found
    assert any(call.startswith("dcp.new whole d particles") for call in found)


def test_that_halves_of_the_source_are_told_by_odd_and_even_tags(tmp_path: Path) -> None:
    settings = ScriptSettings(tmp_path, "halves", 32, 0, rounds_of(DynamoOptions()), by_tag=True)
    script = tmp_path / "s.m"
    script.write_text(script_text(settings))
    found, fault = run_script(script, tmp_path)
    assert not fault
    assert "dwrite [1 1;3 1] input_azrand_odd.tbl" in found
    assert "dwrite [2 1] input_azrand_even.tbl" in found


@pytest.mark.parametrize(
    ("dst", "gpus", "starts", "put"),
    [
        ("standalone", "", ["system ./odd_it.exe", "system ./even_it.exe"], None),
        ("standalone_gpu", "0 1", ["system ./odd_it.exe", "system ./even_it.exe"], "[0 1]"),
        ("matlab_gpu", "2", ["run odd_it.m", "run even_it.m"], "2"),
    ],
)
def test_that_the_destination_decides_how_the_alignment_is_started(
    tmp_path: Path, dst: str, gpus: str, starts: list[str], put: str | None
) -> None:
    options = DynamoOptions(dst=dst, gpus=gpus)
    common = common_parameters(options, None)
    settings = ScriptSettings(tmp_path, "it", 32, 0, rounds_of(options), common, run_alignment=True)
    script = tmp_path / "s.m"
    script.write_text(script_text(settings))
    assert "run_alignment = 1;" in script.read_text()
    found, fault = run_script(script, tmp_path)
    assert not fault
    assert found[-2:] == starts
    given = {tuple(call.split(" ", 4)[3:]) for call in found if call.startswith("dvput odd_it d ")}
    assert ("dst", dst) in given
    assert {value for name, value in given if name == "gpus"} == ({put} if put else set())
    # and not unless it was asked for
    script.write_text(script_text(dataclasses.replace(settings, run_alignment=False)))
    assert not any(call.startswith(("run ", "system ")) for call in run_script(script, tmp_path)[0])


def test_that_particles_that_are_bright_are_inverted_after_dtcrop_whatever_their_tags(tmp_path: Path) -> None:
    # Dynamo left particle 2 out, and writes five digits
    (tmp_path / "particles").mkdir()
    for name in ("particle_00001.em", "particle_00003.em", "crop.tbl"):
        (tmp_path / "particles" / name).write_bytes(b"")
    settings = ScriptSettings(tmp_path, "it", 32, 4, rounds_of(DynamoOptions()), invert=True)
    script = tmp_path / "s.m"
    script.write_text(script_text(settings))
    found, fault = run_script(script, tmp_path)
    assert not fault
    expected = ["dtcrop tomograms_input.doc input.tbl particles 32 mw 4"]
    for name in ("particle_00001.em", "particle_00003.em"):
        expected += [f"dread particles/{name}", f"dwrite [-1 -1;-2 -1;-3 -1] particles/{name}"]
    assert found[: len(expected)] == expected
    assert found[len(expected)].startswith("dynamo_table_randomize_azimuth")
    # particles that were cut out here are dark already
    assert "dread(particle_file)" not in script_text(dataclasses.replace(settings, crop=False))


def test_that_values_are_written_as_matlab_reads_them() -> None:
    assert quoted("it's") == "'it''s'"
    assert (quoted(True), quoted(False), quoted(3), quoted(2.5), quoted(4.0)) == ("1", "0", "3", "2.5", "4")
    assert quoted((10.0, 10.0, 2.5)) == "[10 10 2.5]"
    with pytest.raises(ValueError, match="line break"):
        quoted("a\nb")
    with pytest.raises(ValueError, match="no form"):
        quoted(None)
    assert math.isclose(float(quoted(0.1)), 0.1)
