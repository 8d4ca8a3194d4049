"""Damaged files, folders that cannot be read or written, full disks: told in words, and nothing lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.project.lock import lock_info
from app.project.project import NotAProject, PipelineDamaged, Project
from jobs.core import relion_star
from jobs.core.errors import UserError

FILE = "default_pipeline.star"


def damage(project: Project) -> bytes:
    """Cut the project file as a program killed while writing leaves it; returns what is left."""
    file = project.path / FILE
    rest = file.read_bytes()[:-300]
    file.write_bytes(rest)
    return rest


def test_that_a_folder_without_marker_is_no_project_until_it_is_made_one(project_dir: Path) -> None:
    (project_dir / "mine.txt").write_text("mine")
    with pytest.raises(NotAProject, match="not a RELION project"):
        Project.open(project_dir)
    project = Project.create(project_dir)
    assert (project.pipeline.counter, project.pipeline.processes) == (1, [])
    assert (project_dir / "mine.txt").read_text() == "mine"
    assert {path.name for path in project_dir.iterdir()} == {FILE, ".gui_projectdir", "mine.txt"}
    assert (project_dir / ".gui_projectdir").read_bytes() == b""


def test_that_creating_a_project_where_one_is_changes_nothing(chain: Project) -> None:
    before = (chain.path / FILE).read_bytes()
    assert len(Project.create(chain.path).pipeline.processes) == 3
    assert (chain.path / FILE).read_bytes() == before


def test_that_folders_that_cannot_be_opened_are_told_apart(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Project.open(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        Project.open(tmp_path / "file")

    def refuse(_path: object) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match="cannot be read \\(Permission denied\\)"):
        Project.open(project.path)


def test_that_a_folder_without_write_permission_opens_read_only(
    chain: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    project = Project.open(chain.path)
    assert project.readonly
    assert len(project.pipeline.processes) == 3


def test_that_a_read_only_project_is_never_written(chain: Project) -> None:
    (chain.path / "DynaMight/job003/RELION_JOB_EXIT_SUCCESS").unlink()
    chain.continue_job("DynaMight/job003/")
    (chain.path / "DynaMight/job003/RELION_JOB_EXIT_SUCCESS").touch()
    before = {path: path.stat().st_mtime_ns for path in chain.path.rglob("*")}
    project = Project.open(chain.path, readonly=True)
    assert project.check_completion() == []
    for change in (
        lambda: project.new_job("DynaMight", "dynamight"),
        lambda: project.continue_job("DynaMight/job003/"),
        lambda: project.set_status("DynaMight/job003/", "Failed"),
        lambda: project.mark_finished("DynaMight/job003/"),
        lambda: project.set_alias("DynaMight/job003/", "alias"),
        lambda: project.delete("DynaMight/job003/"),
        project.empty_trash,
        project.remake_nodes_dir,
        project.print_all_notes,
    ):
        with pytest.raises(UserError, match="read-only"):
            change()
    assert {path: path.stat().st_mtime_ns for path in chain.path.rglob("*")} == before


def test_that_a_full_disk_loses_neither_jobs_nor_the_lock(
    chain: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (chain.path / FILE).read_bytes()
    real = relion_star.os.write

    def full(descriptor: int, content: bytes) -> int:
        if len(content) < 200:
            return real(descriptor, content)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(relion_star.os, "write", full)
    for change in (
        lambda: chain.new_job("DynaMight", "dynamight"),
        lambda: chain.continue_job("DynaMight/job003/"),
        lambda: chain.set_status("DynaMight/job003/", "Failed"),
        lambda: chain.delete("Refine3D/job002/"),
    ):
        with pytest.raises(UserError, match="full"):
            change()
    monkeypatch.undo()
    assert (chain.path / FILE).read_bytes() == before
    assert lock_info(chain.path) is None
    assert [p.status for p in chain.pipeline.processes] == ["Succeeded"] * 3
    assert (chain.path / "Refine3D/job002/map.mrc").exists()
    assert (chain.path / "DynaMight/job003/RELION_JOB_EXIT_SUCCESS").exists()
    assert not (chain.path / "DynaMight/job004").exists()
    assert not list(chain.path.rglob(".default_pipeline.star.*"))
    assert chain.new_job("DynaMight", "dynamight").number == 4


_LIMITED = """
import resource, signal, sys
from app.project.project import Project
from jobs.core.errors import UserError
project = Project.open(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))
try:
    project.new_job("DynaMight", "dynamight")
