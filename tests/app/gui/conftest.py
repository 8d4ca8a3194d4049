"""A real window on a real project, with a job type that learns nothing, quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from app.gui import housekeeping_commands, job_commands, main_window, start_commands
from app.gui.dialogs import troubles
from app.gui.main_window import MainWindow
from app.project.project import Project
from app.settings import Settings
from jobs import registry
from widgets import style

FAKES = Path(__file__).resolve().parent / "fakes"
SUPPORT = Path(__file__).resolve().parents[2] / "support"
BOX, PIXEL_A = 64, 2.0
# Once and for good: a path that is put back while napari is loading in a thread makes that skip an entry.
sys.path.append(str(FAKES))


@pytest.fixture(autouse=True)
def fast_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a worker that needs one second in the place of DynaMight's, here and in the processes we start."""
    places = [str(FAKES), str(SUPPORT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(places))
    from fake_motion.params import JOB_TYPE  # type: ignore[import-not-found]

    # its results are blobs with a known answer
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", replace(JOB_TYPE, explorer="served:source"))
    # a form less makes a window sooner; the forms of all types have tests of their own
    monkeypatch.delitem(registry.JOB_TYPES, "simulate")
    assert sys.modules["fake_motion"].__file__ is not None


@pytest.fixture
def private_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Preferences of nobody."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    # looked at more often, so that waits are short; jobs wait for each other where a test asks for it
    return Settings(theme="light", refresh_s=0.1, queue_per_gpu=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the particles and the map of a refinement."""
    path = tmp_path / "tutorial"
    path.mkdir()
    opened = Project.create(path)
    make_refinement(opened)
    return path


def make_refinement(project: Project) -> str:
    """Enter a finished refinement of another program, with its files."""

    def files(job_dir: Path, name: str) -> None:
        data = np.zeros((6, BOX, BOX), np.float32)
        with mrcfile.new(job_dir / "particles.mrcs") as file:
            file.set_data(data)
            file.set_image_stack()
            file.voxel_size = PIXEL_A
        with mrcfile.new(job_dir / "run_class001.mrc") as file:
            grid = np.mgrid[:BOX, :BOX, :BOX] - BOX / 2
            file.set_data(np.exp(-(grid**2).sum(0) / 80).astype(np.float32))
            file.voxel_size = PIXEL_A
        (job_dir / "run_data.star").write_text(particle_star(name))
        (job_dir / "job.star").write_text(JOB_STAR)
        (job_dir / "run.out").write_text("Auto-refine: Refinement has converged\n")
        (job_dir / "note.txt").write_text("A refinement made elsewhere.\n")
        (job_dir / "RELION_JOB_EXIT_SUCCESS").touch()

    process = project.new_job(
        "Refine3D",
        "relion.refine3d",
        outputs=[
            ("run_data.star", "ParticleGroupMetadata.star.relion.refine3d"),
            ("run_class001.mrc", "DensityMap.mrc.relion.refine3d"),
        ],
        status="Succeeded",
        prepare=files,
    )
    return process.name


def particle_star(job: str) -> str:
    """Return a RELION 5 particle file of six images."""
    columns = (
        "rlnImageName",
        "rlnOpticsGroup",
        "rlnAngleRot",
        "rlnAngleTilt",
        "rlnAnglePsi",
        "rlnOriginXAngst",
        "rlnOriginYAngst",
        "rlnDefocusU",
        "rlnDefocusV",
        "rlnDefocusAngle",
        "rlnRandomSubset",
    )
    rows = "\n".join(
        f"{k:06d}@{job}particles.mrcs 1 {10 * k} {20 * k} 0 0 0 10000 10000 0 {1 + k % 2}"
        for k in range(1, 7)
    )
    labels = "\n".join(f"_{name} #{k}" for k, name in enumerate(columns, 1))
    return f"""
# version 50001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
1 opticsGroup1 300 2.7 0.1 {PIXEL_A} {BOX} 2


# version 50001

data_particles

loop_
{labels}
{rows}
"""


JOB_STAR = """
# version 50001

data_job

_rlnJobTypeLabel relion.refine3d
_rlnJobIsContinue 0
_rlnJobIsTomo 0


# version 50001

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
fn_img Extract/job012/particles.star
sym_name D2
do_zero_mask Yes

"""


@pytest.fixture
def make_window(
    qtbot: object, qapp: QApplication, private_settings: Settings
) -> Iterator[Callable[..., MainWindow]]:
    """Open windows, and close what is left of them."""
    style.apply_theme(qapp, "light")
    windows: list[MainWindow] = []

    def make(path: Path | None = None) -> MainWindow:
        window = main_window.MainWindow(private_settings)
        windows.append(window)
        window.show()
        if path is not None:
            window.project_commands.open(path)
            qtbot.waitUntil(  # type: ignore[attr-defined]
                lambda: window.project_path == path and bool(window.entries), timeout=5000
            )
        return window

    yield make
    for window in windows:
        if isValid(window):
            window.close()
            assert not any(lane.isRunning() for lane in window.bridge.lanes.values())
    windows.clear()
    qapp.processEvents()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [widget for widget in qapp.topLevelWidgets() if isinstance(widget, MainWindow)]
    assert not left, "a closed window was not destroyed"


@pytest.fixture
def window(make_window: Callable[..., MainWindow], project: Path) -> MainWindow:
    """A window on the project."""
    return make_window(project)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Answer the questions of the window without showing them, and keep what was asked."""

    def answer(*answers: str) -> list[dict[str, Any]]:
        waiting = list(answers)
        questions: list[dict[str, Any]] = []

        def ask(_parent: object, title: str, text: str, choices: Any, **more: Any) -> str:
            questions.append({"title": title, "text": text, "answers": {c.key for c in choices}, **more})
            return waiting.pop(0) if waiting else ""

        for module in (housekeeping_commands, job_commands, start_commands, troubles):
            monkeypatch.setattr(module, "ask", ask)
        return questions

    return answer
