"""The window with the tomograms of a job whose particles have places, but no latent space to explore."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from app.placed_model import PlacedModel
from app.tomogram_services import JobTomograms
from jobs.core.errors import UserError
from jobs.core.placing import Places


class PlacedWindow(QMainWindow):
    """Shows particles where they are, with arrows along their axes.

    Parameters
    ----------
    services : JobTomograms
        Tomograms of the job.
    parent : QWidget
        The main window.
    """

    def __init__(self, services: JobTomograms, parent: QWidget) -> None:
        from widgets.explorer.work import Work
        from widgets.tomogram.pane import TomogramPane

        super().__init__(parent)
        self.setObjectName("placed_window")
        self.services = services
        self.pane = TomogramPane(services)
        self.setCentralWidget(self.pane)
        self.setWindowTitle(f"Tomograms of {services.title} – Heteroscope")
        self.resize(1280, 800)
        # what there is to be seen before anything is written is whether axes and places are right
        self.pane.controls.particles.choose_look("arrows")
        self.pane.selection_wanted.connect(self._select)
        self.work = Work(self)
        self.read()

    def read(self) -> None:
        """Read the particles of the job, which may have been run again meanwhile."""
        self.work.start(lambda _told, _cancelled: self._load(), self._on_model, self._on_none)

    def _load(self) -> PlacedModel:
        places: Places = self.services.all_places()
        return PlacedModel(places, self.services.job_dir, self.services.job_type)

    def _on_model(self, model: PlacedModel) -> None:
        self.pane.set_particles(model.names, model.embedding, model)

    def _on_none(self, error: Exception) -> None:
        hint = error.hint if isinstance(error, UserError) else ""
        message = error.message if isinstance(error, UserError) else str(error)
        self.pane.room.empty.set_message("No particles yet", f"{message.rstrip('.')}. {hint}".strip())

    def _select(self, mask: object, mode: str) -> None:
        """Selections stay in this window."""
        chosen = np.asarray(mask, bool)
        before = self.pane.selection
        if before is not None and mode == "add":
            chosen = before | chosen
        elif before is not None and mode == "subtract":
            chosen = before & ~chosen
        elif before is not None and mode == "intersect":
            chosen = before & chosen
        self.pane.set_selection(chosen if chosen.any() else None)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide: the view is as it was when it is opened again."""
        self.hide()
        event.ignore()

    def close_down(self) -> None:
        """End everything."""
        self.work.cancel()
        self.pane.close_down()
        self.hide()
        self.deleteLater()
