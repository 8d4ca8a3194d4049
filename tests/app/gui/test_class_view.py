"""Classes of a job are watched, chosen and written as a job that the next one can use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.class_services import JobClasses, class_particles, iterations
from app.gui.class_jobs import has_classes
from app.gui.main_window import MainWindow
from app.gui.news import Followed
from app.project.project import Project
from jobs.core.figures import Figure, Series
from jobs.core.job_star import read_job_star
from jobs.formats.class_files import read_class_set
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

_CLASSES = [2, 1, 2, 3, 0, 2, 1, 2]


def write_classes(folder: Path, job: str, stem: str, **columns: Any) -> None:
    """Write three classes of eight particles as RELION 5 does; particle i is an image of value i."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{job}{stem}"
    write_stack(
        folder / "images.mrcs", np.arange(8.0, dtype=np.float32)[:, None, None] + np.zeros((8, 8)), 3.5
    )
    write_stack(folder / f"{stem}_classes.mrcs", np.random.default_rng(1).normal(size=(3, 8, 8)), 3.5)
    optics = StarTable.from_columns("optics", {"rlnOpticsGroup": [1], "rlnImagePixelSize": [3.5]})
    particles: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@{job}images.mrcs" for i in range(8)],
        "rlnClassNumber": _CLASSES,
        "rlnOpticsGroup": [1] * 8,
    }
    table = StarTable.from_columns("particles", particles)
    write_star_tables(folder / f"{stem}_data.star", [optics, table])
    general = {"rlnReferenceDimensionality": 2, "rlnPixelSize": 3.5}
    classes: dict[str, Any] = {
        "rlnReferenceImage": [f"{k:06d}@{name}_classes.mrcs" for k in (1, 2, 3)],
        "rlnClassDistribution": [0.25, 0.5, 0.125],
        "rlnEstimatedResolution": [9.0, 8.0, 12.0],
        **columns,
    }
    write_star_tables(
        folder / f"{stem}_model.star",
        [
            StarTable.from_columns("model_general", general, is_loop=False),
            StarTable.from_columns("model_classes", classes),
        ],
    )
    names = {"rlnModelStarFile": f"{name}_model.star", "rlnExperimentalDataStarFile": f"{name}_data.star"}
    optimiser = StarTable.from_columns("optimiser_general", names, is_loop=False)
    write_star_tables(folder / f"{stem}_optimiser.star", [optimiser])


@pytest.fixture
def class2d(project: Path) -> str:
    """A finished Class2D job of RELION in the project, with two iterations."""

    def files(folder: Path, name: str) -> None:
        for stem in ("run_it000", "run_it025"):
            write_classes(folder, name, stem)
        (folder / "RELION_JOB_EXIT_SUCCESS").touch()

    outputs = [
        ("run_it025_optimiser.star", "OptimiserData.star.relion.class2d"),
        ("run_it025_data.star", "ParticleGroupMetadata.star.relion.class2d"),
    ]
    return (
        Project.open(project)
        .new_job("Class2D", "relion.class2d", outputs=outputs, status="Succeeded", prepare=files)
        .name
    )


@pytest.fixture
def isac(project: Path) -> str:
    """An ISAC2 job that runs and has made the first generation."""

    def files(folder: Path, name: str) -> None:
        write_classes(folder, f"{name}", "unused")
        write_classes(folder / "generations", f"{name}generations/", "main001_generation001")

    return Project.open(project).new_job("ISAC2", "relion.external.isac2", prepare=files).name


Shown = Callable[[MainWindow, str], None]


@pytest.fixture
def show(qtbot: QtBot) -> Shown:
    def select(window: MainWindow, name: str) -> None:
        qtbot.waitUntil(lambda: name in window.entries, timeout=10_000)
        window.select(name)
        qtbot.waitUntil(
            lambda: window.page.details is not None and window.page.details.entry.name == name, timeout=10_000
        )

    return select


def test_that_a_selection_from_a_class2d_job_is_a_job_with_inputs_and_outputs(
    class2d: str, make_window: Callable[..., MainWindow], project: Path, show: Shown, qtbot: QtBot
) -> None:
    window = make_window(project)
    show(window, "Refine3D/job001/")
    assert not window.actions_by_key["classes"].isEnabled()
    show(window, class2d)
    window.actions_by_key["classes"].trigger()
    (opened,) = window.class_commands.windows
    gallery = opened.gallery
    qtbot.waitUntil(lambda: gallery.classes is not None and not opened.busy, timeout=10_000)
    assert gallery.sets.box.itemText(0) == "Newest: Iteration 25"
    # keys pick classes from the start
    assert opened.focusWidget() is gallery.grid
    # without pixel errors, classes are judged by their resolution
    assert gallery.side.up.currentText() == "Resolution (Å)"
    gallery.side.rules.set_limit("resolution_a", 10)
    assert gallery.selected().tolist() == [0, 1]
    gallery.choice.write.click()
    qtbot.waitUntil(lambda: bool(gallery.bar.messages()), timeout=20_000)
    name = next(entry for entry in window.entries if entry.startswith("Select/"))
    assert gallery.bar.messages() == [f"2 classes with 6 particles were written as {name}"]
    written = read_star_tables(project / name / "particles.star")
    assert written["particles"].ints("rlnClassNumber").tolist() == [2, 1, 2, 2, 1, 2]
    assert read_job_star(project / name).values["fn_model"] == f"{class2d}run_it025_optimiser.star"
    backup = next(iter(read_star_tables(project / name / "backup_selection.star").values()))
    assert backup.ints("rlnSelected").tolist() == [1, 1, 0]
    pipeline = Project.open(project, readonly=True).pipeline
    process = next(p for p in pipeline.processes if p.name == name)
    assert (process.type_label, process.status) == ("relion.select.interactive", "Succeeded")
    assert (f"{class2d}run_it025_optimiser.star", name) in [tuple(edge) for edge in pipeline.input_edges]
    nodes = {node.name: node.label for node in pipeline.nodes}
    assert nodes[f"{name}particles.star"] == "ParticleGroupMetadata.star.relion"
    # the selection has classes itself, which can be chosen from again
    show(window, name)
    assert has_classes(window.page.details)
    opened.close()


