"""An explorer on a model with a known answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jobs.core.exploring import EmbeddingRequest, ViewRequest
from tests.support.explored import BlobModel
from tests.support.exploring import BlobServices, write_particles
from widgets import style
from widgets.explorer import compiled
from widgets.explorer.canvas import LatentCanvas


@pytest.fixture
def services(tmp_path: Path) -> BlobServices:
    """A result of four hundred particles, with its particle file."""
    found = BlobServices(tmp_path)
    write_particles(found.particles, BlobModel(400))
    return found


Open = Callable[..., "object"]


@pytest.fixture
def open_explorer(qtbot: QtBot, qapp: QApplication) -> Iterator[Callable[..., object]]:
    """Open explorers that are closed after the test, and wait until the first state is seen."""
    from widgets.explorer.explorer import Explorer

    style.apply_theme(qapp, "light")
    made: list[Explorer] = []

    def make(services: BlobServices, *, method: str = "axes", half: int = 1, wait: bool = True) -> Explorer:
        folder = services.folder
        request = ViewRequest(folder, folder, half, embedding=EmbeddingRequest(method))  # type: ignore[arg-type]
        explorer = Explorer(services, request)
        qtbot.addWidget(explorer)
        made.append(explorer)
        explorer.resize(1280, 760)
        if wait:
            with qtbot.waitSignal(explorer.ready, timeout=30_000):
                explorer.show()
            qtbot.waitUntil(lambda: not explorer.showing.busy, timeout=10_000)
        return explorer

    yield make
    for explorer in made:
        explorer.close_down()
        explorer.hide()


@pytest.fixture
def cloud(rng: np.random.Generator) -> NDArray[np.float32]:
    """Two thousand particles in two groups."""
    return np.vstack([rng.normal((-2, 0), 0.5, (1000, 2)), rng.normal((2, 1), 0.5, (1000, 2))]).astype(
        np.float32
    )


@pytest.fixture
def canvas(light: QApplication, qtbot: QtBot, cloud: NDArray[np.float32]) -> Iterator[LatentCanvas]:
    """A canvas on the screen, with its compiled functions."""
    assert compiled.LOADER.wait(120)
    widget = LatentCanvas()
    qtbot.addWidget(widget)
    widget.resize(520, 460)
    widget.set_coordinates(cloud, ("PC1", "PC2"))
    widget.show()
    qtbot.waitExposed(widget)
    light.processEvents()
    yield widget
    widget.close()
