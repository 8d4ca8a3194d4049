from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats import files
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map, write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

Write = Callable[[Path], None]


def write_a_table(path: Path) -> None:
    write_star_tables(path, [StarTable.from_columns("x", {"a": np.arange(1000)})])


def write_a_map(path: Path) -> None:
    write_map(path, np.ones((16, 16, 16), np.float32), 1.0)


def write_images(path: Path) -> None:
    write_stack(path, np.ones((16, 16, 16), np.float32), 1.0)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


WRITERS = [write_a_table, write_a_map, write_images]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_that_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write, failing: str
) -> None:
    target = tmp_path / "result"
    target.write_bytes(b"old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync") if failing == "fsync" else (Path, "replace")), full)
    with pytest.raises(UserError, match="could not be written: no space left on device") as caught:
        write(target)
    assert str(target) in str(caught.value)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["result"]


@pytest.mark.parametrize("write", WRITERS)
def test_that_a_really_full_device_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """/dev/full takes no byte: the error comes from the system, at the moment of writing."""
    original = os.fdopen

    def onto_full_device(handle: int, mode: str) -> Any:
        os.close(handle)
        return original(os.open("/dev/full", os.O_WRONLY), mode)

    target = tmp_path / "result"
    target.write_bytes(b"old")
    monkeypatch.setattr(files.os, "fdopen", onto_full_device)
    with pytest.raises(UserError, match="no space left on device"):
        write(target)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["result"]


@pytest.mark.parametrize("write", WRITERS)
def test_that_a_missing_folder_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(UserError, match=r"missing/result: the file could not be written: no such file"):
        write(tmp_path / "missing" / "result")


def test_that_an_interrupted_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.write_bytes(b"old")

    def portions() -> Any:
        yield np.ones((2, 4, 4), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stack(target, portions(), 1.0)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["result"]


def test_that_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_that_a_new_file_has_ordinary_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    with replacing(tmp_path / "new") as file:
        file.write(b"x")
    (tmp_path / "plain").write_bytes(b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "plain").chmod(0o640)
    with replacing(tmp_path / "plain") as file:
        file.write(b"y")
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o640
