"""The original's commands that go on with a training: options of the run before, and those that are given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.core.checkpoint import save_checkpoint
from jobs.core.folder import JobFolder, make_record
from jobs.dynamight import commands
from jobs.dynamight.params import FINAL_CHECKPOINT, INVERSE_CHECKPOINT, JOB_TYPE, DynaMightOptions
from jobs.dynamight.state import FORMAT, VERSION, fingerprint
from jobs.formats.particles import read_particles

INVERSE, RECONSTRUCT = "optimize-inverse-deformations", "deformable-backprojection"
Calls = list[list[str]]


@pytest.fixture
def job(own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished job in a project, which is the current folder; workers are not really run."""
    folder = JobFolder(own, "DynaMight/job007/")
    options = DynaMightOptions(
        fn_star="particles.star",
        fn_map="consensus.mrc",
        nr_gaussians=60,
        gpu_id="cpu",
        seed=3,
        nr_epochs=70,
        other_args="--particle-diameter 120",
    )
    record = make_record(JOB_TYPE, options, project_dir=own, run=1, task="train")
    folder.write_options(1, record)
    marks = fingerprint(read_particles(own / "particles.star"))
    state = {"format": FORMAT, "version": VERSION, "fingerprint": marks}
    save_checkpoint(folder.path / FINAL_CHECKPOINT, state)
    save_checkpoint(folder.path / INVERSE_CHECKPOINT, {})
    monkeypatch.chdir(own)
    # the modules of the tasks are found whether or not they are part of this version
    monkeypatch.setattr("jobs.core.common_checks._is_installed", lambda _: True)
    return folder.path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls: Calls = []

    def run_worker(_: object, argv: list[str]) -> int:
        calls.append(argv)
        return 0

    monkeypatch.setattr(commands, "run_worker", run_worker)
    return calls


def _record(job: Path, run: int = 2) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job / f"options.{run:03d}.json").read_text())
    return found


@pytest.mark.parametrize("command", [INVERSE, RECONSTRUCT])
@pytest.mark.parametrize(
    "words",
    [["DynaMight/job007"], ["DynaMight/job007/"], ["--output-directory", "DynaMight/job007/"]],
    ids=["place", "slash", "option"],
)
def test_that_a_task_goes_on_with_the_options_of_the_training(
    command: str, words: list[str], job: Path, started: Calls, own: Path
) -> None:
    assert commands.main([command, *words]) == 0
    assert started == [["--project", str(own), "--job", "DynaMight/job007/", "--run", "2"]]
    record = _record(job)
    values = record["values"]
    assert record["is_continue"] and record["seed"] == 3
    assert record["task"] == {INVERSE: "inverse", RECONSTRUCT: "reconstruct"}[command]
    assert (values["do_inverse"], values["do_reconstruct"]) == (command == INVERSE, command == RECONSTRUCT)
    assert (values["fn_star"], values["nr_gaussians"], values["nr_epochs"]) == ("particles.star", 60, 70)
    # what was given as additional argument of the training counts too, and is not read as one of this task
    assert (values["particle_diameter"], values["other_args"]) == (120.0, "")


def test_that_all_options_of_the_original_s_inverse_command_arrive(job: Path, started: Calls) -> None:
    words = f"{INVERSE} --save-deformations DynaMight/job007 --n-epochs 90 --batch-size 17 --gpu-id cpu"
    words += " --preload-images --particle-diameter 99 --mask-soft-edge-width 7 --data-loader-threads 3"
    words += f" --checkpoint-file DynaMight/job007/{FINAL_CHECKPOINT} --pipeline-control DynaMight/job007/"
    words += " --add-noise --inverse-method network"
    assert commands.main(words.split()) == 0
    values = _record(job)["values"]
    assert (values["inverse_noise"], values["inverse_method"]) == (True, "network")
    assert (values["nr_epochs"], values["batch_size"], values["do_store_deform"]) == (90, 17, True)
    assert (values["do_preload"], values["particle_diameter"], values["soft_edge_width"]) == (True, 99, 7)
    assert values["n_workers"] == 3
    assert values["fn_checkpoint"] == f"DynaMight/job007/{FINAL_CHECKPOINT}"


