"""The process of a model seen from its socket, and how it describes what went wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jobs.core import remote_wire
from jobs.core.remote_process import ModelProcess
from jobs.core.remote_wire import WireError
from jobs.explore.serve_calls import Desk, describe
from tests.support.jobs import wait_until

SLOW_ENTRY = """
import os, sys, time
from pathlib import Path
print("numpy was told", os.environ["OMP_NUM_THREADS"], os.environ["GOMP_SPINCOUNT"])
while not Path("go").exists():
    time.sleep(0.01)
class Source:
    half_sets = (0,)
    def __init__(self, job_dir, project_dir):
        print("asked for", job_dir, project_dir, "in", os.getcwd())
        os.system("echo from a program")
def source(job_dir, project_dir):
    return Source(job_dir, project_dir)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelProcess]:
    """A process whose entry is loaded once a file `go` exists."""
    (tmp_path / "slow_entry.py").write_text(SLOW_ENTRY)
    (tmp_path / "numpy.py").write_text("raise SystemExit('a module in the project was imported')")
    packages = tmp_path / "packages"
    packages.mkdir()
    (tmp_path / "slow_entry.py").rename(packages / "slow_entry.py")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    places = ["--project", str(tmp_path), "--job", str(tmp_path / "Job"), "--entry", "slow_entry:source"]
    made = ModelProcess(["jobs.explore.serve", *places], tmp_path)
    yield made
    made.kill()
    made.wait()
    made.let_go()


def test_that_it_says_that_it_lives_before_it_loads_anything(process: ModelProcess, tmp_path: Path) -> None:
    alive = remote_wire.receive(process.channel)
    assert alive is not None and alive.head == {"alive": process.pid}
    remote_wire.send(process.channel, remote_wire.pack({"call": "half_sets"}))
    (tmp_path / "go").touch()
    answer = remote_wire.receive(process.channel)
    assert answer is not None and answer.head == {"half_sets": [0]}


def test_that_prints_of_all_kinds_go_to_the_log_and_threads_are_set(
    process: ModelProcess, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    remote_wire.receive(process.channel)
    remote_wire.send(process.channel, remote_wire.pack({"call": "half_sets"}))
    remote_wire.receive(process.channel)
    assert process.log().splitlines() == [
        "numpy was told 3 5000",
        f"asked for {tmp_path / 'Job'} {tmp_path} in {tmp_path}",
        "from a program",
    ]
    # the system ends this process before the window when memory runs out
    score = Path(f"/proc/{process.pid}/oom_score_adj")
    assert int(score.read_text()) >= 500


def test_that_it_ends_when_the_window_hangs_up(process: ModelProcess, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    remote_wire.receive(process.channel)
    process.channel.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: not process.runs, 2)
    assert process.ending().message.endswith("(exit code 0: from a program)")


def test_that_it_ends_while_loading_when_the_window_is_gone(process: ModelProcess) -> None:
    remote_wire.receive(process.channel)
    process.let_go()
    wait_until(lambda: not process.runs, 2)


def test_that_started_by_hand_it_explains_itself(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "jobs.explore.serve",
        "--project",
        ".",
        "--job",
        "j",
        "--entry",
        "a:b",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "started by the window" in done.stderr


@pytest.mark.parametrize(
    ("error", "kind", "said", "ends"),
    [
        (MemoryError(), "memory", "The memory of this computer is not enough for this", False),
        (RuntimeError("CUDA out of memory. Tried"), "memory", "The memory of the GPU is not enough", False),
        (RuntimeError("CUDA error: device-side assert"), "other", "The GPU failed", True),
        (FileNotFoundError(2, "No such file", "a.mrcs"), "other", "a.mrcs: No such file", False),
        (KeyError("x"), "other", "unexpected error (KeyError: 'x')", False),
        (NotImplementedError("no such thing"), "not implemented", "no such thing", False),
    ],
)
def test_that_every_failure_has_a_sentence(
    error: Exception, kind: str, said: str, ends: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    description = describe(error)
    assert description["kind"] == kind
    assert said in description["message"]
    assert description["ends"] is ends
    assert type(error).__name__ in capsys.readouterr().err


def test_that_a_question_nobody_knows_is_answered_with_an_error(tmp_path: Path) -> None:
    desk = Desk(tmp_path, tmp_path, "tests.support.served:source")
    answer = desk.answer(remote_wire.Message({"call": "fly"}))
    assert answer is not None
    assert b"KeyError" in bytes(answer.packed[0])


def test_that_freeing_needs_no_answer_and_forgets_the_model(tmp_path: Path) -> None:
    desk = Desk(tmp_path, tmp_path, "tests.support.served:source")
    opened = desk.answer(remote_wire.Message({"call": "open", "model": 4, "half": 1, "snapshot": None}))
    assert opened is not None and b'"details"' not in bytes(opened.packed[0])
    assert desk.answer(remote_wire.Message({"call": "free", "model": 4})) is None
    answer = desk.answer(remote_wire.Message({"call": "cloud", "model": 4}))
    assert answer is not None and b"KeyError" in bytes(answer.packed[0])


# ----------------------------------------------------------------------------------------- the messages


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a socket."""
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_that_half_a_message_is_the_end_of_the_connection(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    (packed,) = remote_wire.pack({"a": 1}, {"x": np.arange(5)})
    here.sendall(packed[:-3])
    here.close()
    assert remote_wire.receive(there) is None


def test_that_something_else_than_a_message_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    here.sendall(b"Segmentation fault (core dumped)\n" * 40)
    with pytest.raises(WireError, match="does not begin a message"):
        remote_wire.receive(there)


def test_that_a_message_is_json_and_the_bytes_of_arrays(ends: tuple[socket.socket, socket.socket]) -> None:
    values = np.array([1.0, np.nan], "<f4")
    (packed,) = remote_wire.pack({"é": [1, None]}, {"v": values})
    data = bytes(packed)
    assert data[:4] == b"HSm1"
    length = int.from_bytes(data[4:8], "little")
    assert json.loads(data[8 : 8 + length])["head"] == {"é": [1, None]}
    assert data[8 + length :] == values.tobytes()


@pytest.mark.parametrize("value", [np.zeros(2, "V8"), np.array([{1, 2}], object)])
def test_that_what_has_no_meaning_elsewhere_is_not_sent(value: object) -> None:
    with pytest.raises(WireError, match="cannot be sent"):
        remote_wire.pack({}, {"x": value})
