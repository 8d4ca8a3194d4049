"""What the keys do in the latent plot: tools, view, and the gesture under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from widgets.explorer.hands import Hands
from widgets.explorer.tools import BY_KEY

if TYPE_CHECKING:
    from widgets.explorer.canvas import LatentCanvas

_ARROW_SHARE: Final = 0.1
_ZOOM_STEP: Final = 1.25
_MOVES: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_FOREIGN: Final = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier


def press(canvas: LatentCanvas, hands: Hands, event: QKeyEvent) -> bool:
    """Act on a key; returns whether it meant something."""
    if event.modifiers() & _FOREIGN:
        return False
    key = Qt.Key(event.key())
    return _gesture(canvas, hands, key) or _view(canvas, key) or _tool(canvas, hands, event)


def _gesture(canvas: LatentCanvas, hands: Hands, key: Qt.Key) -> bool:
    if key == Qt.Key.Key_Escape and hands.gesture in ("stroke", "polygon"):
        hands.cancel()
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and hands.gesture == "polygon":
        hands.close_polygon()
    elif key == Qt.Key.Key_Backspace and hands.gesture == "polygon":
        hands.remove_corner()
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and hands.handle_to_remove() >= 0:
        hands.remove_handle(hands.handle_to_remove())
    else:
        return False
    canvas.update()
    return True


def _view(canvas: LatentCanvas, key: Qt.Key) -> bool:
    if key in _MOVES:
        across, up = _MOVES[key]
        view = canvas.view
        canvas.show_view(view.moved(across * _ARROW_SHARE * view.width, up * _ARROW_SHARE * view.height))
    elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        canvas.zoom(1 / _ZOOM_STEP)
    elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
        canvas.zoom(_ZOOM_STEP)
    elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
        canvas.fit()
    else:
        return False
    return True


def _tool(canvas: LatentCanvas, hands: Hands, event: QKeyEvent) -> bool:
    if event.key() == Qt.Key.Key_Space:
        hands.space = True
        canvas.refresh_cursor()
        return True
    tool = BY_KEY.get(event.key())
    if tool is None or event.modifiers() & Qt.KeyboardModifier.AltModifier:
        return False
    canvas.set_tool(tool)
    return True
