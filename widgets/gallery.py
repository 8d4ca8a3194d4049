"""Images as a gallery: sorted, filtered, looked at, chosen, and saved as a subset."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.explorer.filter_slider import FilterSlider
from widgets.explorer.work import Work
from widgets.fields import ChoiceBox
from widgets.gallery_facts import ImageFacts
from widgets.gallery_grid import GalleryGrid
from widgets.gallery_loader import GalleryLoader
from widgets.gallery_source import ImageSource, Look, Rows, all_rows
from widgets.message_bar import MessageBar
from widgets.star_table_filter import FilterLine
from widgets.star_table_source import Arrangement, arranged, number_text

_SIZES: Final = (48, 64, 96, 128, 160, 192, 256, 320)
_SIDE: Final = 280


class Gallery(QWidget):
    """Images of a source, only those in view read, beside the window.

    Signals
    -------
    save_requested
        The chosen images are to be saved; the owner asks where and calls `save`.
    saved : object
        Path of the file that was written.
    """

    save_requested = Signal()
    saved = Signal(object)

    def __init__(self, source: ImageSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gallery")
        self.source = source
        self._arrangement = Arrangement()
        self._captioned = 0
        self._work = Work(self)
        self._saving = Work(self)
        self._loader = GalleryLoader(source, self)
        self._loader.arrived.connect(self._on_arrived)
        self._build()
        style.ThemeWatcher(self, self._draw_icons)
        self._draw_icons()
        self.grid.set_count(source.count)
        self._show_count()
        if source.trouble:
            self.bar.show_warning(f"The images cannot be shown: {source.trouble}.")

    def _build(self) -> None:
        self.grid = GalleryGrid()
        self.grid.view_changed.connect(self._want)
        self.grid.clicked.connect(self._on_clicked)
        self.grid.activated.connect(self._on_activated)
        self.grid.selection_changed.connect(self._show_count)
        self.empty = EmptyState("search", "No image fulfils the filter", "", "Show all images", parent=self)
        self._body = WithEmptyState(self.grid, self.empty, self)
        self._body.show_empty(False)
        self.bar = MessageBar()
        self.facts = ImageFacts(self.source)
        side = QScrollArea(self, widgetResizable=True)
        side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        side.setWidget(self.facts)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._body)
        splitter.addWidget(side)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([900, _SIDE])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(self._arranging())
        layout.addLayout(self._looking())
        layout.addWidget(self.bar)
        layout.addWidget(splitter, 1)
        layout.addLayout(self._choosing())
        self.empty.action.connect(self.filter.forget)

    def _arranging(self) -> QHBoxLayout:
        columns = self.source.table.columns if self.source.table is not None else ()
        self.filter = FilterLine(self)
        self.filter.set_columns(columns)
        self.filter.changed.connect(self._on_filter)
        self.order = ChoiceBox(self)
        self.order.setObjectName("gallery_order")
        self.order.setAccessibleName("Sort by")
        self.order.addItems(["Order of the file", *(c.removeprefix("rln") for c in columns)])
        self.order.setMaximumWidth(240)
        self.order.currentIndexChanged.connect(self._on_order)
        self.descending = QToolButton(self)
        self.descending.setObjectName("gallery_descending")
        self.descending.setCheckable(True)
        self.descending.setToolTip("Largest first")
        self.descending.setAccessibleName("Largest first")
        style.set_role(self.descending, "quiet")
        self.descending.toggled.connect(self._on_order)
        self.descending.toggled.connect(self._draw_icons)
        title = QLabel("Sort by", self)
        style.set_role(title, "muted")
        line = QHBoxLayout()
        line.setSpacing(style.TIGHT)
        for part in (title, self.order, self.descending):
            line.addWidget(part)
            part.setVisible(bool(columns))
        line.addSpacing(style.MEDIUM)
        line.addWidget(self.filter, 1)
        self.filter.setVisible(bool(columns))
        return line

    def _looking(self) -> QHBoxLayout:
        self.size_slider = self._slider(
            "gallery_size", 0, len(_SIZES) - 1, _SIZES.index(128), "Size of the images"
        )
        self.size_slider.valueChanged.connect(lambda k: self.grid.set_side(_SIZES[k]))
        self.contrast = self._slider("gallery_contrast", -20, 40, 0, "Contrast")
        self.contrast.valueChanged.connect(self._relook)
        self.low_pass = FilterSlider("gallery_filter", self, start_a=0)
        self.low_pass.setMinimumWidth(220)
        self.low_pass.setMaximumWidth(280)
        self.low_pass.slider.setToolTip("Filter the images to this resolution; to the left: as they are")
        self.low_pass.changed.connect(self._relook)
        self.flip = QCheckBox("Flip phases (CTF)", self)
        self.flip.setObjectName("gallery_flip")
        self.flip.setVisible(self.source.can_flip)
        self.flip.toggled.connect(self._relook)
        self.caption = ChoiceBox(self)
        self.caption.setObjectName("gallery_caption")
        self.caption.setAccessibleName("Written below the images")
        columns = self.source.table.columns if self.source.table is not None else ()
        self.caption.addItems(["No caption", "Number", *(c.removeprefix("rln") for c in columns)])
        self.caption.setMaximumWidth(200)
        self.caption.currentIndexChanged.connect(self._write_captions)
        line = QHBoxLayout()
        line.setSpacing(style.SMALL)
        for name, slider in (("Size", self.size_slider), ("Contrast", self.contrast)):
            label = QLabel(name, self)
            style.set_role(label, "caption")
            line.addWidget(label)
            line.addWidget(slider)
        line.addWidget(self.low_pass)
        line.addWidget(self.flip)
        line.addStretch(1)
        line.addWidget(self.caption)
        return line

    def _slider(self, name: str, low: int, high: int, value: int, title: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(name)
        slider.setRange(low, high)
        slider.setValue(value)
        slider.setFixedWidth(130)
        slider.setToolTip(title)
        slider.setAccessibleName(title)
        return slider

    def _choosing(self) -> QHBoxLayout:
        self.count = QLabel(self)
        self.count.setObjectName("gallery_count")
        style.set_role(self.count, "muted")
        self.all_button = QPushButton("Select all", self)
        self.all_button.clicked.connect(lambda: self.grid.select_rows(self.grid.rows))
        self.none_button = QPushButton("None", self)
        self.none_button.clicked.connect(lambda: self.grid.select_only(all_rows(0)))
        self.invert_button = QPushButton("Invert", self)
        self.invert_button.clicked.connect(self.grid.invert)
        self.save_button = QPushButton("Save selection…", self)
        self.save_button.setObjectName("gallery_save")
        style.set_role(self.save_button, "primary")
        self.save_button.clicked.connect(self.save_requested)
        line = QHBoxLayout()
        line.setSpacing(style.SMALL)
        line.addWidget(self.count, 1)
        for button in (self.all_button, self.none_button, self.invert_button, self.save_button):
            line.addWidget(button)
        return line

    # -- looking -------------------------------------------------------------------------------------------

    def look(self) -> Look:
        """Return how images are shown."""
        pixels = round(self.grid.side * self.devicePixelRatioF())
        return Look(
            pixels, 10 ** (self.contrast.value() / 40), self.low_pass.resolution_a, self.flip.isChecked()
        )

    def _relook(self) -> None:
        self.grid.forget_pictures()
        self._want()
        if self.grid.current >= 0:
            self.facts.show_row(self.grid.current, self.look())

    def _want(self) -> None:
        self._write_captions()
        self._loader.want(self.grid.missing(), self.look())

    def _on_arrived(self, row: int, picture: object) -> None:
        if isinstance(picture, QImage):
            self.grid.put(row, picture)
        else:
            self.grid.put_failure(row, str(picture))

    def _write_captions(self) -> None:
        """Write below the images in view what was chosen; only those are asked for."""
        chosen, grid = self.caption.currentIndex(), self.grid
        known = grid.labels if chosen == self._captioned else {}
        self._captioned = chosen
        grid.labels = {}
        if chosen > 0:
            seen = grid.in_view()
            for row in grid.rows[seen.start : seen.stop].tolist():
                text = known.get(row)
                if text is None:
                    text = f"{row + 1}" if chosen == 1 else _short(self._cell(row, chosen - 2))
                grid.labels[row] = text
        grid.viewport().update()

    def _cell(self, row: int, column: int) -> str:
        return str(self.source.table.row(row)[column])

    def _on_clicked(self, row: int) -> None:
        self.facts.show_row(row, self.look(), self.grid.failure(row))

    def _on_activated(self, row: int) -> None:
        self.size_slider.setValue(len(_SIZES) - 1)
        self._on_clicked(row)

    # -- order, filter, selection --------------------------------------------------------------------------

    def arrange(self, wanted: Arrangement) -> None:
        """Show other images, or in another order; worked out beside the window."""
        self._arrangement = wanted
        table = self.source.table
        self._work.start(lambda _p, _c: arranged(table, wanted), self._on_arranged, self._on_failed)

    def _on_order(self) -> None:
        at = self.order.currentIndex()
        column = self.source.table.columns[at - 1] if at > 0 else ""
        self.arrange(Arrangement(column, self.descending.isChecked(), self._arrangement.conditions))

    def _on_filter(self, conditions: object) -> None:
        assert isinstance(conditions, tuple)
        now = self._arrangement
        if conditions != now.conditions:
            self.arrange(Arrangement(now.column, now.descending, conditions))

    def _on_arranged(self, rows: Rows) -> None:
        self.bar.clear()
        self.grid.set_rows(rows)
        self._body.show_empty(not len(rows))
        self._show_count()

    def _on_failed(self, error: Exception) -> None:
        self.bar.show_error(str(error))

    def _show_count(self) -> None:
        shown, of, chosen = len(self.grid.rows), self.source.count, len(self.grid.selected())
        words = f"{of:,} images" if shown == of else f"{shown:,} of {of:,} images"
        self.count.setText(f"{words}, {chosen:,} selected" if chosen else words)
        self.save_button.setEnabled(chosen > 0 and not self._saving.busy)

    def save(self, path: Path) -> None:
        """Write the chosen images."""
        source, rows = self.source, self.grid.selected()

        def done(written: Path) -> None:
            self.bar.show_success(f"{len(rows):,} images were saved as {written}.")
            self.saved.emit(written)
            self._show_count()

        self._saving.start(lambda _p, _c: source.save(rows, path), done, self._on_failed)
        self._show_count()

    @property
    def busy(self) -> bool:
        """Whether anything is still being read, sorted or written."""
        return self._loader.busy or self._work.busy or self._saving.busy

    def close_down(self) -> None:
        """End the thread that reads."""
        self._loader.close()
        self.facts.close_down()

    def _draw_icons(self) -> None:
        largest_first = self.descending.isChecked()
        self.descending.setIcon(glyphs.glyph_icon("down" if largest_first else "up"))
        self.descending.setToolTip("Largest first" if largest_first else "Smallest first")
        self.grid.viewport().update()


def _short(text: str) -> str:
    try:
        return number_text(float(text))
    except (ValueError, OverflowError):
        return text
