"""The program's line drawings in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources
from widgets import style

_SIZES = (16, 24, 32, 48, 64)


def program_icon() -> QIcon:
    """Return the icon of the program."""
    return QIcon(str(resources.icon("heteroscope")))


def icon(name: str, colour: str = "muted") -> QIcon:
    """Return a drawing in a colour of the theme, grey when disabled; an empty one for unknown names."""
    return _icon(name, style.colour(colour).name(), style.colour("disabled").name())


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    result = QIcon()
    try:
        text = resources.icon(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return result
    for mode, wanted in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        renderer = QSvgRenderer(QByteArray(text.replace("currentColor", wanted).encode()))
        for size in _SIZES:
            pixmap = QPixmap(size, size)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            renderer.render(painter, QRectF(0, 0, size, size))
            painter.end()
            result.addPixmap(pixmap, mode)
    return result
