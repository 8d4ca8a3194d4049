"""Every choice that is a bare name has a few words beside it."""

from __future__ import annotations

from pathlib import Path

from jobs.core.declaration import CheckContext, spec
from jobs.simulate.captions import captions
from jobs.simulate.params import SimulateOptions


def test_that_every_recipe_and_motion_is_told_in_words(tmp_path: Path) -> None:
    for name in ("recipe", "motion"):
        for value in spec(SimulateOptions, name).choices:
            said = captions(SimulateOptions(**{name: value}), CheckContext(tmp_path))
            assert 0 < len(said[name]) <= 24
