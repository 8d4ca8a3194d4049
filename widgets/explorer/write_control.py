"""Everything the explorer writes: maps, movies, pictures and selections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from jobs.core.errors import UserError
from jobs.core.exploring import Cancelled, ExportKind, ExportOrder, MovieOrder, Progress, SubsetKind
from widgets.explorer import trajectory_file
from widgets.explorer.trajectory import Trajectory
from widgets.explorer.work import Work

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer
    from widgets.explorer.map_state import MapState


class WriteControl(QObject):
    """Writes in the background, one thing after another, and tells where it went."""

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self.work = Work(self)
        self.work.progressed.connect(view.top.progress.show_progress)
        self.work.finished.connect(view.rest)
        self._film: _Film | None = None

    def _write(
        self,
        function: Callable[[Progress, Cancelled], Path],
        title: str,
        kind: str = "",
        then: Callable[[Path], object] | None = None,
    ) -> None:
        if self.work.busy:
            self.view.complain(UserError("Something is still being written", hint="Wait for it, or stop it"))
            return

        def done(path: Path) -> None:
            self.view.told_written(path)
            self.view.written.emit(path, kind)
            if then is not None:
                then(path)

        self.work.start(function, done, self.view.complain, title)

    # -- maps and movies -----------------------------------------------------------------------------------

    def save_map(self) -> None:
        """Write the map that is shown, at full size."""
        view, opened, state = self.view, self.view.opened, self.view.shown_state
        if opened is None or state is None:
            return
        services = view.services
        self._write(
            lambda _p, _c: services.save_map(opened.half, opened.model, state.latent, state.title),
            "Writing the map",
        )

    def save_trajectory(self, kind: str) -> None:
        """Write the trajectory: maps, video, pictures, path or moved model."""
        view, opened, trajectory = self.view, self.view.opened, self.view.travel.trajectory
        if opened is None or trajectory is None:
            view.complain(UserError("There is no trajectory yet", hint="Draw one in the plot"))
            return
        if kind in ("mp4", "gif", "frames"):
            self._film_it("png" if kind == "frames" else kind)
            return
        if kind == "path":
            self._ask_path(trajectory)
            return
        if kind == "model" and view.atoms_path is None:
            view.complain(UserError("No atomic model is shown", hint="Choose Atomic model… first"))
            return
        order = MovieOrder(trajectory.states, trajectory.plane, trajectory.title, view.atoms_path)
        services = view.services
        self._write(
            lambda progress, cancelled: services.save_movie(
                opened.half, opened.model, order, progress, cancelled
            ),
            "Writing the movie",
        )

    def _ask_path(self, trajectory: Trajectory) -> None:
        text, _ = QFileDialog.getSaveFileName(self.view, "Save the path", "path.csv", "Paths (*.csv *.txt)")
        if text:
            path = Path(text)
            self._write(lambda _p, _c: trajectory_file.save(path, trajectory), "Writing the path")

    def _film_it(self, ending: str) -> None:
        if not self.view.map.available:
            self.view.complain(UserError(self.view.map.why_not, hint="Save the movie as maps instead"))
            return
        self._film = _Film(self, ending)
        self._film.begin()

    def film_done(self, ending: str, pictures: list[NDArray[np.uint8]]) -> None:
        """All frames were pictured: write them."""
        view, opened = self.view, self.view.opened
        self._film = None
        view.rest()
        if opened is None or not pictures:
            return
        services, rate = view.services, view.player.rate
        self._write(
            lambda _p, _c: services.save_video(opened.half, ending, pictures, rate), "Writing the video"
        )

    def save_picture(self) -> None:
        """Write what the map pane shows as a picture."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        if not view.map.available:
            view.complain(UserError(view.map.why_not))
            return
        picture, services = view.map.picture(), view.services
        self._write(
            lambda _p, _c: services.save_video(opened.half, "png", [picture], 1.0), "Writing the picture"
        )

    # -- particles -----------------------------------------------------------------------------------------

    def save_subset(self, kind: SubsetKind, then: Callable[[Path], object] | None = None) -> None:
        """Write the selected particles."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        try:
            names = view.choice.names()
        except UserError as error:
            view.complain(error)
            return
        cs_file: Path | None = None
        if kind == "cs":
            text, _ = QFileDialog.getOpenFileName(
                view, "The .cs file from which the particles come", "", "cryoSPARC particles (*.cs)"
            )
            if not text:
                return
            cs_file = Path(text)
        services = view.services
        self._write(
            lambda _p, _c: services.save_subset(opened.half, names, kind, cs_file),
            f"Writing {len(names):,} particles",
            kind,
            then,
        )

    def save_selection(self, kind: str) -> None:
        """Write the selected particles in a form, or their atomic models."""
        if kind in ("star", "cs", "indices"):
            self.save_subset(kind)  # type: ignore[arg-type]
        elif kind in get_args(ExportKind):
            self.export(kind)  # type: ignore[arg-type]
        else:
            self.save_models()

    def export(self, kind: ExportKind) -> None:
        """Write the selected particles for other programs, together or for each tomogram."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        try:
            names = tuple(view.choice.names())
        except UserError as error:
            view.complain(error)
            return
        order = ExportOrder(kind, names, opened.latent[view.choice.mask], view.selecting.uses.by_tomogram)
        services = view.services
        told = "star" if kind != "index_files" and not order.by_tomogram else kind
        self._write(
            lambda _p, _c: services.export(opened.half, order), f"Writing {len(names):,} particles", told
        )

    def save_models(self) -> None:
        """Write an atomic model per selected particle: the shown one moved, or one that is asked for."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        try:
            names = view.choice.names()
        except UserError as error:
            view.complain(error)
            return
        atoms = view.atoms_path
        if atoms is None:
            text, _ = QFileDialog.getOpenFileName(
                view, "The atomic model to be moved", "", "Atomic models (*.pdb *.ent *.cif *.mmcif)"
            )
            if not text:
                return
            atoms = Path(text)
        services = view.services
        self._write(
            lambda progress, cancelled: services.save_models(
                opened.half, opened.model, names, atoms, progress, cancelled
            ),
            f"Writing {len(names):,} atomic models",
        )

    def train(self) -> None:
        """Write the selected particles and begin a new job with them."""
        self.save_subset("star", self.view.train_wanted.emit)


class _Film(QObject):
    """Pictures one frame of a trajectory after the other, each when it is on the screen."""

    def __init__(self, writing: WriteControl, ending: str) -> None:
        super().__init__(writing)
        self._writing, self._ending = writing, ending
        self._view = writing.view
        self._pictures: list[NDArray[np.uint8]] = []
        self._count = len(self._view.travel.travelling.frames)

    def begin(self) -> None:
        """Start with the first frame."""
        view = self._view
        view.player.pause()
        view.map.shown.connect(self._on_shown)
        view.top.progress.stop.clicked.connect(self._stop)
        self._next()

    def _next(self) -> None:
        done = len(self._pictures)
        self._view.top.progress.show_progress(done, self._count, f"Picturing frame {done + 1}")
        self._view.player.set_position(done)
        self._view.travel.go(done)

    def _on_shown(self, state: MapState) -> None:
        frames: list[Any] = self._view.travel.travelling.frames
        wanted = len(self._pictures)
        if wanted >= len(frames) or state is not frames[wanted]:
            return
        self._pictures.append(self._view.map.picture())
        if len(self._pictures) < self._count:
            self._next()
        else:
            self._end(self._pictures)

    def _stop(self) -> None:
        self._end([])

    def _end(self, pictures: list[NDArray[np.uint8]]) -> None:
        self._view.map.shown.disconnect(self._on_shown)
        self._view.top.progress.stop.clicked.disconnect(self._stop)
        self._writing.film_done(self._ending, pictures)
        self.deleteLater()
