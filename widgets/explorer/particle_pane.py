"""One particle: its image, what the model expects, and what is left, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from jobs.core.errors import UserError
from jobs.core.latent import ParticleView
from widgets import style
from widgets.background import Newest
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.explorer import path_glyphs
from widgets.explorer.filter_slider import FilterSlider
from widgets.explorer.image_tile import ImageTile
from widgets.explorer.particle_images import Pictures, common_limits, pictures

View = Callable[[int], ParticleView]
# Side of a picture that the pane insists on, device-independent pixels.
_LARGEST: Final = 220
# Latent coordinates that fit a line.
_SHOWN: Final = 6
_EMPTY: Final = ("No particle", "Move the pointer over a particle of the plot, or click one.")


@dataclass(frozen=True)
class Facts:
    """What is known about all particles, ``(P, …)`` each, None where it is not.

    Attributes
    ----------
    names
        Identities, ``section@stack``.
    half
        Half-sets.
    amount
        How far each moved, Å.
    latent
        ``(P, L)`` latent coordinates.
    error
        Tells how far one is probably from where it is in truth, Å; None while that is not known.
    """

    names: NDArray[Any] | None = None
    half: NDArray[Any] | None = None
    amount: NDArray[Any] | None = None
    latent: NDArray[Any] | None = None
    error: Callable[[int], float | None] | None = None

    def sentence(self, row: int) -> str:
        """Return half-set, motion and state of a particle in words."""
        parts = []
        if self.half is not None:
            half = int(self.half[row])
            parts.append(f"half-set {half}" if half else "held out")
        if self.amount is not None:
            error = self.error(row) if self.error is not None else None
            sure = f" ± {error:.2g}" if error is not None else ""
            parts.append(f"moved {float(self.amount[row]):.3g}{sure} Å")
        if self.latent is not None:
            shown = ", ".join(f"{value:.2f}".replace("-", "−") for value in self.latent[row][:_SHOWN])
            more = ", …" if self.latent.shape[1] > _SHOWN else ""
            return " · ".join(parts) + f"\nz = ({shown}{more})"
        return " · ".join(parts)


class ParticlePane(QWidget):
    """Fetches and filters a particle beside the window; while one is fetched the newest wish is kept."""

    def __init__(
        self, view: View | None = None, facts: Facts | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_particle_pane")
        self._view = view
        self._facts = facts or Facts()
        self._row: int | None = None
        self._pictures: Pictures | None = None
        self._text = ""
        # of the last particle, so that another filter needs no file; used by one thread at a time
        self._kept: tuple[int, ParticleView] | None = None
        self._number = 0
        self._newest = Newest(self._fetch, 0, self)
        self._newest.answered.connect(self._show)
        self._newest.failed.connect(self._fail)
        self._build()
        style.ThemeWatcher(self, self._draw_icons)

    def _build(self) -> None:
        body = QWidget(self)
        self.name = QLabel(body)
        self.name.setObjectName("explorer_particle_name")
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        style.set_role(self.name, "subheading")
        self.facts = QLabel(body, wordWrap=True)
        self.facts.setObjectName("explorer_particle_facts")
        style.set_role(self.facts, "caption")
        self.image = ImageTile("image", "Image", body)
        self.projection = ImageTile("projection", "Model", body)
        self.rest = ImageTile("difference", "Difference", body)
        self.rest.setVisible(False)
        row = QHBoxLayout()
        row.setSpacing(style.TIGHT)
        for tile in (self.image, self.projection, self.rest):
            row.addWidget(tile, 1)
        self.low_pass = FilterSlider("explorer_particle_filter", body)
        self.low_pass.changed.connect(self._ask)
        label = QLabel("Contrast", body)
        style.set_role(label, "caption")
        self.contrast = QSlider(Qt.Orientation.Horizontal, body)
        self.contrast.setObjectName("explorer_particle_contrast")
        self.contrast.setRange(-20, 40)
        self.contrast.setToolTip("Contrast of all pictures; they always share one grey scale")
        self.contrast.setAccessibleName("Contrast")
        self.contrast.valueChanged.connect(self._draw)
        self.difference = QToolButton(body)
        self.difference.setObjectName("explorer_particle_with_difference")
        self.difference.setCheckable(True)
        self.difference.setToolTip("Show image less model as well (D)")
        self.difference.setAccessibleName("Show the difference")
        style.set_role(self.difference, "quiet")
        self.difference.toggled.connect(self._with_difference)
        shortcut = QShortcut(QKeySequence("D"), self, self.difference.toggle)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.copy = QToolButton(body)
        self.copy.setObjectName("explorer_particle_copy")
        self.copy.setToolTip("Copy the name of the particle (Ctrl+C)")
        self.copy.setAccessibleName("Copy the name")
        style.set_role(self.copy, "quiet")
        self.copy.clicked.connect(self._copy_name)
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self, self._copy_name)
        copying.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.name, 1)
        head.addWidget(self.copy)
        head.addWidget(self.difference)
        line = QHBoxLayout()
        line.setSpacing(style.SMALL)
        line.addWidget(label)
        line.addWidget(self.contrast, 1)
        label.setMinimumWidth(style.text_width(style.small_font(self), "Low-pass") + 2)
        line.addSpacing(self.low_pass.label.minimumWidth() + style.SMALL)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addLayout(head)
        column.addWidget(self.facts)
        column.addLayout(row, 1)
        column.addWidget(self.low_pass)
        column.addLayout(line)
        self.empty = EmptyState("scatter", *_EMPTY, parent=self)
        self._body = WithEmptyState(body, self.empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        self._draw_icons()

    # -- what it shows -------------------------------------------------------------------------------------

    def set_source(self, view: View | None, facts: Facts | None = None) -> None:
        """Show particles of a model from now on; `view` is called in a thread, None: it has no images."""
        self._newest.cancel()
        self._view, self._facts, self._row, self._pictures = view, facts or Facts(), None, None
        if view is None:
            self._say("No particle images", "This model knows no images of its particles.")
        else:
            self._say(*_EMPTY)

    def show_particle(self, row: int | None, text: str = "") -> None:
        """Show a particle by its row of the latent plot; None and -1 keep the last one.

        What is said about it is `text`, or comes from the facts.
        """
        if row is None or row < 0 or self._view is None:
            return
        self._row, self._text = row, text
        self._number += 1
        self._ask()

    @property
    def row(self) -> int | None:
        """The particle asked for last."""
        return self._row

    @property
    def pending(self) -> bool:
        """Whether a particle is still to come."""
        return self._newest.pending

    @property
    def shown(self) -> Pictures | None:
        """The pictures on the screen; None when there are none."""
        return None if self._body.is_empty else self._pictures

    def message(self) -> str:
        """Return what is said in place of pictures; empty while there are some."""
        return self.empty.message() if self._body.is_empty else ""

    def _ask(self) -> None:
        if self._view is not None and self._row is not None:
            self._newest.request((self._view, self._row, self._number, self.low_pass.resolution_a))

    def _fetch(self, request: Any) -> Pictures:
        view, row, number, resolution_a = request
        kept = self._kept
        if kept is None or kept[0] != number:
            kept = (number, view(row))
            self._kept = kept
        return pictures(kept[1], resolution_a)

    def _show(self, found: Pictures) -> None:
        self._pictures = found
        # the name stands in a line of its own
        text = self._text.removeprefix(found.name).lstrip(" ·")
        if not text and self._row is not None:
            text = self._facts.sentence(self._row)
        self.facts.setText(text)
        self.facts.setVisible(bool(self.facts.text()))
        self._body.show_empty(False)
        self._say_name()
        self._draw()

    def _fail(self, error: object) -> None:
        self._kept = None
        sentence = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self._say("The image cannot be shown", sentence, "warning")

    def _say(self, title: str, text: str, glyph: str = "scatter") -> None:
        self.empty.set_message(title, text, glyph=glyph)
        self._body.show_empty(True)

    def _say_name(self) -> None:
        if self._pictures is None:
            return
        name = self._pictures.name
        room = max(40, self.width() - 2 * style.CONTROL_HEIGHT)
        metrics = self.name.fontMetrics()
        self.name.setText(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room))
        self.name.setToolTip(name)

    def _draw(self) -> None:
        found = self._pictures
        if found is None:
            return
        limits = common_limits([found.image, found.projection], 10 ** (self.contrast.value() / 40))
        self.image.set_picture(found.image, limits, found.pixel_size_a)
        self.projection.set_picture(found.projection, limits)
        # zero of the difference is where image and model agree: the middle of the same scale
        middle, half = (limits[0] + limits[1]) / 2, (limits[1] - limits[0]) / 2
        self.rest.set_picture(found.difference, (-half, half))
        tip = f"What the model expects; correlation with the image {found.correlation:.2f}"
        self.projection.setToolTip(tip)
        self.rest.setToolTip(f"Image less model, grey = equal (the other pictures: grey = {middle:.3g})")

    def _with_difference(self, on: bool) -> None:
        self.rest.setVisible(on)
        self._make_room()

    def _make_room(self) -> None:
        """Keep the pictures as high as they are wide, up to a size at which more shows nothing new."""
        tiles = [tile for tile in (self.image, self.projection, self.rest) if not tile.isHidden()]
        width = (self.width() - style.TIGHT * (len(tiles) - 1)) // len(tiles)
        for tile in tiles:
            tile.setMinimumHeight(tile.heightForWidth(min(width, _LARGEST)))

    def _copy_name(self) -> None:
        if self._pictures is not None:
            QGuiApplication.clipboard().setText(self._pictures.name)

    def _draw_icons(self) -> None:
        self.difference.setIcon(path_glyphs.icon("particles-difference"))
        self.copy.setIcon(path_glyphs.icon("particles-copy"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the name to the room there is."""
        super().resizeEvent(event)
        self._say_name()
        self._make_room()


__all__ = ["Facts", "ParticlePane", "View"]
