"""How the particles of a pane are drawn: balls, arrows, or maps in their colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from widgets import style
from widgets.explorer import graphics
from widgets.explorer.colouring import Colouring
from widgets.explorer.map_worker import Latest
from widgets.explorer.meshing import Mesh
from widgets.tomogram.instances import ARROW_FACES, Solids, arrows, most_instances, nearest_to_slab, placed
from widgets.tomogram.particle_maps import MEAN, MOST_OWN, MadeMaps, MapWish, MapWork

if TYPE_CHECKING:
    from widgets.tomogram.pane import TomogramPane

#: Particles that are not selected while others are.
_FAINT: Final = 0.18
_SIZE_PART: Final = 1 / 60
#: Balls that are drawn together, with a graphics card and without.
MOST_BALLS: Final = 200_000
MOST_BALLS_IN_SOFTWARE: Final = 40_000
#: After so long a rest of the slab, other particles are nearest to it.
_REST_MS: Final = 250


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
        self._drawn: NDArray[np.bool_] | None = None
        self._limited = False
        self._placing = Latest(_make_solids, self)
        self._placing.answered.connect(self._on_solids)
        self._placing.failed.connect(pane.complain)
        # several changes at once are drawn once
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._draw)
        self._resting = QTimer(self, singleShot=True, interval=_REST_MS)
        self._resting.timeout.connect(self._draw)

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        timers = self._soon.isActive() or self._resting.isActive()
        return timers or self.maps.busy or self._placing.pending

    def show(self) -> None:
        """Draw soon."""
        self._soon.start()

    def slab_moved(self) -> None:
        """Other particles may be nearest to the slab now."""
        if self._limited:
            self._resting.start()

    def close(self) -> None:
        """End what runs."""
        self._soon.stop()
        self._resting.stop()
        self.maps.close()
        self._placing.leave()

    def seen(self) -> NDArray[np.float64]:
        """Where the particles are seen, ``(N, 3)`` pixels and depth; nowhere are those that are not drawn."""
        found = self.pane.room.view.project(self._places())
        if self._drawn is not None and len(self._drawn) == len(found):
            found[~self._drawn] = np.nan
        return found

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
        self._resting.stop()
        controls, view = pane.controls.particles, pane.room.view
        look = controls.look
        oriented = places.oriented[pane.rows]
        flat = pane.room.scene is None
        solid = look != "balls" and not flat and bool(oriented.any())
        centres, colours, size = self._places(), self.colours(), self.size_a()
        self._limited = False
        notes = self._words(solid, oriented)
        most = MOST_BALLS_IN_SOFTWARE if flat or graphics.draws_in_software() else MOST_BALLS
        shown, note = self._limit(pane.rows, "Balls", most)
        self._drawn = None if solid or not note else np.isin(pane.rows, shown)
        drawn = slice(None) if self._drawn is None else self._drawn
        selection = pane.selection
        chosen = np.zeros(0, np.intp) if selection is None else np.flatnonzero(selection[pane.rows])
        if self._drawn is not None:
            chosen = chosen[self._drawn[chosen]]
        view.set_rings(centres[chosen[:most]], size * 1.5)
        # beside maps and arrows balls only tell where things are seen
        view.set_points(centres[drawn], colours[drawn], size, 0.0 if solid else controls.particle_opacity)
        if not solid:
            self._tell(*notes, note)
            self._forget()
            return
        self._limited = False
        if look == "arrows":
            self._wish = None
            self.maps.ask(None)
            most = most_instances(ARROW_FACES, in_software=graphics.draws_in_software())
            rows, note = self._limit(pane.rows[oriented], "Arrows", most)
            self._tell(*notes, note)
            self._shown_rows = rows
            self._placing.request(_Arrows(places.rotation[rows], places.centre_a[rows], size * 2.4))
        else:
            self._tell(*notes)
            self._ask(look, pane.rows[oriented])

    def _words(self, solid: bool, oriented: NDArray[np.bool_]) -> list[str]:
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
        return words

    def _tell(self, *words: str) -> None:
        self.pane.controls.particles.note.setText(" ".join(filter(None, words)))

    def _limit(self, rows: NDArray[np.intp], what: str, most: int) -> tuple[NDArray[np.intp], str]:
        """The particles that can be drawn, and a sentence if these are not all."""
        pane = self.pane
        if len(rows) <= most or pane.places is None:
            return rows, ""
        self._limited = True
        slab = pane.controls.slab.slab
        apart = np.abs(pane.places.centre_a[rows, "xyz".index(slab.axis)] - slab.position_a)
        chosen = np.zeros(len(rows), bool) if pane.selection is None else pane.selection[rows]
        kept = nearest_to_slab(rows, apart, chosen, most)
        return kept, (
            f"{what} of {len(kept):,} of {len(rows):,} particles are shown: of selected ones first, then of "
            "those nearest to the slab."
        )

    def _forget(self) -> None:
        self._wish, self._shown_rows = None, np.zeros(0, np.intp)
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
            rows, note = self._limit(rows, "Volumes", MOST_OWN)
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
        most = most_instances(faces, in_software=graphics.draws_in_software())
        there = np.flatnonzero(which >= 0)
        kept, note = self._limit(rows[there], "Maps", most)
        if note:
            there = there[np.isin(rows[there], kept)]
            notes = [self._note.split("Volumes of")[0].strip(), note]
        rows, which = rows[there], which[there]
        larger = pane.controls.particles.enlargement
        self._placing.request(
            _Maps(rows, meshes, which, places.rotation[rows], places.centre_a[rows], larger)
        )
        if made.left:
            notes.append(f"Decoding: {made.left:,} volumes to go.")
        if larger > 1.005:
            notes.append(f"Maps are drawn {larger:.1f} times larger than they are.")
        self._tell(*notes)

    def _on_solids(self, answer: tuple[_Arrows | _Maps, Solids]) -> None:
        pane, (wish, solids) = self.pane, answer
        scene, look = pane.room.scene, pane.controls.particles.look
        if scene is None or isinstance(wish, _Arrows) != (look == "arrows") or look == "balls":
            return
        rows = self._shown_rows if isinstance(wish, _Arrows) else wish.rows
        at = np.searchsorted(pane.rows, rows)
        if len(rows) != len(wish.rotation) or not np.array_equal(
            pane.rows[np.minimum(at, len(pane.rows) - 1)], rows
        ):
            return  # of other particles; the newer ones come
        scene.set_solids(solids, self.colours()[at], pane.controls.particles.particle_opacity)


@dataclass(frozen=True, eq=False)
class _Arrows:
    rotation: NDArray[Any]
    centre_a: NDArray[Any]
    length_a: float


@dataclass(frozen=True, eq=False)
class _Maps:
    rows: NDArray[np.intp]
    meshes: list[Mesh]
    which: NDArray[np.int64]
    rotation: NDArray[Any]
    centre_a: NDArray[Any]
    enlargement: float


def _make_solids(wish: _Arrows | _Maps) -> tuple[_Arrows | _Maps, Solids]:
    """In a thread."""
    if isinstance(wish, _Arrows):
        return wish, arrows(wish.rotation, wish.centre_a, wish.length_a)
    return wish, placed(wish.meshes, wish.which, wish.rotation, wish.centre_a, wish.enlargement)


def colours_of(colouring: Colouring | None, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Colours ``(N, 3)`` of particles, 0 to 1; the accent of the theme where there are none."""
    if colouring is not None and colouring.index is not None:
        return np.asarray(colouring.table[colouring.index[rows]] / 255, np.float32)
    if colouring is not None and colouring.rgb is not None:
        return np.asarray(colouring.rgb[rows] / 255, np.float32)
    accent = style.colour("accent")
    return np.tile(np.array([[accent.redF(), accent.greenF(), accent.blueF()]], np.float32), (len(rows), 1))
