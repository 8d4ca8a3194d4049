"""Opens results in the explorer, and does for it what concerns the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from app.explorer_services import JobServices
from app.gui.news import JobDetails
from app.gui.tomogram_view import TomogramCommands
from jobs import registry
from jobs.core.declaration import JobOptions, JobType, from_values
from jobs.core.entry import load_function
from jobs.core.exploring import ViewRequest

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from widgets.explorer.explorer import Explorer

#: Label under which a written selection is known in the project.
_SUBSET_LABEL = "ParticleGroupMetadata.star.relion"
_SET_LABEL = "TomoOptimisationSet.star.relion"
#: How long a job has to be shown before the program gets ready to explore it (ms).
_LIKELY_MS = 700


class ExplorerCommands:
    """Handlers of the actions that concern the explorer; holds the one that is open."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.explorer: Explorer | None = None
        self.tomograms = TomogramCommands(window)
        self._services: JobServices | None = None
        self._job = ""
        self._type = ""
        self._spare: JobServices | None = None
        self._likely: JobDetails | None = None
        self._timer = QTimer(window, singleShot=True, interval=_LIKELY_MS)
        self._timer.timeout.connect(self._warm_up)

    # -- opening -------------------------------------------------------------------------------------------

    def explore(self) -> None:
        """Explore the shown job as its form asks for, or go back to it when the explorer is shown."""
        window = self.window
        if self.is_shown:
            self.back()
            return
        details = window.page.details
        job_type = self._explorable(details)
        if details is None or job_type is None or window.project_path is None:
            window.complain("Choose a job whose motions have been estimated, to explore them.")
            return
        self._open(details, job_type, window.page.options())

    def activate(self, name: str) -> None:
        """Explore a job of the lists that was double-clicked, if it is one that can be explored."""
        window = self.window

        def open_it(details: JobDetails) -> None:
            job_type = self._explorable(details)
            if job_type is not None and details.entry.status != "Scheduled":
                self._open(details, job_type, None)

        window.bridge.submit(lambda: window.workplace.details(name), open_it, window.complain_of)

    def _open(self, details: JobDetails, job_type: JobType, options: JobOptions | None) -> None:
        project_dir = self.window.project_path
        if project_dir is None:
            return
        if options is None:
            options = from_values(job_type.options, dict(details.values))[0]
        if job_type.view:
            request = load_function(job_type.view)(options, details.folder, project_dir)
        else:
            request = ViewRequest(details.folder, project_dir, half=0)
        self.open(details.entry.name, job_type, request)

    def explores(self, details: JobDetails | None) -> bool:
        """Whether a job is of a type whose results can be explored."""
        return self._explorable(details) is not None

    def lies_in_tomograms(self, details: JobDetails | None) -> bool:
        """Whether the particles of a job lie in tomograms."""
        if details is None or details.type_key is None:
            return False
        job_type = registry.JOB_TYPES.get(details.type_key)
        return job_type is not None and bool(job_type.tomograms)

    @property
    def services(self) -> JobServices | None:
        """What the open explorer has done for it."""
        return self._services

    def tomogram(self) -> None:
        """Show the particles of the job in their tomograms."""
        self.tomograms.show()

    @staticmethod
    def _explorable(details: JobDetails | None) -> JobType | None:
        if details is None or details.type_key is None:
            return None
        job_type = registry.JOB_TYPES.get(details.type_key)
        return job_type if job_type is not None and job_type.explorer else None

    def opens_file(self, path: Path) -> bool:
        """Open the explorer if a file is a result that it shows, and tell whether it was."""
        window, details = self.window, self.window.page.details
        job_type = self._explorable(details)
        if details is None or job_type is None or window.project_path is None:
            return False
        inside = str(path).removeprefix(details.entry.name)
        if inside == str(path) or inside not in {name for name, _text in job_type.result_files}:
            return False
        self.explore()
        return self.is_shown

    def open(
        self, name: str, job_type: JobType, request: ViewRequest, services: JobServices | None = None
    ) -> None:
        """Explore a job; when it is open already, it is shown as it was left, with the wanted half-set."""
        # napari and what it brings are loaded when somebody explores for the first time
        from widgets.explorer.explorer import Explorer

        window = self.window
        if self.explorer is not None and self._job == name:
            self.explorer.take_request(request)
        else:
            self.close()
            self._job, self._type = name, job_type.key
            self._services = (
                services
                or self._take_spare(name)
                or JobServices(request.project_dir, name, job_type, can_write=not window.readonly)
            )
            explorer = Explorer(self._services, request)
            explorer.back_requested.connect(self.back)
            explorer.help_requested.connect(self.help_explorer)
            explorer.train_wanted.connect(self.train_on)
            explorer.written.connect(self._on_written)
            explorer.folder_wanted.connect(
                lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
            )
            self.explorer = explorer
            self.tomograms.offer(explorer, job_type)
            window.central.addWidget(explorer)
        window.central.setCurrentWidget(self.explorer)
        window.panes.set_central(True)
        window.update_state()

    # -- getting ready -------------------------------------------------------------------------------------

    def expect(self, details: JobDetails | None) -> None:
        """A job is shown: if it can be explored, get ready for that, so that it then opens at once."""
        self._likely = details
        self._timer.start()

    def _warm_up(self) -> None:
        window, details = self.window, self._likely
        job_type = self._explorable(details)
        if self._spare is not None and (details is None or self._spare.job != details.entry.name):
            self._drop_spare()
        if details is None or job_type is None or window.project_path is None or not details.results:
            return
        # a running training needs the processor more
        if details.entry.status == "Running" or self._spare is not None or self._job == details.entry.name:
            return
        from widgets.explorer import graphics

        graphics.preload()
        self._spare = JobServices(
            window.project_path, details.entry.name, job_type, can_write=not window.readonly
        )

    def _take_spare(self, name: str) -> JobServices | None:
        spare = self._spare
        if spare is None or spare.job != name:
            return None
        self._spare = None
        return spare

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    # -- leaving -------------------------------------------------------------------------------------------

    @property
    def is_shown(self) -> bool:
        """Whether the explorer is seen in place of the jobs."""
        return self.explorer is not None and self.explorer.isVisible()

    def back(self) -> None:
        """Show the jobs; the explorer stays as it is."""
        if self.window.project_path is not None:
            self.window.panes.set_central(False)
            self.window.update_state()

    def close(self) -> None:
        """Close the explorer and end the process that holds its model."""
        self._timer.stop()
        self._drop_spare()
        self.tomograms.close()
        explorer, services = self.explorer, self._services
        self.explorer = self._services = None
        self._job = ""
        if explorer is not None:
            explorer.close_down()
            self.window.central.removeWidget(explorer)
            explorer.deleteLater()
        if services is not None:
            services.close()

    # -- for the explorer ----------------------------------------------------------------------------------

    def help_explorer(self) -> None:
        """Show the page about the explorer."""
        self.window.project_commands.show_help("explorer", "The explorer")

    def _on_written(self, path: Path, kind: str) -> None:
        """Enter a selection of particles in the project, so that further jobs can use it."""
        window, name = self.window, self._job
        if kind != "star" or window.project_path is None or not path.is_relative_to(window.project_path):
            return
        node = str(path.relative_to(window.project_path))
        label = _SET_LABEL if path.name.endswith("optimisation_set.star") else _SUBSET_LABEL
        window.bridge.submit(
            lambda: window.workplace.change(lambda project: project.add_outputs(name, [(node, label)])),
            window.take_all,
            window.complain_of,
        )

    def train_on(self, path: Path) -> None:
        """Show a new job of the same type with a written selection as its particles."""
        window = self.window
        job_type = registry.JOB_TYPES.get(self._type)
        if job_type is None or window.project_path is None:
            return
        details = window.page.details
        same = details is not None and details.entry.name == self._job
        values = dict(details.values) if same and details is not None else {}
        # what a continuation was asked to do is not asked of a new job
        values = {k: v for k, v in values.items() if k not in {task.switch for task in job_type.tasks}}
        values[_particle_option(job_type)] = str(path.relative_to(window.project_path))
        self.back()
        window.show_new(job_type.key, values)
        window.tell("A new job on the selected particles: look it over and press Run!")


def _particle_option(job_type: JobType) -> str:
    """Name of the option that takes particles."""
    from jobs.core.declaration import specs

    for declared in specs(job_type.options):
        if any(label.startswith("ParticleGroupMetadata") for label in declared.node_labels):
            return declared.name
    raise ValueError(f"job type {job_type.key} takes no particles")
