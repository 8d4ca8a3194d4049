"""What the distribution holds."""

from __future__ import annotations

from tests.support.shared import shared_dir


def test_that_the_shared_data_are_found() -> None:
    assert (shared_dir() / "data" / "star").is_dir()
