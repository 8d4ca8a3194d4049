"""Waiting for devices: several GPUs, any free one, other programs and projects, the order of waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner import gpus, reservations
from app.runner.abort import abort
from app.runner.devices import Devices, Policy, slot_words
from app.runner.gpus import Gpu, GpuProcess
from app.runner.launch import start_job, status_of
from app.runner.outcome import outcome_of, read_worker
from app.runner.queue import LocalQueue
from app.runner.queue_keeper import keep
from app.runner.queue_view import waiting_jobs
from app.settings import Settings
from jobs.core.declaration import JobType
from tests.support.jobs import end_leftovers, wait_for_end, wait_until

SetCards = Callable[..., None]


@pytest.fixture(autouse=True)
def notes_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the notes of each test apart: projects of earlier ones do not wait any more."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> SetCards:
    """Put so many GPUs into this machine; of some, others hold a share of the memory."""

    def install(count: int, **foreign: float) -> None:
        def one(number: int) -> Gpu:
            share = foreign.get(f"gpu{number}", 0.0)
            users = (GpuProcess(815, share * 8192, "python", "bob"),) if share else ()
            return Gpu(number, f"Card {number}", f"GPU-{number}", 8192, share * 8192, 0.0, users)

        monkeypatch.setattr(gpus, "list_gpus", lambda: [one(number) for number in range(count)])

    return install


@pytest.fixture
def wait(project: Project, fake_type: JobType) -> Callable[[str], str]:
    """Enter a job that lasts, and let it wait for a slot."""

    def enter(slot: str) -> str:
        gpu = {"cpu": "cpu", "auto": "auto"}.get(slot, slot.removeprefix("gpu").partition(",")[0])
        options = fake_type.options(mode="sleep", seconds=60, gpu_id=gpu)
        name = start_job(project, fake_type, options, schedule=True)
        LocalQueue(project).add(name, slot)
        return name

    return enter


def gpu_of(project: Project, name: str) -> str:
    record = read_worker(Path(project.path) / name)
    return record.gpu if record is not None else "waits"


def is_over(project: Project, name: str) -> bool:
    return outcome_of(Path(project.path) / name).is_over


def end_job(project: Project, name: str) -> None:
    # the keeper would start the next one; here it is looked who that is
    waiting = LocalQueue(project).path
    kept = waiting.read_text() if waiting.exists() else ""
    waiting.unlink(missing_ok=True)
    abort(Path(project.path), name, grace_s=0.0)
    wait_for_end(Path(project.path) / name)
    if kept:
        waiting.write_text(kept)
    project.check_completion()


@pytest.mark.parametrize(("count", "expected"), [(0, ["", "waits"]), (1, ["0", "waits"]), (4, ["0", "1"])])
def test_that_jobs_for_any_gpu_take_the_first_free_one(
    project: Project, cards: SetCards, wait: Callable[[str], str], count: int, expected: list[str]
) -> None:
    cards(count)
    names = [wait("auto"), wait("auto")]
    LocalQueue(project).advance()
    assert [gpu_of(project, name) for name in names] == expected


def test_that_a_gpu_used_by_others_counts_as_busy_and_says_so(
    project: Project, cards: SetCards, wait: Callable[[str], str]
) -> None:
    cards(2, gpu0=0.5, gpu1=0.1)
    named, free = wait("gpu0"), wait("auto")
    queue = LocalQueue(project)
    assert queue.advance() == [free]
    assert gpu_of(project, free) == "1"
    assert queue.needs_keeper, "no job of the project will announce that the other program has ended"
    (waiting,) = waiting_jobs(Devices.look(project), Path(project.path))
    assert waiting.job == named
    assert waiting.reason == "GPU 0 is busy: python (bob, process 815) holds 4.0 of 8.0 GB"
    queue.start_now(named)
    assert (gpu_of(project, named), queue.entries()) == ("0", [])


def test_that_the_share_of_memory_that_makes_a_gpu_busy_is_a_preference(cards: SetCards) -> None:
    cards(1, gpu0=0.5)
    assert Devices.look(policy=Policy(busy_percent=60)).place_for("gpu0") == "0"
    assert Devices.look(policy=Policy(busy_percent=40)).place_for("gpu0") is None


def test_that_several_gpus_are_given_together_and_kept_from_those_behind(
    project: Project, cards: SetCards, wait: Callable[[str], str]
) -> None:
    cards(4)
    first = wait("gpu0")
    queue = LocalQueue(project)
    queue.advance()
    both, single, other = wait("gpu0,1"), wait("gpu1"), wait("gpu2")
    assert queue.advance() == [other], "GPU 1 is free, but kept for the job that needs it with GPU 0"
    reasons = {w.job: w.reason for w in waiting_jobs(Devices.look(project), Path(project.path))}
    assert reasons[both] == f"{first.rstrip('/')} uses GPU 0"
    assert reasons[single] == "GPU 1 is kept for an earlier job"
    assert slot_words("gpu0,1") == "GPUs 0 and 1"


def test_that_waiting_jobs_can_change_places(
    project: Project, cards: SetCards, wait: Callable[[str], str]
) -> None:
    cards(1)
    queue = LocalQueue(project)
    names = [wait("gpu0") for _ in range(3)]
    assert queue.move(names[2], 0)
    assert [entry.job for entry in queue.entries()] == [names[2], names[0], names[1]]
    times = [entry.added for entry in queue.entries()]
    assert times == sorted(times)
    assert not queue.move("DynaMight/job099/", 0)
    assert queue.advance() == [names[2]]


def test_that_as_many_jobs_compute_on_the_cpu_as_the_user_allows(
    project: Project,
    cards: SetCards,
    wait: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Settings(cpu_jobs=2).save()
    cards(0)
    names = [wait("cpu") for _ in range(3)]
    queue = LocalQueue(project)
    assert queue.advance() == names[:2]
    (last,) = waiting_jobs(Devices.look(project), Path(project.path))
    assert (last.device, last.reason) == ("the CPU", "2 jobs compute on it")


def test_that_two_projects_do_not_meet_on_one_gpu(
    project: Project, fake_type: JobType, cards: SetCards, wait: Callable[[str], str], tmp_path: Path
) -> None:
    cards(1)
    (tmp_path / "second").mkdir()
    second = Project.create(tmp_path / "second")
    options = fake_type.options(mode="sleep", seconds=60, gpu_id="0")
    try:
        first = LocalQueue(second).submit(fake_type, options)
        name = wait("gpu0")
        queue = LocalQueue(project)
        assert queue.advance() == []
        (waiting,) = waiting_jobs(Devices.look(project), Path(project.path))
        assert waiting.reason == f"{first.rstrip('/')} of project second uses GPU 0"
        assert queue.needs_keeper
        # the other project sees that somebody waits
        assert [c.job for c in reservations.claims_of_others(second.path)] == [name]
    finally:
        end_leftovers(tmp_path / "second")
    wait_until(lambda: queue.advance() == [name])


def test_that_who_came_first_is_first_whichever_project_it_belongs_to(
    project: Project, fake_type: JobType, cards: SetCards, wait: Callable[[str], str], tmp_path: Path
) -> None:
    cards(2)
    (tmp_path / "second").mkdir()
    second = Project.create(tmp_path / "second")
    # of the other project, which has not looked since two GPUs became free
    waits = {
        slot: start_job(second, fake_type, fake_type.options(), schedule=True) for slot in ("any0,1", "cpu")
    }
    earlier = time.time() - 5
    reservations.announce(second.path, [(name, slot, earlier) for slot, name in waits.items()])
    taken, free, cpu = wait("gpu0"), wait("auto"), wait("cpu")
    queue = LocalQueue(project)
    assert queue.advance() == [free]
    assert (gpu_of(project, free), gpu_of(project, taken), gpu_of(project, cpu)) == ("1", "waits", "waits")
    reasons = {w.job: w.reason for w in waiting_jobs(Devices.look(project), Path(project.path)) if w.own}
    assert reasons[taken] == "GPU 0 is kept for an earlier job"
    assert reasons[cpu].endswith("of project second computes on it")
    assert queue.needs_keeper, "the other project may go away"


def test_that_overlapping_needs_are_met_in_their_order_without_a_circle(
    project: Project, cards: SetCards, wait: Callable[[str], str]
) -> None:
    cards(3)
    queue = LocalQueue(project)
    names = [wait(slot) for slot in ("gpu0", "gpu0,1", "gpu1,2", "gpu2,0", "gpu1")]
    order: list[str] = []
    for _ in range(10):
        order += queue.advance()
        if len(order) == len(names):
            break
        # the first that runs ends
        running = next(
            name for name in order if gpu_of(project, name) != "waits" and not is_over(project, name)
        )
        end_job(project, running)
    assert order == names


def test_that_a_job_without_gpu_option_begins_at_once_and_a_note_ends_with_its_process() -> None:
    reservations.reserve(Path("/nowhere"), "Import/job001/", "", "", os.getpid())
    assert any(note.job == "Import/job001/" for note in reservations.reservations())
    for path in reservations.folder().glob("job-*.json"):
        text = path.read_text()
        if "/nowhere" in text:
            path.write_text(text.replace(f'"pid": {os.getpid()}', '"pid": 4194303'))
    assert not any(note.job == "Import/job001/" for note in reservations.reservations())


def test_that_the_keeper_goes_on_when_no_window_is_there(
    project: Project, fake_type: JobType, cards: SetCards
) -> None:
    cards(1, gpu0=0.9)
    options = fake_type.options(gpu_id="0")
    name = start_job(project, fake_type, options, schedule=True)
    queue = LocalQueue(project)
    queue.add(name, "gpu0")
    assert queue.advance() == []
    start = time.monotonic()

    def other_program_ends_after_two_looks() -> list[Gpu]:
        used = 8000.0 if time.monotonic() - start < 0.3 else 100.0
        return [Gpu(0, "Card", "GPU-0", 8192, used, 0.0)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpus, "list_gpus", other_program_ends_after_two_looks)
        assert keep(Path(project.path), period_s=0.1) == 0
    assert wait_for_end(Path(project.path) / name) == "SUCCESS"
    project.refresh()
    project.check_completion()
    assert status_of(project, name) == "Succeeded"


def test_that_a_task_that_uses_one_gpu_waits_for_the_first_free_one_of_those_named(
    project: Project, fake_type: JobType, cards: SetCards
) -> None:
    cards(2)
    queue = LocalQueue(project)
    options = [fake_type.options(mode="sleep", seconds=60, gpu_id=wanted) for wanted in ("1", "0,1", "1,0")]
    first, second, third = (queue.submit(fake_type, chosen) for chosen in options)
    assert [gpu_of(project, name) for name in (first, second, third)] == ["1", "0", "waits"]
    (waiting,) = waiting_jobs(Devices.look(project), project.path)
    assert waiting.device == "GPU 1 or 0"
    assert waiting.reason == f"{first.rstrip('/')} uses GPU 1; {second.rstrip('/')} uses GPU 0"
    freed = Devices.look(project)
    freed.holders = [holder for holder in freed.holders if holder.job != first]
    assert freed.place_for(waiting.slot) == "1"
