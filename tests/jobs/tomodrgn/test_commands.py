"""The original's commands: spellings of both generations, help, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.tomodrgn import commands, commands_train

NAMES = (
    *("train_vae", "train_nn", "eval_vol", "eval_images", "backproject_voxel", "downsample"),
    *("filter_star", "view_config", "cleanup", "analyze", "analyze_volumes"),
    *("pc_traversal", "graph_traversal", "convergence_nn", "convergence_vae"),
)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of workers that would have been run."""
    calls: list[list[str]] = []

    def run_worker(_: object, argv: list[str]) -> int:
        calls.append(argv)
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands_train, "run_worker", run_worker)
    return calls


@pytest.fixture
def star(shared: Path) -> str:
    """A particle file with its images."""
    return str(shared / "data" / "tomodrgn" / "10076_both_32_sim.star")


def recorded(folder: Path, run: int = 1) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / f"options.{run:03d}.json").read_text())["values"]
    return values


def test_that_the_command_of_the_users_document_works_as_written(
    started: list[list[str]], star: str, tmp_path: Path
) -> None:
    words = f"train_vae {star} --zdim 8 --outdir 02_vae_z8_box256 --batch-size 1 --num-epochs 30"
    assert commands.main(words.split()) == 0
    (argv,) = started
    assert argv == ["--project", str(tmp_path), "--job", "02_vae_z8_box256/", "--run", "1"]
    values = recorded(tmp_path / "02_vae_z8_box256")
    assert (values["zdim"], values["batch_size"], values["n_epochs"]) == (8, 1, 30)
    assert (values["model_kind"], values["seed"], values["learning_rate"]) == ("train_vae", 50236, 1e-4)
    assert (values["pe_type"], values["window_r"], values["enc_layers_b"]) == ("geom_lowf", 0.85, 1)


def test_that_options_of_both_generations_arrive(
    started: list[list[str]], star: str, tmp_path: Path, shared: Path
) -> None:
    chosen = str(shared / "data/tomodrgn/ind_ptcl_first10last10.pkl")
    first = f"--ind {chosen} --uninvert-data --no-window --Apix 13.1 --recon-tilt-weight --wd 0.01 --no-amp"
    more = "--norm 0 176.4 --enc-layers-A 2 --out-dim-A 64 --enc-dim-B 32 --l-dose-mask --dose-override 3"
    assert commands.main(["train_vae", *first.split(), *more.split(), star, "-o", "a", "--zdim", "2"]) == 0
    values = recorded(tmp_path / "a")
    assert values["fn_ind"] == chosen
    assert values["contrast"] == "uninvert"
    assert (values["do_window"], values["amp"], values["recon_tilt_weight"]) == (False, False, True)
    assert (values["angpix"], values["norm"], values["dose_override"]) == (13.1, "0 176.4", 3.0)
    assert (values["enc_layers_a"], values["out_dim_a"], values["enc_dim_b"]) == (2, 64, 32)
    second = f"--ind-ptcls {chosen} --use-first-ntilts 6 --fraction-train 0.5 --pooling-function max --lazy"
    more = "--sort-ptcl-imgs dose_ascending --window-r-outer 0.95 --sequential-tilt-sampling -b 4 -n 7 -v"
    words = ["train-vae", *second.split(), star, *more.split(), "--outdir", "b", "--zdim", "2"]
    assert commands.main(words) == 0
    values = recorded(tmp_path / "b")
    assert (values["fn_ind"], values["use_first_ntilts"], values["fraction_train"]) == (chosen, 6, 0.5)
    assert (values["pooling_function"], values["lazy"], values["verbose"]) == ("max", True, True)
    assert (values["sort_ptcl_imgs"], values["batch_size"], values["n_epochs"]) == ("dose_ascending", 4, 7)


def test_that_train_nn_has_its_own_words_for_the_decoder(
    started: list[list[str]], star: str, tmp_path: Path
) -> None:
    assert commands.main(["train_nn", star, "-o", "nn", "--layers", "4", "--dim", "512"]) == 0
    values = recorded(tmp_path / "nn")
    assert (values["model_kind"], values["dec_layers"], values["dec_dim"]) == ("train_nn", 4, 512)
    assert values["seed"] == 1605


@pytest.mark.parametrize("name", NAMES)
def test_that_every_command_explains_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"heteroscope tomodrgn {name}" in text
    if name != "view_config":
        assert text.count("[") > 3


@pytest.mark.parametrize("name", ["nonsense", "analyse"])
def test_that_commands_which_are_not_here_are_wrong_usage(name: str) -> None:
    assert commands.main([name, "--help"]) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train_vae", "-o", "x", "--zdim", "2"], "no particles were given"),
        (["train_vae", "STAR", "-o", "x"], "dimension of the latent space"),
        (["train_vae", "STAR", "-o", "x", "--zdmi", "2"], "Did you mean --zdim"),
        (["train_vae", "STAR", "-o", "x", "--zdim", "2", "--beta", "a"], "how strongly"),
        (["eval_vol", "missing.pkl", "-o", "x"], "do not exist"),
        (["view_config", "missing"], "does not exist"),
        (["cleanup", ".", "--weights"], "config.pkl"),
    ],
)
def test_that_wrong_usage_is_told_and_has_code_2(
    words: list[str], told: str, star: str, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main([star if word == "STAR" else word for word in words]) == 2
    assert told in capsys.readouterr().err
    assert not started


def test_that_particles_are_filtered_by_the_command_line(
    tmp_path: Path, star: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = str(shared / "data/tomodrgn/ind_ptcl_first10last10.pkl")
    assert commands.main(["filter_star", star, "--ind", chosen, "--outstar", "f.star"]) == 0
    assert (tmp_path / "f.star").read_text().count("sim.mrcs") == 10 * 8 + 10 * 10


def test_that_the_help_of_a_training_lists_what_a_training_uses(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["train_vae", "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: heteroscope tomodrgn train_vae PARTICLES -o OUTDIR --zdim N")
    assert all(name in text for name in ("--zdim", "--enc-dim-A", "--beta-control", "--l-dose-mask"))
    assert not any(name in text for name in ("--do_eval_vol", "--fn_zfile", "--do_more_epochs"))
