"""Command lines that open the explorer."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.project.project import Project
from app.view_commands import in_project, is_view_command, view_request
from jobs.core.errors import UserError
from jobs.core.job_star import JobStar, write_job_star


@pytest.fixture
def project_with_job(tmp_path: Path) -> Path:
    """A project with a DynaMight job and one of another program."""
    project = Project.create(tmp_path)

    def settings(label: str) -> object:
        return lambda folder, _name: write_job_star(folder / "job.star", JobStar(label, values={}))

    project.new_job("DynaMight", "dynamight", status="Succeeded", prepare=settings("dynamight"))  # type: ignore[arg-type]
    project.new_job("Refine3D", "relion.refine3d", status="Succeeded", prepare=settings("relion.refine3d"))  # type: ignore[arg-type]
    return tmp_path


def test_that_explore_takes_number_half_set_layout_and_atoms(project_with_job: Path) -> None:
    words = ["explore", "1", "--project", str(project_with_job), "--half", "2", "--method", "umap"]
    assert is_view_command(words)
    job_type, request = view_request([*words, "--by-deformation", "--atoms", "model.cif"])
    assert job_type.key == "dynamight"
    assert request.job_dir == project_with_job.resolve() / "DynaMight/job001/"
    assert request.half == 2 and request.snapshot is None
    assert (request.embedding.method, request.embedding.by) == ("umap", "deformation")
    assert request.atoms == Path("model.cif").absolute()
    assert in_project(request)


def test_that_the_original_s_command_and_options_are_understood(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    words = [
        "dynamight",
        "explore-latent-space",
        str(output),
        "--half-set",
        "0",
        "--checkpoint-file",
        "a.pth",
    ]
    words += ["--dimensionality-reduction-method", "TSNE", "--reduce-by-deformation", "--cluster"]
    words += ["--batch-size", "100", "--gpu-id", "0", "--preload-images", "--pipeline-control", "x"]
    assert is_view_command(words)
    _, request = view_request(words)
    assert request.job_dir == output and request.half == 0
    assert request.snapshot == Path("a.pth").absolute()
    assert (request.embedding.method, request.embedding.by) == ("tsne", "deformation")
    assert request.clusters == 5
    assert not in_project(request)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explore", "Refine3D/job002"], "no latent space"),
        (["explore", "DynaMight/job009"], "has no job"),
        (["explore", "1", "--half", "3"], "--half: '3' was found, one of 0, 1, 2 was expected"),
        (["explore", "1", "--haf", "1"], "no option --haf"),
        (["dynamight", "explore-latent-space", "nowhere"], "no such folder"),
        (["dynamight", "explore-latent-space"], "output_directory"),
        (
            ["dynamight", "explore-latent-space", ".", "--dimensionality-reduction-method", "MAGIC"],
            "no way to reduce dimensions",
        ),
    ],
)
def test_that_wrong_usage_is_told_in_words(
    project_with_job: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(project_with_job)
    with pytest.raises(UserError, match=message):
        view_request(words)
    monkeypatch.undo()


def test_that_other_commands_open_no_explorer() -> None:
    for words in (["run", "dynamight"], ["dynamight", "displacements", "x"], ["demo"], []):
        assert not is_view_command(words)