def test_that_a_selection_that_can_not_be_written_is_a_failed_job_and_says_why(
    class2d: str, make_window: Callable[..., MainWindow], project: Path, show: Shown, qtbot: QtBot
) -> None:
    window = make_window(project)
    show(window, class2d)
    window.class_commands.classes()
    (opened,) = window.class_commands.windows
    gallery = opened.gallery
    qtbot.waitUntil(lambda: gallery.classes is not None and not opened.busy, timeout=10_000)
    gallery.grid.select_rows(np.array([0]))
    (project / class2d / "run_it025_data.star").unlink()
    gallery.choice.write.click()
    qtbot.waitUntil(lambda: bool(gallery.bar.messages()), timeout=20_000)
    assert "particles of these classes are not known" in gallery.bar.messages()[0]
    name = next(entry for entry in window.entries if entry.startswith("Select/"))
    assert window.entries[name].status == "Failed"
    assert gallery.choice.write.isEnabled()
    opened.close()


def test_that_the_monitor_shows_generations_of_isac2_as_they_come(
    isac: str, make_window: Callable[..., MainWindow], project: Path, show: Shown, qtbot: QtBot
) -> None:
    window = make_window(project)
    show(window, isac)
    window.panes.reveal("monitor")
    strip = window.monitor.classes
    qtbot.waitUntil(strip.isVisible, timeout=10_000)
    gallery = strip.gallery
    assert gallery is not None
    qtbot.waitUntil(lambda: gallery.classes is not None, timeout=10_000)
    assert gallery.sets.box.currentText() == "Newest: Main iteration 1, generation 1"
    folder = project / isac / "generations"
    write_classes(folder, f"{isac}generations/", "main001_generation002")
    gallery.follower.look()
    qtbot.waitUntil(lambda: "generation002" in str(gallery.classes), timeout=15_000)
    # figures of a task have the room for themselves
    task = {"t": 1.0, "run": 2, "task": "evaluate", "phase": "resolution", "step": 1, "of": 1}
    figure = Figure("histogram", "evaluate", "Sizes", "particles", "%", (0.0, 1.0), (Series("n", (100.0,)),))
    window.monitor.add(Followed(isac, False, records=(task,), figures={"sizes": figure}))
    qtbot.waitUntil(lambda: not strip.isVisible())
    show(window, "Refine3D/job001/")
    qtbot.waitUntil(lambda: not strip.isVisible())
    assert strip.gallery is None


def test_that_the_particles_of_a_class_open_in_the_gallery_of_images(
    class2d: str, make_window: Callable[..., MainWindow], project: Path, show: Shown, qtbot: QtBot
) -> None:
    found = read_class_set(project / class2d / "run_it025_optimiser.star", project)
    images = class_particles(found, 1, project)
    assert [int(images.image(row)[0, 0]) for row in range(images.count)] == [0, 2, 5, 7]
    window = make_window(project)
    show(window, class2d)
    window.class_commands.show_particles(JobClasses(project, class2d), found, 1)
    (viewer,) = window.class_commands.viewers
    qtbot.waitUntil(lambda: viewer.content is not None, timeout=10_000)
    assert viewer.windowTitle() == f"Particles of class 2 of {class2d.rstrip('/')}"
    assert viewer.content.source.count == 4  # type: ignore[union-attr]
    viewer.close()
    assert not window.class_commands.viewers


def test_that_a_double_click_on_the_optimiser_file_opens_the_classes(
    class2d: str, make_window: Callable[..., MainWindow], project: Path, show: Shown, qtbot: QtBot
) -> None:
    window = make_window(project)
    show(window, class2d)
    window.open_file(Path(f"{class2d}run_it000_optimiser.star"))
    (opened,) = window.class_commands.windows
    qtbot.waitUntil(lambda: "run_it000" in str(opened.gallery.classes), timeout=10_000)
    window.project_commands.close_project()
    qtbot.waitUntil(lambda: not window.class_commands.windows, timeout=10_000)


def test_that_iterations_of_continued_jobs_stand_in_their_order(tmp_path: Path) -> None:
    for name in ("run_it000", "run_it005", "run_ct5_it010", "run_it010"):
        (tmp_path / f"{name}_model.star").touch()
    titles = [title for title, _path in iterations(tmp_path)]
    assert titles == ["Iteration 0", "Iteration 5", "Iteration 10", "Iteration 10"]
