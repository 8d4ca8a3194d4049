"""Progress of a running job on standard error: one changing line on a terminal, else a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from app.runner.events import Event, JobEnded, JobStarted, LogAppended, MetricsAdded, Notice

_OWN_KEYS = {"t", "run", "task", "phase", "step", "of", "eta_s"}
_SHOWN_VALUES = 4


def duration(seconds: float) -> str:
    """Return a time span as people say it."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: Any) -> str:
    """Return a value with as many digits as a glance takes in."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


class Progress:
    """Prints what happens to a job.

    Parameters
    ----------
    stream
        Where to; None = standard error.
    quiet
        True: nothing but the end of a job that did not succeed.
    log
        True: also what the job prints.
    period_s
        Seconds between two lines where the output is no terminal.
    """

    def __init__(
        self, stream: TextIO | None = None, *, quiet: bool = False, log: bool = False, period_s: float = 10.0
    ) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.quiet = quiet
        self.log = log
        self.period_s = period_s
        self._tty = self.stream.isatty()
        self._phase: tuple[str, float, int] = ("", 0.0, 0)
        self._next = 0.0
        self._open = False
        self._at_line_start = True

    def show(self, events: Iterable[Event]) -> None:
        """Print events."""
        for event in events:
            if isinstance(event, JobStarted):
                self.say(f"{event.job} is running.")
            elif isinstance(event, MetricsAdded):
                self._metrics(event)
            elif isinstance(event, LogAppended) and self.log:
                self._text(event.text)
            elif isinstance(event, Notice):
                self.say(event.text)
            elif isinstance(event, JobEnded):
                self._end(event)

    def say(self, text: str) -> None:
        """Print one line, unless quiet."""
        if not self.quiet:
            self._line(text)

    def _line(self, text: str) -> None:
        self._close()
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def _close(self) -> None:
        """End the changing line, or a line of the log that was left open."""
        if self._open or not self._at_line_start:
            self.stream.write("\n")
        self._open = False
        self._at_line_start = True

    def _end(self, event: JobEnded) -> None:
        if event.outcome.exit_code == 0:
            self.say(event.outcome.sentence)
        else:
            self._line(event.outcome.sentence)

    def _text(self, text: str) -> None:
        if not text:
            return
        if self._open:
            self._close()
        self.stream.write(text)
        self.stream.flush()
        self._at_line_start = text.endswith("\n")

    def _metrics(self, event: MetricsAdded) -> None:
        record = event.records[-1]
        if self.quiet or self.log:
            return  # the log shows progress of its own
        phase, step, of = str(record.get("phase", "")), int(record.get("step", 0)), int(record.get("of", 0))
        at = float(record.get("t", 0.0))
        new_phase = phase != self._phase[0] or step < self._phase[2]
        if new_phase:
            self._phase = (phase, at, step)
        now = time.monotonic()
        done = 0 < of <= step
        if not (self._tty or new_phase or done or now >= self._next):
            return
        self._next = now + self.period_s
        text = self._sentence(record, phase, step, of, at)
        if not self._tty:
            self._line(text)
            return
        width = max(20, shutil.get_terminal_size().columns - 1)
        self.stream.write(f"\r\033[K{text[:width]}")
        self.stream.flush()
        self._open = True

    def _sentence(self, record: Mapping[str, Any], phase: str, step: int, of: int, at: float) -> str:
        parts = [f"{phase} {step}/{of}" if of else phase]
        values = {k: v for k, v in record.items() if k not in _OWN_KEYS and v is not None}
        rates = [name for name in values if name.endswith("_per_s")]
        if rates:
            parts += [
                f"{number(values[name])} {name.removesuffix('_per_s').replace('_', ' ')}/s" for name in rates
            ]
        elif at > self._phase[1] and step > self._phase[2]:
            parts.append(f"{number((step - self._phase[2]) / (at - self._phase[1]))} steps/s")
        eta = record.get("eta_s")
        if isinstance(eta, int | float) and step < of:
            parts.append(f"{duration(eta)} left")
        shown = [name for name in values if name not in rates][:_SHOWN_VALUES]
        parts += [f"{name} {number(values[name])}" for name in shown]
        return " · ".join(parts)
