"""A hand on the latent plot: mouse events at known places, and what is seen there."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QApplication

from widgets.explorer.canvas import LatentCanvas

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


def mouse(
    canvas: LatentCanvas,
    kind: QEvent.Type,
    place: QPoint,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = NONE,
) -> None:
    """Send an event with what is held, which QTest leaves out of moves."""
    released = kind in (QEvent.Type.MouseButtonRelease,)
    moved = kind is QEvent.Type.MouseMove
    event = QMouseEvent(
        kind,
        QPointF(place),
        QPointF(canvas.mapToGlobal(place)),
        Qt.MouseButton.NoButton if moved else button,
        Qt.MouseButton.NoButton if released else button,
        modifiers,
    )
    QApplication.sendEvent(canvas, event)


def drag(
    canvas: LatentCanvas,
    places: list[QPoint],
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = NONE,
) -> None:
    """Press at the first place, move through the others, release at the last."""
    mouse(canvas, QEvent.Type.MouseButtonPress, places[0], button, modifiers)
    for place in places[1:]:
        mouse(canvas, QEvent.Type.MouseMove, place, button, modifiers)
    mouse(canvas, QEvent.Type.MouseButtonRelease, places[-1], button, modifiers)


def pixel(canvas: LatentCanvas, x: float, y: float) -> QPoint:
    """Return the pixel at a place of the plane."""
    return canvas.frame.to_screen(x, y).toPoint()


def colour_at(canvas: LatentCanvas, x: float, y: float) -> QColor:
    """Return the colour seen at a place of the plane."""
    image = canvas.picture()
    ratio = image.devicePixelRatio()
    place = canvas.frame.to_screen(x, y)
    return image.pixelColor(int(place.x() * ratio), int(place.y() * ratio))
