"""The lock: RELION's protocol, who holds it, and removing one that was left behind."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from app.project import holder
from app.project.lock import LockedError, ProjectLock, break_lock, lock_info
from app.project.project import Project
from jobs.core.errors import UserError
from tests.support import lock_holders


@pytest.fixture
def dead_lock(project: Project) -> int:
    """A lock whose holder was killed; returns its process number."""
    holder = lock_holders.start(lock_holders.HOLD_LOCK, project.path)
    lock_holders.kill(holder)
    return holder.pid


def make_foreign_lock(folder: Path, text: str | None) -> None:
    (folder / ".relion_lock").mkdir()
    if text is not None:
        (folder / ".relion_lock/lock_default_pipeline.star").write_text(text)


def age(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder / ".relion_lock", (then, then))


def test_that_the_lock_is_what_relion_expects_and_leaves_nothing(project_dir: Path) -> None:
    with ProjectLock(project_dir, "a test"):
        directory = project_dir / ".relion_lock"
        assert [entry.name for entry in directory.iterdir()] == ["lock_default_pipeline.star"]
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert "a test" in (directory / "lock_default_pipeline.star").read_text()
        with pytest.raises(FileExistsError):
            directory.mkdir()
    assert list(project_dir.iterdir()) == []


def test_that_the_lock_is_released_after_an_error(project_dir: Path) -> None:
    with pytest.raises(KeyError), ProjectLock(project_dir, "failing"):
        raise KeyError
    assert lock_info(project_dir) is None


def test_that_a_holder_is_described(project_dir: Path) -> None:
    with ProjectLock(project_dir, "renaming a job"):
        info = lock_info(project_dir)
    assert info is not None
    assert (info.pid, info.host, info.alive) == (os.getpid(), socket.gethostname(), True)
    assert info.age_s < 5
    assert "Heteroscope" in info.owner
    assert "renaming a job" in info.owner


def test_that_other_programs_locks_are_described_as_far_as_possible(project_dir: Path) -> None:
    make_foreign_lock(project_dir, "lock acquired by relion GUI\n")
    age(project_dir, 7300)
    info = lock_info(project_dir)
    assert info is not None
    assert (info.pid, info.alive) == (None, None)
    assert "lock acquired by relion GUI" in info.owner
    assert info.sentence.endswith("for 2 hours")


def test_that_waiting_ends_with_a_sentence_naming_the_holder(project_dir: Path) -> None:
    make_foreign_lock(project_dir, "relion refining")
    start = time.monotonic()
    with pytest.raises(LockedError, match="relion refining") as caught, ProjectLock(project_dir, "me", 0.3):
        pass
    assert 0.25 < time.monotonic() - start < 2
    assert caught.value.info is not None
    assert "remove the lock" in str(caught.value)
    assert (project_dir / ".relion_lock").is_dir()


def test_that_a_lock_released_soon_is_waited_for(project_dir: Path) -> None:
    make_foreign_lock(project_dir, None)
    timer = threading.Timer(0.4, (project_dir / ".relion_lock").rmdir)
    timer.start()
    start = time.monotonic()
    with ProjectLock(project_dir, "patient", 10):
        # RELION itself would look again after three seconds
        assert time.monotonic() - start < 2.5
    timer.join()


def test_that_a_dead_holder_is_told_early_with_process_host_and_age(project: Project, dead_lock: int) -> None:
    start = time.monotonic()
    with pytest.raises(LockedError) as caught:
        project.new_job("DynaMight", "dynamight")
    assert time.monotonic() - start < 10
    said = str(caught.value)
    assert f"process {dead_lock} on {socket.gethostname()}" in said
    assert "no longer runs" in said
    assert "second" in said
    assert caught.value.info is not None
    assert caught.value.info.alive is False


def test_that_a_dead_holders_lock_can_be_removed_and_work_goes_on(project: Project, dead_lock: int) -> None:
    shown = project.lock_info()
    assert shown is not None
    removed = break_lock(project.path, shown)
    assert removed is not None
    assert removed.pid == dead_lock
    assert lock_info(project.path) is None
    assert project.new_job("DynaMight", "dynamight").name == "DynaMight/job001/"


def test_that_the_lock_of_a_running_program_is_not_removed(project_dir: Path) -> None:
    with ProjectLock(project_dir, "working"):
        with pytest.raises(LockedError, match="is running"):
            break_lock(project_dir)
        assert lock_info(project_dir) is not None


def test_that_a_number_given_to_another_process_counts_as_dead(
    project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProjectLock(project_dir, "first life"):
        monkeypatch.setattr(holder, "_start_of", lambda _pid: "12345")
        info = lock_info(project_dir)
        monkeypatch.undo()
    assert info is not None
    assert info.alive is False


def test_that_a_holder_on_another_computer_is_neither_dead_nor_alive(
    project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProjectLock(project_dir, "elsewhere"):
        monkeypatch.setattr(socket, "gethostname", lambda: "another-host")
        info = lock_info(project_dir)
        monkeypatch.undo()
    assert info is not None
    assert info.alive is None


def test_that_a_lock_that_changed_hands_is_never_removed(project: Project, dead_lock: int) -> None:
    shown = project.lock_info()
    assert break_lock(project.path) is not None
    with ProjectLock(project.path, "the next one") as held:
        with pytest.raises(LockedError, match="changed hands"):
            break_lock(project.path, shown, force=True)
        assert held.is_ours
    assert dead_lock


def test_that_a_lock_changing_hands_during_the_removal_is_never_removed(
    project: Project, dead_lock: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open
    taken: list[ProjectLock] = []

    def steal(path: object, *arguments: int, **names: int) -> int:
        # somebody else removes the lock, and a third program takes it, just before the directory is opened
        if not taken and str(path).endswith(".relion_lock"):
            taken.append(ProjectLock(project.path, "third program"))
            (project.path / ".relion_lock/lock_default_pipeline.star").unlink()
            (project.path / ".relion_lock").rmdir()
            taken[0].__enter__()
        return real_open(path, *arguments, **names)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", steal)
    with pytest.raises(LockedError, match="changed hands"):
        break_lock(project.path)
    monkeypatch.undo()
    assert taken[0].is_ours
    taken[0].release()
    assert dead_lock


def test_that_of_many_removers_one_succeeds(project: Project, dead_lock: int) -> None:
    removed, refused = [], []
    shown = project.lock_info()
    gate = threading.Barrier(8)

    def remove() -> None:
        gate.wait()
        try:
            removed.append(break_lock(project.path, shown))
        except LockedError as error:
            refused.append(error)

    threads = [threading.Thread(target=remove) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(info is not None for info in removed) == 1
    assert len(removed) + len(refused) == 8
    assert lock_info(project.path) is None
    assert dead_lock


def test_that_a_directory_without_file_is_removed_only_when_it_is_old(project_dir: Path) -> None:
    make_foreign_lock(project_dir, None)
    with pytest.raises(LockedError, match="just being taken"):
        break_lock(project_dir)
    age(project_dir, 60)
    assert break_lock(project_dir) is not None
    assert list(project_dir.iterdir()) == []


def test_that_foreign_files_in_the_lock_directory_are_told(project_dir: Path) -> None:
    make_foreign_lock(project_dir, "relion")
    (project_dir / ".relion_lock/other").touch()
    with pytest.raises(UserError, match="not part of a lock"):
        break_lock(project_dir)


def test_that_removing_no_lock_does_nothing(project_dir: Path) -> None:
    assert break_lock(project_dir) is None


def test_that_nothing_is_written_after_the_lock_was_taken_away(project: Project) -> None:
    before = (project.path / "default_pipeline.star").read_bytes()

    def lose_lock(_folder: Path, _name: str) -> None:
        break_lock(project.path, force=True)

    with pytest.raises(LockedError, match="nothing was written"):
        project.new_job("DynaMight", "dynamight", prepare=lose_lock)
    assert (project.path / "default_pipeline.star").read_bytes() == before
    assert not (project.path / "DynaMight").exists()


def test_that_releasing_leaves_the_lock_of_a_later_holder(project_dir: Path) -> None:
    first, second = ProjectLock(project_dir, "first"), ProjectLock(project_dir, "second")
    first.__enter__()
    break_lock(project_dir, force=True)
    second.__enter__()
    first.release()
    assert second.is_ours
    second.release()
    assert lock_info(project_dir) is None


def test_that_a_folder_without_write_permission_is_told_at_once(
    project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_names: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    refused = pytest.raises(UserError, match=r"cannot be locked \(Permission denied\)")
    with refused, ProjectLock(project_dir, "x"):
        pass
