"""What a job found, above its form: two lines whatever it found, and all of it as a tip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.gui.convert import io_entries
from app.gui.news import JobDetails, JobEntry, NodeLine, RunLine
from app.gui.result_bar import ResultBar
from jobs import registry
from jobs.core.figures import Fact
from jobs.dynamight.params import JOB_TYPE as DYNAMIGHT
from widgets.inputs_outputs import InputsOutputs

NAME = "DynaMight/job002/"
INVERSE = (Fact("Round trip", "0.006 Å", "half 1: 0.008 & half 2: 0.004"),) * 6
MAPS = (
    Fact("Resolution", "8.39 Å", "FSC 0.143, ordinary 8.51 Å"),
    Fact("Moving part", "8.49 Å", "FSC 0.143"),
)


@pytest.fixture(autouse=True)
def real_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", DYNAMIGHT)


def details(status: str = "Succeeded", **changes: Any) -> JobDetails:
    labels = {task.name: task.label for task in DYNAMIGHT.tasks}
    given = {
        "runs": tuple(RunLine(k, task, "") for k, task in enumerate(("train", "inverse", "reconstruct"), 1)),
        "findings": ((labels["inverse"], INVERSE), (labels["reconstruct"], MAPS)),
        "next_step": "PostProcess takes the half-maps. " * 20,
        **changes,
    }
    return JobDetails(JobEntry(NAME, "", "dynamight", "", True, status), Path(NAME), "dynamight", {}, **given)


def test_that_the_newest_task_takes_a_line_the_next_step_two_and_the_tip_tells_all(qtbot: Any) -> None:
    bar = ResultBar()
    qtbot.addWidget(bar)
    bar.resize(400, 40)
    bar.show_details(details())
    line = bar.fontMetrics().height()
    assert bar.minimumSizeHint().height() <= 3 * line + 20
    assert bar.minimumSizeHint().width() < 200, "long texts never push the pane"
    assert (bar.found.lead, bar.found.text) == (
        "Deformed backprojection:",
        "Resolution 8.39 Å; Moving part 8.49 Å",
    )
    assert bar.next.text.startswith("PostProcess")
    first, second = bar.next.lines()
    assert first.startswith("PostProcess takes")
    assert second.endswith((" takes …", " the …", " half-maps. …", " PostProcess …")), "no word is cut in two"
    for words in ("Round trip 0.006 Å", "half 1: 0.008 &amp; half 2", "ordinary 8.51 Å", "Next: PostProcess"):
        assert words in bar.toolTip()

    again = RunLine(4, "inverse", "")
    bar.show_details(details(runs=(*details().runs, again)))
    assert bar.found.lead == "Estimate inverse deformations:"


def test_that_a_next_step_is_read_in_full_where_it_fits(qtbot: Any) -> None:
    bar = ResultBar()
    qtbot.addWidget(bar)
    step = "Explore shows the motions. On the Tasks tab, set inverse deformations to Yes and continue."
    bar.show_details(details(findings=(), next_step=step))
    bar.resize(560, 60)
    bar.show()
    assert len(bar.next.lines()) == 2
    assert " ".join(bar.next.lines()) == step
    bar.resize(1200, 60)
    qtbot.waitUntil(lambda: bar.next.lines() == [step], timeout=2000)


@pytest.mark.parametrize("status", ["Running", "Failed", "Aborted", "Scheduled"])
def test_that_nothing_is_claimed_before_a_job_has_succeeded(qtbot: Any, status: str) -> None:
    bar = ResultBar()
    qtbot.addWidget(bar)
    bar.show_details(details(status))
    assert bar.isHidden() and bar.lines == []


@pytest.mark.parametrize(("status", "word"), [("Running", "being made"), ("Succeeded", "missing")])
def test_that_a_file_which_a_running_job_will_write_is_not_called_missing(
    qtbot: Any, status: str, word: str
) -> None:
    half_map = NodeLine(f"{NAME}backprojection/map_half1.mrc", "DensityMap.mrc.relion.halfmap", (), False)
    stack = NodeLine("Extract/job001/particles.star", "ParticleGroupMetadata.star.relion", (), False)
    panel = InputsOutputs()
    qtbot.addWidget(panel)
    panel.set_io(*io_entries(details(status, inputs=(stack,), outputs=(half_map,)), {}))
    for tree, wanted in ((panel.outputs.tree, word), (panel.inputs.tree, "missing")):
        top = tree.topLevelItem(0)
        assert top is not None
        item = top.child(0)
        assert item is not None and item.text(1) == wanted
