"""A model in a process of its own: the same arrays, safe from many threads, and words when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from jobs.core import latent
from jobs.core.errors import AbortRequested, UserError
from jobs.core.latent import ExploredModel, Snapshot
from jobs.core.remote_model import (
    ModelEnded,
    ModelFailure,
    RemoteModel,
    RemoteSource,
    Superseded,
    newest_wins,
)
from tests.support.explored import BlobModel, BlobSource
from tests.support.jobs import wait_until
from tests.support.served import million, odd_columns

SUPPORT = Path(__file__).resolve().parents[2] / "support"
#: A state that takes a second to decode; only for :class:`tests.support.served.OddModel`.
SLOW = np.array([0.0, 1.0, 0, 0], np.float32)
QUICK = np.array([0.3, 0, 0, 0], np.float32)
MISFORTUNE = np.array([1000.0, 0, 0, 0], np.float32)

Make = Callable[..., RemoteSource]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make sources whose processes are ended after the test."""
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(SUPPORT), known))))
    made: list[RemoteSource] = []

    def make_one(entry: str = "odd_source") -> RemoteSource:
        (tmp_path / "Job/job001").mkdir(parents=True, exist_ok=True)
        made.append(RemoteSource(tmp_path, Path("Job/job001"), f"served:{entry}"))
        return made[-1]

    yield make_one
    for source in made:
        source.close()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_same(found: NDArray[Any], expected: NDArray[Any]) -> None:
    """Type, shape and every bit are equal; NaN equals NaN."""
    assert isinstance(found, np.ndarray)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if expected.dtype == object:
        assert [(type(v), v) for v in found.ravel()] == [(type(v), v) for v in expected.ravel()]
    else:
        assert found.tobytes() == expected.tobytes()


