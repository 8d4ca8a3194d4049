"""One grey picture of a particle, sharp where its pixels fit the screen."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style, volume_slices
from widgets.explorer.particle_images import shown_side

_GAP: Final = 3


def grey_image(grey: NDArray[np.uint8]) -> QImage:
    """Return a picture ``[y, x]`` (row 0 at the top, as RELION shows particles) that owns its bytes."""
    height, width = grey.shape
    data = np.ascontiguousarray(grey)
    return QImage(data.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def paint_picture(painter: QPainter, image: QImage, room: QRectF) -> QRectF:
    """Draw a picture into the middle of a rectangle and return where it lies; see `shown_side`."""
    ratio = painter.device().devicePixelRatioF()
    pixels = max(image.width(), image.height())
    side, sharp = shown_side(pixels, min(room.width(), room.height()) * ratio)
    scale = side / pixels / ratio
    place = QRectF(0, 0, image.width() * scale, image.height() * scale)
    place.moveCenter(room.center())
    # on whole pixels of the screen, else sharp squares would differ in size
    place.moveTo(round(place.x() * ratio) / ratio, round(place.y() * ratio) / ratio)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not sharp)
    painter.drawImage(place, image)
    return place


class ImageTile(QWidget):
    """A picture under its name, with a scale bar."""

    def __init__(self, name: str, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"explorer_particle_{name}")
        self.setToolTip(caption)
        self.caption = caption
        self._image = QImage()
        self._width_a = 0.0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_picture(
        self, image: NDArray[Any], limits: tuple[float, float], pixel_size_a: float | None = None
    ) -> None:
        """Show an image ``[y, x]`` between two values; with a pixel size (Å) it gets a scale bar."""
        self._image = grey_image(volume_slices.to_grey(image, limits))
        self._width_a = image.shape[1] * pixel_size_a if pixel_size_a else 0.0
        self.update()

    def picture(self) -> QImage:
        """Return what is shown, one pixel for each of the image."""
        return self._image

    def _line(self) -> float:
        return QFontMetricsF(style.small_font(self)).height() + _GAP

    def hasHeightForWidth(self) -> bool:
        """Pictures are square."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of the picture and its name."""
        return round(width + self._line())

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(140, self.heightForWidth(140))

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which a particle can be seen."""
        return QSize(64, self.heightForWidth(64))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw name, picture and scale bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        painter.setPen(style.colour("muted"))
        line = self._line()
        box = QRectF(self.rect())
        name = QRectF(box.left(), box.top(), box.width(), line)
        painter.drawText(name, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, self.caption)
        room = box.adjusted(0, line, 0, 0)
        side = min(room.width(), room.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(room.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour("neutral_soft"))
        if self._image.isNull():
            painter.drawRoundedRect(square, 3, 3)
            return
        place = paint_picture(painter, self._image, square)
        length_a = volume_slices.bar_length_a(self._width_a)
        if length_a > 0:
            self._draw_bar(painter, place, length_a)

    def _draw_bar(self, painter: QPainter, place: QRectF, length_a: float) -> None:
        length = length_a / self._width_a * place.width()
        right, y = place.right() - 6, place.bottom() - 6
        black, white = Qt.GlobalColor.black, Qt.GlobalColor.white
        for colour, thickness in ((black, 4.5), (white, 2.0)):
            pen = QPen(colour, thickness)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(int(right - length), int(y), int(right), int(y))
        words = QRectF(place.left(), place.top(), right - place.left(), y - 4 - place.top())
        where = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight
        painter.setFont(style.scaled_font(0.8, self, bold=True))
        painter.setPen(black)
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawText(words.translated(dx, dy), where, f"{length_a:g} Å")
        painter.setPen(white)
        painter.drawText(words, where, f"{length_a:g} Å")
