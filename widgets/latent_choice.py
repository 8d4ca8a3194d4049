"""One button for what a latent plot shows: which axes, and which value as colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from widgets import style

DENSITY: Final = "density"
Part = Literal["x", "y", "colour"]
_PARTS: Final[tuple[tuple[Part, str], ...]] = (
    ("x", "Horizontal axis"),
    ("y", "Vertical axis"),
    ("colour", "Colour"),
)


class LatentChoice(QToolButton):
    """A menu button; its text never changes, so that it is never too wide for its place.

    What is chosen stands at the axes and in the colour key.

    Signals
    -------
    axes_changed, colour_changed
        Somebody chose something else.
    """

    axes_changed = Signal()
    colour_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latent_choice")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        style.set_role(self, "button")
        self._texts: dict[Part, list[str]] = {"x": [], "y": [], "colour": []}
        self._current: dict[Part, int] = {"x": 0, "y": 1, "colour": 0}
        self._by_hand = False
        self._groups: list[QActionGroup] = []
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)

    def offer(self, dimensions: int, values: Sequence[str]) -> None:
        """Offer axes and values; what was chosen by hand stays chosen as long as it exists.

        Parameters
        ----------
        dimensions
            Number of latent dimensions.
        values
            Names of the values by which particles can be coloured, the most telling first.
        """
        axes = [f"z{k + 1}" for k in range(dimensions)]
        offered: dict[Part, list[str]] = {"x": axes, "y": axes, "colour": [*values, DENSITY]}
        if offered == self._texts:
            return
        colour = self.colour if self._by_hand else ""
        self._texts = offered
        if max(self.axes) >= dimensions:
            self._current["x"], self._current["y"] = 0, min(1, dimensions - 1)
        texts = offered["colour"]
        self._current["colour"] = texts.index(colour) if colour in texts else 0
        self._fill()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._groups = []
        with_axes = len(self._texts["x"]) > 2
        with_colour = len(self._texts["colour"]) > 1
        self.setText("Axes and colour" if with_axes and with_colour else "Axes" if with_axes else "Colour")
        self.setVisible(with_axes or with_colour)
        for part, title in _PARTS:
            if not (with_colour if part == "colour" else with_axes):
                continue
            menu.addSection(title)
            group = QActionGroup(menu)
            self._groups.append(group)
            for index, text in enumerate(self._texts[part]):
                action = QAction(text, group)
                action.setObjectName(f"latent_{part}_{text}")
                action.setCheckable(True)
                action.setChecked(index == self._current[part])
                action.triggered.connect(lambda _on=False, p=part, k=index: self._choose(p, k))
                menu.addAction(action)

    def _choose(self, part: Part, index: int) -> None:
        self._current[part] = index
        if part == "colour":
            self._by_hand = True
            self.colour_changed.emit()
        else:
            self.axes_changed.emit()

    @property
    def axes(self) -> tuple[int, int]:
        """The dimensions that are shown, from 0."""
        return self._current["x"], self._current["y"]

    @property
    def colour(self) -> str:
        """The name of the value that is shown as colour."""
        texts = self._texts["colour"]
        return texts[self._current["colour"]] if texts else DENSITY
