"""Videos that are written, read back by imageio."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest

from jobs.core.errors import AbortRequested, UserError
from jobs.explore.video import write_png, write_video

COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (250, 250, 250)]


def pictures(height: int = 64, width: int = 96) -> list[np.ndarray]:
    return [np.full((height, width, 3), colour, np.uint8) for colour in COLOURS]


def decoded(path: Path) -> tuple[np.ndarray, str]:
    """Frames of a video as ffmpeg itself shows them, and what it says about the file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    said = done.stderr.decode()
    width, height = (int(v) for v in re.search(r"Video: .* (\d+)x(\d+)", said).groups())
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3), said


def read(path: Path) -> list[np.ndarray]:
    if path.suffix == ".mp4":
        return list(decoded(path)[0])
    with imageio.get_reader(path) as reader:
        return [np.asarray(frame)[..., :3] for frame in reader]


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_that_a_video_has_every_picture_in_its_colour(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    write_video(path, pictures(), 10)
    frames = read(path)
    assert len(frames) == len(COLOURS)
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert frame.shape == (64, 96, 3)
        np.testing.assert_allclose(frame.mean((0, 1)), colour, atol=6)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_that_every_player_can_show_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, pictures(), 12.5)
    _, said = decoded(path)
    (line,) = re.findall(r"Stream.*Video: (h264.*)", said)
    assert "yuv420p" in line and "96x64" in line and "12.50 fps" in line


def test_that_odd_sides_are_widened_by_one_pixel_of_the_same_colour(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, pictures(63, 95), 10)
    frames = read(path)
    assert frames[0].shape == (64, 96, 3)
    np.testing.assert_allclose(frames[1][-1, -1], COLOURS[1], atol=8)


def test_that_giving_up_or_failing_leaves_the_old_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("old")
    told: list[int] = []
    with pytest.raises(AbortRequested):
        write_video(
            path,
            pictures(),
            10,
            progress=lambda done, _of, _text: told.append(done),
            cancelled=lambda: len(told) == 2,
        )

    def broken() -> Iterator[np.ndarray]:
        yield pictures()[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_video(path, broken(), 10)
    assert told == [0, 1]
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_that_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no pictures"):
        write_video(tmp_path / "a.mp4", [], 10)
    with pytest.raises(UserError, match="differ in size: 96 × 64 and 80 × 64"):
        write_video(tmp_path / "a.gif", [pictures()[0], pictures(64, 80)[0]], 10)
    with pytest.raises(UserError, match=r"end in \.mp4 or \.gif"):
        write_video(tmp_path / "a.avi", pictures(), 10)
    with pytest.raises(UserError, match="0 frames per second"):
        write_video(tmp_path / "a.mp4", pictures(), 0)
    with pytest.raises(UserError, match="could not be written"):
        write_video(tmp_path / "no folder" / "a.gif", pictures(), 10)

    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(UserError, match="encoder ffmpeg is not there"):
        write_video(tmp_path / "a.mp4", pictures(), 10)
    assert list(tmp_path.iterdir()) == []


def test_that_pictures_are_kept_exactly_as_png(tmp_path: Path, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (31, 17, 3), dtype=np.uint8)
    write_png(tmp_path / "one.png", picture)
    np.testing.assert_array_equal(imageio.imread(tmp_path / "one.png"), picture)
    folder = tmp_path / "many"
    folder.mkdir()
    write_png(folder, iter(pictures()))
    assert sorted(p.name for p in folder.iterdir()) == [f"frame000{k}.png" for k in range(5)]
    np.testing.assert_array_equal(imageio.imread(folder / "frame0002.png"), pictures()[2])
