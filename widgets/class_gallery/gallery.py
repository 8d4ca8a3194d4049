"""The gallery of classes: averages, plots that are linked with them, rules, and what is chosen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from jobs.core.class_set import SIZE, ClassSet
from widgets import style
from widgets.class_gallery.bars import ArrangeBar, ChoiceBar, LookBar, SetBar
from widgets.class_gallery.following import ClassFollower
from widgets.class_gallery.grid import ClassGrid
from widgets.class_gallery.rules import part_of
from widgets.class_gallery.side import ClassSide
from widgets.class_gallery.sources import ClassFile, ClassImages, ClassServices, ClassTable
from widgets.class_gallery.words import captions
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.gallery_loader import GalleryLoader
from widgets.gallery_source import Look, Rows
from widgets.message_bar import MessageBar
from widgets.star_table_source import Arrangement, arranged

_COMPACT_SIDE: Final = 96


class ClassGallery(QWidget):
    """Classes of a job, of its newest generation while it runs.

    Reading is done beside the window. A class is chosen by hand or by rules; what fails the rules and is not
    chosen is rejected. When something was chosen by hand, newer classes wait until they are asked for.

    Parameters
    ----------
    services
        Where classes come from.
    compact
        Only the averages, for a place beside other things; looked at, not chosen from.

    Signals
    -------
    subset_requested : object, object
        Class file, and the rows `(k,)` of the classes that are to be written.
    particles_requested : object, int
        Classes, and the one whose particles are to be seen.
    opened
        Another set is shown.
    """

    subset_requested = Signal(object, object)
    particles_requested = Signal(object, int)
    opened = Signal()

    def __init__(
        self, services: ClassServices, parent: QWidget | None = None, *, compact: bool = False
    ) -> None:
        super().__init__(parent)
        self.setObjectName("class_gallery")
        self.compact = compact
        self.classes: ClassSet | None = None
        self._loader: GalleryLoader | None = None
        self._by_hand = False
        self._shown_as: object = None
        self.follower = ClassFollower(services, self, lambda: self._by_hand)
        self._build()
        self.follower.listed.connect(self._on_listed)
        self.follower.opened.connect(self._on_opened)
        self.follower.failed.connect(self._on_failed)

    def _build(self) -> None:
        self.sets, self.arrange, self.look_bar = SetBar(self), ArrangeBar(self), LookBar(self)
        self.grid = ClassGrid(self)
        self.side = ClassSide(self)
        self.choice = ChoiceBar(self)
        self.bar = MessageBar()
        self.empty = EmptyState("clock", "No classes yet", "They appear here as soon as they are made.")
        self._none = EmptyState("search", "No class fulfils the filter", "", "Show all classes")
        self._none.action.connect(self.arrange.forget)
        self._tiles = WithEmptyState(self.grid, self._none, self)
        self._tiles.show_empty(False)
        body = QSplitter(Qt.Orientation.Horizontal, self)
        body.setChildrenCollapsible(False)
        body.addWidget(self._tiles)
        body.addWidget(self.side)
        body.setStretchFactor(0, 1)
        body.setSizes([900, 320])
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        for part in (self.sets, self.arrange, self.look_bar, self.bar):
            column.addWidget(part)
        column.addWidget(body, 1)
        column.addWidget(self.choice)
        self._whole = WithEmptyState(inside, self.empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[0 if self.compact else style.SMALL] * 4)
        layout.addWidget(self._whole)
        if self.compact:
            self.grid.side, self.grid.picks = _COMPACT_SIDE, False
            parts: tuple[QWidget, ...] = (self.arrange, self.look_bar, self.side, self.choice)
            for each in parts:
                each.hide()
            self.sets.open_button.show()
        self._connect()

    def _connect(self) -> None:
        grid, side = self.grid, self.side
        grid.view_changed.connect(self._want)
        grid.selection_changed.connect(self._show_state)
        grid.touched.connect(self._on_touched)
        grid.current_changed.connect(self._on_current)
        grid.activated.connect(self.open_particles)
        side.scatter.picked.connect(self._on_picked)
        side.scatter.pointed.connect(grid.point_at)
        side.rules.changed.connect(self._on_rules)
        self.sets.chosen.connect(self.follower.choose)
        self.arrange.changed.connect(self._arrange)
        self.arrange.shown_changed.connect(self._arrange)
        self.look_bar.changed.connect(self._relook)
        self.look_bar.lasso_changed.connect(self._on_lasso)
        self.choice.all_wanted.connect(grid.pick_all)
        self.choice.none_wanted.connect(grid.put_back_all)
        self.choice.invert_wanted.connect(grid.invert_all)
        self.choice.particles_wanted.connect(lambda: self.open_particles(grid.current))
        self.choice.write_wanted.connect(self._write)

    # -- what is shown -------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Look for classes from now on."""
        super().showEvent(event)
        self.follower.look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no more: nobody sees it."""
        super().hideEvent(event)
        self.follower.pause()

    def _on_listed(self, files: tuple[ClassFile, ...]) -> None:
        self.sets.set_files(files, self.follower)
        if not files:
            self._whole.show_empty(True)

    def _on_opened(self, file: ClassFile, classes: ClassSet) -> None:
        same = self._shown_as == file.path and len(classes) == len(self.classes or ())
        kept = self.grid.selected() if same else np.zeros(0, np.int64)
        self._by_hand = self._by_hand and same
        self._shown_as, self.classes = file.path, classes
        self._close_loader()
        self._loader = GalleryLoader(ClassImages(classes), self)
        self._loader.arrived.connect(self._on_arrived)
        self.grid.labels = {}
        self.grid.set_rejected(np.zeros(len(classes), bool))
        self.grid.forget_pictures()
        self.grid.current = min(self.grid.current, len(classes) - 1) if same else -1
        self.grid.set_count(len(classes))
        self.arrange.set_columns(ClassTable(classes).columns, keep=same)
        self.side.set_classes(classes)
        self.bar.clear()
        self._whole.show_empty(False)
        self.sets.set_files(self.follower.files, self.follower)
        self.grid.keep_selection(kept)
        self._arrange()
        if not same:
            self._on_rules()
        self._want()
        self.opened.emit()

    def _on_failed(self, why: str) -> None:
        if self.classes is None:
            self.empty.set_message("These classes cannot be shown", why, glyph="warning")
            self._whole.show_empty(True)
        else:
            self.bar.show_error(why)

    def _look(self) -> Look:
        return Look(round(self.grid.side * self.devicePixelRatioF()), self.look_bar.contrast_factor())

    def _relook(self) -> None:
        if self.grid.side != self.look_bar.side():
            self.grid.set_side(self.look_bar.side())
        self.grid.forget_pictures()
        self.grid.labels = {}
        self._want()

    def _want(self) -> None:
        classes, grid = self.classes, self.grid
        if classes is None or self._loader is None:
            return
        if not grid.labels:
            grid.labels = dict(enumerate(captions(classes, grid.has_room)))
        self._loader.want(grid.missing(), self._look())
        grid.viewport().update()

    def _on_arrived(self, row: int, picture: object) -> None:
        if isinstance(picture, QImage):
            self.grid.put(row, picture)
        else:
            self.grid.put_failure(row, str(picture))

    # -- order and filter ----------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """Sort and filter; some hundred classes take no time."""
        classes = self.classes
        if classes is None:
            return
        wanted: Arrangement = self.arrange.arrangement()
        try:
            rows = arranged(ClassTable(classes), wanted)
        except ValueError as error:
            self.bar.show_error(str(error))
            return
        rows = part_of(rows, self.arrange.shown(), self._selected(), self._rejected())
        self.grid.set_rows(rows)
        self._tiles.show_empty(not len(rows))

    # -- choosing ------------------------------------------------------------------------------------------

    def selected(self) -> Rows:
        """Return the chosen classes, in the order of the file."""
        return self.grid.selected()

    def _selected(self) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.classes or ()), bool)
        mask[self.grid.selected()] = True
        return mask

    def _rejected(self) -> NDArray[np.bool_]:
        selected = self._selected()
        return self.side.rules.rules().rejects(self.classes, selected) if self.classes else selected

    def _on_touched(self) -> None:
        self._by_hand = bool(len(self.grid.selected()))

    def _on_picked(self, rows: Rows, on: bool) -> None:
        self.grid.select_rows(rows, on=on)
        self._on_touched()
        if len(rows) == 1:
            self.grid.show_row(int(rows[0]))

    def _on_rules(self) -> None:
        """Choose what keeps the rules."""
        rules = self.side.rules.rules()
        if self.classes is None:
            return
        self.grid.keep_selection(np.flatnonzero(rules.passes(self.classes) & rules.active))
        self._by_hand = False
        if self.arrange.shown() != "all":
            self._arrange()

    def _show_state(self) -> None:
        classes = self.classes
        if classes is None:
            return
        selected, rejected = self._selected(), self._rejected()
        self.grid.set_rejected(rejected)
        self.side.set_state(selected, rejected)
        self.choice.show_state(np.asarray(classes.columns[SIZE]), selected, rejected)
        self._on_current(self.grid.current)

    def _on_current(self, row: int) -> None:
        self.side.scatter.set_current(row)
        known = self.classes is not None and self.classes.particles is not None
        self.choice.particles.setEnabled(known and row >= 0)

    def _on_lasso(self, on: bool) -> None:
        self.grid.lasso = self.side.scatter.lasso = on

    # -- what is asked for ---------------------------------------------------------------------------------

    def open_particles(self, row: int) -> None:
        """Ask for the particles of a class."""
        if self.classes is not None and 0 <= row < len(self.classes):
            self.particles_requested.emit(self.classes, row)

    def _write(self) -> None:
        if self.classes is not None and len(self.grid.selected()):
            self.subset_requested.emit(self.classes.path, self.grid.selected())

    @property
    def busy(self) -> bool:
        """Whether anything is still being read."""
        return self.follower.busy or (self._loader is not None and self._loader.busy)

    def _close_loader(self) -> None:
        loader, self._loader = self._loader, None
        if loader is not None:
            loader.close()
            loader.deleteLater()

    def close_down(self) -> None:
        """End the threads that read."""
        self.follower.pause()
        self._close_loader()
