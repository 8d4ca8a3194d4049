"""The form of a tomoDRGN job: its tabs, and what it says while it is filled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QTabWidget
from pytestqt.qtbot import QtBot

from jobs.core.declaration import CheckContext
from jobs.registry import job_type
from widgets.form import JobForm


@pytest.fixture
def form(qtbot: QtBot, tmp_path: Path) -> JobForm:
    declared = job_type("tomodrgn")
    made = JobForm(
        declared, project_dir=tmp_path, validator=lambda o: declared.problems(o, CheckContext(tmp_path))
    )
    qtbot.addWidget(made)
    made.resize(1280, 800)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_that_the_form_has_the_tabs_of_the_method(form: JobForm) -> None:
    tabs = form.findChild(QTabWidget)
    assert tabs is not None
    assert [tabs.tabText(k) for k in range(tabs.count())] == ["I/O", "Model", "Training", "Tasks", "Running"]


def test_that_particles_without_a_latent_dimension_are_asked_about(
    qtbot: QtBot, form: JobForm, shared: Path
) -> None:
    form.set_values({"fn_star": str(shared / "data/tomodrgn/10076_both_32_sim.star")})
    qtbot.waitUntil(lambda: any(p.field == "zdim" for p in form.problems()), timeout=5000)
    form.set_values({"fn_star": str(shared / "data/tomodrgn/10076_both_32_sim.star"), "zdim": "8"})
    qtbot.waitUntil(lambda: not any(p.field == "zdim" for p in form.problems()), timeout=5000)
