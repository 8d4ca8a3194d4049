"""Particles of tilt series of other programs: their stacks come along, and TomoDRGN can use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import FormatError
from jobs.formats.star import read_star_tables
from tests.support.shared import shared_dir

STAR = "data/tomodrgn/warptools_test_4-tomos_10-ptcls_box-32_angpix-12.star"
Import = Callable[..., Any]


def test_that_tilt_series_of_warp_keep_their_columns_and_bring_their_stacks(
    project: Path, run_import: Import
) -> None:
    source = shared_dir() / STAR
    done = run_import(source)
    assert done.nodes == {source.name: "ParticleGroupMetadata.star.relion.tomo.import"}
    assert "40 particles, 4 tomograms, 40 stacks" in done.log
    before, after = read_star_tables(source), read_star_tables(done.folder / source.name)
    assert after.keys() == before.keys()
    assert after["particles"].columns == before["particles"].columns
    frames = "rlnTomoVisibleFrames"
    assert list(after["particles"].text(frames)) == list(before["particles"].text(frames))
    assert all((project / name).is_symlink() for name in after["particles"].text("rlnImageName"))


def test_that_their_pixel_size_can_not_be_replaced_alone(run_import: Import) -> None:
    with pytest.raises(FormatError, match="cannot be replaced"):
        run_import(shared_dir() / STAR, angpix_override=2.0)
