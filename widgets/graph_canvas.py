"""The canvas of a flowchart: mouse and keys pan, zoom, walk, and say which job is meant."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from widgets import style
from widgets.graph_scene import GraphScene
from widgets.graph_view import GraphView

#: Arrow keys as steps across and along a chart that grows downwards.
_ARROWS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class GraphCanvas(GraphView):
    """A chart in which jobs can be chosen.

    Signals
    -------
    job_selected(name), job_activated(name)
        A job was clicked or reached with the keys; double-clicked, or Return was pressed on it.
    second_chosen(name)
        A job was clicked with Ctrl, empty when the one chosen so was let go.
    menu_requested(name, global position)
        A context menu is wanted.
    """

    job_selected = Signal(str)
    job_activated = Signal(str)
    second_chosen = Signal(str)
    menu_requested = Signal(str, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("graph_canvas")
        style.set_role(self, "canvas")
        self.setAccessibleName("Flowchart of the jobs")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._pressed: QPoint | None = None
        self._dragging = False

    def _job_under(self, place: QPoint) -> int | None:
        job = self.chart.job_at(self.mapToScene(place))
        return None if job is not None and self.hides and self._faded(job) else job

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragging = event.position().toPoint(), False
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, or see what is under the mouse."""
        place = event.position().toPoint()
        if self._pressed is not None:
            moved = place - self._pressed
            if self._dragging or moved.manhattanLength() >= QApplication.startDragDistance():
                self._dragging = True
                self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
                self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - moved.x())
                self.verticalScrollBar().setValue(self.verticalScrollBar().value() - moved.y())
                self._pressed = place
                self.view_moved.emit()
            return
        job = self._job_under(place)
        if job != self._hovered:
            self._hovered = job
            shape = Qt.CursorShape.ArrowCursor if job is None else Qt.CursorShape.PointingHandCursor
            self.viewport().setCursor(shape)
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, or choose the job under the mouse."""
        clicked = self._pressed is not None and not self._dragging
        self._pressed, self._dragging = None, False
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        if not clicked or event.button() is not Qt.MouseButton.LeftButton:
            return
        job = self._job_under(event.position().toPoint())
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            if job is not None:
                self._choose_second(job)
        elif job is not None:
            self.choose(job)
        else:
            self.second_chosen.emit("")

    def _choose_second(self, job: int) -> None:
        if self.selected is None:
            self.choose(job)
        else:
            self.second_chosen.emit("" if job in (self.second, self.selected) else self.name_of(job))

    def choose(self, job: int) -> None:
        """Select a job and say so."""
        self.selected = job
        self.viewport().update()
        self.job_selected.emit(self.name_of(job))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the job under the mouse."""
        job = self._job_under(event.position().toPoint())
        if job is not None and event.button() is Qt.MouseButton.LeftButton:
            self.job_activated.emit(self.name_of(job))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the job under the mouse, or of the selected one when a key was pressed."""
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        job = self.selected if by_key else self._job_under(event.pos())
        if job is None:
            return
        place = self.mapFromScene(self.chart.cards[job].center()) if by_key else event.pos()
        self.menu_requested.emit(self.name_of(job), self.viewport().mapToGlobal(place))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the mouse; with Shift or sideways, pan."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - (delta.x() or delta.y()))
            self.view_moved.emit()
        else:
            self.zoom(1.0015 ** delta.y(), event.position().toPoint())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk along the links, open, zoom."""
        key = Qt.Key(event.key())
        if key in _ARROWS and self.chart.jobs:
            self._walk(_ARROWS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected is not None:
            self.job_activated.emit(self.name_of(self.selected))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.25)
        elif key is Qt.Key.Key_Minus:
            self.zoom(0.8)
        elif key is Qt.Key.Key_0:
            self.fit()
        elif key is Qt.Key.Key_Escape:
            self.second_chosen.emit("")
        else:
            super().keyPressEvent(event)

    def _walk(self, step: tuple[int, int]) -> None:
        if not self.chart.grid.down:
            step = step[1], step[0]
        job = 0 if self.selected is None else self.chart.neighbour(self.selected, step)
        if job is not None:
            self.show_job(job)
            self.choose(job)

    def viewportEvent(self, event: QEvent) -> bool:
        """Tell about the job under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            job = self._job_under(event.pos())
            if job is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), hint(self.chart, job), self.viewport())
            return True
        if event.type() is QEvent.Type.Leave and self._hovered is not None:
            self._hovered = None
            self.viewport().update()
        return super().viewportEvent(event)


def hint(chart: GraphScene, at: int) -> str:
    """Return what is told about a job to the one who points at it."""
    job = chart.jobs[at]
    lines = [job.name.rstrip("/"), f"{job.kind} · {job.note or job.status}"]
    if job.tags:
        lines.append("Tags: " + ", ".join(word for word, _ in job.tags))
    if job.detail:
        lines.append(job.detail)
    for word, around in (("From", chart.ways.parents[at]), ("Used by", chart.ways.children[at])):
        if around:
            names = [chart.jobs[other].shown for other in around[:4]]
            more = f" and {len(around) - 4} more" if len(around) > 4 else ""
            lines.append(f"{word}: {', '.join(names)}{more}")
    return "\n".join(lines)
