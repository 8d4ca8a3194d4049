"""Where a tomogram is drawn: in three dimensions, or as a painted slab where that cannot be."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSizePolicy, QStackedLayout, QWidget

from widgets.empty_state import EmptyState
from widgets.explorer import graphics
from widgets.tomogram.flat_view import FlatView
from widgets.tomogram.scene import TomogramScene

_LOOK_MS: Final = 40


class TomogramRoom(QWidget):
    """Opens the three-dimensional view as soon as it can be used.

    Signals
    -------
    opened
        :attr:`view` is another one now.
    """

    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_room")
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.why_not = graphics.check()
        self.scene: TomogramScene | None = None
        self.flat = FlatView()
        self.empty = EmptyState("volume", "Reading…", "The places of the particles are being read.")
        self._has_content = self._ended = False
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.flat)
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._open_when_loaded)
        if not self.why_not:
            # a native window of its own, as the map of the explorer has
            self.setAttribute(Qt.WidgetAttribute.WA_DontCreateNativeAncestors)
            self.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)
            graphics.preload()

    @property
    def view(self) -> TomogramScene | FlatView:
        """What draws now."""
        return self.flat if self.scene is None else self.scene

    @property
    def surface(self) -> QWidget:
        """The widget over which the mouse moves."""
        return self.flat if self.scene is None else self.scene.canvas

    def showEvent(self, event: QShowEvent) -> None:
        """Open the view the first time this is seen."""
        super().showEvent(event)
        if not (self.why_not or self._ended) and self.scene is None:
            self._timer.start()

    def _open_when_loaded(self) -> None:
        if not graphics.loaded():
            return
        self._timer.stop()
        if self.scene is not None:
            return
        if graphics.problem():
            self.why_not = graphics.problem()
            return
        self.scene = TomogramScene(not graphics.draws_in_software(), self)
        self._stack.addWidget(self.scene.view)
        self.scene.set_theme()
        self._show_page()
        self.opened.emit()

    def set_has_content(self, has: bool) -> None:
        """Show the view, or the empty state."""
        self._has_content = has
        self._show_page()

    def _show_page(self) -> None:
        if not self._has_content:
            self._stack.setCurrentWidget(self.empty)
        else:
            self._stack.setCurrentWidget(self.flat if self.scene is None else self.scene.view)

    def close_down(self) -> None:
        """End the view; none is opened after this, whatever is still on its way."""
        self._ended = True
        self._timer.stop()
        scene, self.scene = self.scene, None
        if scene is not None:
            self._stack.setCurrentWidget(self.empty)
            self._stack.removeWidget(scene.view)
            scene.close()
