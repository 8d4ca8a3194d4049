"""Commands that read images, as they are typed: reconstructions, smaller images, and what has no effect."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.formats.mrc import read_map
from jobs.formats.pickles import read_pickles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import commands

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def folder(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the data of others are; the working folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return shared / "data" / "tomodrgn"


def test_that_backproject_voxel_writes_the_class_map_and_what_belongs_to_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    star = folder / "10076_classE_32_sim.star"
    words = ["backproject_voxel", str(star), "-o", "maps/e.mrc", "--datadir", str(folder), "--gpu-id", "cpu"]
    more = ["--recon-dose-weight", "--recon-tilt-weight", "--lowpass", "60", "--uninvert-data", "--multigpu"]
    assert commands.main([*words, *more, "--show-summary-stats", "-v"]) == 0
    told = capsys.readouterr()
    assert told.out.strip().endswith("maps/e.mrc")
    assert "Protein is taken as dark" in told.err
    assert "--multigpu has no effect: this command works on one device." in told.err
    assert "Tilt of images: 0 to 15°" in told.err
    out = tmp_path / "maps"
    names = {"e.mrc", "e_filt.mrc", "e_half1.mrc", "e_half2.mrc", "e_FSC.pkl", "e_FSC.png"}
    assert names | {"10076_classE_32_sim_tomodrgn_preprocessed.star"} == {p.name for p in out.iterdir()}
    made, truth = (
        read_map(p, permissive=True).data for p in (out / "e_filt.mrc", folder / "10076_classE_32.mrc")
    )
    assert np.corrcoef(made.ravel(), truth.ravel())[0, 1] > 0.7
    with mrcfile.open(out / "e.mrc") as volume:
        assert float(volume.voxel_size.x) == pytest.approx(13.1, abs=1e-3)
    frequency, correlation = read_pickles(out / "e_FSC.pkl")[0]
    assert frequency[-1] == 0.5 and correlation[1] > 0.8


def test_that_downsample_writes_images_that_reconstruct_alike(folder: Path, tmp_path: Path) -> None:
    star = folder / "10076_classE_32_sim.star"
    words = ["downsample", str(star), "-d", "16", "-o", "small.mrcs", "--datadir", str(folder)]
    assert commands.main([*words, "--write-tiltseries-starfile", "--chunk", "300"]) == 0
    made = read_tilt_particles(tmp_path / "small.star", tmp_path)
    assert (made.box, made.n, made.n_images) == (16, 72, 720)
    assert made.pixel_size_a == pytest.approx(26.2)
    assert len(made.stacks) == 3
    again = [
        "backproject_voxel",
        "small.star",
        "-o",
        "small.mrc",
        "--gpu-id",
        "cpu",
        "--use-first-nptcls",
        "40",
    ]
    assert commands.main(again) == 0
    assert read_map(tmp_path / "small.mrc").data.shape == (16, 16, 16)


def test_that_options_without_a_meaning_say_so_and_switches_need_no_answer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    star = folder / "10076_classD_32_sim.star"
    words = ["backproject_voxel", str(star), "-o", "m.mrc", "--datadir", str(folder), "--gpu-id", "cpu"]
    more = [
        "--num-workers",
        "4",
        "--prefetch-factor",
        "2",
        "--persistent-workers",
        "--pin-memory",
        "--no-amp",
    ]
    assert commands.main([*words, "--use-first-nptcls", "8", *more, "--sequential-tilt-sampling"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if " has no effect: " in line]
    assert [line.split()[0] for line in lines] == [
        *("--num-workers", "--prefetch-factor", "--persistent-workers", "--pin-memory", "--no-amp"),
        "--sequential-tilt-sampling",
    ]
    assert all(line.endswith(".") for line in lines)
