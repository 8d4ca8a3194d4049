"""What the monitor says and names: numbers on its tiles, maps, values of particles, and why it is empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from app.gui.news import JobDetails
from app.gui.task_views import TaskView
from widgets.curve_data import CurveData, parse_name
from widgets.durations import duration
from widgets.metric_tiles import TileText, summary_tiles

#: What the values beside the latent space are, where their name in the job's folder does not say it.
_VALUE_NAMES = {"latent_colour": "rms displacement (Å)"}


def nothing_yet(details: JobDetails | None) -> tuple[str, str]:
    """Return a heading and a sentence for a job that has told nothing."""
    if details is None:
        return ("Nothing to watch yet", "Press Run!, or choose a job in the lists.")
    if details.type_key is None:
        return ("No curves of this job", "Jobs of other programs write logs only.")
    if details.entry.queued:
        return ("The job has not begun", f"{details.entry.where}.")
    if details.entry.status == "Running":
        return ("The job has started", "The first values appear in a moment.")
    if details.entry.status == "Scheduled":
        return ("The job is waiting", "It is scheduled, and has not begun.")
    return ("This job left no values", "Its log tells what happened.")


def tile_texts(view: TaskView, curves: CurveData, *, running: bool) -> list[TileText]:
    """Return the numbers of a task: how far it is and how long that takes, and the facts of its figures."""
    texts = summary_tiles(view.records)
    if not running and texts:
        # of a job that is over, the time it took is worth knowing, not the time left
        run = view.records[-1].get("run")
        times = [float(r["t"]) for r in view.records if r.get("run") == run]
        took = TileText("Took", duration(times[-1] - times[0]) or "—", f"run {run}")
        texts = [took if text.title == "Time left" else text for text in texts]
        last, done = curves.last_step, view.records[-1]
        if last and done.get("step") == done.get("of"):
            whole = TileText(f"{curves.step_name}s", f"{last:,.0f}", "all is done", 1.0)
            texts[0] = whole if curves.step_name == "Epoch" else texts[0]
    facts = [TileText(f.title, f.value, f.detail) for figure in view.plots for f in figure.facts]
    return [*_with_speed_in_words(texts), *facts] if facts else texts


def _with_speed_in_words(texts: list[TileText]) -> list[TileText]:
    """Say the speed below the time: what was found needs the room of a tile more."""
    speed = next((text for text in texts if text.title == "Speed"), None)
    kept = [text for text in texts if text is not speed]
    if speed is None:
        return kept
    return [
        replace(text, detail=f"{speed.value.removesuffix(' /s')} particles/s")
        if text.title in ("Time left", "Took")
        else text
        for text in kept
    ]


def maps_of(view: TaskView, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the maps of a task by what they are; of one without figures the array ``volume``."""
    figure = view.maps
    found: dict[str, np.ndarray] = {}
    if figure is None:
        volume = arrays.get("volume")
        return {"volume": volume} if volume is not None and volume.ndim == 3 else {}
    for series, name in zip(figure.series, figure.arrays, strict=True):
        if (array := arrays.get(name)) is not None and array.ndim == 3:
            found[series.name] = array
    return found


def latent_values(arrays: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return the values of particles beside their latent coordinates, by their names for people."""
    return {
        _VALUE_NAMES.get(name) or parse_name(name.removeprefix("latent_")).title: array
        for name, array in arrays.items()
        if name.startswith("latent_") and array.shape == (count,)
    }
