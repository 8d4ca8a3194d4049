"""The tutorial's first section with the real training, on a small simulated project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.gui.main_window import MainWindow
from jobs import registry
from jobs.dynamight.params import JOB_TYPE as DYNAMIGHT
from jobs.simulate.params import JOB_TYPE as SIMULATE
from tests.app.gui.acting import start, type_into


@pytest.mark.slow
@pytest.mark.acceptance
def test_that_a_simulated_motion_is_learnt_while_one_watches(
    qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", DYNAMIGHT)
    monkeypatch.setitem(registry.JOB_TYPES, "simulate", SIMULATE)
    window = make_window()
    window.project_commands.create(tmp_path / "simulated")
    qtbot.waitUntil(lambda: window.project_path is not None, timeout=5000)

    def finished(name: str) -> bool:
        return name in window.entries and window.entries[name].status == "Succeeded"

    window.show_new("simulate", {"recipe": "R1", "nr_images": "200", "nr_threads": "1"})
    simulated = start(qtbot, window)
    qtbot.waitUntil(lambda: finished(simulated), timeout=120_000)

    window.show_new("dynamight")
    type_into(qtbot, window, "fn_star", f"{simulated}particles.star")
    type_into(qtbot, window, "fn_map", f"{simulated}consensus.mrc")
    type_into(qtbot, window, "nr_gaussians", "150")
    type_into(qtbot, window, "gpu_id", " ")
    type_into(qtbot, window, "max_minutes", "0.1")
    name = start(qtbot, window)
    qtbot.waitUntil(lambda: finished(name), timeout=240_000)
    qtbot.waitUntil(lambda: "Motion (rms)" in window.monitor.tiles.texts(), timeout=5000)
    assert window.monitor.curves.data.names()
    assert (tmp_path / "simulated" / name / "forward_deformations" / "particles.star").is_file()
