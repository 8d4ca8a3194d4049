"""The original's training command: its spellings, where the job goes, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.dynamight import commands


@pytest.fixture
def started(own: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of workers that would have been run, from within the folder of the data."""
    calls: list[list[str]] = []

    def run_worker(_: object, argv: list[str]) -> int:
        calls.append(argv)
        return 0

    monkeypatch.chdir(own)
    monkeypatch.setattr(commands, "run_worker", run_worker)
    return calls


def _recorded(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "options.001.json").read_text())
    return record


MAP = ["--initial-model", "consensus.mrc"]


@pytest.mark.parametrize(
    "words",
    [
        ["--refinement-star-file", "particles.star", "--output-directory", "Dyna/job007", *MAP],
        ["particles.star", "Dyna/job007", *MAP],
        ["--refinement-star-file", "particles.star", "Dyna/job007", *MAP],
        ["particles.star", "--output-directory", "Dyna/job007/", *MAP, "--pipeline-control", "Dyna/job007/"],
    ],
    ids=["options", "places", "both", "as RELION calls it"],
)
def test_that_star_file_and_directory_are_taken_in_every_form(
    words: list[str], started: list[list[str]], own: Path
) -> None:
    assert commands.main(["optimize-deformations", *words]) == 0
    (argv,) = started
    assert argv == ["--project", str(own), "--job", "Dyna/job007/", "--run", "1"]
    values = _recorded(own / "Dyna" / "job007")["values"]
    assert values["fn_star"] == "particles.star"
    assert values["fn_map"] == "consensus.mrc"


def test_that_the_options_of_the_original_arrive(started: list[list[str]], own: Path) -> None:
    more = "--n-gaussians 500 --n-gaussian-widths 2 --n-latent-dimensions 4 --n-warmup-epochs 2 --n-epochs 20"
    switches = ["--preload-images", "--regularization-factor", "0.7", "--particle-diameter", "120"]
    words = ["particles.star", "out", *MAP, *more.split(), *switches]
    assert commands.main(["optimize-deformations", *words]) == 0
    record = _recorded(own / "out")
    values = record["values"]
    assert record["task"] == "train"
    assert (values["nr_gaussians"], values["n_gaussian_widths"], values["n_latent_dimensions"]) == (500, 2, 4)
    assert (values["n_warmup_epochs"], values["n_epochs"], values["do_preload"]) == (2, 20, True)
    assert (values["reg_factor"], values["particle_diameter"]) == (0.7, 120.0)


def test_that_a_training_can_be_taken_up_again(started: list[list[str]], own: Path) -> None:
    for word in ([], ["--resume"]):
        assert commands.main(["optimize-deformations", "particles.star", "out", *MAP, *word]) == 0
    assert [argv[-1] for argv in started] == ["1", "2"]
    assert json.loads((own / "out" / "options.002.json").read_text())["task"] == "resume"


def test_that_what_is_printed_is_kept_in_the_folder_run_after_run(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = iter(("first Å\n", "second\n"))

    def run_worker(_: object, __: list[str]) -> int:
        print(next(said), end="")
        return 0

    monkeypatch.chdir(own)
    monkeypatch.setattr(commands, "run_worker", run_worker)
    for more in ([], ["--resume"]):
        assert commands.main(["optimize-deformations", "particles.star", "out", *MAP, *more]) == 0
    assert (own / "out" / "std.out").read_text(encoding="utf-8") == "first Å\nsecond\n"
    assert capsys.readouterr().out == "first Å\nsecond\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no output directory"),
        (["particles.star"], "no output directory"),
        (["no.star", "out", *MAP], "no.star"),
        (["particles.star", "out", "--initial-model", "beads.csv"], "beads.csv"),
        (["particles.star", "out", *MAP, "--n-gaussians", "many"], "many"),
        (["particles.star", "out", *MAP, "--n-gaussian", "5"], "--n-gaussian"),
    ],
    ids=["nothing", "no directory", "no star file", "no map", "no number", "no option"],
)
def test_that_what_is_wrong_is_named_and_nothing_is_made(
    words: list[str], said: str, started: list[list[str]], own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["optimize-deformations", *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert started == []
    assert not (own / "out").exists()
