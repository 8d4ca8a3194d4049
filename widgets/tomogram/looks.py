"""How the particles of a pane are drawn: balls, arrows, or maps in their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from widgets import style
from widgets.explorer.colouring import Colouring
from widgets.explorer.meshing import Mesh
from widgets.tomogram.instances import arrows, most_instances, placed
from widgets.tomogram.particle_maps import MEAN, MOST_OWN, MadeMaps, MapWish, MapWork

if TYPE_CHECKING:
    from widgets.tomogram.pane import TomogramPane

#: Particles that are not selected while others are.
_FAINT: Final = 0.18
_SIZE_PART: Final = 1 / 60
#: Arrows of more particles than this cost too much; they are balls then.
_MOST_ARROWS: Final = 20_000


class Looks(QObject):
    """Draws the particles that are seen, soon after anything about them has changed."""

    def __init__(self, pane: TomogramPane) -> None:
        super().__init__(pane)
        self.pane = pane
        self.maps = MapWork(self)
        self.maps.made.connect(self._on_made)
        self.maps.failed.connect(pane.complain)
        self._wish: MapWish | None = None
        self._note = ""
        self._keys: list[Any] = []
        self._shown_rows: NDArray[np.intp] = np.zeros(0, np.intp)
        # several changes at once are drawn once
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._draw)

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        return self._soon.isActive() or self.maps.busy

    def show(self) -> None:
        """Draw soon."""
        self._soon.start()

    def close(self) -> None:
        """End what runs."""
        self._soon.stop()
        self.maps.close()

    def seen(self) -> NDArray[np.float64]:
        """Where the particles are seen, ``(N, 3)`` pixels and depth."""
        return self.pane.room.view.project(self._places())

    def _places(self) -> NDArray[np.float64]:
        places = self.pane.places
        if places is None:
            return np.zeros((0, 3))
        return np.asarray(places.centre_a[self.pane.rows][:, ::-1], np.float64)

    def size_a(self) -> float:
        """Diameter of balls in Å, by the size of the tomogram."""
        return float(
            np.sort(self.pane.extent_a())[1:].mean() * _SIZE_PART * self.pane.controls.particles.size_factor
        )

    def colours(self) -> NDArray[np.float32]:
        """Colours ``(N, 4)`` of the seen particles; those that are not selected are faint."""
        rows = self.pane.rows
        rgb = colours_of(self.pane.colouring, rows)
        alpha = np.ones((len(rows), 1), np.float32)
        selection = self.pane.selection
        if selection is not None and len(selection) == len(self.pane.names) and selection.any():
            alpha[~selection[rows]] = _FAINT
        return np.hstack([rgb, alpha])

    def _draw(self) -> None:
        pane, places = self.pane, self.pane.places
        if places is None:
            return
        controls, view = pane.controls.particles, pane.room.view
        look = controls.look
        oriented = places.oriented[pane.rows]
        flat = pane.room.scene is None
        solid = look != "balls" and not flat and bool(oriented.any())
        if look == "arrows" and len(pane.rows) > _MOST_ARROWS:
            solid = False
        centres, colours, size = self._places(), self.colours(), self.size_a()
        selection = pane.selection
        chosen = np.zeros(0, np.intp) if selection is None else np.flatnonzero(selection[pane.rows])
        view.set_rings(centres[chosen], size * 1.5)
        # beside maps and arrows balls only tell where things are seen
        view.set_points(centres, colours, size, 0.0 if solid else controls.particle_opacity)
        self._say(solid, oriented)
        if not solid:
            self._forget()
            return
        if look == "arrows":
            self._forget()
            rows = pane.rows[oriented]
            solids = arrows(places.rotation[rows], places.centre_a[rows], size * 2.4)
            view.set_solids(solids, colours[oriented], controls.particle_opacity)
        else:
            self._ask(look, pane.rows[oriented])

    def _say(self, solid: bool, oriented: NDArray[np.bool_]) -> None:
        pane = self.pane
        words = []
        if pane.controls.particles.look != "balls" and not solid:
            words.append(
                "Maps and arrows need three dimensions, which cannot be drawn here."
                if pane.room.scene is None and pane.room.why_not
                else "Shown as balls."
            )
        if len(oriented) and not oriented.all():
            words.append(f"The orientation of {int((~oriented).sum()):,} particles is not known.")
        pane.controls.particles.note.setText(" ".join(words))

    def _forget(self) -> None:
        self._wish = None
        self.maps.ask(None)
        self.pane.room.view.set_solids(None, np.zeros((0, 4), np.float32))

    # -- maps ----------------------------------------------------------------------------------------------

    def _ask(self, look: str, rows: NDArray[np.intp]) -> None:
        pane = self.pane
        if pane.model is None or not len(rows):
            return
        states: dict[Any, NDArray[Any] | None] = {}
        note = ""
        if look == "own":
            kept = self._nearest(rows)
            if len(kept) < len(rows):
                note = (
                    f"Volumes of {len(kept):,} of {len(rows):,} particles are shown: of selected ones first, "
                    "then of those nearest to the slab."
                )
            rows = kept
            self._keys = rows.tolist()
            states = {row: pane.latent[row] for row in self._keys}
        elif look == "cluster":
            self._keys, states, note = self._clusters(rows)
        else:
            self._keys, states = [MEAN] * len(rows), {MEAN: None}
        self._shown_rows = rows
        self._note = " ".join(filter(None, (pane.controls.particles.note.text(), note)))
        before, factor = self._wish, pane.controls.particles.level_factor
        self._wish = MapWish(pane.model, states, factor)
        if before is None or set(before.states) != set(states):
            pane.room.view.set_solids(None, np.zeros((0, 4), np.float32))
        self.maps.ask(self._wish)

    def _nearest(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The particles whose own volumes are shown."""
        pane = self.pane
        assert pane.places is not None
        slab = pane.controls.slab.slab
        apart = np.abs(pane.places.centre_a[rows, "xyz".index(slab.axis)] - slab.position_a)
        chosen = np.zeros(len(rows), bool) if pane.selection is None else pane.selection[rows]
        order = np.lexsort((apart, ~chosen))
        return np.sort(rows[order[:MOST_OWN]])

    def _clusters(self, rows: NDArray[np.intp]) -> tuple[list[Any], dict[Any, NDArray[Any] | None], str]:
        """Mean state of every category of the colours; of one for all where colours are a scale."""
        pane, shown = self.pane, self.pane.colours.shown
        values = None if shown is None else shown.values
        if values is None or values.kind != "categorical" or values.codes is None:
            note = "Colour by categories (such as clusters) to see a map of each; this is the mean map."
            return [MEAN] * len(rows), {MEAN: None}, note
        codes = np.asarray(values.codes)
        states: dict[Any, NDArray[Any] | None] = {
            ("cluster", values.names[c]): pane.latent[codes == c].mean(0)
            for c in np.unique(codes[rows])
            if c >= 0
        }
        keys = [("cluster", values.names[c]) if c >= 0 else MEAN for c in codes[rows]]
        return keys, {**states, MEAN: None} if MEAN in keys else states, ""

    def _on_made(self, made: MadeMaps) -> None:
        pane, places = self.pane, self.pane.places
        if made.wish is not self._wish or places is None or pane.room.scene is None:
            return
        keys = list(made.meshes)
        meshes: list[Mesh] = [made.meshes[key] for key in keys]
        number = {key: k for k, key in enumerate(keys)}
        which = np.array([number.get(key, -1) for key in self._keys], np.int64)
        rows = self._shown_rows
        faces = max((len(mesh.faces) for mesh in meshes), default=1)
        notes = [self._note]
        most = most_instances(faces)
        there = np.flatnonzero(which >= 0)
        if len(there) > most:
            there = there[:: -(-len(there) // most)]
            notes.append(f"Maps of {len(there):,} of {len(rows):,} particles are shown, evenly taken.")
        rows, which = rows[there], which[there]
        larger = pane.controls.particles.enlargement
        solids = placed(meshes, which, places.rotation[rows], places.centre_a[rows], larger)
        colours = self.colours()[np.searchsorted(pane.rows, rows)]
        pane.room.scene.set_solids(solids, colours, pane.controls.particles.particle_opacity)
        if made.left:
            notes.append(f"Decoding: {made.left:,} volumes to go.")
        if larger > 1.005:
            notes.append(f"Maps are drawn {larger:.1f} times larger than they are.")
        pane.controls.particles.note.setText(" ".join(filter(None, notes)))


def colours_of(colouring: Colouring | None, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Colours ``(N, 3)`` of particles, 0 to 1; the accent of the theme where there are none."""
    if colouring is not None and colouring.index is not None:
        return np.asarray(colouring.table[colouring.index[rows]] / 255, np.float32)
    if colouring is not None and colouring.rgb is not None:
        return np.asarray(colouring.rgb[rows] / 255, np.float32)
    accent = style.colour("accent")
    return np.tile(np.array([[accent.redF(), accent.greenF(), accent.blueF()]], np.float32), (len(rows), 1))
