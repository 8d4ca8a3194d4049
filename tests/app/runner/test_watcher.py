"""Following a job's folder: what is told, in which order, and what damaged text becomes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app.runner import ending
from app.runner.events import Event, JobEnded, JobStarted, LogAppended, MetricsAdded, SnapshotChanged
from app.runner.identity import host_name, identify
from app.runner.outcome import OutcomeKind
from app.runner.watcher import JobWatcher, LogTail, last_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "Fake" / "job007"
    path.mkdir(parents=True)
    return path


def worker(folder: Path, run: int = 1, started: str = "2026-01-01T00:00:00+00:00") -> None:
    own = identify(os.getpid())
    assert own is not None
    ending.write_worker_file(
        str(folder), {**own.as_dict(), "host": host_name(), "run": run, "started": started, "gpu": ""}
    )


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as stream:
        stream.write(text if isinstance(text, bytes) else text.encode())


def test_that_text_is_told_once_and_in_pieces(folder: Path) -> None:
    watcher = JobWatcher(folder)
    assert watcher.poll() == []
    append(folder / "run.out", "one\ntw")
    append(folder / "run.err", "oh\n")
    assert watcher.poll() == [
        LogAppended("Fake/job007/", "out", "one\ntw"),
        LogAppended("Fake/job007/", "err", "oh\n"),
    ]
    append(folder / "run.out", "o\n")
    assert watcher.poll() == [LogAppended("Fake/job007/", "out", "o\n")]
    assert watcher.poll() == []


def test_that_carriage_returns_are_kept_for_the_reader(folder: Path) -> None:
    watcher = JobWatcher(folder)
    append(folder / "run.out", "train: 1 of 9\rtrain: 2 of 9")
    (event,) = watcher.poll()
    assert isinstance(event, LogAppended)
    assert event.text == "train: 1 of 9\rtrain: 2 of 9"
    assert last_line(event.text) == "train: 2 of 9"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb\n", "b"), ("a\rb", "b"), ("a\r", "a"), ("x\n10 %\r20 %\r", "20 %"), ("", ""), ("a\r\n", "a")],
)
def test_that_the_last_line_is_what_a_terminal_would_show(text: str, shown: str) -> None:
    assert last_line(text) == shown


def test_that_a_character_cut_in_two_is_put_together(folder: Path) -> None:
    tail = LogTail(folder / "run.out")
    angstrom = "Å".encode()
    append(tail.path, b"3 " + angstrom[:1])
    assert tail.read() == ("3 ", False)
    append(tail.path, angstrom[1:] + b"\n")
    assert tail.read() == ("Å\n", False)


def test_that_undecodable_bytes_become_replacement_characters(folder: Path) -> None:
    tail = LogTail(folder / "run.out")
    append(tail.path, b"\xff\xfe ok \x80\n")
    assert tail.read() == ("\ufffd\ufffd ok \ufffd\n", False)


def test_that_a_file_that_became_shorter_is_read_again(folder: Path) -> None:
    tail = LogTail(folder / "run.out")
    append(tail.path, "a long first text\n")
    tail.read()
    tail.path.write_text("new\n")
    assert tail.read() == ("new\n", True)


def test_that_a_long_log_begins_with_a_whole_line_near_its_end(folder: Path) -> None:
    tail = LogTail(folder / "run.out", history_bytes=20)
    append(tail.path, "".join(f"line {i:03d}\n" for i in range(100)))
    assert tail.read() == ("line 098\nline 099\n", False)


def test_that_a_half_written_record_waits_for_its_end(folder: Path) -> None:
    watcher = JobWatcher(folder)
    line = json.dumps({"t": 1.0, "phase": "train", "step": 1, "of": 2})
    append(folder / "metrics.jsonl", line[:20])
    assert watcher.poll() == []
    append(folder / "metrics.jsonl", line[20:] + "\n")
    (event,) = watcher.poll()
    assert isinstance(event, MetricsAdded)
    assert [record["step"] for record in event.records] == [1]


def test_that_snapshots_are_told_when_new_and_when_replaced_but_not_while_written(folder: Path) -> None:
    watcher = JobWatcher(folder)
    snapshots = folder / "snapshots"
    snapshots.mkdir()
    (snapshots / ".latent.123.tmp").write_bytes(b"half")
    assert watcher.poll() == []
    (snapshots / "latent.npy").write_bytes(b"one")
    assert watcher.poll() == [SnapshotChanged("Fake/job007/", snapshots / "latent.npy")]
    assert watcher.poll() == []
    (snapshots / "latent.npy").write_bytes(b"three")
    assert kinds(watcher.poll()) == ["SnapshotChanged"]


def test_that_the_end_is_told_last_after_all_text_and_metrics(folder: Path) -> None:
    watcher = JobWatcher(folder)
    worker(folder)
    assert kinds(watcher.poll()) == ["JobStarted"]
    append(folder / "run.out", "last words\n")
    append(folder / "metrics.jsonl", json.dumps({"step": 1}) + "\n")
    ending.touch(str(folder / "RELION_JOB_EXIT_SUCCESS"))
    events = watcher.poll()
    assert kinds(events) == ["LogAppended", "MetricsAdded", "JobEnded"]
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome.kind is OutcomeKind.SUCCEEDED
    assert watcher.poll() == []


def test_that_a_continuation_is_a_new_beginning_and_a_new_end(folder: Path) -> None:
    watcher = JobWatcher(folder)
    worker(folder)
    ending.touch(str(folder / "RELION_JOB_EXIT_SUCCESS"))
    watcher.poll()
    (folder / "RELION_JOB_EXIT_SUCCESS").unlink()
    worker(folder, run=2, started="2026-01-02T00:00:00+00:00")
    (event,) = watcher.poll()
    assert isinstance(event, JobStarted)
    assert event.run == 2
    assert event.attached is False
    ending.touch(str(folder / "RELION_JOB_EXIT_FAILURE"))
    assert kinds(watcher.poll()) == ["JobEnded"]


def test_that_a_worker_whose_pid_belongs_to_another_process_has_vanished(folder: Path) -> None:
    own = identify(os.getpid())
    assert own is not None
    reused = own._replace(create_time=own.create_time - 5000, start_ticks=(own.start_ticks or 10**6) - 10**5)
    ending.write_worker_file(
        str(folder), {**reused.as_dict(), "host": host_name(), "run": 1, "started": "x", "gpu": ""}
    )
    (event,) = JobWatcher(folder).poll()
    assert isinstance(event, JobEnded)
    assert event.outcome.kind is OutcomeKind.VANISHED
    assert "disappeared" in event.outcome.sentence


def test_that_a_worker_on_another_machine_is_not_declared_dead(folder: Path) -> None:
    ending.write_worker_file(
        str(folder), {"pid": 1, "create_time": 1.0, "host": "elsewhere", "run": 1, "started": "x", "gpu": ""}
    )
    assert kinds(JobWatcher(folder).poll()) == ["JobStarted"]


def test_that_a_damaged_worker_file_hurts_nobody(folder: Path) -> None:
    (folder / "worker.json").write_text('{"pid": ')
    assert JobWatcher(folder).poll() == []


def test_that_only_the_present_run_is_told_when_asked_for(folder: Path) -> None:
    append(folder / "run.out", "of the first run\n")
    append(folder / "metrics.jsonl", json.dumps({"run": 1, "step": 9}) + "\n")
    watcher = JobWatcher(folder, this_run_only=True)
    assert watcher.poll() == []
    append(folder / "run.out", "of the second run\n")
    append(folder / "metrics.jsonl", json.dumps({"run": 2, "step": 1}) + "\n")
    own = identify(os.getpid())
    assert own is not None
    start = {"out": len("of the first run\n"), "err": 0}
    about = {**own.as_dict(), "host": host_name(), "run": 2, "started": "x", "gpu": "", "log_start": start}
    ending.write_worker_file(str(folder), about)
    events = watcher.poll()
    assert kinds(events) == ["JobStarted", "LogAppended", "MetricsAdded"]
    assert [e.text for e in events if isinstance(e, LogAppended)] == ["of the second run\n"]
    assert [r["step"] for e in events if isinstance(e, MetricsAdded) for r in e.records] == [1]
