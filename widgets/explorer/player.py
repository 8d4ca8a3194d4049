"""Plays the frames of a trajectory in time: late frames are skipped, never queued."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSpinBox, QWidget

from widgets import style
from widgets.explorer import path_glyphs
from widgets.explorer.frame_track import FrameTrack, play_button
from widgets.explorer.playback import REPEATS, Playback, Repeat

#: Above this width everything stands in one row.
_WIDE: Final = 560


class Player(QWidget):
    """Slider, buttons and speed for a series of frames.

    Whoever shows the frames calls :meth:`ready` when a frame is on the screen (or could not be made). Until
    then no other is asked for while playing: time goes on, so that slow frames are left out and never late.

    Parameters
    ----------
    clock
        Seconds that never go back.
    parent
        Owner.

    Signals
    -------
    moved : int
        A frame is to be shown.
    playing_changed : bool
        It began to play, or stopped.
    """

    moved = Signal(int)
    playing_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_player")
        self._time = Playback(clock)
        self._waiting = False
        self._playing = False
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._build()
        style.ThemeWatcher(self, self._draw_icons)
        self.set_count(0)

    def _build(self) -> None:
        self.track = FrameTrack(self)
        self.track.setObjectName("explorer_player_track")
        self.track.setAccessibleName("Frame")
        self.track.setToolTip("Frame shown; arrow keys step, Home and End go to the ends")
        self.track.valueChanged.connect(self._by_hand)
        self.label = QLabel(self)
        self.label.setObjectName("explorer_player_frame")
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        style.set_role(self.label, "caption")
        self._left, self._right = QWidget(self), QWidget(self)
        self._buttons = {
            "first": play_button("first", "First frame (Home)", self.first, self._left),
            "back": play_button("back", "One frame back (←)", lambda: self.step(-1), self._left),
            "play": play_button("play", "Play (Space)", self.toggle, self._left),
            "forward": play_button("forward", "One frame on (→)", lambda: self.step(1), self._left),
            "last": play_button("last", "Last frame (End)", self.last, self._left),
            "repeat": play_button("repeat", "", self._next_repeat, self._right),
        }
        buttons = QHBoxLayout(self._left)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(0)
        for button in list(self._buttons.values())[:-1]:
            buttons.addWidget(button)
        settings = QHBoxLayout(self._right)
        settings.setContentsMargins(0, 0, 0, 0)
        settings.setSpacing(style.TIGHT)
        self.speed = QSpinBox(self, minimum=1, maximum=30, value=12)
        style.pad_number(self.speed)
        self.speed.setObjectName("explorer_player_speed")
        self.speed.setSuffix(" /s")
        self.speed.setToolTip("Frames in a second (+ and −)")
        self.speed.setAccessibleName("Frames in a second")
        self.speed.valueChanged.connect(self._restart)
        settings.addWidget(self._buttons["repeat"])
        settings.addWidget(self.speed)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(style.SMALL)
        self._grid.setVerticalSpacing(2)
        self._wide: bool | None = None
        self._arrange(False)
        self.setFocusProxy(self.track)
        self._draw_icons()

    def _arrange(self, wide: bool) -> None:
        """Put everything into one row where there is room, else into two."""
        if wide == self._wide:
            return
        self._wide = wide
        while self._grid.count():
            self._grid.takeAt(0)
        row = 0 if wide else 1
        self._grid.addWidget(self._left, row, 0)
        self._grid.addWidget(self._right, row, 4 if wide else 2, 1, 1 if wide else 2)
        self._grid.addWidget(self.track, 0, 1 if wide else 0, 1, 2 if wide else 3)
        self._grid.addWidget(self.label, 0, 3)
        self._grid.setColumnStretch(1, 1)

    def _draw_icons(self) -> None:
        for name, button in self._buttons.items():
            glyph = {"play": "pause" if self._playing else "play", "repeat": self.repeat}.get(name, name)
            button.setIcon(path_glyphs.icon(f"player-{glyph}", "text" if name == "play" else "muted"))
        tip = "Pause (Space)" if self._playing else "Play (Space)"
        self._buttons["play"].setToolTip(tip)
        self._buttons["play"].setAccessibleName(tip)
        words = REPEATS[self.repeat]
        self._buttons["repeat"].setToolTip(f"{words}; click for another way (R)")
        self._buttons["repeat"].setAccessibleName(words)

    # -- what it plays -------------------------------------------------------------------------------------

    def set_count(self, count: int, *, position: int = 0) -> None:
        """Play so many frames, none of which is made yet; 0 when there is no trajectory. Emits nothing."""
        self.pause()
        self._time.count = max(0, count)
        self._waiting = False
        with QSignalBlocker(self.track):
            self.track.setRange(0, max(0, self.count - 1))
            self.track.setValue(min(max(position, 0), self.track.maximum()))
        self.track.set_done(np.zeros(self.count, bool))
        width = style.text_width(style.small_font(self), f"{self.count} / {self.count}")
        self.label.setMinimumWidth(width + 2)
        self.setEnabled(self.count > 0)
        self._say()

    def set_done(self, done: NDArray[Any]) -> None:
        """Show which frames ``(F,)`` are made, as a filled stretch of the track."""
        self.track.set_done(done)

    @property
    def count(self) -> int:
        """Number of frames."""
        return self._time.count

    @property
    def position(self) -> int:
        """Frame that is shown, from 0."""
        return self.track.value()

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._playing

    @property
    def repeat(self) -> Repeat:
        """What happens at the end."""
        return self._time.repeat

    def set_repeat(self, repeat: Repeat) -> None:
        """Choose what happens at the end."""
        self._time.repeat = repeat
        self._restart()
        self._draw_icons()

    @property
    def rate(self) -> float:
        """Frames in a second."""
        return float(self.speed.value())

    def set_position(self, frame: int) -> None:
        """Stand at a frame that is shown already; emits nothing."""
        with QSignalBlocker(self.track):
            self.track.setValue(frame)
        self._say()
        self._restart()

    # -- moving --------------------------------------------------------------------------------------------

    def go_to(self, frame: int) -> None:
        """Show a frame; playing goes on from there."""
        self.track.setValue(frame)

    def step(self, frames: int) -> None:
        """Stop, and go on or back by so many frames; beyond one end lies the other."""
        self.pause()
        if self.count:
            self.go_to((self.position + frames) % self.count)

    def first(self) -> None:
        """Stop at the first frame."""
        self.pause()
        self.go_to(0)

    def last(self) -> None:
        """Stop at the last frame."""
        self.pause()
        self.go_to(self.count - 1)

    def toggle(self) -> None:
        """Play, or stop."""
        if self._playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play from here; from the beginning when it stopped at the end."""
        if self.count < 2 or self._playing:
            return
        if self.repeat == "once" and self.position == self.count - 1:
            self.go_to(0)
        self._set_playing(True)
        self._restart()

    def pause(self) -> None:
        """Stop at this frame."""
        if self._playing:
            self._timer.stop()
            self._set_playing(False)

    def ready(self) -> None:
        """Say that the frame asked for last is on the screen, or will never be."""
        self._waiting = False

    def tick(self) -> None:
        """Ask for the frame that is due, unless the one before is not on the screen yet."""
        if not self._playing or self._waiting:
            return
        frame = self._time.due()
        if frame != self.position:
            self._move(frame)
        if self.repeat == "once" and frame == self.count - 1:
            self.pause()

    def _move(self, frame: int) -> None:
        with QSignalBlocker(self.track):
            self.track.setValue(frame)
        self.track.update()
        self._say()
        self._waiting = True
        self.moved.emit(frame)

    def _by_hand(self, frame: int) -> None:
        self._move(frame)
        self._restart()

    def _restart(self) -> None:
        """Count the time from the frame that is shown now."""
        self._time.speed = self.speed.value()
        self._time.start(self.position)
        if self._playing:
            # twice as often as frames are due, so that one that was waited for is not late by another step
            self._timer.start(max(8, 500 // self.speed.value()))

    def _set_playing(self, playing: bool) -> None:
        self._playing = playing
        self._draw_icons()
        self.playing_changed.emit(playing)

    def _next_repeat(self) -> None:
        kinds = list(REPEATS)
        self.set_repeat(kinds[(kinds.index(self.repeat) + 1) % len(kinds)])

    def _say(self) -> None:
        self.label.setText(f"{self.position + 1} / {self.count}" if self.count else "no path")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use one row or two."""
        self._arrange(self.width() >= _WIDE)
        super().resizeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play with Space, step with the arrows, go to the ends with Home and End."""
        actions: dict[int, Callable[[], object]] = {
            Qt.Key.Key_Space: self.toggle,
            Qt.Key.Key_Left: lambda: self.step(-1),
            Qt.Key.Key_Right: lambda: self.step(1),
            Qt.Key.Key_Home: self.first,
            Qt.Key.Key_End: self.last,
            Qt.Key.Key_R: self._next_repeat,
            Qt.Key.Key_Plus: self.speed.stepUp,
            Qt.Key.Key_Minus: self.speed.stepDown,
        }
        action = actions.get(event.key())
        if action is None:
            super().keyPressEvent(event)
        else:
            action()
