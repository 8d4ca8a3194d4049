"""A small job type to fill in, and the rule that no window stays open after a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from jobs.core.declaration import JobOptions, JobType, Kind, Task, option
from widgets import style


class CakeOptions(JobOptions):
    """Options with one of every kind and rule."""

    fn_flour: str = option(
        "",
        label="Input flour STAR file:",
        help="Which flour to take.",
        tab="I/O",
        kind=Kind.INPUT_NODE,
        node_labels=("ParticleGroupMetadata.star.relion",),
        pattern="*.star",
        enabled="new",
        required=True,
    )
    nr_eggs: int = option(
        3,
        label="Number of eggs:",
        help="Eggs.",
        tab="I/O",
        kind=Kind.INTEGER,
        low=1,
        high=12,
        step=1,
        minimum=1,
    )
    sugar: float = option(
        0.2,
        label="Sugar:",
        help="How sweet.",
        tab="I/O",
        kind=Kind.NUMBER,
        low=0,
        high=1,
        step=0.1,
        unit="kg",
        cli=("--sugar-weight",),
    )
    salt: float | None = option(None, label="Salt (optional):", help="Salt.", tab="I/O", kind=Kind.NUMBER)
    shape: str = option(
        "round", label="Shape:", help="Shape.", tab="I/O", kind=Kind.CHOICE, choices=("round", "square")
    )
    gpu_id: str = option("0", label="Which GPU to use:", help="GPU.", tab="I/O", kind=Kind.GPU)
    do_ice: bool = option(
        False, label="Do icing?", help="Icing.", tab="Tasks", kind=Kind.YESNO, enabled="continue"
    )
    ice_colour: str = option(
        "white", label="Colour of icing:", help="Colour.", tab="Tasks", kind=Kind.TEXT, when="do_ice"
    )
    fn_pattern: str = option(
        "", label="Pattern file:", help="Pattern.", tab="Tasks", kind=Kind.FILE, browse_from="patterns"
    )


CAKE = JobType(
    key="cake",
    label="relion.external.cake",
    directory="Cake",
    title="Cake",
    summary="Bakes.",
    options=CakeOptions,
    tasks=(Task("bake", "Baking", None, "x:y"), Task("ice", "Icing", "do_ice", "x:z")),
    module="cake",
)


@pytest.fixture
def cake() -> JobType:
    """A job type that needs no data."""
    return CAKE


@pytest.fixture
def light(qapp: QApplication) -> QApplication:
    """The application in the light theme."""
    style.apply_theme(qapp, "light")
    return qapp


@pytest.fixture(autouse=True)
def no_window_stays_open() -> Iterator[None]:
    """Fail a test that leaves a window on the screen."""
    yield
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.processEvents()
        left = [w.objectName() or type(w).__name__ for w in app.topLevelWidgets() if w.isVisible()]
        assert not left, f"windows stayed open: {left}"
