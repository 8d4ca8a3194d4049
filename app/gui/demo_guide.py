"""The demo inside the window: from simulated images to the report, with the window's own buttons."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.gui.news import JobDetails, JobFinished
from jobs import registry
from jobs.core.declaration import from_values
from jobs.core.errors import UserError

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

_SIMULATION: Final = {"recipe": "R1", "nr_images": "2000"}
_GAUSSIANS: Final = "1000"
_LEARNS: Final = "dynamight"

#: What follows the training: the task, and what is said before it.
_STEPS: Final = (
    (
        "inverse",
        "The motion is learnt: Monitor shows it. Next comes the way back, from every moved molecule "
        "to the one at rest.",
    ),
    (
        "reconstruct",
        "The way back is known. Next, both half-maps are reconstructed with every particle's motion undone.",
    ),
)
_EXPLORE: Final = (
    "The maps with the motion undone are ready, under Inputs and outputs. Now see the molecule move, "
    "particle by particle."
)
_REPORT: Final = (
    "Click into the cloud: the map beside it takes that shape. Paths makes a movie of the main motion. "
    "When you have seen enough, write it all down."
)
_END: Final = "That was the demo. File > Open project leads to data of your own."


class DemoGuide:
    """Leads through the demo, step by step, in the message bar."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._simulated = ""
        self._job = ""
        self._waits = False

    def project_opened(self, path: Path) -> None:
        """Simulate a hinge into the new project."""
        window = self._window
        job_type = registry.job_type("simulate")
        options, problems = from_values(job_type.options, _SIMULATION)
        if problems:
            raise UserError(problems[0].message, hint=problems[0].hint)

        def started(name: str) -> None:
            self._simulated = name
            window.message_bar.show_info(
                f"The demo simulates 2000 images of a molecule with a hinge in {path.name}/{name}. "
                "In a minute their motion can be learnt.",
                "Show log",
                window.show_log,
            )
            window.job_started(name)

        window.bridge.submit(lambda: window.workplace.start(job_type, options), started, window.complain_of)

    def job_finished(self, news: JobFinished) -> None:
        """Go on to the next step when the one before has succeeded; what failed is told by the window."""
        if news.kind != "succeeded":
            return
        name, window = news.name, self._window
        if name == self._simulated:
            self._simulated = ""
            self.fill_in(
                {
                    "fn_star": f"{name}particles.star",
                    "fn_map": f"{name}consensus.mrc",
                    "nr_gaussians": _GAUSSIANS,
                    "do_preload": "Yes",
                }
            )
        elif self._waits or name == self._job:
            window.bridge.submit(lambda: window.workplace.details(name), self._lead, window.complain_of)

    def fill_in(self, values: Mapping[str, str]) -> None:
        """Show the form of the job that learns, filled in, and wait for Run! to be pressed."""
        self._waits = True
        self._window.show_new(_LEARNS, values)
        self._window.message_bar.clear()
        self._window.message_bar.show_info(
            "The images are ready and the form is filled in. Press Run! and watch the motion being learnt.",
            "Show the button",
            self._point,
        )

    def _lead(self, details: JobDetails) -> None:
        """Offer what has not been done yet with the job."""
        if details.type_key != _LEARNS:
            return
        name = details.entry.name
        self._job, self._waits = name, False
        done = {run.task for run in details.runs}
        bar = self._window.message_bar
        bar.forget(name)
        for task, text in _STEPS:
            if task not in done:
                label = registry.job_type(_LEARNS).task(task).label
                bar.show_info(text, label, partial(self._choose, task), about=name)
                return
        bar.show_info(_EXPLORE, "Explore", self._explore, about=name)

    def _choose(self, task: str) -> None:
        """Open the form with the task chosen: the rest is the window's own button."""
        window = self._window

        def ready(_none: None) -> None:
            window.overview_commands.choose_task(task)
            window.message_bar.forget(self._job)
            window.message_bar.show_info(
                "The task is chosen in the form: press Continue!",
                "Show the button",
                self._point,
                about=self._job,
            )

        window.select(self._job)
        # the job is read in the same lane, so that it is shown by then
        window.bridge.submit(lambda: None, ready, window.complain_of)

    def _point(self) -> None:
        """Bring the button to the front, with the ring that marks what the keyboard is at."""
        self._window.panes.reveal("job")
        self._window.page.run_button.setFocus()

    def _explore(self) -> None:
        window = self._window

        def ready(_none: None) -> None:
            window.actions_by_key["explore"].trigger()
            window.message_bar.forget(self._job)
            window.message_bar.show_info(_REPORT, "Report…", self._report, about=self._job)

        window.select(self._job)
        window.bridge.submit(lambda: None, ready, window.complain_of)

    def _report(self) -> None:
        window = self._window
        window.actions_by_key["make_report"].trigger()
        window.message_bar.forget(self._job)
        window.message_bar.show_info(_END, about=self._job)
        self._job = ""
