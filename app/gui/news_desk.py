"""What the window makes of the news from the lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.gui import convert
from app.gui.bridge import LaneTrouble
from app.gui.news import Followed, GpusSeen, JobEntry, JobFinished, JobsChanged, LockSeen, Told
from app.gui.project_commands import plain
from widgets.job_model import JobRow

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class NewsDesk:
    """Hands each piece of news to the parts of the window which show it."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self._rows: dict[str, tuple[JobEntry, JobRow]] = {}

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
            window.device_commands.show(item)
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
        self._forget_old(news)
        window.entries = {entry.name: entry for entry in news.entries}
        window.jobs.set_rows(self._rows_of(news.entries))
        window.flowchart_commands.jobs_changed()
        after = window.entries.get(window.wanted)
        if before is not None and after is None:
            window.job_gone([before.name])
        elif after is not None and (before is None or replace(after, note=before.note) != before):
            window.jobs.select(after.name)
            window.load(after.name, keep_fields=True)
        running = sum(entry.status == "Running" and not entry.queued for entry in news.entries)
        window.show_counts(len(news.entries), running, sum(entry.queued for entry in news.entries))

    def _forget_old(self, news: JobsChanged) -> None:
        """Take back what was said of jobs that run again, or are gone, whoever did that."""
        before, after = self.window.entries, {entry.name: entry for entry in news.entries}
        for name, entry in before.items():
            now = after.get(name)
            if now is None or (now.status == "Running" and entry.status != "Running"):
                self.window.message_bar.forget(name)

    def _rows_of(self, entries: Sequence[JobEntry]) -> list[JobRow]:
        """Return the lines of the jobs; only those that changed are made anew."""
        known, self._rows = self._rows, {}
        for entry in entries:
            before = known.get(entry.name)
            same = before is not None and (before[0] is entry or before[0] == entry)
            self._rows[entry.name] = before if before and same else (entry, convert.job_row(entry))
        return [row for _, row in self._rows.values()]

    def _take_end(self, news: JobFinished) -> None:
        window, bar = self.window, self.window.message_bar
        name = news.name.rstrip("/")
        text = f"{name}: {news.sentence}"
        bar.forget(news.name)  # an end makes what was said of earlier runs old
        if news.kind == "succeeded":
            bar.show_success(text, about=news.name)
        elif news.kind == "aborted":
            bar.show_info(text, about=news.name)
        else:
            bar.show_error(text, "Show log", lambda: self._show_log_of(news.name), about=news.name)
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
