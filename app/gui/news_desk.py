"""What the window makes of the news from the lanes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.gui import convert
from app.gui.bridge import LaneTrouble
from app.gui.news import Followed, GpusSeen, JobFinished, JobsChanged, LockSeen, Told
from app.gui.project_commands import plain

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class NewsDesk:
    """Hands each piece of news to the parts of the window which show it."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def take(self, item: object) -> None:
        """Show a piece of news."""
        window = self.window
        if isinstance(item, JobsChanged):
            self._take_jobs(item)
        elif isinstance(item, Followed):
            if item.name == window.wanted:
                convert.add_logs(window.logs, item)
                window.monitor.add(item)
        elif isinstance(item, JobFinished):
            self._take_end(item)
        elif isinstance(item, GpusSeen):
            window.gpus = convert.gpu_choices(item)
            window.gpu_panel.set_state(convert.gpu_infos(item), convert.machine_info(item.machine))
            window.monitor.set_worker(item.worker)
        elif isinstance(item, LockSeen):
            self._take_lock(item)
        elif isinstance(item, Told):
            window.message_bar.show_warning(item.text)
        elif isinstance(item, LaneTrouble):
            window.complain(f"The {item.lane} could not be looked at. {plain(item.error)}")

    def _take_jobs(self, news: JobsChanged) -> None:
        window = self.window
        before = window.entries.get(window.wanted)
        window.entries = {entry.name: entry for entry in news.entries}
        window.jobs.set_rows([convert.job_row(entry) for entry in news.entries])
        window.flowchart_commands.jobs_changed()
        after = window.entries.get(window.wanted)
        if before is not None and after is None:
            window.job_gone([before.name])
        elif after is not None and (before is None or replace(after, note=before.note) != before):
            window.jobs.select(after.name)
            window.load(after.name, keep_fields=True)
        running = sum(entry.status == "Running" and not entry.queued for entry in news.entries)
        window.show_counts(len(news.entries), running, sum(entry.queued for entry in news.entries))

    def _take_end(self, news: JobFinished) -> None:
        window = self.window
        name = news.name.rstrip("/")
        if news.kind == "succeeded":
            window.message_bar.show_success(f"{name}: {news.sentence}")
        elif news.kind == "aborted":
            window.message_bar.show_info(f"{name}: {news.sentence}")
        else:
            window.message_bar.show_error(
                f"{name}: {news.sentence}", "Show log", lambda: self._show_log_of(news.name)
            )
        if window.demo is not None:
            window.demo.job_finished(news)
        if window.settings.notify_end and not window.isActiveWindow():
            window.notifier.notify(name, news.sentence, good=news.kind == "succeeded", job=news.name)

    def _show_log_of(self, name: str) -> None:
        window = self.window
        if name in window.entries and name != window.wanted:
            window.select(name)
        window.show_log()

    def _take_lock(self, lock: LockSeen) -> None:
        window = self.window
        # A lock matters only to one who waits for it; RELION holds it for moments, all the time.
        if lock.owner is None or window.bridge.waiting_s() < 1.0:
            return
        window.message_bar.show_warning(
            f"The project has been locked for {lock.age_s:.0f} s by {lock.owner}. Waiting for it.",
            "What can be done…",
            window.project_commands.ask_about_lock,
        )
