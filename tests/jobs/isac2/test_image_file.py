"""Files of working images that a killed run leaves behind are gone on with, and never taken for complete."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.isac2.image_file import ImageFile

ROWS = np.arange(60, dtype=np.float32).reshape(10, 2, 3)


def _file(path: Path, **key: int) -> ImageFile:
    return ImageFile(path, ROWS.shape, np.float32, dict(key))


def test_that_a_killed_run_goes_on_where_it_last_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    killed = _file(path)
    killed.write(ROWS[:4])
    killed.note()
    killed.write(ROWS[4:6] + 100)  # on the disk, perhaps in part, but not noted: never closed, as if killed
    again = _file(path)
    assert again.done == 4 and not again.complete and not path.exists()
    np.testing.assert_array_equal(again.rows(), ROWS[:4])
    again.write(ROWS[4:])
    again.finish()
    assert again.complete
    np.testing.assert_array_equal(again.open(), ROWS)
    np.testing.assert_array_equal(np.load(path), ROWS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.npy"]
    killed.close()


def test_that_a_file_of_other_settings_is_written_anew_and_kept_until_then(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with _file(path, radius=1) as file:
        file.write(ROWS)
        file.finish()
    assert _file(path, radius=1).complete
    with _file(path, radius=2) as other:
        assert other.done == 0
        other.write(-ROWS[:5])
        np.testing.assert_array_equal(np.load(path), ROWS)
        other.write(-ROWS[5:])
        other.finish()
    np.testing.assert_array_equal(np.load(path), -ROWS)
    assert _file(path, radius=2).complete and not _file(path, radius=1).complete


def test_that_the_wrong_number_of_rows_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with _file(tmp_path / "a.npy") as file:
        file.write(ROWS[:2])
        with pytest.raises(ValueError, match="2 of 10"):
            file.finish()
        with pytest.raises(ValueError, match="do not belong"):
            file.write(ROWS[:, :1])
    looked = ImageFile(tmp_path / "b.npy", ROWS.shape, np.float32, {}, begin=False)
    assert not looked.complete
    with pytest.raises(UserError, match="cannot be read"):
        looked.open()


def test_that_a_disk_without_room_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UserError, match="no space left"):
        _file(tmp_path / "a.npy")
