"""The lanes beside the window's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QThread

from app.gui.bridge import POLL_S, Bridge, LaneTrouble


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    made = Bridge()
    yield made
    assert made.stop()


def test_that_work_is_done_in_another_thread_and_answered_in_this_one(qtbot: Any, bridge: Bridge) -> None:
    bridge.start()
    here, seen = threading.get_ident(), []

    def done(there: int) -> None:
        seen.append((there, threading.get_ident()))

    bridge.submit(threading.get_ident, done)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0][0] != here
    assert seen[0][1] == here


def test_that_requests_of_one_lane_are_answered_in_their_order(qtbot: Any, bridge: Bridge) -> None:
    answers: list[int] = []
    for number in range(20):
        bridge.submit(lambda n=number: n, answers.append)
    bridge.start()
    qtbot.waitUntil(lambda: len(answers) == 20)
    assert answers == list(range(20))


def test_that_a_lane_which_waits_does_not_keep_the_other_from_looking(qtbot: Any, bridge: Bridge) -> None:
    release, looks = threading.Event(), []

    def look() -> list[object]:
        looks.append(time.monotonic())
        return []

    bridge.lanes["watch"].add_tick(look)
    bridge.start()
    bridge.submit(release.wait)
    try:
        qtbot.waitUntil(lambda: len(looks) >= 3, timeout=3000)
        assert bridge.waiting_s() > POLL_S
    finally:
        release.set()


def test_that_an_exception_of_the_work_reaches_the_one_who_asked(qtbot: Any, bridge: Bridge) -> None:
    bridge.start()
    errors: list[Exception] = []
    bridge.submit(lambda: 1 / 0, failed=errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ZeroDivisionError)


def test_that_a_look_which_fails_again_and_again_is_told_once(qtbot: Any, bridge: Bridge) -> None:
    calls, told = [], []

    def look() -> list[object]:
        calls.append(1)
        raise OSError("the disk is away")

    bridge.lanes["watch"].add_tick(look)
    bridge.news.connect(told.append)
    bridge.start()
    qtbot.waitUntil(lambda: len(calls) >= 4, timeout=4000)
    assert [type(item) for item in told] == [LaneTrouble]


def test_that_news_arrive_two_to_four_times_a_second(qtbot: Any, bridge: Bridge) -> None:
    times: list[float] = []

    def look() -> list[object]:
        return ["news"]

    bridge.lanes["project"].add_tick(look)
    bridge.news.connect(lambda _item: times.append(time.monotonic()))
    bridge.start()
    qtbot.waitUntil(lambda: len(times) >= 7, timeout=6000)
    period = (times[-1] - times[0]) / (len(times) - 1)
    assert 0.2 <= period <= 0.6


def test_that_another_thread_may_wait_for_the_project_lane(qtbot: Any, bridge: Bridge) -> None:
    bridge.start()
    found: list[Any] = []

    class Asking(QThread):
        def run(self) -> None:
            found.append(bridge.wait_for(lambda: 42, 5.0))
            try:
                bridge.wait_for(lambda: 1 / 0, 5.0)
            except ZeroDivisionError as error:
                found.append(error)

    asking = Asking()
    asking.start()
    qtbot.waitUntil(lambda: len(found) == 2)
    assert asking.wait(2000)
    assert found[0] == 42


def test_that_stopping_drops_what_waits_and_ends_both_threads(qtbot: Any) -> None:
    bridge = Bridge()
    bridge.start()
    done: list[object] = []
    bridge.submit(lambda: time.sleep(0.2))
    for _ in range(50):
        bridge.submit(lambda: done.append(1))
    assert bridge.stop()
    assert not any(lane.isRunning() for lane in bridge.lanes.values())
    assert len(done) < 50
