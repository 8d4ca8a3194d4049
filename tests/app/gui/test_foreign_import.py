"""RELION's own Import jobs are shown and left alone; its DynaMight jobs are continued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.gui.main_window import MainWindow
from jobs import registry
from tests.support.foreign import append_job

JOB_STAR = """
# version 50001

data_job

_rlnJobTypeLabel {label}
_rlnJobIsContinue 0
_rlnJobIsTomo 0


# version 50001

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
{values}

"""
THEIRS = 'do_other Yes\ndo_raw No\nfn_in_other mask.mrc\nnode_type "3D mask (.mrc)"'


@pytest.fixture
def made_by_relion(project: Path) -> dict[str, str]:
    """An Import job and a DynaMight job that RELION made and ended, in the project."""
    names = {}
    for directory, label, values in (
        ("Import", "relion.import.other", THEIRS),
        ("DynaMight", "dynamight", "nr_gaussians 5000"),
    ):
        name = append_job(project, directory, label, "Succeeded")
        (project / name / "job.star").write_text(JOB_STAR.format(label=label, values=values))
        (project / name / "RELION_JOB_EXIT_SUCCESS").touch()
        names[directory] = name
    return names


def choose(qtbot: Any, window: MainWindow, name: str) -> None:
    window.select(name)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == name, timeout=15000
    )


def test_that_an_import_of_relion_is_shown_with_its_options_and_offers_no_continuation(
    qtbot: Any, make_window: Callable[..., MainWindow], project: Path, made_by_relion: dict[str, str]
) -> None:
    window = make_window(project)
    choose(qtbot, window, made_by_relion["Import"])
    details = window.page.details
    assert details is not None
    assert details.entry.title == "Import"
    assert not details.entry.ours
    assert details.values["node_type"] == "3D mask (.mrc)"
    assert not window.page.run_button.isVisible()
    run = window.actions_by_key["run"]
    assert not run.isEnabled()
    choose(qtbot, window, made_by_relion["DynaMight"])
    assert window.page.run_button.isVisible()
    assert window.page.run_button.text() == "Continue!"


def test_that_an_import_of_relion_is_not_continued_from_the_command_line(
    project: Path, made_by_relion: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = made_by_relion["Import"]
    before = sorted((project / name).iterdir())
    assert main(["continue", name, "--project", str(project)]) == 2
    assert "shows but does not run" in capsys.readouterr().err
    assert sorted((project / name).iterdir()) == before


def test_that_a_record_of_ours_makes_an_import_ours(tmp_path: Path) -> None:
    folder = tmp_path / "Import" / "job001"
    folder.mkdir(parents=True)
    assert registry.of_job("relion.import.other", folder) is None
    (folder / "options.001.json").write_text("{}")
    assert registry.of_job("relion.import.other", folder) is registry.JOB_TYPES["import"]


def test_that_every_type_with_a_label_of_relion_asks_for_the_record() -> None:
    for declared in registry.JOB_TYPES.values():
        relions = declared.label.startswith("relion.") and not declared.label.startswith("relion.external.")
        assert declared.shares_label == relions, declared.key
