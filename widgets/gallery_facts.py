"""One image of a gallery, large, with everything the table says of it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from widgets import style, volume_slices
from widgets.elided_label import ElidedLabel
from widgets.explorer.image_tile import ImageTile
from widgets.explorer.work import Work
from widgets.gallery_source import ImageSource, Look, prepared

_LARGEST = 512


class ImageFacts(QWidget):
    """Picture and facts of the image that was clicked."""

    def __init__(self, source: ImageSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gallery_facts")
        self._source = source
        self._work = Work(self)
        self.row = -1
        self.facts: list[tuple[str, str]] = []
        self.hint = QLabel("Click an image to see what is known of it.", self, wordWrap=True)
        style.set_role(self.hint, "muted")
        self.title = ElidedLabel("", self)
        style.set_role(self.title, "subheading")
        self.tile = ImageTile("large", "", self)
        self.tile.hide()
        self.problem = QLabel(self, wordWrap=True)
        style.set_role(self.problem, "problem")
        self.problem.hide()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(style.SMALL)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, 112)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, 0, style.SMALL, 0)
        layout.setSpacing(style.SMALL)
        for part in (self.hint, self.title, self.tile, self.problem):
            layout.addWidget(part)
        layout.addLayout(self._grid)
        layout.addStretch(1)

    def show_row(self, row: int, look: Look, problem: str = "") -> None:
        """Show an image; read beside the window."""
        self.row = row
        source = self._source
        large = Look(_LARGEST, look.contrast, look.low_pass_a, look.flip)

        def read(_progress: Any, _cancelled: Any) -> Any:
            facts = source.facts(row)
            label, pixel = source.label(row), source.pixel_size_a(row)
            try:
                return label, pixel, facts, prepared(source, row, large)
            except Exception as error:  # told in place of the picture
                return label, pixel, facts, error

        self._work.start(
            read, lambda found: self._show(look.contrast, *found), lambda error: self._tell(str(error))
        )
        if problem:
            self._tell(problem)

    def _show(self, contrast: float, label: str, pixel_a: float, facts: Any, image: Any) -> None:
        self.hint.hide()
        self.title.setText(label)
        failed = isinstance(image, Exception)
        self.tile.setVisible(not failed)
        self._tell(str(image) if failed else "")
        if not failed:
            limits = volume_slices.grey_limits(image, contrast)
            # the picture may have been shrunk: its pixels are then larger
            factor = max(1, round(_width(facts, image) / image.shape[1]))
            self.tile.set_picture(image, limits, pixel_a * factor or None)
        self.facts = list(facts)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # deleted later, but out of sight now
                widget.deleteLater()
        for line, (name, value) in enumerate(self.facts):
            title, text = ElidedLabel(name.removeprefix("rln"), self), ElidedLabel(value, self)
            style.set_role(title, "caption")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(title, line, 0)
            self._grid.addWidget(text, line, 1)

    def _tell(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    @property
    def busy(self) -> bool:
        """Whether the image is still being read."""
        return self._work.busy

    def close_down(self) -> None:
        """Give up what is being read."""
        self._work.cancel()


def _width(facts: Any, image: Any) -> float:
    for name, value in facts:
        if name == "Size":
            return float(str(value).split(" ")[0])
    return float(image.shape[1])
