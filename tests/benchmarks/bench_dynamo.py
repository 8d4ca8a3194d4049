"""How long a large project takes: 10,000 particles of 50 tomograms of 1000³ voxels, in sparse files."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest

from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.setup import set_up
from tests.support.imod_files import model_bytes, write_tilt_angles

SIDE, TOMOGRAMS, EACH, BOX = 1000, 50, 200, 32


class _Silent:
    def say(self, text: str) -> None:
        print(text)

    def check_abort(self) -> None:
        pass

    def progress(self, phase: str, step: int, of: int) -> None:
        pass


def _sparse(path: Path) -> None:
    """An MRC file of zeros that takes no room."""
    header = np.zeros(256, "<i4")
    header[:4] = (SIDE, SIDE, SIDE, 2)
    header[7:10] = SIDE
    header[10:13] = np.full(3, SIDE * 10.0, "<f4").view("<i4")
    header[13:16] = np.full(3, 90.0, "<f4").view("<i4")
    header[16:19] = (1, 2, 3)
    raw = bytearray(header.tobytes())
    raw[208:216] = b"MAP " + bytes((0x44, 0x44, 0, 0))
    with path.open("wb") as file:
        file.write(raw)
        file.truncate(1024 + 4 * SIDE**3)


@pytest.mark.parametrize("crop_with", ["dynamo", "here"])
def test_that_a_large_project_is_set_up_in_two_minutes(tmp_path: Path, crop_with: str) -> None:
    rng = np.random.default_rng(1)
    for k in range(TOMOGRAMS):
        folder = tmp_path / "imod" / f"TS_{k + 1}"
        folder.mkdir(parents=True)
        _sparse(folder / "a.rec")
        write_tilt_angles(folder / "a.tlt", np.arange(-60, 61, 3))
        angles = rng.uniform(-90, 90, (EACH, 3))
        centers = rng.uniform(BOX, SIDE - BOX, (EACH, 3))
        model = model_bytes(
            [centers[:1]], slicer=angles, centers=centers, size=(SIDE, SIDE, SIDE), pixel_a=10.0
        )
        (folder / "a.mod").write_bytes(model)
    options = DynamoOptions(
        imod_dir="imod", box_size=BOX, dim_r1=BOX, low_r1=12.0, crop_with=crop_with, nr_threads=2
    )
    began = time.monotonic()
    made = set_up(options, tmp_path, tmp_path / "job", _Silent())
    took = time.monotonic() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{crop_with}: {made.written} particles in {took:.1f} s, at most {memory:.0f} MB")
    assert made.written == TOMOGRAMS * EACH
    assert took < 120
    assert memory < 4000
