"""Every option of the original's commands, with a value, is understood by ours; what is not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.dynamight import commands
from jobs.dynamight.commands_other import OTHER_COMMANDS
from jobs.dynamight.viewing import from_command

#: Command, its options with values, and its switches, which have a negative form.
TRAINING = {
    "--initial-model": "map.mrc",
    "--atomic-model": "a.cif",
    "--initial-threshold": "0.01",
    "--initial-resolution": "8",
    "--mask-file": "mask.mrc",
    "--checkpoint-file": "c.pth",
    "--n-gaussians": "30000",
    "--n-gaussian-widths": "1",
    "--n-latent-dimensions": "6",
    "--n-positional-encoding-dimensions": "10",
    "--n-linear-layers": "8",
    "--n-neurons-per-layer": "32",
    "--n-warmup-epochs": "3",
    "--weight-decay": "0.0",
    "--consensus-update-rate": "1",
    "--consensus-update-decay": "0.95",
    "--consensus-update-pooled-particles": "100",
    "--regularization-factor": "0.9",
    "--apply-bfactor": "0",
    "--particle-diameter": "200",
    "--soft-edge-width": "20",
    "--batch-size": "128",
    "--gpu-id": "0",
    "--n-epochs": "150",
    "--n-threads": "4",
    "--n-workers": "4",
    "--combine-resolution": "8",
    "--pipeline-control": "DynaMight/job001/",
    "--kld-factor": "0.01",
}
SHARED = {
    "--refinement-star-file": "p.star",
    "--checkpoint-file": "c.pth",
    "--batch-size": "24",
    "--gpu-id": "0",
    "--particle-diameter": "200",
    "--mask-soft-edge-width": "20",
    "--data-loader-threads": "4",
    "--pipeline-control": "DynaMight/job001/",
}
INVERSE = {**SHARED, "--n-epochs": "50"}
RECONSTRUCT = {
    **SHARED,
    "--mask-file": "mask.mrc",
    "--vae-directory": "c.pth",
    "--inverse-deformation-directory": "inverse",
    "--backprojection-batch-size": "1",
    "--downsample": "2",
}
JOBS = {
    "optimize-deformations": (TRAINING, ("--preload-images", "--use-data-normalization")),
    "optimize-inverse-deformations": (INVERSE, ("--preload-images", "--add-noise", "--save-deformations")),
    "deformable-backprojection": (
        RECONSTRUCT,
        ("--mask-reconstruction", "--do-deformations", "--preload-images"),
    ),
}
VIEWER = {
    "--refinement-star-file": "p.star",
    "--checkpoint-file": "c.pth",
    "--half-set": "0",
    "--mask-file": "mask.mrc",
    "--particle-diameter": "200",
    "--soft-edge-width": "20",
    "--batch-size": "100",
    "--gpu-id": "0",
    "--n-workers": "8",
    "--dimensionality-reduction-method": "PCA",
    "--inverse-deformation": "inverse",
    "--atomic-model": "a.cif",
    "--pipeline-control": "DynaMight/job001/",
}
VIEWER_SWITCHES = ("--preload-images", "--reduce-by-deformation", "--cluster")
PLACES = {
    "places": ["p.star", "DynaMight/job001/"],
    "options": ["--refinement-star-file", "p.star", "--output-directory", "DynaMight/job001/"],
    "mixed": ["p.star", "--output-directory", "DynaMight/job001/"],
}


def _every_word() -> list[tuple[str, list[str]]]:
    found = []
    for command, (values, switches) in JOBS.items():
        found += [(command, [flag, value]) for flag, value in values.items()]
        found += [(command, [f"{flag}={value}"]) for flag, value in values.items()]
        found += [(command, [flag]) for flag in switches]
        found += [(command, [flag.replace("--", "--no-", 1)]) for flag in switches]
    return found


@pytest.mark.parametrize(
    ("command", "words"), _every_word(), ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_that_an_option_of_the_original_is_understood_before_and_after_the_folder(
    command: str, words: list[str]
) -> None:
    parser = commands._parser()
    place = PLACES["places"] if command == "optimize-deformations" else ["DynaMight/job001/"]
    for line in ([command, *words, *place], [command, *place, *words]):
        given, unknown = parser.parse_known_args(line)
        assert unknown == []
        assert given.output == "DynaMight/job001/"


@pytest.mark.parametrize("command", JOBS)
def test_that_all_options_of_a_command_are_understood_together(command: str) -> None:
    values, switches = JOBS[command]
    words = [word for pair in values.items() for word in pair]
    for form in (switches, [flag.replace("--", "--no-", 1) for flag in switches]):
        given, unknown = commands._parser().parse_known_args([command, *words, *form, "out/"])
        assert unknown == []
        assert given.pipeline_control == "DynaMight/job001/"


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_that_a_training_takes_its_star_file_and_folder_in_every_form(place: list[str]) -> None:
    given, unknown = commands._parser().parse_known_args(["optimize-deformations", *place])
    assert unknown == []
    assert "p.star" in (given.star, getattr(given, "fn_star", None))
    assert "DynaMight/job001/" in (given.output, given.output_directory)


def test_that_the_viewer_takes_every_option_of_the_original(tmp_path: Path) -> None:
    words = [word for pair in VIEWER.items() for word in pair]
    for form in (VIEWER_SWITCHES, [flag.replace("--", "--no-", 1) for flag in VIEWER_SWITCHES]):
        request = from_command([str(tmp_path), *words, *form])
        assert request.half == 0
        assert request.clusters == (5 if "--cluster" in form else 0)
    for flag, value in VIEWER.items():
        assert from_command([flag, value, str(tmp_path)]).job_dir == tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimize-deformations", "--n-gausians", "5", "p.star", "o"], "Did you mean --n-gaussians?"),
        (["deformable-backprojection", "o", "--downsamples=3"], "Did you mean --downsample?"),
        (["optimize-inverse-deformations", "o", "--save-deformation"], "Did you mean --save-deformations?"),
        (["optimize-inverse-deformations", "o", "--zzz"], "optimize-inverse-deformations --help"),
        (["optimize-inverse-deformations", "o", "another"], "has no use for 'another'"),
    ],
    ids=lambda part: part[-1] if isinstance(part, list) else None,
)
def test_that_an_unknown_option_is_told_with_the_nearest_known_one(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("command", OTHER_COMMANDS)
def test_that_a_developer_s_command_answers_with_the_one_to_use(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main([command, "DynaMight/job001/", "--vae-checkpoint", "c.pth", "--any"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ERROR: {command} ") and "Use " in line
    # What is named instead exists.
    named = [word for word in JOBS if f"Use {word}" in line]
    assert named
