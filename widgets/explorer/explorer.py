"""The explorer: the map on the left, latent space in the middle, what can be done with it on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from jobs.core.errors import UserError
from jobs.core.exploring import Embedding, ViewRequest
from jobs.core.latent import FEATURES, Snapshot
from widgets.explorer.action_making import make_actions
from widgets.explorer.choice_control import ChoiceControl
from widgets.explorer.data_window import DataControl
from widgets.explorer.explorer_parts import HINT, ExplorerParts
from widgets.explorer.kept_control import KeptControl
from widgets.explorer.loading import Loading, Opened, turned_alike
from widgets.explorer.map_state import MapState
from widgets.explorer.particle_pane import Facts
from widgets.explorer.path_control import PathControl
from widgets.explorer.plane import Plane
from widgets.explorer.services import Services
from widgets.explorer.showing import Showing
from widgets.explorer.state_control import StateControl
from widgets.explorer.work import Work
from widgets.explorer.write_control import WriteControl


class Explorer(ExplorerParts):
    """Walks through the latent space of one result.

    Parameters
    ----------
    services : Services
        Does what widgets cannot.
    request : ViewRequest, optional
        What to show first.

    Signals
    -------
    back_requested, help_requested
        Buttons of the upper line.
    written : object, str
        A file or folder was written; what kind of selection it holds (``star`` …), or nothing.
    train_wanted : object
        STAR file of a selection with which a new job is to begin.
    folder_wanted : object
        A folder is to be shown.
    ready
        The first state is on the screen.
    """

    back_requested = Signal()
    help_requested = Signal()
    written = Signal(object, str)
    train_wanted = Signal(object)
    folder_wanted = Signal(object)
    ready = Signal()

    def __init__(
        self, services: Services, request: ViewRequest | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.services = services
        self.opened: Opened | None = None
        self.plane: Plane | None = None
        self.shown_state: MapState | None = None
        self.atoms_path: Path | None = None
        self.hint = HINT
        self._first: ViewRequest | None = request
        self._is_ready = False
        self.work, self.consensus_work = Work(self), Work(self)
        self.loading, self.showing = Loading(services, self), Showing(self)
        self.writing = WriteControl(self)
        self.states = StateControl(self)
        self.choice = ChoiceControl(self)
        self.travel = PathControl(self)
        self.data = DataControl(self)
        self.kept = KeptControl(self)
        self.actions_by_key = make_actions(self)
        self._connect()
        self.top.set_title(services.title, "Opening…")
        if request is not None:
            self.loading.request = request.embedding
        half, snapshot = (1, None) if request is None else (request.half, request.snapshot)
        wanted = None if snapshot is None else Snapshot(snapshot.stem, None, snapshot)
        # after the first paint, so that the window is there at once
        QTimer.singleShot(0, self, lambda: self.loading.open(half, wanted))

    # -- building ------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        top, loading = self.top, self.loading
        top.back_requested.connect(self.back_requested)
        top.help_requested.connect(self.help_requested)
        top.half_chosen.connect(self.open_half)
        top.snapshot_chosen.connect(self._on_snapshot)
        top.follow_toggled.connect(self._on_follow)
        top.progress.stop_requested.connect(self.stop)
        loading.opened.connect(self._on_opened)
        loading.embedded.connect(lambda embedding: self._show_embedding(embedding, keep=False))
        loading.listed.connect(self._on_listed)
        loading.failed.connect(self._on_failed)
        for work in (loading.work, self.work, self.second):
            work.progressed.connect(top.progress.show_progress)
            work.finished.connect(self.rest)
        self.embedding_bar.requested.connect(loading.embed)
        self.embedding_bar.axes_chosen.connect(self._on_axes)
        self.pairs.axes_chosen.connect(self._on_axes)
        self.map.shown.connect(self._on_shown)
        self.second.failed.connect(self.complain)
        self.paths.snap_changed.connect(self.actions_by_key["snap"].setChecked)
        self.addActions(self.selecting.actions())

    # -- opening -------------------------------------------------------------------------------------------

    def take_request(self, request: ViewRequest) -> None:
        """Show another half-set or snapshot, if that is wanted; everything else stays as it is."""
        opened = self.opened
        if opened is not None and (request.half != opened.half or request.snapshot is not None):
            snapshot = request.snapshot
            self.loading.open(
                request.half, None if snapshot is None else Snapshot(snapshot.stem, None, snapshot)
            )

    def open_half(self, half: int) -> None:
        """Show another half-set of the same snapshot."""
        self.loading.open(half, self.opened.snapshot if self.opened is not None else None)

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if self.opened is not None:
            self.loading.open(self.opened.half, snapshot)

    def _on_follow(self, on: bool) -> None:
        self.loading.follows = on

    def _on_opened(self, opened: Opened) -> None:
        before, self.opened = self.opened, opened
        same = before is not None and len(before.names) == len(opened.names)
        same = same and before is not None and np.array_equal(before.names, opened.names)
        atoms = before.maker.atoms if before is not None else None
        opened.maker.atoms = atoms if same else None
        self._body.show_empty(False)
        self.top.set_title(self.services.title, opened.sentence)
        self.top.set_halves(opened.halves, opened.half)
        running = self.services.is_running()
        self.top.set_snapshots(opened.snapshots, opened.snapshot, running=running)
        self.loading.watch(running)
        if running and before is None:
            self.top.follow.setChecked(True)
        self._show_embedding(opened.embedding, keep=same)
        half_set = opened.model.half_set
        facts = Facts(
            names=opened.names,
            half=None if half_set is None else np.asarray(half_set),
            amount=opened.amount,
            error=opened.error_of,
            latent=opened.latent,
        )
        self.particle.set_source(self._particle_view, facts)
        self.montage.set_source(self._particle_view)
        self.second.show_model(self.services, opened)
        self.choice.begin(opened, same_particles=same)
        self.states.begin(opened, same_particles=same)
        if same:
            self.travel.remake()
        else:
            self.travel.take(None)
        if before is None:
            self._take_first_wishes()

    def _take_first_wishes(self) -> None:
        first, self._first = self._first, None
        if first is not None and first.atoms is not None:
            self.states.load_atoms(first.atoms)
        elif first is not None and first.clusters:
            self.choice.find_clusters(first.clusters)

    def _show_embedding(self, embedding: Embedding, *, keep: bool) -> None:
        opened = self.opened
        if opened is None:
            return
        self.embedding_bar.show_request(embedding.request, deforms=FEATURES in opened.model.abilities)
        if keep and self.plane is not None:
            embedding = turned_alike(embedding, self.plane.embedding)
        same = self.plane is not None and len(self.plane.embedding.names) == len(embedding.names)
        axes = self.plane.axes if same and self.plane is not None and keep else (0, 1)
        self._set_plane(Plane(embedding, opened.latent, axes), keep=keep and same)
        self.pairs.set_dimensions(embedding.names[:4], embedding.coordinates[:, :4])

    def _on_axes(self, across: int, up: int) -> None:
        if self.plane is not None and self.opened is not None:
            self._set_plane(Plane(self.plane.embedding, self.opened.latent, (across, up)), keep=False)

    def _set_plane(self, plane: Plane, *, keep: bool) -> None:
        self.plane = plane
        self.embedding_bar.set_axes(plane.embedding.names, plane.axes)
        self.canvas.set_coordinates(plane.xy, plane.names, keep_view=keep)
        self.pairs.set_current(*plane.axes)
        self.paths.set_plane(plane, self.opened.names if self.opened is not None else None)
        self.travel.replace()
        if self.shown_state is not None and self.shown_state.latent is not None:
            self.canvas.set_mark(plane.place_of(self.shown_state.latent))

    def _on_listed(self, snapshots: tuple[Snapshot, ...]) -> None:
        current = self.opened.snapshot if self.opened is not None else None
        self.top.set_snapshots(snapshots, current, running=self.services.is_running())

    def _on_failed(self, error: Exception) -> None:
        if self.opened is None:
            self._empty.set_message("This cannot be explored yet", str(error))
            self.top.set_title(self.services.title, "")
        else:
            self.complain(error)
            self.top.set_halves(self.opened.halves, self.opened.half)

    # -- showing -------------------------------------------------------------------------------------------

    @property
    def is_exact(self) -> bool:
        """Whether clicks go to the exact place in latent space, not to the nearest particle."""
        return not self.actions_by_key["snap"].isChecked()

    def show_state(self, state: MapState) -> None:
        """Bring a state to the screen."""
        self.shown_state = state
        self.map.show_state(state)

    def _on_shown(self, _state: MapState) -> None:
        self.player.ready()
        if not self._is_ready:
            self._is_ready = True
            self.ready.emit()

    def on_snap(self) -> None:
        """Clicks go to particles, or to the exact place."""
        self.paths.set_snap(self.actions_by_key["snap"].isChecked())

    def on_second(self) -> None:
        """Show or hide the second plot."""
        self.second.turn_on(self.actions_by_key["second"].isChecked())

    def _particle_view(self, row: int) -> Any:
        if self.opened is None:
            raise UserError("No model is open")
        return self.opened.view(row)

    def describe(self, row: int) -> str:
        """Say which particle a row is, and how much it moved."""
        return "" if self.opened is None else self.opened.describe(row)

    def ask_clusters(self) -> None:
        """Ask how many clusters are to be found."""
        count, ok = QInputDialog.getInt(self, "Find clusters", "Number of clusters:", 5, 2, 20)
        if ok:
            self.choice.find_clusters(count)

    # -- telling -------------------------------------------------------------------------------------------

    def told_written(self, path: Path) -> None:
        """Say where something was written."""
        folder = path if path.is_dir() else path.parent
        self.message.show_success(
            " ".join([f"Written: {self.services.relative(path)}.", *self.services.take_notes()]),
            "Open folder",
            lambda: self.folder_wanted.emit(folder),
        )

    def complain(self, error: Exception) -> None:
        """Say what went wrong; what is shown stays."""
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.message.show_error(text)

    def rest(self) -> None:
        """Nothing is under way any more, unless something is."""
        works = (self.loading.work, self.work, self.writing.work, self.second.work)
        busy = any(work.busy for work in works)
        self.top.progress.setVisible(busy)

    def stop(self) -> None:
        """Give up what is under way."""
        for work in (self.loading.work, self.work, self.writing.work, self.second.work):
            work.cancel()
        self.rest()

    def close_down(self) -> None:
        """End everything that runs beside the window."""
        self.stop()
        self.data.close()
        self.showing.close()
        self.travel.travelling.stop()
        self.consensus_work.cancel()
        self.kept.close()
        self.loading.close()
        self.map.close_down()
