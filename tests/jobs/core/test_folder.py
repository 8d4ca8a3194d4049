"""Files of a job directory: options of each run, markers, nodes, note."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from jobs.core.errors import FormatError, UserError
from jobs.core.folder import ExitStatus, JobFolder, OptionsRecord, fingerprint, make_record
from jobs.core.relion_star import read_star
from jobs.registry import JOB_TYPES


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    job = JobFolder(tmp_path, "DynaMight/job034")
    job.path.mkdir(parents=True)
    return job


def record(run: int, **values: object) -> OptionsRecord:
    return OptionsRecord(run=run, type_key="dynamight", task="train", values=values, seed=3)


def test_that_runs_are_numbered_and_the_latest_options_are_read(folder: JobFolder) -> None:
    assert (folder.name, folder.next_run()) == ("DynaMight/job034/", 1)
    folder.write_options(1, record(1, reg_factor=0.1 + 0.2, initial_threshold=None))
    folder.write_options(2, record(2, reg_factor=2.0))
    assert folder.next_run() == 3
    assert folder.read_options().values == {"reg_factor": 2.0}
    assert folder.read_options(1) == record(1, reg_factor=0.30000000000000004, initial_threshold=None)
    assert (folder.path / "options.001.json").exists()


def test_that_options_are_never_overwritten(folder: JobFolder) -> None:
    folder.write_options(1, record(1, count=1))
    before = folder.options_file(1).read_bytes()
    with pytest.raises(UserError, match="never overwritten"):
        folder.write_options(1, record(1, count=2))
    assert folder.options_file(1).read_bytes() == before
    assert [path.name for path in folder.path.iterdir()] == ["options.001.json"]


def test_that_damaged_or_missing_options_name_the_file(folder: JobFolder) -> None:
    with pytest.raises(UserError, match=r"options\.001\.json.*has no options of run 1"):
        folder.read_options()
    folder.options_file(1).write_text('{"run": 1, "type_')
    with pytest.raises(FormatError, match=r"options\.001\.json.*cannot be read"):
        folder.read_options(1)


def test_that_there_is_one_exit_marker_at_most(folder: JobFolder) -> None:
    assert folder.exit_status() is None
    for status in ExitStatus:
        folder.mark(status)
        assert folder.exit_status() is status
        assert [path.name for path in folder.path.glob("RELION_*")] == [f"RELION_JOB_EXIT_{status.value}"]
    folder.request_abort()
    assert folder.abort_requested()
    folder.clear_markers()
    assert not list(folder.path.iterdir())


def test_that_results_are_declared_with_their_path_in_the_project(folder: JobFolder) -> None:
    folder.write_output_nodes([])
    assert not folder.output_nodes.exists()
    folder.write_output_nodes([("backprojection/map_half1.mrc", "DensityMap.mrc.relion.halfmap.dynamight")])
    text = folder.output_nodes.read_text()
    assert text.startswith("\n# version 50001\n\ndata_output_nodes\n\nloop_ \n_rlnPipeLineNodeName #1 \n")
    [table] = read_star(folder.output_nodes)
    assert table.rows == [
        ["DynaMight/job034/backprojection/map_half1.mrc", "DensityMap.mrc.relion.halfmap.dynamight"]
    ]


def test_that_the_note_grows_in_the_words_of_relion(folder: JobFolder) -> None:
    folder.append_note(["program --one", "program --two"])
    first = folder.note.read_text()
    date = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
    assert re.fullmatch(
        rf"\n \+\+\+\+ Executing new job on {date}\n \+\+\+\+ with the following command\(s\): \n"
        r"program --one\nprogram --two\n \+\+\+\+ \n",
        first,
    )
    folder.append_note(["program --three"])
    assert folder.note.read_text().startswith(first)
    assert "program --three" in folder.note.read_text()


def test_that_a_fingerprint_sees_both_ends_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "stack.mrcs"
    data = bytearray(3 << 20)
    path.write_bytes(data)
    original = fingerprint(path)
    assert original["size"] == 3 << 20
    for place in (0, len(data) - 1):
        changed = data.copy()
        changed[place] = 1
        path.write_bytes(changed)
        assert fingerprint(path)["sha256"] != original["sha256"]
    small = tmp_path / "small"
    small.write_bytes(b"abc")
    assert fingerprint(small)["sha256"] == hashlib.sha256(b"3abc").hexdigest()


def test_that_the_record_of_a_run_says_what_when_where_and_with_which_input(tmp_path: Path) -> None:
    job_type = JOB_TYPES["dynamight"]
    (tmp_path / "p.star").write_text("data_\n")
    options = job_type.options(fn_star="p.star", fn_map="gone.mrc", seed=11, n_latent_dimensions=3)
    made = make_record(job_type, options, project_dir=tmp_path, run=2, task="train", command=["a", "b"])
    assert list(made.inputs) == ["p.star"]
    assert made.inputs["p.star"]["size"] == 6
    assert (made.seed, made.values["n_latent_dimensions"], made.command) == (11, 3, ["a", "b"])
    assert {"python", "torch", "numpy"} <= made.versions.keys()
    assert made.host
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made.started)
    assert job_type.options(**made.values) == options


def test_that_a_record_holds_the_seed_of_every_type_and_none_where_there_is_none(tmp_path: Path) -> None:
    def seed_of(key: str, **values: object) -> int | None:
        job_type = JOB_TYPES[key]
        options = job_type.options(**values)
        return make_record(job_type, options, project_dir=tmp_path, run=1, task="x").seed

    assert seed_of("simulate", seed=4) == 4
    assert seed_of("isac2", rand_seed=7) == 7
    # One that is yet to be drawn is not 0, and what draws nothing has none.
    assert seed_of("isac2") is None and seed_of("import") is None
