"""Many particles at a glance: images drawn evenly from a selection."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import (
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jobs.core.errors import UserError
from widgets import style, volume_slices
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.explorer import path_glyphs
from widgets.explorer.filter_slider import FilterSlider
from widgets.explorer.image_loader import ImageLoader
from widgets.explorer.image_tile import grey_image
from widgets.explorer.montage_grid import MontageGrid
from widgets.explorer.particle_images import Image, evenly_drawn
from widgets.explorer.particle_pane import View
from widgets.fields import ChoiceBox

COUNTS: Final = (9, 25, 49, 100)
#: Pixels that suffice for a picture of the montage.
_SIDE: Final = 128
_EMPTY = ("No particles selected", "Select particles in the plot to see a sample of their images.")


class Montage(QWidget):
    """Images of up to a hundred of the selected particles, the same for the same seed.

    Signals
    -------
    particle_clicked : int
        Row of the particle that was clicked.
    """

    particle_clicked = Signal(int)

    def __init__(self, view: View | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_montage")
        self.rows = np.zeros(0, np.int64)
        self.drawn = np.zeros(0, np.int64)
        self.seed = 0
        self._view = view
        self._images: dict[int, Image] = {}
        self._limits = (0.0, 1.0)
        self._loader = ImageLoader(self)
        self._loader.arrived.connect(self._on_arrived)
        self._loader.finished.connect(self._on_finished)
        self._loader.failed.connect(self._on_failed)
        self._build()
        style.ThemeWatcher(self, self._draw_icons)

    def _build(self) -> None:
        body = QWidget(self)
        self.grid = MontageGrid(body)
        self.grid.clicked.connect(self._on_clicked)
        self.number = ChoiceBox(body)
        self.number.setObjectName("explorer_montage_number")
        self.number.addItems([str(count) for count in COUNTS])
        self.number.setCurrentIndex(1)
        self.number.setToolTip("How many particles to show")
        self.number.setAccessibleName("Number of particles")
        self.kind = ChoiceBox(body)
        self.kind.setObjectName("explorer_montage_kind")
        self.kind.addItems(["Images", "Model"])
        self.kind.setToolTip("Images as measured, or what the model expects of the same particles")
        self.kind.setAccessibleName("Images or model")
        self.mean = QToolButton(body)
        self.mean.setCheckable(True)
        self.mean.setObjectName("explorer_montage_mean")
        self.mean.setToolTip("Begin with the mean of these pictures, not rotated onto one another (M)")
        self.mean.setAccessibleName("Show the mean")
        self.shuffle = QToolButton(body)
        self.shuffle.setObjectName("explorer_montage_shuffle")
        self.shuffle.setToolTip("Draw other particles of the selection (S)")
        self.shuffle.setAccessibleName("Draw other particles")
        for button, key, action in (
            (self.mean, "M", self.mean.toggle),
            (self.shuffle, "S", self.draw_others),
        ):
            style.set_role(button, "quiet")
            shortcut = QShortcut(QKeySequence(key), self, action)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.count = QLabel(body)
        self.count.setObjectName("explorer_montage_count")
        style.set_role(self.count, "caption")
        self.low_pass = FilterSlider("explorer_montage_filter", body)
        self.number.currentIndexChanged.connect(self._load)
        self.kind.currentIndexChanged.connect(self._load)
        self.mean.toggled.connect(self._load)
        self.shuffle.clicked.connect(self.draw_others)
        self.low_pass.changed.connect(self._load)
        head = QHBoxLayout()
        head.setSpacing(style.TIGHT)
        head.addWidget(self.kind)
        head.addWidget(self.number)
        head.addStretch(1)
        head.addWidget(self.mean)
        head.addWidget(self.shuffle)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addLayout(head)
        column.addWidget(self.grid, 1)
        column.addWidget(self.count)
        column.addWidget(self.low_pass)
        self.empty = EmptyState("scatter", *_EMPTY, parent=self)
        self._body = WithEmptyState(body, self.empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        self._draw_icons()

    def set_source(self, view: View | None) -> None:
        """Show particles of a model from now on; `view` is called in a thread, None: it has no images."""
        self._loader.cancel()
        self._view = view
        self.rows = self.rows[:0]
        title = _EMPTY if view else ("No particle images", "This model knows no images of its particles.")
        self._say(*title)

    def show_rows(self, selected: ArrayLike | None) -> None:
        """Show a sample of the selected particles.

        Parameters
        ----------
        selected
            Mask ``(P,)`` of bool, or rows; None or nothing selected empties it.
        """
        given = np.asarray([] if selected is None else selected)
        self.rows = np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)
        self._load()

    def draw_others(self) -> None:
        """Draw another sample of the same selection."""
        self.seed += 1
        self._load()

    @property
    def pending(self) -> bool:
        """Whether pictures are still to come."""
        return self._loader.busy

    def message(self) -> str:
        """Return what is said in place of pictures; empty while there are some."""
        return self.empty.message() if self._body.is_empty else ""

    def _load(self) -> None:
        if self._view is None:
            return
        if not self.rows.size:
            self._loader.cancel()
            self._say(*_EMPTY)
            return
        first = int(self.mean.isChecked())
        # with the mean as many tiles as before, in full rows
        self.drawn = evenly_drawn(self.rows, int(self.number.currentText()) - first, self.seed)
        self._images = {}
        self.grid.set_count(len(self.drawn) + first, 0 if first else -1)
        self.count.setText(f"{len(self.drawn):,} of {self.rows.size:,} selected particles")
        self.shuffle.setEnabled(self.rows.size > len(self.drawn))
        self._body.show_empty(False)
        self._loader.start(
            self._view,
            self.drawn.tolist(),
            side=_SIDE,
            low_pass_a=self.low_pass.resolution_a,
            projections=self.kind.currentIndex() == 1,
        )

    def _on_arrived(self, place: int, loaded: Any) -> None:
        name, image = loaded
        if not self._images:
            # of the first picture: particles are normalised alike, and a scale that moves would flicker
            self._limits = volume_slices.grey_limits(image, 1.0)
        self._images[place] = image
        offset = int(self.mean.isChecked())
        picture = grey_image(volume_slices.to_grey(image, self._limits))
        self.grid.set_picture(place + offset, picture, name)

    def _on_finished(self) -> None:
        if self.mean.isChecked() and len({image.shape for image in self._images.values()}) == 1:
            mean = np.mean(list(self._images.values()), axis=0)
            picture = grey_image(volume_slices.to_grey(mean, volume_slices.grey_limits(mean, 1.0)))
            self.grid.set_picture(0, picture, f"mean of {len(self._images)} particles")

    def _on_failed(self, error: object) -> None:
        sentence = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self._say("The images cannot be shown", sentence, "warning")

    def _on_clicked(self, place: int) -> None:
        index = place - int(self.mean.isChecked())
        if 0 <= index < len(self.drawn):
            self.particle_clicked.emit(int(self.drawn[index]))

    def _say(self, title: str, text: str, glyph: str = "scatter") -> None:
        self.empty.set_message(title, text, glyph=glyph)
        self._body.show_empty(True)

    def _draw_icons(self) -> None:
        self.mean.setIcon(path_glyphs.icon("particles-mean"))
        self.shuffle.setIcon(path_glyphs.icon("particles-shuffle"))
