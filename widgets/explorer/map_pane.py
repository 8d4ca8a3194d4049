"""Maps, Gaussians and atoms of one state, in three dimensions where the screen can draw them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from jobs.core.exploring import Atoms
from widgets import style
from widgets.explorer import map_colours
from widgets.explorer.map_content import Picture, Request
from widgets.explorer.map_controls import MapControls
from widgets.explorer.map_prepare import Preparer
from widgets.explorer.map_room import MapRoom
from widgets.explorer.map_state import MapState
from widgets.explorer.map_titles import MapTitles
from widgets.explorer.map_worker import Latest
from widgets.message_bar import MessageBar

#: A frame that is not drawn by then (its window is covered) counts as seen.
_PATIENCE_MS: Final = 250
_SPIN_MS: Final = 40
_SPIN_DEGREES: Final = 1.5
_KINDS: Final = {"side by side": ("map", "map"), "overlay": ("map", "other"), "difference": ("gain", "loss")}
_WITHOUT: Final = (
    "Everything else works: latent space, selections, trajectories and what is written. On a remote machine "
    "try a connection that forwards OpenGL, such as VirtualGL or a remote desktop."
)


class MapPane(QWidget):
    """Shows one state, the consensus, and a second state to compare with.

    Without OpenGL the maps are shown as slices.

    Signals
    -------
    shown : object
        The `MapState` that is now on the screen, also when it is the same as before, or could not be drawn.
    level_changed : float
        Another level is in use.
    """

    shown = Signal(object)
    level_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map")
        self._state: MapState | None = None
        self._consensus: MapState | None = None
        self._other: MapState | None = None
        self._atoms: Atoms | None = None
        self._number = 0
        self._prepared: Picture | None = None
        self._to_tell: MapState | None = None
        self._level = 0.0
        self._placed = False
        self._closed = False
        self._preparer = Preparer()
        self._latest = Latest(self._preparer.prepare, self)
        self._latest.answered.connect(self._on_prepared)
        self._latest.failed.connect(self._on_failed)
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._patience.timeout.connect(self._tell)
        self._spinning = QTimer(self, interval=_SPIN_MS)
        self._spinning.timeout.connect(self._spin)
        self._build()
        style.ThemeWatcher(self, self._on_theme)
        if not self.available:
            self._on_given_up(self.why_not)

    @property
    def available(self) -> bool:
        """Whether maps are drawn in three dimensions (or will be, once they can)."""
        return not self._room.why_not

    @property
    def why_not(self) -> str:
        """Why maps are not drawn in three dimensions, in a sentence; empty when they are."""
        return self._room.why_not

    def _build(self) -> None:
        self.controls = MapControls()
        self.bar = MessageBar()
        self.titles = MapTitles()
        self._room = MapRoom()
        self._room.opened.connect(self._on_opened)
        self._room.given_up.connect(self._on_given_up)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addWidget(self.controls)
        column.addWidget(self.bar)
        column.addWidget(self.titles)
        column.addWidget(self._room, 1)
        column.addWidget(self.controls.below)
        controls = self.controls
        controls.add_shortcuts(self)
        controls.changed.connect(self._refresh)
        controls.fitted.connect(self.fit)
        controls.looked.connect(self._look)
        controls.spun.connect(lambda on: self._spinning.start() if on else self._spinning.stop())
        controls.axes_shown.connect(self._show_marks)
        controls.bar_shown.connect(self._show_marks)

    def _on_opened(self) -> None:
        scene = self._room.scene
        assert scene is not None
        scene.double_clicked.connect(self.fit)
        scene.drawn.connect(self._tell)
        scene.view.setFocusProxy(self)
        self._show_marks()
        scene.set_theme(style.colours().name == "dark")
        if self._prepared is not None:
            self._draw(self._prepared)

    def _on_given_up(self, why: str) -> None:
        """Show maps as slices, and say why."""
        self.bar.show_info(f"{why} Slices are shown instead.", "More", self._explain)
        self.controls.hide()
        self.controls.below.hide()
        self._refresh()

    def _explain(self) -> None:
        self.bar.clear()
        self.bar.show_info(f"{self.why_not} Slices are shown instead. {_WITHOUT}", "Close", self.bar.clear)

    # -- what is to be seen --------------------------------------------------------------------------------

    def show_state(self, state: MapState) -> None:
        """Show a state as soon as it can be drawn; `shown` tells when."""
        self._state = state
        self._refresh()

    def show_consensus(self, state: MapState) -> None:
        """Take the consensus: level and view begin with it."""
        self._consensus = state
        self._preparer.gaussians.forget_scales()
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
        self.controls.atoms.setVisible(atoms is not None)
        self._refresh()

    def offer_points(self, possible: bool) -> None:
        """Offer to show points, or only maps where the model is not made of points."""
        self.controls.offer_points(possible)

    def prefer_points(self, colour: str = "") -> None:
        """Show Gaussians, and colour them by this, unless somebody has chosen otherwise."""
        self.controls.prefer_colour(colour)
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
        self.titles.busy.setText(text)

    def fit(self) -> None:
        """Show the whole molecule."""
        if self._room.scene is not None:
            self._room.scene.fit()

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen of the molecule, ``(H, W, 3)``."""
        return self._room.picture()

    def close_down(self) -> None:
        """End everything that runs or draws; the pane shows nothing any more."""
        if not self._closed:
            self._closed = True
            self._spinning.stop()
            self._patience.stop()
            self._latest.leave()
            self._room.close_down()

    def event(self, event: QEvent) -> bool:
        """End with the window, also when nobody has said so before."""
        if event.type() is QEvent.Type.DeferredDelete:
            self.close_down()
        return super().event(event)

    # -- preparing and drawing -----------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Have everything prepared again."""
        state = self._state or self._consensus
        if state is None or self._closed:
            return
        self._number += 1
        self._room.set_has_state(True)
        if not self.available:
            self._room.slices.set_volume(state.volume, state.voxel_size_a)
            self._set_titles()
            self._to_tell = state
            QTimer.singleShot(0, self, self._tell)
            return
        controls = self.controls
        controls.set_names(tuple(state.point_values))
        controls.set_has_gaussians(state.points_a is not None)
        self._latest.request(
            Request(self._number, state, self._consensus, self._other, self._atoms, controls.options())
        )

    def _on_prepared(self, picture: Picture) -> None:
        if self._closed:
            return
        self._prepared = picture
        controls = self.controls
        controls.level.show_level(picture.level, picture.levels)
        controls.show_difference_level(picture.differences is not None)
        if picture.differences is not None:
            controls.difference.show_level(picture.difference_level, picture.differences)
        controls.key.set_key(picture.key)
        self._set_titles(picture.hint)
        if picture.level != self._level:
            self._level = picture.level
            self.level_changed.emit(self._level)
        self._draw(picture)

    def _draw(self, picture: Picture) -> None:
        """Draw now; before the view is open, the newest picture waits for it."""
        scene = self._room.scene
        if scene is None:
            return
        scene.apply(picture)
        if not self._placed:
            scene.fit()
            self._placed = True
        self._to_tell = picture.request.state
        if self.isVisible():
            scene.draw()
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

    def _set_titles(self, hint: str = "") -> None:
        state, other = self._state or self._consensus, self._other
        if hint:
            self.titles.show_hint(hint)
        elif state is None or other is None or other is state or not self.available:
            self.titles.show_one("" if state is None else state.title)
        else:
            dark = style.colours().name == "dark"
            kinds = _KINDS[self.controls.options().comparison]
            first, second = (map_colours.tint_name(kind, dark=dark) for kind in kinds)
            self.titles.show_two((state.title, first), (other.title, second))

    # -- view ----------------------------------------------------------------------------------------------

    def _look(self, view: Any) -> None:
        if self._room.scene is not None:
            self._room.scene.look(view)

    def _show_marks(self) -> None:
        if self._room.scene is not None:
            self._room.scene.show_axes(self.controls.axes.isChecked())
            self._room.scene.show_scale_bar(self.controls.scale_bar.isChecked())

    def _spin(self) -> None:
        if self._room.scene is not None and self.isVisible():
            self._room.scene.turn(_SPIN_DEGREES)

    def _on_theme(self) -> None:
        if self._room.scene is not None:
            self._room.scene.set_theme(style.colours().name == "dark")
        self._refresh()
