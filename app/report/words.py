"""A job in sentences: what was done, and how far what it found can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.provenance.inputs import CHANGED, MISSING, UNCHANGED
from app.provenance.story import Run
from app.report.contents import JobContents, TaskPart
from jobs.core.figures import Fact
from widgets.curve_data import CurveData, Name, parse_name
from widgets.durations import duration

ENDED = {
    "Succeeded": "It succeeded.",
    "Failed": "It failed.",
    "Aborted": "It was aborted.",
    "Running": "It is still running; this is how it stood when the report was written.",
    "Scheduled": "It has not been started yet.",
}


def date(when: datetime | None) -> str:
    """Return a moment in full."""
    return f"{when.day} {when:%B %Y, %H:%M}" if when is not None else ""


def where(run: Run) -> str:
    """Return computer and device of a run, as far as they are known."""
    device = "CPU" if run.device == "cpu" else run.device.replace("cuda:", "GPU ").replace("cuda", "GPU")
    return ", ".join(part for part in (run.host, device) if part)


def plain(name: Name) -> str:
    """Return a metric's quantity in words."""
    return name.quantity.replace("_", " ").replace("held out", "held-out")


def number(value: float) -> str:
    """Return a measured number with three digits that count."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−") if "e" not in text else text


def joined(parts: Sequence[str]) -> str:
    """Return words as a list one reads: ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else list(parts))


def summary(job: JobContents) -> str:
    """Return what was done in a few sentences."""
    story = job.story
    alias = f" (“{job.process.short_alias}”)" if job.process.short_alias else ""
    sentences = [f"{job.title}, job {job.name}{alias}."]
    if story.runs:
        first, latest = story.runs[0], story.runs[-1]
        steps = [run.title[:1].lower() + run.title[1:] for run in story.runs if run.title]
        took = duration(story.seconds)
        place = f" on {where(latest)}" if where(latest) else ""
        if job.ours:
            many = f"in {len(story.runs)} runs" if len(story.runs) > 1 else "in one run"
            began = f", begun on {date(first.started)}" if first.started is not None else ""
            took = f", {took} of computing{place}" if took else place
            sentences.append(f"Done {many}{began}{took}: {joined(list(dict.fromkeys(steps)))}.")
        elif first.started is not None:
            ended = f" and, with pauses, done after {took}" if took else ""
            sentences.append(f"Started on {date(first.started)}{ended}.")
    if story.data:
        sentences.append(
            "Data: " + ", ".join(f"{f.title[:1].lower() + f.title[1:]} {f.value}" for f in story.data) + "."
        )
    sentences.append(ENDED.get(job.process.status, f"Its status is {job.process.status or 'unknown'}."))
    return " ".join(sentences)


@dataclass(frozen=True)
class HalfPair:
    """A quantity at the end of a task, as each half-set has it."""

    task: str
    name: Name
    first: float
    second: float

    @property
    def apart(self) -> str:
        """Their difference in percent of their mean."""
        mean = (abs(self.first) + abs(self.second)) / 2
        return f"{100 * abs(self.first - self.second) / mean:.0f} %" if mean > 0 else "0 %"


def last_values(task: TaskPart) -> dict[str, float]:
    """Return the newest number of every metric of a task."""
    data = CurveData()
    data.add(task.records)
    return {name.key: data.last(name.key) for name in data.names()}


def half_pairs(tasks: Iterable[TaskPart]) -> list[HalfPair]:
    """Return the measured quantities (those with a unit) that both half-sets tell at the end."""
    found = []
    for task in tasks:
        values = last_values(task)
        for key, value in values.items():
            name = parse_name(key)
            other = values.get(key.removesuffix("_half1") + "_half2", math.nan)
            if name.half == 1 and name.unit and math.isfinite(value) and math.isfinite(other):
                found.append(HalfPair(task.title, name, value, other))
    return found