class InThread(threading.Thread):
    """Calls a function in a thread and keeps what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self.answer: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._function()
        except BaseException as error:
            self.error = error

    def finish(self) -> InThread:
        self.join(20)
        assert not self.is_alive()
        return self


def in_line(model: RemoteModel, function: Callable[[], Any]) -> InThread:
    """Call a function in a thread, and return once its request stands in line behind those before."""
    tickets = model._line._tickets
    last = tickets[-1] if tickets else None
    thread = InThread(function)
    wait_until(lambda: tickets and tickets[-1] is not last and tickets[0].begun)
    return thread


# ----------------------------------------------------------------------------------------- same answers


def test_that_every_method_gives_the_arrays_of_the_local_model_bit_for_bit(make: Make) -> None:
    source = make("source")
    remote: ExploredModel = source.open(2)
    local = BlobModel(half=2)
    assert remote.abilities == local.abilities
    assert (remote.box, remote.voxel_size_a, remote.origin_a) == (24, 4.0, (0.0, 0.0, 0.0))
    assert_same(remote.embedding, local.embedding)
    assert remote.half_set is not None and remote.error is not None
    assert_same(remote.half_set, local.half_set)
    assert_same(remote.error, local.error)
    for theirs, ours in ((remote.metadata, local.metadata), (remote.measures, local.measures)):
        assert list(theirs) == list(ours)
        assert len(theirs) == len(ours)
        for name in ours:
            assert_same(theirs[name], ours[name])
    z, points = local.embedding[5], np.random.default_rng(1).normal(scale=20, size=(50, 3)).astype(np.float32)
    assert_same(remote.decode(z), local.decode(z))
    assert_same(remote.decode(None, 12), local.decode(None, 12))
    assert_same(remote.displace(z, points), local.displace(z, points))
    assert_same(remote.disagreement(z, points), local.disagreement(z, points))
    assert_same(remote.errors(z, points), local.errors(z, points))
    assert_same(remote.features(), local.features())
    for part in ("points_a", "amplitude", "width_a"):
        assert_same(getattr(remote.cloud(), part), getattr(local.cloud(), part))
    view, expected = remote.particle_view(7), local.particle_view(7)
    assert (view.name, view.pixel_size_a) == (expected.name, expected.pixel_size_a)
    assert_same(view.image, expected.image)
    assert_same(view.projection, expected.projection)


def test_that_half_sets_and_snapshots_are_those_of_the_local_source(make: Make, tmp_path: Path) -> None:
    source = make("source")
    local = BlobSource(path=tmp_path / "Job/job001")
    assert tuple(source.half_sets) == tuple(local.half_sets)
    assert list(source.snapshots()) == list(local.snapshots())
    assert isinstance(source.snapshots()[0], Snapshot)


def test_that_columns_of_every_kind_arrive_unchanged(make: Make) -> None:
    model = make().open(1)
    expected = odd_columns()
    assert list(model.metadata) == list(expected)
    for name, values in expected.items():
        assert_same(model.metadata[name], values)
    assert_same(model.measures["place"], np.arange(18, dtype=np.float32).reshape(6, 3))
    assert model.half_set is None
    assert model.error is None


def test_that_a_column_is_fetched_once_and_an_unknown_one_never(make: Make) -> None:
    source = make()
    model = source.open(1)
    numbers = model.metadata["numbers"]
    source.close()
    assert model.metadata["numbers"] is numbers
    assert "place" in model.measures
    assert "numbers" not in model.measures
    with pytest.raises(KeyError, match="of nobody"):
        model.metadata["of nobody"]
    with pytest.raises(ModelEnded):
        model.metadata["integers"]


def test_that_a_million_names_arrive_in_their_order(make: Make) -> None:
    model = make().open(2)
    for name, expected in million().items():
        assert np.array_equal(model.metadata[name], expected)
    # names that repeat are held once
    assert len({id(text) for text in model.metadata["rlnMicrographName"]}) == 5000


def test_that_large_volumes_and_many_points_arrive_whole(make: Make) -> None:
    model, local = make("source").open(1), BlobModel()
    volume = model.decode(QUICK, 256)
    assert_same(volume, local.decode(QUICK, 256))
    points = np.random.default_rng(2).normal(scale=30, size=(2_000_000, 3)).astype(np.float32)
    assert_same(model.displace(QUICK, points), local.displace(QUICK, points))


def test_that_what_arrives_can_be_written_to(make: Make) -> None:
    volume = make("source").open(1).decode(None)
    volume *= 2
    assert volume.max() > 1.9


def test_that_several_models_are_open_at_once_and_closing_one_leaves_the_others(make: Make) -> None:
    source = make("source")
    first, second = source.open(1), source.open(2)
    assert first.metadata["image_name"][0] == "000001@Extract/job001/stack.mrcs"
    assert second.metadata["image_name"][0] == "000001@Extract/job002/stack.mrcs"
    first.close()
    with pytest.raises(ModelEnded, match="was closed"):
        first.decode(None)
    assert_same(second.decode(None), BlobModel().decode(None))


# -------------------------------------------------------------------------------------- threads, newest


def test_that_four_threads_get_their_own_answers(make: Make) -> None:
    model, local = make("source").open(1), BlobModel()

    def ask(first: int) -> list[NDArray[Any]]:
        return [model.decode(local.embedding[row]) for row in range(first, first + 25)]

    threads = [InThread(lambda first=first: ask(first)) for first in (0, 100, 200, 300)]  # type: ignore[misc]
    for thread, first in zip(threads, (0, 100, 200, 300), strict=True):
        for row, volume in enumerate(thread.finish().answer):
            assert_same(volume, local.decode(local.embedding[first + row]))


def test_that_other_threads_run_while_one_waits_for_an_answer(make: Make) -> None:
    model = make().open(1)
    waiting = InThread(lambda: model.decode(SLOW))
    turns = 0
    while waiting.is_alive():
        time.sleep(0.001)
        turns += 1
    assert waiting.error is None
    assert turns > 50


def test_that_the_newest_of_superseding_requests_wins_and_others_are_untouched(make: Make) -> None:
    model = make().open(1)

    def follow(z: NDArray[Any]) -> NDArray[Any]:
        with newest_wins(model, "map"):
            return model.decode(z)

    running = in_line(model, lambda: follow(SLOW))
    export = in_line(model, lambda: model.decode(QUICK))
    column = in_line(model, lambda: model.metadata["integers"])
    overtaken = [in_line(model, lambda: follow(QUICK)) for _ in range(3)]
    # those before are dropped at once, not when their turn comes
    wait_until(lambda: len(model._line._tickets) == 4)
    newest = InThread(lambda: follow(QUICK * 2))
    local = BlobModel(n=6)
    assert_same(newest.finish().answer, local.decode(QUICK * 2))
    assert_same(export.finish().answer, local.decode(QUICK))
    assert column.finish().answer[0] == 2**62
    # what had begun is finished: it was the newest then
    assert_same(running.finish().answer, local.decode(SLOW))
    for thread in overtaken:
        assert isinstance(thread.finish().error, Superseded)
        assert isinstance(thread.error, AbortRequested)


def test_that_later_steps_of_an_overtaken_block_do_not_drop_the_newer_one(make: Make) -> None:
    model = make().open(1)
    entered = threading.Event()

    def two_steps() -> None:
        with model.superseding("map"):
            model.decode(SLOW)
            entered.wait(10)
            model.displace(QUICK, np.zeros((1, 3), np.float32))

    old = in_line(model, two_steps)
    with model.superseding("map"):
        entered.set()
        assert_same(model.decode(QUICK), BlobModel(n=6).decode(QUICK))
    assert isinstance(old.finish().error, Superseded)


def test_that_pending_calls_can_be_cancelled_and_the_running_one_is_answered(make: Make) -> None:
    model = make().open(1)
    running = in_line(model, lambda: model.decode(SLOW))
    waiting = [in_line(model, lambda: model.decode(QUICK)) for _ in range(3)]
    model.cancel_pending()
    assert all(isinstance(thread.finish().error, Superseded) for thread in waiting)
    assert running.is_alive()
    assert running.finish().error is None
    assert model.decode(QUICK).shape == (24, 24, 24)


def test_that_cancelling_by_key_leaves_other_calls_alone(make: Make) -> None:
    model = make().open(1)

    def under(key: str) -> NDArray[Any]:
        with model.superseding(key):
            return model.decode(QUICK)

    running = in_line(model, lambda: model.decode(SLOW))
    first = in_line(model, lambda: under("map"))
    second = in_line(model, lambda: under("other"))
    model.cancel_pending("map")
    assert isinstance(first.finish().error, Superseded)
    assert second.finish().error is None
    assert running.finish().error is None


def test_that_a_local_model_supersedes_nothing() -> None:
    local = BlobModel()
    with newest_wins(local, "map"):
        assert local.decode(None).shape == (24, 24, 24)


# ------------------------------------------------------------------------------------------- what fails


def test_that_wrong_input_is_the_same_user_error_here(make: Make, tmp_path: Path) -> None:
    model = make().open(1, Path("input"))
    with pytest.raises(UserError) as caught:
        model.decode(MISFORTUNE)
    error = caught.value
    assert (error.message, error.row, error.column, error.hint) == ("a wrong value", 7, "rlnX", "Mend it")
    assert error.path == Path("/some where/ä.star")
    with pytest.raises(UserError, match=r"stack\.mrcs: the file is missing"):
        model.particle_view(3)
    # nothing is broken by it
    assert_same(model.decode(QUICK), BlobModel(n=6).decode(QUICK))


@pytest.mark.parametrize(
    ("misfortune", "said"),
    [
        ("memory", "memory of this computer is not enough"),
        ("processor memory", "memory of this computer is not enough"),
        ("gpu memory", "memory of the GPU is not enough"),
        ("unsendable", "cannot be passed on"),
        ("exit", "SystemExit: 3"),
        ("", r"ValueError: no state 1000"),
    ],
)
def test_that_a_failure_is_told_in_words_and_the_model_lives_on(
    make: Make, misfortune: str, said: str
) -> None:
    source = make()
    model = source.open(1, Path(misfortune) if misfortune else None)
    with pytest.raises(ModelFailure, match=said) as caught:
        model.decode(MISFORTUNE)
    assert "Traceback" in caught.value.details
    assert "Traceback" not in str(caught.value)
    assert "Traceback" in source.log()
    assert_same(model.decode(QUICK), BlobModel(n=6).decode(QUICK))


def test_that_what_can_not_be_sent_is_refused_here_and_harms_nobody(make: Make) -> None:
    model = make().open(1)
    with pytest.raises(ModelFailure, match="cannot be asked"):
        model.decode(np.array([object()], object))
    assert model.decode(QUICK).shape == (24, 24, 24)


def test_that_a_missing_ability_is_not_implemented_and_not_even_asked_for(make: Make) -> None:
    source = make()
    model = source.open(1)
    source.close()
    assert latent.FEATURES not in model.abilities
    with pytest.raises(NotImplementedError, match="features"):
        model.features()


def test_that_a_source_that_is_not_ready_can_be_asked_again(make: Make, tmp_path: Path) -> None:
    source = make("unwilling_source")
    source.start()
    for _ in range(2):
        with pytest.raises(UserError, match="has no result yet") as caught:
            source.open(1)
        assert caught.value.hint == "Wait for its first snapshot"
    pid = source.pid
    (tmp_path / "Job/job001/ready").touch()
    assert source.open(1).box == 24
    assert source.pid == pid


def test_that_a_wrong_entry_and_a_missing_project_are_told_in_words(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="no_such_function"):
        make("no_such_function").snapshots()
    with pytest.raises(UserError, match="No process for the model could be started"):
        RemoteSource(tmp_path / "nowhere", Path("Job/job001"), "served:source").start()


# ------------------------------------------------------------------------------------- when it is killed


def test_that_killing_the_process_is_told_to_all_and_the_next_open_starts_another(make: Make) -> None:
    source = make()
    model = source.open(1)
    pid = source.pid
    assert pid is not None
    waiting = [in_line(model, lambda: model.decode(SLOW)) for _ in range(3)]
    os.kill(pid, signal.SIGKILL)
    for thread in waiting:
        assert isinstance(thread.finish().error, ModelEnded)
        assert "The process that holds the model ended (killed)" in str(thread.error)
        assert "Open the model again" in str(thread.error)
    with pytest.raises(UserError, match=r"ended \(killed\)"):
        model.decode(QUICK)
    assert not source.alive
    again = source.open(1)
    assert source.pid != pid
    assert_same(again.decode(QUICK), BlobModel(n=6).decode(QUICK))
    with pytest.raises(UserError, match=r"ended \(killed\)"):
        model.decode(QUICK)


def test_that_opening_right_after_an_unnoticed_death_works(make: Make) -> None:
    source = make()
    source.open(1)
    assert source.pid is not None
    os.kill(source.pid, signal.SIGKILL)
    assert source.open(1).decode(QUICK).shape == (24, 24, 24)


@pytest.mark.parametrize(
    ("misfortune", "said"),
    [
        ("crash", r"ended \(crashed: segmentation fault\)"),
        ("leave", r"ended \(exit code 3: the last words\)"),
        ("gpu", r"The GPU failed \(CUDA error: an illegal memory access"),
    ],
)
def test_that_an_end_of_the_process_is_told_in_words(make: Make, misfortune: str, said: str) -> None:
    source = make()
    model = source.open(1, Path(misfortune))
    for _ in range(2):
        with pytest.raises(ModelEnded, match=said) as caught:
            model.decode(MISFORTUNE)
    assert caught.value.details
    assert not source.alive
    assert source.open(1).decode(QUICK).shape == (24, 24, 24)


def test_that_closing_frees_those_who_wait_and_leaves_no_process_and_no_open_file(make: Make) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for wait in (True, False):
        source = make()
        model = source.open(1)
        pid = source.pid
        assert pid is not None
        waiting = [in_line(model, lambda model=model: model.decode(SLOW)) for _ in range(2)]  # type: ignore[misc]
        start = time.monotonic()
        source.close(wait=wait)
        assert time.monotonic() - start < 0.25
        assert all(isinstance(thread.finish().error, Superseded) for thread in waiting)
        wait_until(lambda pid=pid: not alive(pid), 2)
        with pytest.raises(ModelEnded, match="was closed"):
            model.decode(QUICK)
        with pytest.raises(ModelEnded, match="was closed"):
            source.open(1)
    wait_until(lambda: open_files() <= before, 20)


CLIENT = """
import sys, threading
from pathlib import Path
import numpy as np
from jobs.core.remote_model import RemoteSource
source = RemoteSource(Path(sys.argv[1]), Path("."), "served:odd_source")
model = source.open(1, Path("stubborn"))
volume = model.decode(None, 128)
if sys.argv[2] != "idle":
    z = np.array([1000.0 if sys.argv[2] == "stubborn" else 0.0, 30, 0, 0], np.float32)
    threading.Thread(target=model.decode, args=(z,), daemon=True).start()
