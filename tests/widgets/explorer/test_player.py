"""The player keeps time, skips what is late, and shows what is made."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from widgets.explorer.playback import Playback, Repeat
from widgets.explorer.player import Player


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Seen:
    """Remembers the frames asked for."""

    def __init__(self, player: Player) -> None:
        self.frames: list[int] = []
        player.moved.connect(self.frames.append)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def player(qtbot: QtBot, clock: Clock) -> Player:
    widget = Player(clock=clock)
    qtbot.addWidget(widget)
    widget.resize(320, 70)
    widget.show()
    widget.set_count(10)
    widget.speed.setValue(10)
    return widget


def played(player: Player, clock: Clock, seconds: float, *, ready: bool = True) -> None:
    """Let time pass in steps of 50 ms."""
    for _ in range(round(seconds / 0.05)):
        clock.now += 0.05
        player.tick()
        if ready:
            player.ready()


def button(player: Player, name: str) -> QToolButton:
    found = player.findChild(QToolButton, f"explorer_player_{name}")
    assert isinstance(found, QToolButton)
    return found


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("loop", [0, 1, 2, 3, 0, 1, 2, 3, 0]),
        ("bounce", [0, 1, 2, 3, 2, 1, 0, 1, 2]),
        ("once", [0, 1, 2, 3, 3, 3, 3, 3, 3]),
    ],
)
def test_that_frames_are_due_in_the_order_chosen(clock: Clock, repeat: Repeat, expected: list[int]) -> None:
    playback = Playback(clock)
    playback.count, playback.speed, playback.repeat = 4, 20, repeat
    playback.start(0)
    due = []
    for _ in expected:
        due.append(playback.due())
        clock.now += 0.05
    assert due == expected


@pytest.mark.parametrize("repeat", ["loop", "bounce", "once"])
def test_that_a_single_frame_and_none_stay(clock: Clock, repeat: Repeat) -> None:
    playback = Playback(clock)
    playback.repeat = repeat
    for count in (0, 1):
        playback.count = count
        playback.start(0)
        clock.now += 5
        assert playback.due() == 0


def test_that_ten_frames_a_second_are_ten_frames_a_second(player: Player, clock: Clock) -> None:
    seen = Seen(player)
    player.play()
    played(player, clock, 0.9)
    assert seen.frames == list(range(1, 10))
    played(player, clock, 0.1)
    assert seen.frames[-1] == 0 and player.playing


def test_that_a_slow_consumer_misses_frames_and_is_never_late(player: Player, clock: Clock) -> None:
    seen = Seen(player)
    player.play()
    played(player, clock, 0.5, ready=False)
    assert seen.frames == [1]
    player.ready()
    played(player, clock, 0.05)
    # half a second has passed: frame 5 is due, and 2 to 4 are left out
    assert seen.frames == [1, 5]


def test_that_a_frame_that_is_due_again_is_not_asked_for_twice(player: Player, clock: Clock) -> None:
    seen = Seen(player)
    player.play()
    for _ in range(5):
        player.tick()
        player.ready()
    assert seen.frames == []


def test_that_it_stops_at_the_end_when_told_and_begins_again(player: Player, clock: Clock) -> None:
    player.set_repeat("once")
    player.play()
    played(player, clock, 2)
    assert player.position == 9 and not player.playing
    seen = Seen(player)
    player.play()
    player.ready()
    played(player, clock, 0.2)
    assert seen.frames == [0, 1, 2]


def test_that_playing_there_and_back_returns_to_the_start(player: Player, clock: Clock) -> None:
    player.set_repeat("bounce")
    seen = Seen(player)
    player.play()
    played(player, clock, 1.8)
    assert seen.frames == [*range(1, 10), *range(8, -1, -1)]


def test_that_a_change_of_speed_goes_on_from_the_frame_shown(player: Player, clock: Clock) -> None:
    player.play()
    played(player, clock, 0.4)
    assert player.position == 4
    player.speed.setValue(20)
    seen = Seen(player)
    played(player, clock, 0.15)
    assert seen.frames == [5, 6, 7]


def test_that_keys_play_step_and_go_to_the_ends(player: Player, qtbot: QtBot) -> None:
    seen = Seen(player)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(player.track, key)
    assert seen.frames == [1, 2, 1, 9, 0]
    qtbot.keyClick(player.track, Qt.Key.Key_Left)
    assert player.position == 9
    qtbot.keyClick(player.track, Qt.Key.Key_Space)
    assert player.playing
    qtbot.keyClick(player.track, Qt.Key.Key_Space)
    assert not player.playing
    qtbot.keyClick(player.track, Qt.Key.Key_R)
    assert player.repeat == "bounce"
    qtbot.keyClick(player.track, Qt.Key.Key_Plus)
    assert player.speed.value() == 11


def test_that_buttons_do_what_their_tips_say(player: Player, qtbot: QtBot) -> None:
    for name, position in (("last", 9), ("back", 8), ("first", 0), ("forward", 1)):
        qtbot.mouseClick(button(player, name), Qt.MouseButton.LeftButton)
        assert player.position == position
    assert "Play" in button(player, "play").toolTip()
    with qtbot.waitSignal(player.playing_changed):
        qtbot.mouseClick(button(player, "play"), Qt.MouseButton.LeftButton)
    assert "Pause" in button(player, "play").toolTip()
    qtbot.mouseClick(button(player, "first"), Qt.MouseButton.LeftButton)
    assert not player.playing
    assert all(b.toolTip() and b.objectName() for b in player.findChildren(QToolButton))


def test_that_a_click_on_the_track_goes_there_and_a_drag_follows(player: Player) -> None:
    seen = Seen(player)
    track = player.track
    place = QPoint(round(track.x_of(6)), track.height() // 2)
    QTest.mouseClick(track, Qt.MouseButton.LeftButton, pos=place)
    assert seen.frames == [6]
    QTest.mousePress(track, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseMove(track, QPoint(round(track.x_of(8)), 5))
    QTest.mouseRelease(track, Qt.MouseButton.LeftButton, pos=QPoint(round(track.x_of(8)), 5))
    assert player.position == 8
    assert [track.frame_at(track.x_of(k)) for k in range(10)] == list(range(10))


def test_that_the_track_shows_which_frames_are_made(player: Player) -> None:
    done = np.zeros(10, bool)
    done[[0, 1, 2, 6, 9]] = True
    player.set_done(done)
    assert player.track.runs() == [(0, 2), (6, 6), (9, 9)]
    empty = player.grab().toImage()
    player.set_done(np.zeros(10, bool))
    assert player.grab().toImage() != empty


def test_that_without_frames_nothing_can_be_played(player: Player) -> None:
    player.play()
    player.set_count(0)
    assert not player.playing and not player.isEnabled()
    seen = Seen(player)
    player.play()
    player.step(1)
    assert seen.frames == [] and not player.playing
    assert player.label.text() == "no path"


def test_that_the_frame_is_told_in_numbers(player: Player) -> None:
    player.go_to(3)
    assert player.label.text() == "4 / 10"


def test_that_wide_players_use_one_row_and_narrow_ones_two(player: Player) -> None:
    def play_button() -> QPoint:
        return button(player, "play").mapTo(player, button(player, "play").rect().center())

    assert player.track.geometry().bottom() < play_button().y()
    player.resize(800, 40)
    QApplication.processEvents()
    assert abs(player.track.geometry().center().y() - play_button().y()) <= 2
    assert player.track.geometry().left() > play_button().x()


def test_that_it_plays_by_the_clock_on_the_wall(qtbot: QtBot) -> None:
    player = Player()
    qtbot.addWidget(player)
    player.show()
    player.set_count(1000)
    player.speed.setValue(30)
    seen = Seen(player)
    player.moved.connect(player.ready)
    player.play()
    qtbot.waitUntil(lambda: player.position >= 6, timeout=5000)
    player.pause()
    assert seen.frames == sorted(set(seen.frames))
