"""What starts jobs: Run!, Continue!, Schedule, the queue and schedules."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.gui.dialogs import forms
from app.gui.dialogs.question import CANCEL, Answer, ask
from app.gui.dialogs.schedule import ask_schedule
from app.gui.project_commands import ProjectCommands
from app.runner.checks import OptionProblems
from jobs.core.declaration import JobOptions, JobType

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class StartCommands:
    """Handlers of the actions that start jobs, or would."""

    def __init__(self, window: MainWindow, project: ProjectCommands) -> None:
        self.window = window
        self._project = project

    def run(self) -> None:
        """Run, continue or overwrite the shown job."""
        self._start(schedule=False)

    def rehearse(self) -> None:
        """Do a dry run of the new job that the form describes."""
        page = self.window.page
        form = page.current_form
        switch = page.job_type.rehearsals[0].switch if page.job_type and page.job_type.rehearsals else None
        if form is None or switch is None:
            return
        form.rows[switch].editor.set_text("Yes")
        if not self._start(schedule=False):
            form.rows[switch].editor.set_text("No")  # it was not started

    def schedule(self) -> None:
        """Enter the shown job without starting it."""
        self._start(schedule=True)

    def _start(self, *, schedule: bool) -> bool:
        """Start what is shown; returns False when something is missing or the button is not active."""
        window, page = self.window, self.window.page
        ready = self._ready(lenient=schedule)
        if ready is None or not page.can_run():
            return False
        job_type, options = ready
        details = page.details
        if page.overwrites and details is not None:
            self._overwrite(details.entry.name, job_type, options)
            return True
        if details is None:
            alias = page.alias.text().strip()
            queued = window.settings.queue_per_gpu
            self._launch(
                lambda: window.workplace.start(
                    job_type, options, schedule=schedule, queued=queued, alias=alias
                )
            )
        elif page.is_continue and job_type.task_for(options, True, details.folder).viewer:
            window.show_results()
        else:
            name = details.entry.name
            queued = window.settings.queue_per_gpu
            self._launch(
                lambda: window.workplace.carry_on(name, job_type, options, schedule=schedule, queued=queued)
            )
        return True

    def _ready(self, *, lenient: bool) -> tuple[JobType, JobOptions] | None:
        """Return what is to be started, or lead to what is missing; a job that only waits may lack inputs."""
        page = self.window.page
        form, job_type = page.current_form, page.job_type
        if form is None or job_type is None:
            return None
        options = form.options()
        if options is None or (form.has_errors() and not lenient):
            form.reveal_problems()
            loud = [problem for problem in form.problems() if problem.severity == "error"]
            self.window.complain(loud[0].sentence if loud else "A field holds something that cannot be read.")
            return None
        return job_type, options

    def _launch(self, work: Callable[[], str]) -> None:
        window = self.window
        window.page.set_busy(True)

        def done(name: str) -> None:
            window.page.set_busy(False)
            window.job_started(name)

        def failed(error: Exception) -> None:
            window.page.set_busy(False)
            form = window.page.current_form
            if isinstance(error, OptionProblems) and form is not None:
                form.set_problems(error.problems)
                form.reveal_problems()
            self._project.told_of_lock(error, lambda: self._launch(work))

        window.bridge.submit(work, done, failed)

    def _overwrite(self, name: str, job_type: JobType, options: JobOptions) -> None:
        window = self.window
        users = window.page.details.consumers if window.page.details is not None else ()
        text = (
            f"The present results of {name} move to the trash, and the job runs again in a folder of the "
            "same name."
        )
        if users:
            text += " These jobs use its results:"
        answer = ask(
            window,
            f"Overwrite {name.rstrip('/')}?",
            text,
            [Answer("overwrite", "Overwrite", danger=True), CANCEL],
            items=list(users),
        )
        if answer:
            queued = window.settings.queue_per_gpu
            self._launch(lambda: window.workplace.overwrite(name, job_type, options, queued=queued))

    def show_command(self) -> None:
        """Show the command that would be run, to copy."""
        window, page = self.window, self.window.page
        job_type, options = page.job_type, page.options()
        if job_type is None or options is None:
            window.complain("A field holds something that cannot be read, so there is no command yet.")
            return
        name = page.details.entry.name if page.details is not None and page.is_continue else None

        def show(words: list[str]) -> None:
            where = f"For {name}" if name else "For a new job, with the number it would get now"
            ask(
                window,
                "The command",
                f"{where}. Nothing has been started or written.",
                [Answer("", "Close")],
                copyable=shlex.join(words),
            )

        window.bridge.submit(
            lambda: window.workplace.command(job_type, options, name), show, window.complain_of
        )

    def run_scheduled(self) -> None:
        """Ask which scheduled jobs shall run, and start them one after another."""
        window = self.window
        waiting = [
            (e.name, f"{e.shown}   {e.title}") for e in window.entries.values() if e.status == "Scheduled"
        ]
        if not waiting:
            window.tell("No job is scheduled.")
            return

        def choose(running: list[str]) -> None:
            wanted = ask_schedule(window, waiting, running)
            if wanted is None:
                return
            names, plan = wanted

            def started(_none: None) -> None:
                count = f"{len(names)} scheduled {'job runs' if len(names) == 1 else 'jobs run'}"
                window.message_bar.show_info(
                    f"{count} one after another as {plan.name}.",
                    "Show log",
                    window.housekeeping.schedule_log,
                )

            window.bridge.submit(
                lambda: window.workplace.run_scheduled(names, plan), started, window.complain_of
            )

        window.bridge.submit(window.workplace.running_schedules, choose, window.complain_of)

    def stop_scheduled(self) -> None:
        """Ask which schedules shall stop after the job they are at."""
        window = self.window

        def choose(names: list[str]) -> None:
            if not names:
                window.tell("No scheduled jobs are being run.")
                return
            chosen = forms.ask_pick(
                window,
                "Stop scheduled jobs",
                "No further jobs are started; the one that runs goes on to its end.",
                [(name, name) for name in names],
                "Stop",
                checked=True,
            )
            if chosen:
                window.bridge.submit(
                    lambda: window.workplace.stop_schedules(chosen),
                    lambda _none: window.tell("No further scheduled jobs will be started."),
                    window.complain_of,
                )

        window.bridge.submit(window.workplace.running_schedules, choose, window.complain_of)