except UserError as error:
    print(error)
"""


def test_that_a_real_limit_of_the_system_is_survived(chain: Project) -> None:
    before = (chain.path / FILE).read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    command = [sys.executable, "-c", _LIMITED, str(chain.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "nothing was changed" in done.stdout
    assert (chain.path / FILE).read_bytes() == before
    assert not (chain.path / "DynaMight/job004").exists()
    assert lock_info(chain.path) is None


def test_that_a_damaged_file_names_the_line_and_the_newest_backup(chain: Project) -> None:
    rest = damage(chain)
    newest = chain.path / "DynaMight/job003" / FILE
    os.utime(chain.path / "Import/job001" / FILE, (1, 1))
    os.utime(chain.path / "Refine3D/job002" / FILE, (2, 2))
    with pytest.raises(PipelineDamaged) as caught:
        Project.open(chain.path)
    in_order = ["DynaMight/job003", "Refine3D/job002", "Import/job001"]
    assert [str(path.parent.relative_to(chain.path)) for path in caught.value.backups] == in_order
    assert caught.value.row is not None
    assert str(newest.relative_to(chain.path)) in str(caught.value)
    assert (chain.path / FILE).read_bytes() == rest


def test_that_backups_that_are_damaged_too_are_not_offered(chain: Project) -> None:
    damage(chain)
    newest = chain.path / "DynaMight/job003" / FILE
    newest.write_bytes(newest.read_bytes()[:-300])
    assert newest not in Project.backups(chain.path)
    assert len(Project.backups(chain.path)) == 2
    with pytest.raises(UserError):
        Project.restore_backup(chain.path, newest)


def test_that_a_restored_project_has_every_job_and_keeps_the_damaged_file(chain: Project) -> None:
    wanted = [process.name for process in chain.pipeline.processes]
    rest = damage(chain)
    # even the oldest backup is enough: the later jobs have their own records
    aside = Project.restore_backup(chain.path, chain.path / "Import/job001" / FILE)
    assert aside is not None
    assert aside.read_bytes() == rest
    project = Project.open(chain.path)
    assert [process.name for process in project.pipeline.processes] == wanted
    # the records were made while the jobs ran; their markers tell the rest
    project.check_completion()
    assert {process.status for process in project.pipeline.processes} == {"Succeeded"}
    assert [p.name for p in project.producers("DynaMight/job003/")] == ["Refine3D/job002/"]
    assert project.new_job("DynaMight", "dynamight").number == 4


def test_that_a_missing_file_is_not_taken_for_an_empty_project(chain: Project) -> None:
    (chain.path / FILE).unlink()
    for opening in (Project.open, Project.create):
        with pytest.raises(PipelineDamaged, match="missing") as caught:
            opening(chain.path)
        assert len(caught.value.backups) == 3
    with pytest.raises(PipelineDamaged):
        chain.new_job("DynaMight", "dynamight")
    assert not (chain.path / FILE).exists()
    Project.restore_backup(chain.path, caught.value.backups[0])
    assert len(Project.open(chain.path).pipeline.processes) == 3


def test_that_an_open_project_survives_the_damage_of_its_file(chain: Project) -> None:
    rest = damage(chain)
    with pytest.raises(PipelineDamaged):
        chain.refresh()
    assert len(chain.pipeline.processes) == 3
    with pytest.raises(PipelineDamaged):
        chain.set_status("DynaMight/job003/", "Failed")
    assert (chain.path / FILE).read_bytes() == rest
    assert lock_info(chain.path) is None


def test_that_an_empty_file_is_damage(chain: Project) -> None:
    (chain.path / FILE).write_bytes(b"")
    with pytest.raises(PipelineDamaged, match="no table data_pipeline_general"):
        Project.open(chain.path)


def test_that_nothing_written_breaks_a_rule_of_relion(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    chain.delete("DynaMight/job003/")
    files = [chain.path / FILE, *chain.path.rglob("*pipeline.star")]
    assert len(files) > 5
    for file in files:
        text = file.read_text()
        assert "\r" not in text
        assert text.count("data_") == text.count("# version 50001\n")
        for block in text.split("data_")[1:]:
            rows = [line for line in block.split("\n")[1:] if line.strip() and line[0] not in "_#l"]
            assert "loop_" not in block or rows
