"""Slices of one or several maps, linked: the same place of the box in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from widgets import style, volume_slices
from widgets.background import Newest
from widgets.fields import ChoiceBox
from widgets.map_viewer_source import MapSource
from widgets.volume_preview import SlicePane

_STEPS: Final = 1000
_LAYOUTS: Final = ("z, y and x", "z only", "y only", "x only")
#: From so many maps on, one axis at first: three pictures of each would be small.
_MANY: Final = 3


class LinkedSlices(QWidget):
    """One picture for each map and axis; sliders move the same slice in all maps.

    Places are fractions of the box, so that maps of different boxes stay together.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map_slices")
        self.maps: list[MapSource] = []
        self.fractions = [0.5, 0.5, 0.5]
        self.panes: dict[tuple[int, int], SlicePane] = {}
        self._samples: dict[int, NDArray[np.float32]] = {}
        self._slices: dict[tuple[int, int], tuple[int, NDArray[np.float32]]] = {}
        self._newest = Newest(_read, 0, self)
        self._newest.answered.connect(self._on_read)
        self._newest.failed.connect(self._on_failed)
        self.problem = QLabel(self, wordWrap=True)
        style.set_role(self.problem, "problem")
        self.problem.hide()
        self._build()

    def _build(self) -> None:
        self.layout_box = ChoiceBox(self)
        self.layout_box.setObjectName("map_axes")
        self.layout_box.setAccessibleName("Which slices")
        self.layout_box.addItems(list(_LAYOUTS))
        self.layout_box.currentIndexChanged.connect(self._lay_out)
        self._sheet = QWidget(self)
        self._grid = QGridLayout(self._sheet)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self.sliders: list[QSlider] = []
        self.places: list[QLabel] = []
        below = QGridLayout()
        below.setHorizontalSpacing(style.SMALL)
        below.setVerticalSpacing(0)
        for axis, name in enumerate(volume_slices.AXES):
            slider = self._slider(f"map_slice_{name}", 0, _STEPS, _STEPS // 2, f"Slice along {name}")
            slider.valueChanged.connect(lambda value, axis=axis: self._on_slider(axis, value))
            label, place = QLabel(name, self), QLabel(self)
            style.set_role(label, "muted")
            style.set_role(place, "caption")
            place.setMinimumWidth(style.text_width(style.small_font(self), "0000 of 0000"))
            self.sliders.append(slider)
            self.places.append(place)
            for column, part in enumerate((label, slider, place)):
                below.addWidget(part, 0, 3 * axis + column)
            below.setColumnStretch(3 * axis + 1, 1)
        self.contrast = self._slider("map_contrast", -20, 40, 0, "Contrast")
        self.brightness = self._slider("map_brightness", -20, 20, 0, "Brightness")
        for slider in (self.contrast, self.brightness):
            slider.setMaximumWidth(200)
            slider.valueChanged.connect(self._draw)
        line = QHBoxLayout()
        line.setSpacing(style.SMALL)
        for name, part in (
            ("Slices", self.layout_box),
            ("Contrast", self.contrast),
            ("Brightness", self.brightness),
        ):
            label = QLabel(name, self)
            style.set_role(label, "muted")
            line.addWidget(label)
            line.addWidget(part)
            line.addSpacing(style.SMALL)
        line.addStretch(1)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(style.SMALL)
        column_layout.addLayout(line)
        column_layout.addWidget(self.problem)
        column_layout.addWidget(self._sheet, 1)
        column_layout.addLayout(below)

    def _slider(self, name: str, low: int, high: int, value: int, title: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(name)
        slider.setRange(low, high)
        slider.setValue(value)
        slider.setAccessibleName(title)
        slider.setToolTip(title)
        return slider

    # -- maps ----------------------------------------------------------------------------------------------

    def set_maps(self, maps: Sequence[MapSource]) -> None:
        """Show maps side by side; those shown before keep what was read of them."""
        kept = {id(m): k for k, m in enumerate(self.maps)}
        old_samples, old_slices = self._samples, self._slices
        self._samples, self._slices = {}, {}
        for k, source in enumerate(maps):
            before = kept.get(id(source))
            if before is not None:
                if before in old_samples:
                    self._samples[k] = old_samples[before]
                self._slices.update({(k, a): s for (b, a), s in old_slices.items() if b == before})
        if len(maps) >= _MANY > len(self.maps):
            self.layout_box.blockSignals(True)
            self.layout_box.setCurrentIndex(1)
            self.layout_box.blockSignals(False)
        self.maps = list(maps)
        self._lay_out()

    def axes(self) -> tuple[int, ...]:
        """Return the axes that are cut."""
        at = self.layout_box.currentIndex()
        return (0, 1, 2) if at == 0 else (at - 1,)

    def _lay_out(self) -> None:
        for pane in self.panes.values():
            self._grid.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        self.panes = {}
        axes = self.axes()
        several = len(self.maps) > 1
        across = len(axes) if len(axes) > 1 else max(1, min(len(self.maps), 3))
        for k, source in enumerate(self.maps):
            for axis in axes:
                pane = SlicePane(f"{k}_{volume_slices.AXES[axis]}", self._sheet)
                pane.setToolTip(f"{source.name}\nWheel or Page Up/Down: other slices" if several else "")
                pane.moved.connect(lambda step, axis=axis, k=k: self.step(axis, k, step))
                at = len(self.panes)
                self._grid.addWidget(pane, at // across, at % across)
                pane.show()
                self.panes[(k, axis)] = pane
        for axis, (slider, place) in enumerate(zip(self.sliders, self.places, strict=True)):
            slider.setEnabled(axis in axes)
            place.setEnabled(axis in axes)
        self._want()

    # -- places --------------------------------------------------------------------------------------------

    def place(self, k: int, axis: int) -> int:
        """Return the voxel at which a map is cut."""
        size = self.maps[k].shape[axis]
        return min(max(round(self.fractions[axis] * size), 0), size - 1)

    def step(self, axis: int, k: int, step: int) -> None:
        """Go some voxels of a map further; the others follow."""
        size = self.maps[k].shape[axis]
        self.go_to(axis, min(max(self.place(k, axis) + step, 0), size - 1) / size)

    def go_to(self, axis: int, fraction: float) -> None:
        """Cut all maps at a fraction of the box."""
        self.fractions[axis] = fraction
        self.sliders[axis].blockSignals(True)
        self.sliders[axis].setValue(round(fraction * _STEPS))
        self.sliders[axis].blockSignals(False)
        self._want()

    def _on_slider(self, axis: int, value: int) -> None:
        self.fractions[axis] = value / _STEPS
        self._want()

    # -- reading and drawing -------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether slices are still to be read."""
        return self._newest.pending

    def _want(self) -> None:
        self._write_places()
        wanted: list[tuple[int, int, int, MapSource]] = []
        for k, axis in self.panes:
            place = self.place(k, axis)
            if self._slices.get((k, axis), (-1, None))[0] != place:
                wanted.append((k, axis, place, self.maps[k]))
        unknown = [(k, m) for k, m in enumerate(self.maps) if k not in self._samples]
        if wanted or unknown:
            self._newest.request((tuple(self.maps), wanted, unknown))
        else:
            self._newest.cancel()
        self._draw()

    def _on_read(self, answer: Any) -> None:
        maps, slices, samples = answer
        if [id(m) for m in maps] != [id(m) for m in self.maps]:
            return
        self.problem.hide()
        self._slices.update(slices)
        self._samples.update(samples)
        self._draw()

    def _on_failed(self, error: Exception) -> None:
        self.problem.setText(f"This slice cannot be read: {error}")
        self.problem.show()

    def _draw(self) -> None:
        contrast = 10 ** (self.contrast.value() / 40)
        for (k, axis), pane in self.panes.items():
            found = self._slices.get((k, axis))
            if found is None or k not in self._samples:
                continue
            low, high = volume_slices.grey_limits(self._samples[k], contrast)
            shift = self.brightness.value() / 20 * (high - low)
            grey = volume_slices.to_grey(found[1], (low - shift, high - shift))
            name = volume_slices.AXES[axis]
            words = f"{name} {found[0] + 1} of {self.maps[k].shape[axis]}"
            if len(self.maps) > 1:
                words = f"{words}   {self.maps[k].name}"
            pane.set_picture(grey, words, self.maps[k].voxel_size_a or None)

    def _write_places(self) -> None:
        for axis, label in enumerate(self.places):
            if self.maps:
                label.setText(f"{self.place(0, axis) + 1} of {self.maps[0].shape[axis]}")

    def close_down(self) -> None:
        """Give up reading."""
        self._newest.cancel()


def _read(request: Any) -> Any:
    """Return slices and samples; called in a thread."""
    maps, wanted, unknown = request
    slices = {(k, axis): (place, source.slice_of(axis, place)) for k, axis, place, source in wanted}
    return maps, slices, {k: source.sample() for k, source in unknown}
