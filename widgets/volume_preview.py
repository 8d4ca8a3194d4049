"""A volume at a glance: three slices and the projection, with contrast and scale."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from widgets import style, volume_slices
from widgets.empty_state import EmptyState, WithEmptyState

_MARGIN: Final = 3
_BLACK: Final = QColor("#000000")
_BAR: Final = QColor("#ffffff")


class SlicePane(QWidget):
    """One grey picture with its name and, when the voxel size is known, a scale bar."""

    moved = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"pane_{name}")
        self.setMinimumSize(80, 80)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.caption = ""
        self.bar_a = 0.0
        self._grey: NDArray[np.uint8] = np.zeros((1, 1), np.uint8)
        self._image = QImage()
        self._voxel_a: float | None = None

    def set_picture(self, grey: NDArray[np.uint8], caption: str, voxel_a: float | None) -> None:
        """Show a picture ``[row, column]``; row 0 is at the bottom, as ChimeraX shows a map from +z."""
        # kept: QImage does not own the bytes it shows
        self._grey = np.ascontiguousarray(grey[::-1])
        height, width = self._grey.shape
        self._image = QImage(self._grey.data, width, height, width, QImage.Format.Format_Grayscale8)
        self._voxel_a = voxel_a
        self.caption = caption
        self.bar_a = volume_slices.bar_length_a(width * voxel_a) if voxel_a else 0.0
        self.setAccessibleName(caption)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(180, 180)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Go through the slices."""
        self.moved.emit(1 if event.angleDelta().y() > 0 else -1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go through the slices with Page Up and Page Down."""
        step = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}.get(Qt.Key(event.key()), 0)
        if step:
            self.moved.emit(step)
        else:
            super().keyPressEvent(event)

    def place(self) -> QRectF:
        """Return where the picture lies; its name has a line of its own, never on the density."""
        height, width = self._grey.shape
        line = QFontMetricsF(style.small_font(self)).height() + 2 * _MARGIN
        room = QRectF(self.rect()).adjusted(0, line, 0, 0)
        scale = max(0.0, min(room.width() / width, room.height() / height))
        place = QRectF(0, 0, width * scale, height * scale)
        place.moveCenter(room.center())
        return place

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture, name and scale bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), _BLACK)
        if self._image.isNull():
            return
        painter.setFont(style.small_font(self))
        place = self.place()
        scale = place.width() / self._grey.shape[1]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, self._image)
        box = QRectF(self.rect()).adjusted(2 * _MARGIN, _MARGIN, -2 * _MARGIN, -2 * _MARGIN)
        caption = painter.fontMetrics().elidedText(
            self.caption, Qt.TextElideMode.ElideRight, int(box.width())
        )
        self._write(painter, box, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, caption)
        if self._voxel_a and self.bar_a > 0:
            length = self.bar_a / self._voxel_a * scale
            y = box.bottom() - 2
            for colour, thickness in ((_BLACK, 5.0), (_BAR, 2.5)):
                pen = QPen(colour, thickness)
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawLine(int(box.right() - length), int(y), int(box.right()), int(y))
            above = box.adjusted(0, 0, 0, -7)
            self._write(
                painter,
                above,
                Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight,
                f"{self.bar_a:g} Å",
            )
        if self.hasFocus():
            painter.setPen(QPen(style.colour("accent"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    @staticmethod
    def _write(painter: QPainter, box: QRectF, where: Qt.AlignmentFlag, text: str) -> None:
        # a dark rim keeps the letters readable on bright density
        painter.setPen(_BLACK)
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawText(box.translated(dx, dy), where, text)
        painter.setPen(_BAR)
        painter.drawText(box, where, text)


class VolumePreview(QWidget):
    """Three slices through a volume and its projection; the wheel moves a slice, the slider sets contrast."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("volume_preview")
        self._volume: NDArray[np.float32] | None = None
        self._voxel_a: float | None = None
        self._places = [0, 0, 0]
        self._limits: dict[int, tuple[float, float]] = {}
        self.panes = [SlicePane(name, self) for name in ("z", "y", "x", "projection")]
        for axis in range(3):
            self.panes[axis].moved.connect(lambda step, axis=axis: self._move(axis, step))
            self.panes[axis].setToolTip("Wheel or Page Up/Down: other slices")
        self.contrast = QSlider(Qt.Orientation.Horizontal, self)
        self.contrast.setObjectName("volume_contrast")
        self.contrast.setRange(-20, 40)
        self.contrast.setValue(0)
        self.contrast.setMaximumWidth(220)
        self.contrast.setAccessibleName("Contrast")
        self.contrast.valueChanged.connect(self._draw)
        self.facts = QLabel(self)
        self.facts.setObjectName("volume_facts")
        style.set_role(self.facts, "caption")
        view = QWidget(self)
        column = QVBoxLayout(view)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        grid = QGridLayout()
        grid.setSpacing(2)
        for k, pane in enumerate(self.panes):
            grid.addWidget(pane, k // 2, k % 2)
        column.addLayout(grid, 1)
        line = QHBoxLayout()
        label = QLabel("Contrast", view)
        style.set_role(label, "muted")
        line.addWidget(label)
        line.addWidget(self.contrast, 1)
        line.addStretch(0)
        line.addWidget(self.facts)
        column.addLayout(line)
        empty = EmptyState(
            "volume", "No volume yet", "The first one appears after the first round.", parent=self
        )
        self._body = WithEmptyState(view, empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)

    def set_volume(self, volume: NDArray[Any] | None, voxel_size_a: float | None = None) -> None:
        """Show a volume; slices that were moved stay where they are when the size is the same.

        Parameters
        ----------
        volume : (D, H, W) array or None
            Density ``[z, y, x]``; None shows the empty state.
        voxel_size_a : float, optional
            Å per voxel; without it there is no scale bar.

        Raises
        ------
        ValueError
            When the array has not three dimensions.
        """
        if volume is None or not np.size(volume):
            self._volume = None
            self._body.show_empty(True)
            return
        if np.ndim(volume) != 3:
            raise ValueError(f"the volume has shape {np.shape(volume)}, expected three dimensions [z, y, x]")
        same = self._volume is not None and self._volume.shape == np.shape(volume)
        self._volume = np.asarray(volume, np.float32)
        self._voxel_a = voxel_size_a
        if not same:
            self._places = [size // 2 for size in self._volume.shape]
        depth, height, width = self._volume.shape
        size = f"{width}³" if width == height == depth else f"{width} × {height} × {depth}"
        size += " voxels"
        self.facts.setText(f"{size}, {voxel_size_a:.4g} Å" if voxel_size_a else size)
        self._body.show_empty(False)
        self._draw()

    def places(self) -> tuple[int, int, int]:
        """Return the voxels at which z, y and x are cut."""
        return self._places[0], self._places[1], self._places[2]

    def _move(self, axis: int, step: int) -> None:
        if self._volume is not None:
            self._places[axis] = min(max(self._places[axis] + step, 0), self._volume.shape[axis] - 1)
            self._draw()

    def _draw(self) -> None:
        if self._volume is None:
            return
        contrast = 10 ** (self.contrast.value() / 40)
        central = np.stack([np.abs(self._volume).max(), 0]) if self._volume.size < 2 else self._sample()
        limits = volume_slices.grey_limits(central, contrast)
        for axis, name in enumerate(volume_slices.AXES):
            place = self._places[axis]
            grey = volume_slices.to_grey(volume_slices.slice_of(self._volume, axis, place), limits)
            self.panes[axis].set_picture(
                grey, f"{name} {place + 1} of {self._volume.shape[axis]}", self._voxel_a
            )
        total = volume_slices.projection(self._volume)
        grey = volume_slices.to_grey(total, volume_slices.grey_limits(total, contrast))
        self.panes[3].set_picture(grey, "sum over z", self._voxel_a)

    def _sample(self) -> NDArray[np.float32]:
        """Return the middle slices, whose values set the grey scale of all slices."""
        assert self._volume is not None
        middles = [
            volume_slices.slice_of(self._volume, a, s // 2).ravel() for a, s in enumerate(self._volume.shape)
        ]
        return np.concatenate(middles)
