"""How sure the motion of a particle is, told where the particle is described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from tests.support.exploring import BlobServices
from tests.widgets.explorer.conftest import Open


def test_that_the_error_of_a_clicked_particle_is_told_also_when_those_of_all_would_take_long(
    qtbot: QtBot, services: BlobServices, open_explorer: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = BlobModel(400)
    model.error = None  # type: ignore[assignment]

    def without(_half: int, _snapshot: Path | None = None) -> BlobModel:
        return model

    monkeypatch.setattr(services.source, "open", without)
    explorer: Any = open_explorer(services)
    moved = model.displace(model.embedding[3], model.cloud().points_a) - model.cloud().points_a
    expected = np.sqrt(np.square(0.5 + 0.2 * np.linalg.norm(moved, axis=1)).mean())
    assert "±" not in explorer.describe(3)
    explorer.states.pick_particle(3)
    qtbot.waitUntil(lambda: f"± {expected:.2g} Å" in explorer.particle.facts.text(), timeout=10_000)
    assert f"± {expected:.2f} Å" in explorer.describe(3)