def test_that_a_batch_of_zero_is_that_of_the_training(job: Path, started: Calls) -> None:
    before = DynaMightOptions().batch_size
    assert commands.main([INVERSE, "DynaMight/job007", "--batch-size", "0"]) == 0
    assert _record(job)["values"]["batch_size"] == before


def test_that_all_options_of_the_original_s_backprojection_are_taken(
    job: Path, started: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("consensus.mrc", "mask.mrc")
    words = f"{RECONSTRUCT} DynaMight/job007 --mask-file mask.mrc --batch-size 24 --vae-directory"
    words += f" DynaMight/job007/{FINAL_CHECKPOINT} --inverse-deformation-directory elsewhere --downsample 2"
    words += " --mask-reconstruction --no-do-deformations --gpu-id cpu --no-preload-images"
    words += " --backprojection-batch-size 5 --mask-soft-edge-width 9 --data-loader-threads 2"
    assert commands.main(words.split()) == 0
    values = _record(job)["values"]
    assert (values["backproject_batchsize"], values["do_preload"]) == (5, False)
    assert (values["soft_edge_width"], values["n_workers"], values["mask_file"]) == (9, 2, "mask.mrc")
    assert (values["downsample"], values["mask_reconstruction"], values["do_deformations"]) == (
        2,
        True,
        False,
    )
    assert values["fn_checkpoint"] == f"DynaMight/job007/{FINAL_CHECKPOINT}"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("--inverse-deformation-directory has no effect: ")


def test_that_an_option_without_effect_is_remarked_once(
    job: Path, started: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--inverse-deformation-directory", "elsewhere"]
    assert commands.main([RECONSTRUCT, "DynaMight/job007", *words, *words]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("--inverse-deformation-directory has no effect")


def test_that_a_copy_of_the_particles_is_accepted_and_other_particles_are_not(
    job: Path, started: Calls, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(own / "particles.star", own / "copy.star")
    words = [INVERSE, "DynaMight/job007", "--refinement-star-file"]
    assert commands.main([*words, "copy.star"]) == 0
    assert _record(job)["values"]["fn_star"] == "copy.star"
    lines = (own / "particles.star").read_text().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if "@" in line)
    (own / "fewer.star").write_text("".join([*lines[:last], *lines[last + 1 :]]))
    assert commands.main([*words, "fewer.star"]) == 2
    assert "not the particles that the job was trained on" in capsys.readouterr().err
    assert len(started) == 1


def test_that_the_settings_of_relion_are_enough_when_ours_are_gone(
    job: Path, started: Calls, own: Path
) -> None:
    from jobs.core.job_star import job_star_for, write_job_star

    options = DynaMightOptions(fn_star="particles.star", gpu_id="cpu", nr_gaussians=77)
    write_job_star(job / "job.star", job_star_for(JOB_TYPE, options))
    (job / "options.001.json").unlink()
    assert commands.main([INVERSE, "DynaMight/job007"]) == 0
    assert _record(job, 1)["values"]["nr_gaussians"] == 77


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([INVERSE], "no output directory"),
        ([INVERSE, "nowhere"], "no such folder"),
        ([INVERSE, "."], "holds no job"),
        ([INVERSE, "DynaMight/job007", "--n-epochs", "many"], "many"),
        ([INVERSE, "DynaMight/job007", "--n-epoch", "5"], "--n-epoch"),
        ([INVERSE, "DynaMight/job007", "--checkpoint-file", "no.pth"], "no.pth"),
        ([INVERSE, "DynaMight/job007", "--refinement-star-file", "no.star"], "no.star"),
        ([RECONSTRUCT, "DynaMight/job007", "--batch-size", "0"], "at least 1"),
    ],
    ids=["nothing", "no folder", "no job", "no number", "no option", "no checkpoint", "no star", "no batch"],
)
def test_that_what_is_wrong_is_named_in_one_sentence(
    words: list[str], said: str, job: Path, started: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(words) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert len(told.strip().splitlines()) == 1
    assert started == []
    assert not (job / "options.002.json").exists()


def test_that_a_training_that_did_not_end_is_told(
    job: Path, started: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / FINAL_CHECKPOINT).unlink()
    assert commands.main([INVERSE, "DynaMight/job007"]) == 2
    assert "its training did not end" in capsys.readouterr().err
