"""A tomogram with its particles in it: what is shown, how, and which of the particles are selected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from jobs.core.errors import UserError
from jobs.core.latent import LatentModel
from jobs.core.placing import Places
from widgets import style
from widgets.explorer.colouring import Colouring
from widgets.explorer.work import Work
from widgets.tomogram.comparing import Comparing
from widgets.tomogram.hands import SceneHands, Tool
from widgets.tomogram.looks import Looks
from widgets.tomogram.pane_parts import HINT, PaneParts
from widgets.tomogram.particle_words import words_about
from widgets.tomogram.services import TomogramServices
from widgets.tomogram.slabs import SlabWork

Mask = NDArray[np.bool_]
_STARS: Final = "Particles (*.star);;All files (*)"
_MAPS: Final = "Tomograms (*.mrc *.rec *.map);;All files (*)"


class TomogramPane(PaneParts):
    """Shows the particles of one tomogram at a time; rows are those of the explorer.

    Signals
    -------
    selection_wanted : object, str
        Mask ``(P,)`` of particles, and how they combine with the selection (``new``, ``add`` …).
    clicked : int
        Row of a particle.
    ready
        Particles are on the screen.
    """

    selection_wanted = Signal(object, str)
    clicked = Signal(int)
    ready = Signal()

    def __init__(self, services: TomogramServices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.names: NDArray[Any] = np.zeros(0, object)
        self.latent: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self.model: LatentModel | None = None
        self.places: Places | None = None
        self.tomogram = ""
        self.selection: Mask | None = None
        self.shown: Mask | None = None
        self.colouring: Colouring | None = None
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self.work = Work(self)
        self.comparing = Comparing(self)
        self.slabs = SlabWork(self)
        self.looks = Looks(self)
        self.hands: SceneHands | None = None
        self._tool: Tool = "look"
        self._connect()
        self._on_room()

    def _connect(self) -> None:
        controls = self.controls
        self.room.opened.connect(self._on_room)
        self.room.empty.action.connect(self.ask_coordinates)
        controls.tomograms.tomogram_chosen.connect(self.show_tomogram)
        controls.tomograms.file_wanted.connect(self.ask_tomogram)
        controls.tomograms.coordinates_wanted.connect(self.ask_coordinates)
        controls.tomograms.file_chosen.connect(lambda path: self.slabs.use_file(self.tomogram, path))
        controls.slab.slab_changed.connect(self.slabs.cut)
        controls.slab.slab_changed.connect(self.looks.slab_moved)
        controls.slab.axis_changed.connect(self.looks.slab_moved)
        controls.slab.surface_changed.connect(self.slabs.make_surface)
        controls.slab.axis_changed.connect(self._on_axis)
        controls.particles.look_changed.connect(self.looks.show)
        self.tools.chosen.connect(self._on_tool)
        self.tools.fitted.connect(self.fit)
        self.colours.coloured.connect(self._on_coloured)
        self.colours.filtered.connect(self._on_filtered)
        self.colours.selection_wanted.connect(lambda mask, _mode: self.selection_wanted.emit(mask, "new"))
        self.neighbours.wanted.connect(self.comparing.start)
        style.ThemeWatcher(self, self._on_theme)

    # -- from outside --------------------------------------------------------------------------------------

    def set_particles(self, names: NDArray[Any], latent: NDArray[Any], model: LatentModel) -> None:
        """Show the particles of a model; their places are read when they are other ones than before."""
        same = len(names) == len(self.names) and np.array_equal(names, self.names)
        self.names, self.model = names, model
        self.latent = np.asarray(latent, np.float32)
        half = model.half_set
        extra: dict[str, NDArray[Any]] = {"latent": self.latent}
        if half is not None:
            extra["half-set"] = np.asarray(half)
        self.colours.set_model(model.metadata, model.measures, extra, len(names))
        if same and self.places is not None:
            self.looks.show()
            return
        self.selection = self.shown = None
        self.room.set_has_content(False)
        self.room.empty.set_message("Reading…", "The places of the particles are being read.")
        self.work.start(
            lambda _told, _cancelled: self.services.places(names), self._on_places, self._on_no_places
        )

    def set_selection(self, mask: Mask | None) -> None:
        """Highlight the selected particles; None when there is no selection."""
        self.selection = mask
        self._count()
        self.looks.show()

    def show_tomogram(self, name: str) -> None:
        """Show another tomogram."""
        if self.places is None:
            return
        self.tomogram = name
        self._take_rows()
        self.looks.show()
        self.slabs.open(name)
        self.fit()

    def fit(self) -> None:
        """Show the whole tomogram, straight from the side of the slab."""
        self.room.view.set_extent(self.extent_a())
        self.room.view.look(self.controls.slab.axis)
        self.room.view.fit()

    def extent_a(self) -> NDArray[np.float64]:
        """Size z, y, x in Å of the tomogram, or of what holds its particles."""
        if self.slabs.pyramid is not None:
            return self.slabs.pyramid.extent_a
        if self.places is None or not len(self.rows):
            return np.full(3, 1000.0)
        here = self.places.known & (self.places.tomogram == self.tomogram)
        return np.asarray(self.places.centre_a[here].max(0)[::-1] * 1.02 + 100.0)

    def middle_a(self) -> NDArray[np.float64] | None:
        """Median place z, y, x of the particles of the tomogram, in Å."""
        if self.places is None or not len(self.rows):
            return None
        return np.asarray(np.median(self.places.centre_a[self.rows], axis=0)[::-1])

    def describe(self, row: int) -> str:
        """Say which particle a row is, where it lies, and what it is coloured by."""
        return "" if self.places is None else words_about(self.names, self.places, self.colours.shown, row)

    def close_down(self) -> None:
        """End everything that runs beside the window."""
        self.work.cancel()
        self.comparing.work.cancel()
        self.slabs.close()
        self.looks.close()
        if self.hands is not None:
            self.hands.close()
            self.hands = None
        self.room.close_down()

    # -- places --------------------------------------------------------------------------------------------

    def _on_places(self, places: Places) -> None:
        self.places = places
        known = places.known
        if not known.any():
            self._on_no_places(UserError("The particle file does not say where the particles are"))
            return
        names, counts = np.unique(places.tomogram[known].astype(str), return_counts=True)
        first = self.tomogram if self.tomogram in names else str(names[int(np.argmax(counts))])
        self.controls.tomograms.set_tomograms(names.tolist(), counts.tolist(), first)
        self.bar.forget("places")
        if places.notes:
            self.bar.show_info(" ".join(places.notes), about="places")
        self.room.set_has_content(True)
        self._count()
        self.show_tomogram(first)
        self.ready.emit()

    def _on_no_places(self, error: Exception) -> None:
        if self.places is not None and self.places.known.any():
            self.complain(error)
            return
        self.controls.tomograms.set_tomograms([], [], "")
        self.room.empty.set_message(
            "Where are the particles?",
            f"{str(error).rstrip('.')}. Choose the volume series of the same particles: a STAR file with one "
            "row for each and its coordinates.",
            "Choose a file…",
        )
        self.room.set_has_content(False)

    def ask_coordinates(self) -> None:
        """Ask for a file with the places of the particles."""
        text, _ = QFileDialog.getOpenFileName(self, "Places of the particles", "", _STARS)
        if text:
            self.take_coordinates(Path(text))

    def take_coordinates(self, path: Path) -> None:
        """Take the places from a file."""
        names = self.names
        self.work.start(
            lambda _told, _cancelled: self.services.use_coordinates(path, names),
            self._on_places,
            self._on_no_places,
        )

    def ask_tomogram(self) -> None:
        """Ask for the file of the shown tomogram."""
        text, _ = QFileDialog.getOpenFileName(self, f"Tomogram {self.tomogram}", "", _MAPS)
        if text:
            self.slabs.use_file(self.tomogram, Path(text))

    def _take_rows(self) -> None:
        """The particles that are seen: those of the tomogram, without those that are filtered away."""
        if self.places is None:
            return
        seen = self.places.known & (self.places.tomogram == self.tomogram)
        if self.shown is not None:
            seen &= self.shown
        self.rows = np.flatnonzero(seen)

    def _count(self) -> None:
        if self.places is None:
            return
        known = self.places.known
        chosen = np.zeros(len(known), bool) if self.selection is None else self.selection
        names, inverse = np.unique(self.places.tomogram.astype(str), return_inverse=True)
        of = np.bincount(inverse[known], minlength=len(names))
        selected = np.bincount(inverse[known & chosen], minlength=len(names))
        self.controls.tomograms.set_counts(
            {str(n): (int(s), int(c)) for n, s, c in zip(names, selected, of, strict=True)}
        )

    # -- colours and neighbours ----------------------------------------------------------------------------

    def _on_coloured(self, colouring: Colouring) -> None:
        self.colouring = colouring
        self.looks.show()

    def _on_filtered(self, mask: Mask | None) -> None:
        self.shown = mask
        self._take_rows()
        self.looks.show()

    # -- the hand ------------------------------------------------------------------------------------------

    def _on_room(self) -> None:
        if self.hands is not None:
            self.hands.close()
        self.hands = SceneHands(self.room.surface, self.looks.seen, self)
        self.hands.hovered.connect(self._on_hovered)
        self.hands.clicked.connect(self._on_clicked)
        self.hands.region.connect(self._on_region)
        self._on_tool(self._tool)
        self._on_theme()
        self.looks.show()
        self.slabs.redraw()
        self.fit()

    def _on_tool(self, tool: Tool) -> None:
        self._tool = tool
        if self.hands is not None:
            self.hands.set_tool(tool)

    def _on_axis(self) -> None:
        self.slabs.cut()
        self.fit()

    def _on_hovered(self, index: int) -> None:
        self.hover.setText(self.describe(int(self.rows[index])) if 0 <= index < len(self.rows) else HINT)

    def _on_clicked(self, index: int, mode: str) -> None:
        if not 0 <= index < len(self.rows):
            return
        row = int(self.rows[index])
        self.clicked.emit(row)
        mask = np.zeros(len(self.names), bool)
        mask[row] = True
        self.selection_wanted.emit(mask, mode)

    def _on_region(self, inside: Mask, mode: str) -> None:
        mask = np.zeros(len(self.names), bool)
        mask[self.rows[inside]] = True
        self.selection_wanted.emit(mask, mode)

    def _on_theme(self) -> None:
        self.room.view.set_theme()
        self.looks.show()

    def complain(self, error: Exception) -> None:
        """Say what went wrong; what is shown stays."""
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.bar.show_error(text)
