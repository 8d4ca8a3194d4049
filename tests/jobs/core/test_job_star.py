"""``job.star`` of every RELION version, and our own types as External jobs."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.core.declaration import JobType, Kind, RunningOptions, Task, add_arguments, from_arguments, option
from jobs.core.errors import FormatError
from jobs.core.external import add_external_arguments
from jobs.core.job_star import JobStar, job_star_for, options_from_job_star, read_job_star, write_job_star
from jobs.registry import JOB_TYPES

EXTERNAL_ROWS = sorted(
    ["fn_exe", "in_mov", "in_mic", "in_part", "in_coords", "in_3dref", "in_mask"]
    + [f"param{number}_{part}" for number in range(1, 11) for part in ("label", "value")]
    + ["nr_threads", "do_queue", "queuename", "qsub", "qsubscript", "min_dedicated", "other_args"]
)

RELION_5 = """
# version 50001

data_job

_rlnJobTypeLabel             dynamight.explore
_rlnJobIsContinue                       1
_rlnJobIsTomo                           0
 

# version 50001

data_joboptions_values

loop_ 
_rlnJobOptionVariable #1 
_rlnJobOptionValue #2 
 do_visualize        Yes 
fn_checkpoint         "" 
    fn_star "my data/run_data.star" 
nr_gaussians     $$count 
    old_one         No 
 
"""  # noqa: W291, W293 - the blanks at the line ends are RELION's


class Options(RunningOptions):
    fn_star: str = option(
        "", label="Particles:", help="P.", tab="I/O", kind=Kind.INPUT_NODE,
        node_labels=("ParticleGroupMetadata.star.relion",),
    )  # fmt: skip
    fn_map: str = option(
        "", label="Map:", help="M.", tab="I/O", kind=Kind.INPUT_NODE, node_labels=("DensityMap.mrc",)
    )
    fn_mask: str = option(
        "", label="Mask:", help="M.", tab="I/O", kind=Kind.INPUT_NODE, node_labels=("Mask3D.mrc",)
    )
    snr: float = option(0.1, label="SNR:", help="S.", tab="I/O", kind=Kind.NUMBER)
    title: str = option("", label="Title:", help="T.", tab="I/O", kind=Kind.TEXT, in_job_star=False)
    seed: int = option(0, label="Seed:", help="S.", tab="I/O", kind=Kind.INTEGER)


OWN = JobType(
    key="own",
    label="relion.external.own",
    directory="Own",
    title="Own",
    summary="A job of our own.",
    options=Options,
    tasks=(Task("main", "Main", switch=None, worker="jobs.own.run:run"),),
    module="jobs.own",
)


@pytest.fixture
def pipeliner() -> Iterator[Any]:
    """The CCP-EM pipeliner, a program of others that reads RELION's files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipeliner import job_factory

        yield job_factory


def test_that_a_file_of_relion_5_is_read(tmp_path: Path) -> None:
    path = tmp_path / "job.star"
    path.write_text(RELION_5)
    read = read_job_star(path)
    assert read == read_job_star(tmp_path)
    assert (read.label, read.is_continue, read.is_tomo) == ("dynamight.explore", True, False)
    assert read.values["fn_star"] == "my data/run_data.star"
    options, problems = options_from_job_star(JOB_TYPES["dynamight"], read)
    assert not problems
    assert options.model_dump()["do_visualize"] is True
    assert options.unknown_values == {"old_one": "No"}
    written = job_star_for(JOB_TYPES["dynamight"], options, is_continue=True)
    assert written.values["nr_gaussians"] == "$$count"


def test_that_type_numbers_of_relion_3_1_become_labels(tmp_path: Path) -> None:
    path = tmp_path / "job.star"
    path.write_text(
        RELION_5.replace("_rlnJobTypeLabel             dynamight.explore", "_rlnJobType        10")
    )
    assert read_job_star(path).label == "relion.refine3d"
    path.write_text(path.read_text().replace("_rlnJobType        10", "_rlnJobType        77"))
    with pytest.raises(FormatError, match=r"job\.star.*number '77' is not known"):
        read_job_star(path)


