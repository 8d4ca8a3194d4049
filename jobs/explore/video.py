"""Pictures as a video (mp4, gif) or as png files, complete or not at all."""

from __future__ import annotations

import contextlib
import io
import secrets
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import AbortRequested, UserError
from jobs.core.exploring import Cancelled, Progress
from jobs.explore.steps import never, silent
from jobs.formats.files import reason, replacing

VIDEO_ENDINGS = (".mp4", ".gif")
Picture = NDArray[np.uint8]
_DIGITS = 4


def write_video(
    path: Path,
    frames: Iterable[Picture],
    rate: float,
    *,
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> None:
    """Write pictures as a video: H.264 in the colour form every player knows, or an endless gif.

    Parameters
    ----------
    path
        Target, ``.mp4`` or ``.gif``; an old file stays until the new one is complete.
    frames
        ``(H, W, 3)`` uint8 each, all of one size. Odd sides are widened by one pixel, which H.264 needs.
    rate
        Frames per second.
    progress, cancelled
        Told, and asked, at every frame.

    Raises
    ------
    UserError
        When there are no pictures, sizes differ, the encoder is missing, or nothing can be written.
    AbortRequested
        When `cancelled` says so; nothing is then left.
    """
    ending = path.suffix.lower()
    if ending not in VIDEO_ENDINGS:
        raise UserError(f"videos end in {' or '.join(VIDEO_ENDINGS)}", path=path)
    if not rate > 0:
        raise UserError(f"a video of {rate:g} frames per second cannot be played", path=path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{ending}")
    try:
        pictures = _told(_even(frames, path), _length(frames), progress, cancelled)
        count = _encode(temporary, pictures, rate)
        if not count:
            raise UserError("there are no pictures to write", path=path)
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"the video could not be written: {reason(error)}",
            path=path,
            hint="Make room or choose another folder, then try again.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_png(
    target: Path,
    pictures: Iterable[Picture] | Picture,
    *,
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> None:
    """Write one picture ``(H, W, 3)`` as a png file, or many into a folder as ``frame0000.png`` ….

    Raises
    ------
    UserError
        When there are none, or nothing can be written.
    AbortRequested
        When `cancelled` says so.
    """
    if isinstance(pictures, np.ndarray) and pictures.ndim == 3:
        data = io.BytesIO()
        imageio.imwrite(data, pictures, format="png")
        with replacing(target) as file:
            file.write(data.getbuffer())
        return
    count = 0
    for picture in _told(pictures, _length(pictures), progress, cancelled):
        write_png(target / f"frame{count:0{_DIGITS}d}.png", picture)
        count += 1
    if not count:
        raise UserError("there are no pictures to write", path=target)


def _encode(path: Path, frames: Iterator[Picture], rate: float) -> int:
    writer: Any = None
    count = 0
    try:
        for picture in frames:
            if writer is None:
                writer = _writer(path, rate)
            writer.append_data(picture)
            count += 1
    finally:
        if writer is not None:
            writer.close()
    return count


def _writer(path: Path, rate: float) -> Any:
    if path.suffix == ".gif":
        return imageio.get_writer(path, format="GIF", mode="I", duration=1000.0 / rate, loop=0)
    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UserError(
            "the video encoder ffmpeg is not there",
            path=path,
            hint="Save as gif or png instead, or install ffmpeg on this machine.",
        ) from error
    return imageio.get_writer(
        path,
        format="FFMPEG",
        mode="I",
        fps=rate,
        codec="libx264",
        pixelformat="yuv420p",
        quality=8,
        macro_block_size=2,
        # so that a player on the web can begin before it has everything
        output_params=["-movflags", "+faststart"],
        ffmpeg_log_level="error",
    )


def _even(frames: Iterable[Picture], path: Path) -> Iterator[Picture]:
    """Check pictures and widen odd sides by repeating the last line."""
    size: tuple[int, ...] | None = None
    for picture in frames:
        picture = np.ascontiguousarray(picture)
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
        if size is not None and picture.shape != size:
            raise UserError(
                f"the pictures differ in size: {size[1]} × {size[0]} and "
                f"{picture.shape[1]} × {picture.shape[0]} pixels",
                path=path,
                hint="Do not resize the window while a video is made.",
            )
        size = picture.shape
        odd = [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)]
        yield np.pad(picture, odd, mode="edge")


def _length(frames: Iterable[Picture]) -> int:
    return len(frames) if isinstance(frames, Sized) else 0


def _told(frames: Iterable[Picture], of: int, progress: Progress, cancelled: Cancelled) -> Iterator[Picture]:
    for number, picture in enumerate(frames):
        if cancelled():
            raise AbortRequested
        progress(number, of, f"Writing picture {number + 1}")
        yield picture
