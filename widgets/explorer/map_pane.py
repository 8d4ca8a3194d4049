"""Maps, Gaussians and atoms of one state, in three dimensions where the screen can draw them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from jobs.core.exploring import Atoms
from widgets import style
from widgets.empty_state import EmptyState
from widgets.explorer import graphics, map_colours
from widgets.explorer.map_content import Picture, Preparer, Request
from widgets.explorer.map_controls import MapControls
from widgets.explorer.map_scene import MapScene
from widgets.explorer.map_state import MapState
from widgets.explorer.map_worker import Latest
from widgets.message_bar import MessageBar
from widgets.volume_preview import VolumePreview

_LOOK_MS: Final = 40
#: A frame that is not drawn by then (its window is covered) counts as seen.
_PATIENCE_MS: Final = 250
_SPIN_MS: Final = 40
_SPIN_DEGREES: Final = 1.5


class MapPane(QWidget):
    """Shows one state, the consensus, and a second state to compare with.

    Without OpenGL the maps are shown as slices.

    Signals
    -------
    shown : object
        The `MapState` that is now on the screen.
    level_changed : float
        Another level is in use.
    """

    shown = Signal(object)
    level_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map")
        self.why_not = _sentence(graphics.check())
        self.available = not self.why_not
        self._state: MapState | None = None
        self._consensus: MapState | None = None
        self._other: MapState | None = None
        self._atoms: Atoms | None = None
        self._number = 0
        self._to_tell: MapState | None = None
        self._level = 0.0
        self._placed = False
        self._closed = False
        self._scene: MapScene | None = None
        self._preparer = Preparer()
        self._latest = Latest(self._preparer.prepare, self)
        self._latest.answered.connect(self._on_prepared)
        self._latest.failed.connect(self._on_failed)
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._patience.timeout.connect(self._tell)
        self._look_again = QTimer(self, interval=_LOOK_MS)
        self._look_again.timeout.connect(self._open_when_loaded)
        self._spinning = QTimer(self, interval=_SPIN_MS)
        self._spinning.timeout.connect(self._spin)
        self._build()
        style.ThemeWatcher(self, self._on_theme)
        self._show_page()
        if self.available:
            graphics.preload()
        else:
            self._give_up(self.why_not)

    # -- building ------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.controls = MapControls()
        self.bar = MessageBar()
        self.title = _caption("explorer_map_title")
        self.other_title = _caption("explorer_map_other_title")
        self.other_title.hide()
        self.busy = QLabel()
        self.busy.setObjectName("explorer_map_busy")
        style.set_role(self.busy, "caption")
        titles = QHBoxLayout()
        titles.setContentsMargins(style.TIGHT, 0, style.TIGHT, 0)
        titles.addWidget(self.title, 1)
        titles.addWidget(self.other_title, 1)
        titles.addWidget(self.busy)
        self._empty = EmptyState("volume", "No map yet", "Choose a state in the latent plot.")
        self._slices = VolumePreview()
        self._slices.setObjectName("explorer_map_slices")
        self._canvas = QWidget()
        self._canvas.setObjectName("explorer_map_room")
        self._stack = QStackedLayout(self._canvas)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._slices)
        self._canvas.setMinimumSize(240, 200)
        self._canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addWidget(self.controls)
        column.addWidget(self.bar)
        column.addLayout(titles)
        column.addWidget(self._canvas, 1)
        column.addWidget(self.controls.below)
        controls = self.controls
        controls.add_shortcuts(self)
        controls.changed.connect(self._refresh)
        controls.fitted.connect(self.fit)
        controls.looked.connect(self._look)
        controls.spun.connect(self._on_spun)
        controls.axes_shown.connect(lambda on: self._scene and self._scene.show_axes(on))
        controls.bar_shown.connect(lambda on: self._scene and self._scene.show_scale_bar(on))

    def showEvent(self, event: QShowEvent) -> None:
        """Open the view the first time the pane is seen."""
        super().showEvent(event)
        if self.available and self._scene is None and not self._closed:
            self._look_again.start()

    def _open_when_loaded(self) -> None:
        if not graphics.loaded():
            return
        self._look_again.stop()
        if self._scene is not None or self._closed:
            return
        if graphics.problem():
            self._give_up(_sentence(graphics.problem()))
            return
        self._scene = MapScene(not graphics.draws_in_software(), self)
        self._scene.double_clicked.connect(self.fit)
        self._scene.drawn.connect(self._tell)
        self._stack.addWidget(self._scene.view)
        self._scene.view.setFocusProxy(self)
        self._on_theme()
        self._show_page()

    def _give_up(self, why: str) -> None:
        """Show maps as slices, and say why."""
        self.available, self.why_not = False, why
        self.bar.show_info(f"{why} Slices are shown instead.", "More", self._explain)
        self.controls.hide()
        self.controls.below.hide()
        self._show_page()
        self._refresh()

    def _explain(self) -> None:
        self.bar.show_info(
            f"{self.why_not} Slices are shown instead. Everything else works: latent space, selections, "
            "trajectories and what is written. On a remote machine try a connection that forwards OpenGL, "
            "such as VirtualGL or a remote desktop.",
            "Close",
            self.bar.clear,
        )

    def _show_page(self) -> None:
        nothing = self._state is None and self._consensus is None
        page: QWidget = self._empty
        if not self.available:
            page = self._empty if nothing else self._slices
        elif self._scene is not None and not nothing:
            page = self._scene.view
        elif self._scene is None:
            self._empty.set_message("Preparing the view…", "")
        if self._scene is not None or not self.available:
            self._empty.set_message("No map yet", "Choose a state in the latent plot.")
        self._stack.setCurrentWidget(page)

    # -- what is to be seen --------------------------------------------------------------------------------

    def show_state(self, state: MapState) -> None:
        """Show a state as soon as it can be drawn; `shown` tells when."""
        self._state = state
        self._set_titles()
        self._refresh(tell=True)

    def show_consensus(self, state: MapState) -> None:
        """Take the consensus: level and view begin with it."""
        self._consensus = state
        self._preparer.forget_scales()
        self._placed = False
        self._refresh()

    def show_comparison(self, state: MapState | None) -> None:
        """Compare with a second state; None ends it."""
        self._other = state
        self.controls.set_comparing(state is not None)
        self._refresh()

    def set_atoms(self, atoms: Atoms | None) -> None:
        """Show an atomic model along with the states."""
        self._atoms = atoms
        self.controls.set_has_atoms(atoms is not None)
        self._refresh()

    def prefer_points(self) -> None:
        """Show Gaussians, unless somebody has chosen otherwise."""
        if not self.controls.chose_representation:
            self.controls.choose_representation("points")
            self.controls.chose_representation = False

    def level(self) -> float:
        """Return the level in use, in the grey scale of the maps."""
        return self._level

    def set_level(self, level: float) -> None:
        """Choose the level of all maps."""
        self.controls.level.choose(level)

    def set_busy(self, text: str) -> None:
        """Say what is being done; an empty text says that nothing is."""
        self.busy.setText(text)

    def fit(self) -> None:
        """Show the whole molecule."""
        if self._scene is not None:
            self._scene.fit()

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen of the molecule, ``(H, W, 3)``."""
        if self._scene is not None and self._stack.currentWidget() is self._scene.view:
            return self._scene.picture()
        image = self._canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def close_down(self) -> None:
        """End everything that runs or draws; the pane shows nothing any more."""
        if self._closed:
            return
        self._closed = True
        for timer in (self._look_again, self._spinning, self._patience):
            timer.stop()
        self._latest.leave()
        if self._scene is not None:
            self._stack.setCurrentWidget(self._empty)
            self._stack.removeWidget(self._scene.view)
            self._scene.close()
            self._scene = None

    def event(self, event: QEvent) -> bool:
        """End with the window, also when nobody has said so before."""
        if event.type() is QEvent.Type.DeferredDelete:
            self.close_down()
        return super().event(event)

    # -- preparing and drawing -----------------------------------------------------------------------------

    def _refresh(self, *_args: Any, tell: bool = False) -> None:
        """Have everything prepared again."""
        if self._closed:
            return
        state = self._state or self._consensus
        if state is None:
            return
        if tell:
            self._to_tell = None
        self._number += 1
        if not self.available:
            self._show_slices(state)
            return
        self.controls.set_names(tuple(state.point_values))
        self.controls.set_has_gaussians(state.points_a is not None)
        self._show_page()
        self._latest.request(
            Request(
                self._number, state, self._consensus, self._other, self._atoms, self.controls.options()
            )
        )

    def _on_prepared(self, picture: Picture) -> None:
        if self._closed:
            return
        if self._scene is None:
            # the view opens soon; what is newest is drawn then
            QTimer.singleShot(_LOOK_MS, self, lambda: self._on_prepared(picture))
            return
        if picture.request.number < getattr(self, "_drawn", 0):
            return
        self._drawn = picture.request.number
        self._scene.apply(picture)
        if not self._placed:
            self._scene.fit()
            self._placed = True
        self.controls.level.show_level(picture.level, picture.levels)
        self.controls.show_difference_level(picture.differences is not None)
        if picture.differences is not None:
            self.controls.difference.show_level(picture.difference_level, picture.differences)
        self.controls.set_key(picture.key)
        self.set_hint(picture.hint)
        if picture.level != self._level:
            self._level = picture.level
            self.level_changed.emit(self._level)
        self._set_titles()
        self._to_tell = picture.request.state
        if self.isVisible():
            self._scene.draw()
            self._patience.start()
        else:
            self._tell()

    def _tell(self) -> None:
        """Say that the last state is on the screen."""
        self._patience.stop()
        state, self._to_tell = self._to_tell, None
        if state is not None and not self._closed:
            self.shown.emit(state)

    def _on_failed(self, error: Exception) -> None:
        self.bar.show_error(f"This state could not be drawn: {error}")
        self._to_tell = self._state
        self._tell()

    def _show_slices(self, state: MapState) -> None:
        self._show_page()
        self._slices.set_volume(state.volume, state.voxel_size_a)
        self._to_tell = state
        QTimer.singleShot(0, self, self._tell)

    def set_hint(self, text: str) -> None:
        """Say what is missing, in the place of the title."""
        self.title.setProperty("hint", text)
        self._set_titles()

    def _set_titles(self) -> None:
        state, other = self._state or self._consensus, self._other
        dark = style.colours().name == "dark"
        comparing = other is not None and state is not None and other is not state and self.available
        self.other_title.setVisible(comparing)
        hint = str(self.title.property("hint") or "")
        style.set_role(self.title, "warning" if hint else "caption")
        if hint or state is None:
            self.title.setText(hint)
            return
        if not comparing or other is None:
            self.title.setText(state.title)
            return
        kinds = {"side by side": ("map", "map"), "overlay": ("map", "other"), "difference": ("gain", "loss")}
        first, second = kinds[self.controls.options().comparison]
        names = (state.title, other.title)
        for label, kind, name in ((self.title, first, names[0]), (self.other_title, second, names[1])):
            colour = map_colours.tint_name(kind, dark=dark)
            label.setText(f'<span style="color:{colour}">■</span> {_escaped(name)}')

    # -- view ----------------------------------------------------------------------------------------------

    def _look(self, view: Any) -> None:
        if self._scene is not None:
            self._scene.look(view)

    def _on_spun(self, on: bool) -> None:
        if on:
            self._spinning.start()
        else:
            self._spinning.stop()

    def _spin(self) -> None:
        if self._scene is not None and self.isVisible():
            self._scene.turn(_SPIN_DEGREES)

    def _on_theme(self) -> None:
        if self._scene is not None:
            self._scene.set_theme(style.colours().name == "dark")
        self._refresh()


def _caption(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    style.set_role(label, "caption")
    return label


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _sentence(why: str) -> str:
    return f"Maps can not be drawn in three dimensions: {why}." if why else ""
