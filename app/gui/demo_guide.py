"""The demo inside the window: data are simulated, then the form waits, filled in, for Run! to be pressed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.news import JobFinished
from jobs import registry
from jobs.core.declaration import from_values
from jobs.core.errors import UserError

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

_SIMULATION = {"recipe": "R1", "nr_images": "2000"}
_GAUSSIANS = "1000"


class DemoGuide:
    """Leads through the demo, step by step, in the message bar."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._simulated = ""

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
        """Fill in the form when the data are there."""
        if news.name != self._simulated or news.kind != "succeeded":
            return
        name = self._simulated
        self._simulated = ""
        values = {
            "fn_star": f"{name}particles.star",
            "fn_map": f"{name}consensus.mrc",
            "nr_gaussians": _GAUSSIANS,
            "do_preload": "Yes",
        }
        self._window.show_new("dynamight", values)
        self._window.message_bar.clear()
        self._window.message_bar.show_info(
            "The images are ready and the form is filled in. Press Run! and watch the motion being learnt."
        )
