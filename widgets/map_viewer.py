"""Maps: slices, a surface in three dimensions, and the correlation of half-maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer.work import Work
from widgets.fields import ChoiceBox
from widgets.fsc_viewer import FscViewer
from widgets.fsc_viewer_data import Curve, CurveSheet
from widgets.map_viewer_facts import MapFacts
from widgets.map_viewer_slices import LinkedSlices
from widgets.map_viewer_source import MapServices, MapSource
from widgets.message_bar import MessageBar

_NO_MASK = "No mask"
_OTHER = "Choose a mask…"


class MapViewer(QWidget):
    """One or several maps of the same kind.

    Signals
    -------
    map_wanted, mask_wanted
        Somebody wants to add a map, or to choose a mask; the owner asks which.
    """

    map_wanted = Signal()
    mask_wanted = Signal()

    def __init__(self, services: MapServices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map_viewer")
        self.services = services
        self.maps: list[MapSource] = []
        self._mask_paths: list[Path] = []
        self._opening = Work(self)
        self._correlating = Work(self)
        self._shaping = Work(self)
        self._pane: Any = None
        self._shaped: tuple[int, ...] = ()
        self._curve_for: tuple[int, int, str] | None = None
        self._build()

    def _build(self) -> None:
        self.bar = MessageBar()
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("map_tabs")
        self.tabs.setDocumentMode(True)
        self.slices = LinkedSlices()
        self._space = QWidget()
        self._space.setObjectName("map_space")
        room = QVBoxLayout(self._space)
        room.setContentsMargins(0, 0, 0, 0)
        self.space_note = QLabel(self._space)
        self.space_note.setObjectName("map_space_note")
        style.set_role(self.space_note, "caption")
        room.addWidget(self.space_note)
        self.fsc = FscViewer()
        self._correlation = QWidget()
        column = QVBoxLayout(self._correlation)
        column.setContentsMargins(0, style.SMALL, 0, 0)
        line = QHBoxLayout()
        line.setContentsMargins(style.SMALL, 0, style.SMALL, 0)
        label = QLabel("Mask", self)
        style.set_role(label, "muted")
        self.mask_box = ChoiceBox(self)
        self.mask_box.setObjectName("map_mask")
        self.mask_box.setAccessibleName("Mask for the correlation")
        self.mask_box.setMinimumWidth(220)
        self.mask_box.activated.connect(self._on_mask)
        self.fsc_note = QLabel(self)
        self.fsc_note.setObjectName("fsc_note")
        style.set_role(self.fsc_note, "muted")
        for part in (label, self.mask_box):
            line.addWidget(part)
        line.addWidget(self.fsc_note, 1)
        column.addLayout(line)
        column.addWidget(self.fsc, 1)
        self.tabs.addTab(_padded(self.slices), "Slices")
        self.tabs.addTab(_padded(self._space), "3-D")
        self.tabs.addTab(self._correlation, "FSC")
        self.tabs.setTabVisible(2, False)
        self.tabs.currentChanged.connect(self._on_tab)
        self.add_button = QPushButton("Add map…", self)
        self.add_button.setObjectName("map_add")
        self.add_button.setToolTip("Show another map beside this one, cut at the same place")
        self.add_button.clicked.connect(self.map_wanted)
        self.facts = MapFacts()
        self.facts.removed.connect(self.remove_map)
        side = QWidget(self)
        inside = QVBoxLayout(side)
        inside.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        scroll = QScrollArea(side, widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.facts)
        inside.addWidget(scroll, 1)
        inside.addWidget(self.add_button)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.tabs)
        splitter.addWidget(side)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([960, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(splitter, 1)

    # -- maps ----------------------------------------------------------------------------------------------

    def set_maps(self, maps: Sequence[MapSource], masks: Sequence[Path] = ()) -> None:
        """Show maps side by side.

        Parameters
        ----------
        maps
            What is shown; the first two are correlated.
        masks
            Masks offered for the correlation.
        """
        self._mask_paths = list(masks)
        self.mask_box.clear()
        self.mask_box.addItems([_NO_MASK, *(path.name for path in masks), _OTHER])
        self._take(list(maps))

    def add_map(self, path: Path) -> None:
        """Open another map and show it beside the others."""
        services = self.services
        self._opening.start(
            lambda _p, _c: services.open(path),
            lambda opened: self._take([*self.maps, opened]),
            lambda error: self.bar.show_error(str(error)),
        )

    def remove_map(self, index: int) -> None:
        """Show a map no longer; the last one stays."""
        if len(self.maps) > 1:
            self._take([m for k, m in enumerate(self.maps) if k != index])

    def _take(self, maps: list[MapSource]) -> None:
        self.maps = maps
        self._shaped, self._curve_for = (), None
        self.slices.set_maps(maps)
        self.facts.set_maps(maps)
        pair = len(maps) > 1 and maps[0].shape == maps[1].shape and len(set(maps[0].shape)) == 1
        self.tabs.setTabVisible(2, pair)
        self._on_tab(self.tabs.currentIndex())

    @property
    def busy(self) -> bool:
        """Whether something is being read or worked out."""
        works = (self._opening, self._correlating, self._shaping)
        return any(work.busy for work in works) or self.slices.busy or self.facts.busy

    def _on_tab(self, index: int) -> None:
        if not self.maps:
            return
        if index == 1:
            self._shape()
        elif index == 2 and len(self.maps) > 1:
            self._correlate()

    # -- three dimensions ----------------------------------------------------------------------------------

    def _shape(self) -> None:
        """Show the first map (and the second, to compare) as surfaces."""
        # napari and what it brings are loaded when somebody wants them
        from widgets.explorer.map_pane import MapPane
        from widgets.explorer.map_state import MapState

        wanted = self.maps[:2]
        key = tuple(id(m) for m in wanted)
        if key == self._shaped:
            return
        self._shaped = key
        if self._pane is None:
            self._pane = MapPane()
            layout = self._space.layout()
            assert layout is not None
            layout.addWidget(self._pane)
        pane = self._pane
        pane.set_busy("Reading…")

        def read(_progress: Any, _cancelled: Any) -> list[MapState]:
            found = [(source, *source.small()) for source in wanted]
            return [MapState(source.name, volume, voxel) for source, volume, voxel in found]

        def show(states: list[MapState]) -> None:
            pane.set_busy("")
            pane.show_consensus(states[0])
            pane.show_state(states[0])
            pane.show_comparison(states[1] if len(states) > 1 else None)
            size, shown = max(wanted[0].shape), states[0].volume
            small = shown is not None and max(shown.shape) < size
            self.space_note.setText(
                f"Drawn at {max(shown.shape)} of {size} voxels a side" if small and shown is not None else ""
            )
            self.space_note.setVisible(small)

        self.space_note.hide()
        self._shaping.start(read, show, lambda error: self.bar.show_error(str(error)))

    # -- correlation ---------------------------------------------------------------------------------------

    def choose_mask(self, path: Path) -> None:
        """Correlate within a mask."""
        if path not in self._mask_paths:
            self._mask_paths.append(path)
            self.mask_box.insertItem(self.mask_box.count() - 1, path.name)
        self.mask_box.setCurrentIndex(1 + self._mask_paths.index(path))
        self._correlate()

    def _on_mask(self, index: int) -> None:
        if index == self.mask_box.count() - 1:
            self.mask_box.setCurrentIndex(0)
            self.mask_wanted.emit()
        self._correlate()

    def _correlate(self) -> None:
        first, second = self.maps[:2]
        at = self.mask_box.currentIndex() - 1
        mask_path = self._mask_paths[at] if 0 <= at < len(self._mask_paths) else None
        key = (id(first), id(second), str(mask_path))
        if key == self._curve_for:
            return
        self._curve_for = key
        services = self.services

        def work(_progress: Any, _cancelled: Any) -> list[Curve]:
            curves = [services.correlate(first, second, None)]
            if mask_path is not None:
                masked = services.correlate(first, second, services.open(mask_path))
                curves.insert(0, Curve(f"within {mask_path.name}", masked.x, masked.y))
            return curves

        def show(curves: list[Curve]) -> None:
            unit = "Å" if first.voxel_size_a else "voxels"
            sheet = CurveSheet("Fourier shell correlation", "", "Correlation", tuple(curves))
            self.fsc.set_sheets([sheet], unit=unit)
            self.fsc_note.setText(f"{first.name} against {second.name}")

        def failed(error: Exception) -> None:
            self.fsc.set_sheets(())
            self.fsc.empty.set_message("No correlation", str(error))
            self.fsc_note.clear()

        self.fsc_note.setText("Correlating…")
        self._correlating.start(work, show, failed)

    def close_down(self) -> None:
        """End everything that runs or draws."""
        for work in (self._opening, self._correlating, self._shaping):
            work.cancel()
        self.facts.close_down()
        if self._pane is not None:
            self._pane.close_down()


def _padded(content: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
    layout.addWidget(content)
    return holder
