"""The window with the tomograms of a job, linked both ways with its explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QPushButton, QWidget

from app.gui.placed_window import PlacedWindow
from app.tomogram_services import JobTomograms
from jobs import registry

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from jobs.core.declaration import JobType
    from widgets.explorer.explorer import Explorer
    from widgets.explorer.loading import Opened


class TomogramWindow(QMainWindow):
    """Shows particles where they are; what is selected here is selected in the explorer, and the reverse."""

    def __init__(self, services: JobTomograms, explorer: Explorer, parent: QWidget) -> None:
        from widgets.tomogram.pane import TomogramPane

        super().__init__(parent)
        self.setObjectName("tomogram_window")
        self.services, self.explorer = services, explorer
        self.pane = TomogramPane(services)
        self.setCentralWidget(self.pane)
        self.setWindowTitle(f"Tomograms of {services.title} – Heteroscope")
        self.resize(1280, 800)
        explorer.loading.opened.connect(self._on_opened)
        explorer.selecting.changed.connect(self.pane.set_selection)
        explorer.colours.columns_changed.connect(self._on_columns)
        self.pane.selection_wanted.connect(self._select)
        self.pane.clicked.connect(explorer.states.pick_particle)
        if explorer.opened is not None:
            self._on_opened(explorer.opened)

    def _on_opened(self, opened: Opened) -> None:
        self.pane.set_particles(opened.names, opened.latent, opened.model)
        self.pane.set_selection(self.explorer.choice.mask)

    def _on_columns(self, columns: object) -> None:
        """Clusters that were found in the explorer are colours here as well."""
        pane = self.pane
        for label, values in self.explorer.colours.columns.added().items():
            if label.startswith("cluster") and label not in pane.colours.columns.added():
                pane.colours.add_values(label, values, "Space")

    def _select(self, mask: object, mode: str) -> None:
        self.explorer.selecting.combine(mask, mode, "Tomogram")  # type: ignore[arg-type]

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide: the view is as it was when it is opened again."""
        self.hide()
        event.ignore()

    def close_down(self) -> None:
        """End everything."""
        explorer = self.explorer
        explorer.loading.opened.disconnect(self._on_opened)
        explorer.selecting.changed.disconnect(self.pane.set_selection)
        explorer.colours.columns_changed.disconnect(self._on_columns)
        self.pane.close_down()
        self.hide()
        self.deleteLater()


class TomogramCommands:
    """Opens tomograms of the job that is explored."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.view: TomogramWindow | None = None
        self.placed: PlacedWindow | None = None
        self._waits_for: Explorer | None = None

    def offer(self, explorer: Explorer, job_type: JobType) -> None:
        """Put a button on an explorer whose particles lie in tomograms."""
        if not job_type.tomograms:
            return
        button = QPushButton("Tomogram…")
        button.setObjectName("explorer_tomogram")
        button.setToolTip(
            "See the particles where they are in their tomograms, linked with this plot (Ctrl+Shift+T)"
        )
        button.clicked.connect(self.show)
        explorer.top.add_button(button)

    def show(self) -> None:
        """Show the tomograms of the job that is shown; its explorer is opened first."""
        window, commands = self.window, self.window.explorer_commands
        if not commands.is_shown and self._show_placed():
            return
        if not commands.is_shown:
            commands.explore()
        explorer, services = commands.explorer, commands.services
        if explorer is None or services is None:
            return
        if not services.job_type.tomograms:
            window.complain("The particles of this job do not lie in tomograms.")
            return
        if explorer.opened is None:
            # as soon as its model is open, unless somebody has gone elsewhere meanwhile
            if self._waits_for is not explorer:
                self._waits_for = explorer
                explorer.loading.opened.connect(self._go_on)
            return
        if self.view is None or self.view.explorer is not explorer:
            self.close()
            tomograms = JobTomograms(
                services.project_dir, services.job, services.job_type, can_write=services.can_write
            )
            self.view = TomogramWindow(tomograms, explorer, window)
        self.view.show()
        self.view.raise_()
        self.view.activateWindow()

    def _show_placed(self) -> bool:
        """Show the particles of the shown job if it has no latent space, and tell whether that is so."""
        window, details = self.window, self.window.page.details
        job_type = registry.JOB_TYPES.get(details.type_key or "") if details is not None else None
        if details is None or job_type is None or job_type.explorer or not job_type.tomograms:
            return False
        if window.project_path is None:
            return False
        can_write = not window.readonly
        services = JobTomograms(window.project_path, details.entry.name, job_type, can_write=can_write)
        if self.placed is not None:
            self.placed.close_down()
        self.placed = PlacedWindow(services, window)
        self.placed.show()
        self.placed.raise_()
        self.placed.activateWindow()
        return True

    def _go_on(self, _opened: object) -> None:
        waits_for, self._waits_for = self._waits_for, None
        if waits_for is not None:
            waits_for.loading.opened.disconnect(self._go_on)
            if self.window.explorer_commands.is_shown:
                # after the explorer has taken the model as well
                QTimer.singleShot(0, self.window, self.show)

    def close(self) -> None:
        """Close the window with the tomograms."""
        view, self.view, self._waits_for = self.view, None, None
        placed, self.placed = self.placed, None
        if placed is not None:
            placed.close_down()
        if view is not None:
            view.close_down()
