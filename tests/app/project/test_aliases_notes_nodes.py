"""Aliases and their links, notes, last settings, and the mirror of nodes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.project.project import Project
from jobs.core.errors import UserError
from jobs.core.job_star import JobStar
from tests.app.project.conftest import MAP

MIRROR = ".Nodes/DensityMap"


def test_that_an_alias_is_a_link_as_relion_makes_it(chain: Project) -> None:
    job = chain.set_alias("Refine3D/job002", "my best map")
    assert job.alias == "Refine3D/my_best_map/"
    assert (chain.path / "Refine3D/my_best_map").readlink() == Path("../Refine3D/job002/")
    assert (chain.path / "Refine3D/my_best_map/map.mrc").read_text() == "map.mrc"
    assert chain.process("Refine3D/my_best_map").name == "Refine3D/job002/"
    assert "Refine3D/my_best_map/" in (chain.path / "default_pipeline.star").read_text()


def test_that_the_mirror_shows_the_alias(chain: Project) -> None:
    assert (chain.path / MIRROR / "Refine3D/job002/map.mrc").exists()
    chain.set_alias("Refine3D/job002/", "best")
    assert (chain.path / MIRROR / "Refine3D/best/map.mrc").exists()
    assert not (chain.path / MIRROR / "Refine3D/job002").exists()


def test_that_taking_an_alias_away_removes_its_link(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    chain.set_alias("Refine3D/job002/", "better")
    assert not (chain.path / "Refine3D/best").is_symlink()
    assert chain.set_alias("Refine3D/job002/", "").alias == ""
    assert not (chain.path / "Refine3D/better").is_symlink()
    assert "Refine3D/job002/       None" in (chain.path / "default_pipeline.star").read_text()


@pytest.mark.parametrize(
    ("alias", "said"),
    [
        ("x", "two characters"),
        ("job7", "start with 'job'"),
        ("a/b", "holds '/'"),
        ("a*b", "holds '\\*'"),
        ("50%", "holds '%'"),
        ("Nonesense", "letters None"),
        ("taken", "Refine3D/job004/ has it already"),
        ("folder", "there is a file or folder"),
    ],
)
def test_that_relions_rules_of_aliases_hold(chain: Project, alias: str, said: str) -> None:
    chain.new_job("Refine3D", "relion.refine3d", alias="taken")
    (chain.path / "Refine3D/folder").mkdir()
    with pytest.raises(UserError, match=said):
        chain.set_alias("Refine3D/job002/", alias)
    assert chain.process("Refine3D/job002/").alias == ""


def test_that_missing_links_are_made_when_a_project_is_opened(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    (chain.path / "Refine3D/best").unlink()
    Project.open(chain.path, readonly=True)
    assert not (chain.path / "Refine3D/best").is_symlink()
    Project.open(chain.path)
    assert (chain.path / "Refine3D/best/map.mrc").exists()


def test_that_the_mirror_can_be_made_anew(chain: Project) -> None:
    (chain.path / ".Nodes/rubbish").touch()
    chain.new_job("Select", "relion.select", outputs=[("later.mrc", MAP, 3)], status="Scheduled")
    assert chain.remake_nodes_dir() == 4
    assert not (chain.path / ".Nodes/rubbish").exists()
    # results of scheduled jobs are shown although they do not exist yet, deep ones twice
    assert (chain.path / MIRROR / "Select/job004/later.mrc").exists()
    assert (chain.path / ".Nodes/DensityMap.mrc.relion/Select/job004/later.mrc").exists()
    for folder in (".Nodes", MIRROR, f"{MIRROR}/Refine3D/job002"):
        assert stat.S_IMODE((chain.path / folder).stat().st_mode) == 0o777


def test_that_notes_of_all_jobs_come_in_one_file(chain: Project) -> None:
    (chain.path / "Import/job001/note.txt").write_text("good micrographs\n")
    chain.set_alias("Refine3D/job002/", "best")
    (chain.path / "Refine3D/job002/note.txt").write_text("3.1 Å\n")
    text = chain.print_all_notes().read_text()
    assert chain.path / "default_all_notes.txt" == chain.print_all_notes()
    assert (
        text.index("Import/job001/") < text.index("good micrographs") < text.index("Refine3D/job002/ (best)")
    )
    assert text.index("3.1 Å") < text.index("DynaMight/job003/")


def test_that_the_project_has_a_note(project: Project) -> None:
    assert project.project_note == ""
    project.project_note = "Grüße"
    assert (project.path / "project_note.txt").read_text() == "Grüße"
    assert project.project_note == "Grüße"


def test_that_last_settings_are_where_relion_looks_for_them(project: Project) -> None:
    assert project.last_settings("dynamight") is None
    settings = JobStar("dynamight", values={"fn_star": "a b.star", "gpu_id": ""})
    project.save_settings("dynamight", settings)
    assert (project.path / ".gui_dynamightjob.star").is_file()
    assert project.last_settings("dynamight") == settings
    (project.path / ".gui_dynamightjob.star").write_text("rubbish")
    assert project.last_settings("dynamight") is None