def key_figures(job: JobContents) -> list[tuple[str, tuple[Fact, ...]]]:
    """Return the numbers worth knowing, task by task: those the job names, else what it measured last."""
    found = []
    for task in job.tasks:
        facts = task.facts
        if not facts:
            values = {k: v for k, v in last_values(task).items() if math.isfinite(v)}
            measured = [parse_name(key) for key in values]
            # without a unit it is a means, not a finding; a speed is not one either
            chosen = [n for n in measured if n.unit and n.unit not in ("px", "per s") and n.half != 2]
            facts = tuple(_fact(name, values) for name in chosen[:8])
        if facts:
            found.append((task.title or "Results", facts))
    return found


def _fact(name: Name, values: dict[str, float]) -> Fact:
    words = plain(name)
    value = f"{number(values[name.key])} {name.unit}"
    if name.half == 1:
        other = values.get(name.key.removesuffix("1") + "2", math.nan)
        if math.isfinite(other):
            return Fact(words[:1].upper() + words[1:], value, f"half 2: {number(other)} {name.unit}")
    return Fact(words[:1].upper() + words[1:], value)


def trust(job: JobContents) -> list[str]:
    """Return what speaks for and against the results, in sentences; also what was not measured."""
    if job.process.status == "Scheduled" or not job.story.runs:
        return []
    lines = []
    if job.process.status != "Succeeded":
        lines.append("The job has not succeeded: what is shown is unfinished.")
    if job.ours and any(last_values(task) for task in job.tasks):
        lines += [_of_halves(job), *_of_held_out(job), _of_errors(job)]
    lines += _of_inputs(job)
    told = [(n, v) for run in job.story.runs for n, v in run.versions.items()]
    if len(set(told)) > len(dict(told)):
        lines.append("The runs were made with different versions of the software (see Versions).")
    return lines


def _of_halves(job: JobContents) -> str:
    pairs = half_pairs(job.tasks)
    if not pairs:
        return "No quantity was measured in both half-sets, so their agreement is not known."
    return "Two half-sets were treated apart; the table below says how well they agree."


def _of_held_out(job: JobContents) -> list[str]:
    found = [
        f"{plain(parse_name(key))} {number(value)} {parse_name(key).unit}".rstrip()
        for task in job.tasks
        for key, value in last_values(task).items()
        if "held_out" in key and math.isfinite(value)
    ]
    if not found:
        return ["No held-out validation was recorded."]
    return [
        f"Held out from learning: {'; '.join(found)}. A gain above zero means that particles which were not "
        "learnt from are explained better too."
    ]


def _of_errors(job: JobContents) -> str:
    facts = [f for task in job.tasks for f in task.facts if "error" in f"{f.title} {f.detail}".lower()]
    known = [f"{f.title} {f.value}" for f in facts]
    for task in job.tasks:
        for figure in task.figures:
            if "error" in figure.title.lower():
                known.append(f"{figure.title}: {', '.join(series.name for series in figure.series)}")
    files = [
        output.path for output in job.outputs if output.size and "error" in f"{output.path} {output.what}"
    ]
    said = [
        line for lines in job.closing.values() for line in lines if "error" in line.lower() or "±" in line
    ]
    if not (known or files or said):
        return "No error estimates were found in what the job wrote."
    told = [f"Errors: {'; '.join(dict.fromkeys(known))}."] if known else []
    told += [f"Error estimates are in {joined(files)}."] if files else []
    return " ".join([*told, *(line if line.endswith(".") else f"{line}." for line in said)])


def _of_inputs(job: JobContents) -> list[str]:
    latest = job.story.runs[-1]
    bad = [f"{f.path} ({f.detail})" for f in latest.inputs if f.state in (CHANGED, MISSING)]
    if bad:
        return [f"Inputs are not what they were when the job ran: {'; '.join(bad)}."]
    if latest.inputs and all(f.state == UNCHANGED for f in latest.inputs):
        count = len(latest.inputs)
        files = "The input file is" if count == 1 else f"All {count} input files are"
        return [f"{files} unchanged since the run."]
    return []