print(source.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("doing", ["idle", "busy", "stubborn"])
@pytest.mark.parametrize("end", ["killed", "left"])
def test_that_no_process_and_no_file_outlives_the_window(
    make: Make, tmp_path: Path, doing: str, end: str
) -> None:
    shared_memory = set(Path("/dev/shm").iterdir())
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    places = os.pathsep.join([str(SUPPORT.parents[1]), os.environ["PYTHONPATH"]])
    client = subprocess.Popen(
        [sys.executable, "-P", "-c", CLIENT, str(tmp_path), doing],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": places},
    )
    with client:
        assert client.stdout is not None and client.stdin is not None
        server = int(client.stdout.readline())
        time.sleep(0.2)
        assert alive(server)
        if end == "killed":
            client.kill()
        else:
            client.stdin.close()
    assert wait_until(lambda: not alive(server), 2) < 2
    assert set(Path("/dev/shm").iterdir()) <= shared_memory
    assert list(temporary.iterdir()) == []


# --------------------------------------------------------------------------------------------- starting


def test_that_starting_returns_at_once_and_opening_uses_the_started_process(make: Make) -> None:
    source = make("source")
    assert source.pid is None
    start = time.monotonic()
    source.start()
    assert time.monotonic() - start < 0.2
    pid = source.pid
    source.start()
    model = source.open(1)
    assert isinstance(model, RemoteModel)
    assert source.pid == pid
    assert "must not disturb anything" in source.log()


def test_that_talking_to_a_model_loads_no_torch() -> None:
    program = "import sys, jobs.core.remote_model; print('torch' in sys.modules, 'PySide6' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(SUPPORT.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
