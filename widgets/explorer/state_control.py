"""Clicks, drags and hovering in the latent plot, and the map that follows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from jobs.core.exploring import Atoms
from jobs.core.latent import CLOUD, PARTICLE_VIEW
from widgets.explorer.loading import Opened
from widgets.explorer.map_maker import DISAGREEMENT
from widgets.explorer.map_state import MapState

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer

Floats = NDArray[np.floating]


class StateControl(QObject):
    """Keeps map, marker and particle images at the state that was chosen last."""

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self.row: int | None = None
        self._pinned: MapState | None = None
        self._last: MapState | None = None
        view.canvas.picked.connect(self.pick)
        view.canvas.dragged.connect(self.drag)
        view.canvas.drag_ended.connect(view.showing.refine)
        view.canvas.hovered.connect(self.hover)
        view.second.hovered.connect(self.hover)
        view.second.picked.connect(self.pick_particle)
        view.showing.made.connect(self._on_made)
        view.showing.failed.connect(view.complain)
        view.montage.particle_clicked.connect(self.show_particle)

    # -- choosing a state ----------------------------------------------------------------------------------

    def begin(self, opened: Opened, *, same_particles: bool) -> None:
        """Show the first state of a model that was opened: the one shown before, or the least moved."""
        view = self.view
        has_points = CLOUD in opened.model.abilities
        view.map.offer_points(has_points)
        if opened.half == 0 and has_points and not same_particles:
            # as in the original: where both models move the Gaussians, and how far they disagree
            view.map.prefer_points(DISAGREEMENT)
        self._make_consensus(opened)
        row = self.row if same_particles and self.row is not None else opened.still
        self.show_particle(row)

    def _make_consensus(self, opened: Opened) -> None:
        self.view.consensus_work.start(
            lambda _progress, _cancelled: opened.maker.make(None, "Consensus"),
            self.view.map.show_consensus,
            self.view.complain,
        )

    def pick(self, x: float, y: float) -> None:
        """Show the state at a place of the plot."""
        self._go(x, y, fast=False)

    def drag(self, x: float, y: float) -> None:
        """Show the states under the moving mouse, coarsely."""
        self._go(x, y, fast=True)

    def _go(self, x: float, y: float, *, fast: bool) -> None:
        view, plane = self.view, self.view.plane
        if plane is None:
            return
        view.player.pause()
        if view.is_exact:
            z = plane.state_at(x, y, True)
            self.row = plane.nearest(x, y)
            view.canvas.set_mark((x, y))
            self._show(z, "State at the marked place", fast=fast)
        else:
            self.show_particle(plane.nearest(x, y), fast=fast)

    def pick_particle(self, row: int) -> None:
        """Show the state of a particle that was clicked elsewhere."""
        self.view.player.pause()
        self.show_particle(row)

    def show_particle(self, row: int, *, fast: bool = False) -> None:
        """Show the state of a particle."""
        view, opened, plane = self.view, self.view.opened, self.view.plane
        if opened is None or plane is None or not 0 <= row < len(opened.latent):
            return
        self.row = row
        view.canvas.set_mark(tuple(float(v) for v in plane.xy[row]))
        view.second.set_row(row)
        self._show(opened.latent[row], f"Particle {opened.names[row]}", fast=fast)
        if not fast and PARTICLE_VIEW in opened.model.abilities:
            view.particle.show_particle(row)

    def _show(self, z: Floats, title: str, *, fast: bool) -> None:
        opened = self.view.opened
        if opened is not None:
            self.view.showing.show(opened.maker, z, title, fast=fast)

    def show_consensus(self) -> None:
        """Show the consensus structure."""
        opened = self.view.opened
        if opened is not None:
            self.view.player.pause()
            self.view.canvas.set_mark(None)
            self.view.showing.show(opened.maker, None, "Consensus")

    def hover(self, row: int) -> None:
        """Say which particle lies under the mouse."""
        self.view.hover_label.setText(self.view.describe(row) if row >= 0 else self.view.hint)

    # -- what is seen --------------------------------------------------------------------------------------

    def _on_made(self, state: MapState) -> None:
        self._last = state
        self.view.show_state(state)

    def pin(self) -> None:
        """Keep the state that is shown, to compare others with it; or let go of it."""
        self._pinned = self.view.shown_state if self._pinned is None else None
        self.view.map.show_comparison(self._pinned)
        self.view.actions_by_key["pin"].setChecked(self._pinned is not None)

    # -- atoms ---------------------------------------------------------------------------------------------

    def ask_atoms(self) -> None:
        """Ask for an atomic model and show it moving."""
        text, _ = QFileDialog.getOpenFileName(
            self.view, "Show an atomic model", "", "Atomic models (*.cif *.mmcif *.pdb *.ent)"
        )
        if text:
            self.load_atoms(Path(text))

    def load_atoms(self, path: Path) -> None:
        """Read an atomic model and show it moving."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        services = view.services

        def done(atoms: Atoms) -> None:
            opened.maker.atoms = atoms
            view.atoms_path = path
            view.map.set_atoms(atoms)
            view.showing.again()
            view.travel.remake()
            if notes := services.take_notes():
                view.message.show_warning(" ".join(notes))

        view.work.start(
            lambda _progress, _cancelled: services.read_atoms(path, opened.model),
            done,
            view.complain,
            "Reading the atomic model",
        )