def test_that_run_job_of_relion_3_0_is_read_when_there_is_no_job_star(tmp_path: Path) -> None:
    (tmp_path / "run.job").write_text(
        "job_type == 9\nis_continue == true\nInput images STAR file: == Extract/job007/particles.star\n"
        "Symmetry: == C1\nMask diameter (A):  == \n"
    )
    read = read_job_star(tmp_path)
    assert (read.label, read.is_continue) == ("relion.class3d", True)
    assert read.values == {
        "Input images STAR file:": "Extract/job007/particles.star",
        "Symmetry:": "C1",
        "Mask diameter (A):": "",
    }


def test_that_other_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="do not exist"):
        read_job_star(tmp_path / "job.star")
    path = tmp_path / "particles.star"
    path.write_text("# version 50001\n\ndata_particles\n\nloop_\n_rlnImageName #1\n1@a.mrcs\n\n")
    with pytest.raises(FormatError, match=r"particles\.star.*not the settings file of a job"):
        read_job_star(path)


def test_that_what_is_written_is_sorted_and_read_back(tmp_path: Path) -> None:
    values = {"b": 'a "quoted" word', "a": "", "c": "with blanks", "d": "'"}
    job = JobStar("dynamight", is_continue=True, values=values)
    write_job_star(tmp_path / "job.star", job)
    assert read_job_star(tmp_path / "job.star") == job
    assert list(read_job_star(tmp_path / "job.star").values) == ["a", "b", "c", "d"]


def test_that_an_own_type_has_the_rows_of_an_external_job() -> None:
    options = Options(fn_star="p.star", fn_map="m.mrc", snr=0.5, title="two words", nr_threads=4, seed=3)
    job = job_star_for(OWN, options)
    assert job.label == "relion.external.own"
    assert sorted(job.values) == EXTERNAL_ROWS
    assert (job.values["in_part"], job.values["in_3dref"], job.values["in_mask"]) == ("p.star", "m.mrc", "")
    parameters = {job.values[f"param{n}_label"]: job.values[f"param{n}_value"] for n in range(1, 4)}
    assert parameters == {"snr": "0.5", "title": "'two words'", "seed": "3"}
    assert job.values["param4_label"] == ""
    assert job.values["nr_threads"] == "4"
    words = shlex.split(job.values["fn_exe"])
    assert words[-4:] == [sys.executable, "-P", "-m", "jobs.own"]
    assert options_from_job_star(OWN, job) == (options, [])


def test_that_the_executable_of_an_external_job_starts_from_any_folder(tmp_path: Path) -> None:
    simulate = shlex.split(job_star_for(OWN, Options()).values["fn_exe"])
    program = [*simulate[:-2], "-c", "import jobs.core.worker as w; print(w.EXIT_ABORTED)"]
    clean = {"PATH": "/usr/bin:/bin"}
    result = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, env=clean, check=True)
    assert result.stdout == "130\n"


def test_that_the_pipeliner_reads_a_dynamight_job(
    tmp_path: Path, pipeliner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job_type = JOB_TYPES["dynamight"]
    values = {"fn_star": "my data/run_data.star", "fn_map": "m.mrc", "nr_gaussians": 8000}
    options = job_type.options(**values, initial_threshold=0.015, do_preload=True, nr_threads=4)
    write_job_star("job.star", job_star_for(job_type, options))
    job = pipeliner.read_job("job.star")
    assert job.PROCESS_NAME == "dynamight"
    read = {name: entry.get_string() for name, entry in job.joboptions.items()}
    assert read["fn_star"] == "my data/run_data.star"
    assert (read["nr_gaussians"], read["initial_threshold"]) == ("8000", "0.015")
    assert (read["do_preload"], read["nr_threads"]) == ("Yes", "4")


def test_that_the_pipeliner_builds_our_command_from_an_external_job(
    tmp_path: Path, pipeliner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options(fn_star="p.star", fn_map="m.mrc", fn_mask="k.mrc", snr=0.5, nr_threads=2)
    # RELION rewrites the label when the job is run from its window.
    written = job_star_for(OWN, options)
    write_job_star("job.star", JobStar("relion.external", values=written.values))
    job = pipeliner.read_job("job.star")
    assert job.PROCESS_NAME == "relion.external"
    job.output_dir = "Own/job003/"
    [command] = job.get_commands()
    program, *words = command.cmd
    assert program == written.values["fn_exe"]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_external_arguments(parser, OWN)
    add_arguments(parser, OWN.options)
    given, rest = parser.parse_known_args(words)
    assert rest == ["--o", "Own/job003/"]
    assert from_arguments(OWN.options, given) == options
