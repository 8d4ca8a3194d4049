"""Where the map is drawn: in three dimensions, as slices where that cannot be, or not yet at all."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QStackedLayout, QWidget

from widgets.empty_state import EmptyState
from widgets.explorer import graphics
from widgets.explorer.map_scene import MapScene
from widgets.volume_preview import VolumePreview

_LOOK_MS: Final = 40


class MapRoom(QWidget):
    """Opens the three-dimensional view when it is seen first, as soon as napari is loaded.

    Signals
    -------
    opened
        :attr:`scene` can be used.
    given_up : str
        There will be no scene, for this reason.
    """

    opened = Signal()
    given_up = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map_room")
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.why_not = _sentence(graphics.check())
        self.scene: MapScene | None = None
        self._has_state = False
        self._empty = EmptyState("volume", "No map yet")
        self.slices = VolumePreview()
        self.slices.setObjectName("explorer_map_slices")
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.slices)
        self._look = QTimer(self, interval=_LOOK_MS)
        self._look.timeout.connect(self._open_when_loaded)
        self._show_page()
        if not self.why_not:
            # A native window of its own: otherwise Qt composes the whole main window through OpenGL whenever
            # anything in it changes, which without a graphics card takes longer than drawing the map.
            self.setAttribute(Qt.WidgetAttribute.WA_DontCreateNativeAncestors)
            self.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)
            graphics.preload()

    def showEvent(self, event: QShowEvent) -> None:
        """Open the view the first time this is seen."""
        super().showEvent(event)
        if not self.why_not and self.scene is None:
            self._look.start()

    def _open_when_loaded(self) -> None:
        if not graphics.loaded():
            return
        self._look.stop()
        if self.scene is not None:
            return
        if graphics.problem():
            self.why_not = _sentence(graphics.problem())
            self._show_page()
            self.given_up.emit(self.why_not)
            return
        self.scene = MapScene(not graphics.draws_in_software(), self)
        self._stack.addWidget(self.scene.view)
        self._show_page()
        self.opened.emit()

    def set_has_state(self, has: bool) -> None:
        """Show maps, or that there is none."""
        if has != self._has_state:
            self._has_state = has
            self._show_page()

    def _show_page(self) -> None:
        page: QWidget = self._empty
        if self.why_not:
            page = self.slices if self._has_state else self._empty
        elif self.scene is not None and self._has_state:
            page = self.scene.view
        if self.scene is None and not self.why_not:
            self._empty.set_message("Preparing the view…")
        else:
            self._empty.set_message("No map yet", "Choose a state in the latent plot.")
        self._stack.setCurrentWidget(page)

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen, ``(H, W, 3)``."""
        if self.scene is not None and self._stack.currentWidget() is self.scene.view:
            return self.scene.picture()
        image = self.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        bits: Any = image.constBits()
        rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def close_down(self) -> None:
        """End the view; nothing is drawn any more."""
        self._look.stop()
        scene, self.scene = self.scene, None
        if scene is not None:
            self._stack.setCurrentWidget(self._empty)
            self._stack.removeWidget(scene.view)
            scene.close()


def _sentence(why: str) -> str:
    return f"Maps cannot be drawn in three dimensions: {why}." if why else ""
