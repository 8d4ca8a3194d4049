"""Images that scroll, sort, filter, and are chosen and saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.viewing.images import ImageSource, read_images
from app.viewing.tables import PlainSource
from jobs.formats.star import read_star_tables
from tests.support.shared import shared_dir
from widgets.gallery import Gallery

Make = Callable[[object], Gallery]


class Counted:
    """Images that remember which were read."""

    name, can_flip, trouble, saved_as = "counted.mrcs", False, "", ".mrcs"

    def __init__(self, count: int, broken: int = -1) -> None:
        self.count = count
        self.broken = broken
        self.table = PlainSource("images", ("name", "value"), [(f"i{k}", str(-k)) for k in range(count)])
        self.read: list[int] = []

    def image(self, row: int, *, flip: bool = False) -> np.ndarray:
        if row == self.broken:
            raise ValueError("the stack is gone")
        self.read.append(row)
        return np.random.default_rng(row).normal(size=(32, 32)).astype(np.float32)

    def pixel_size_a(self, row: int) -> float:
        return 2.0

    def label(self, row: int) -> str:
        return f"image {row}"

    def facts(self, row: int) -> list[tuple[str, str]]:
        return [("Size", "32 × 32 px"), ("value", str(-row))]

    def save(self, rows: np.ndarray, path: Path) -> Path:
        path.write_text(" ".join(map(str, rows)))
        return path


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    def build(source: object) -> Gallery:
        gallery = Gallery(source)  # type: ignore[arg-type]
        qtbot.addWidget(gallery, before_close_func=lambda w: w.close_down())
        gallery.resize(1000, 640)
        gallery.show()
        qtbot.waitUntil(lambda: not gallery.busy and not gallery.grid.missing(), timeout=10_000)
        return gallery

    return build


def test_that_only_images_in_view_are_read_and_scrolling_a_hundred_thousand_is_fluid(
    make: Make, qtbot: QtBot
) -> None:
    source = Counted(100_000)
    gallery = make(source)
    assert len(set(source.read)) < 300
    started = time.perf_counter()
    for place in np.linspace(0, gallery.grid.verticalScrollBar().maximum(), 40).astype(int).tolist():
        gallery.grid.verticalScrollBar().setValue(place)
        gallery.grid.viewport().grab()
    assert (time.perf_counter() - started) / 40 < 0.1
    qtbot.waitUntil(lambda: not gallery.grid.missing(), timeout=10_000)
    assert 99_999 in source.read
    assert len(set(source.read)) < 3000


def test_that_images_are_sorted_by_a_column_and_filtered(make: Make, qtbot: QtBot) -> None:
    gallery = make(Counted(50))
    gallery.order.setCurrentText("value")
    qtbot.waitUntil(lambda: gallery.grid.rows[0] == 49)
    gallery.descending.setChecked(True)
    qtbot.waitUntil(lambda: gallery.grid.rows[0] == 0)
    gallery.filter.choose("value", "<", "-39.5")
    qtbot.waitUntil(lambda: list(gallery.grid.rows) == list(range(40, 50)))
    assert gallery.count.text().startswith("10 of 50 images")
    gallery.filter.choose("value", ">", "5")
    qtbot.waitUntil(lambda: not len(gallery.grid.rows))
    assert "No image fulfils" in gallery.empty.message()
    gallery.empty.action.emit()
    qtbot.waitUntil(lambda: len(gallery.grid.rows) == 50)


def test_that_a_filter_by_a_word_on_numbers_says_what_is_wrong(make: Make, qtbot: QtBot) -> None:
    gallery = make(Counted(5))
    gallery.filter.choose("value", "<", "many")
    qtbot.waitUntil(lambda: bool(gallery.bar.messages()))
    assert "value holds numbers" in gallery.bar.messages()[0]


def test_that_a_click_tells_what_is_known_and_shift_chooses_a_stretch(make: Make, qtbot: QtBot) -> None:
    gallery = make(Counted(30))
    at = [gallery.grid.tile(place).center() for place in range(6)]
    port = gallery.grid.viewport()
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=at[1])
    qtbot.waitUntil(lambda: gallery.facts.title.text() == "image 1")
    assert ("value", "-1") in gallery.facts.facts
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, at[4])
    assert gallery.grid.selected().tolist() == [1, 2, 3, 4]
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, at[2])
    assert gallery.grid.selected().tolist() == [1, 3, 4]
    assert gallery.count.text() == "30 images, 3 selected"


def test_that_a_stack_that_is_gone_is_told_in_the_tile_and_beside(make: Make, qtbot: QtBot) -> None:
    gallery = make(Counted(4, broken=2))
    assert gallery.grid.failure(2) == "the stack is gone"
    qtbot.mouseClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, pos=gallery.grid.tile(2).center())
    qtbot.waitUntil(gallery.facts.problem.isVisible)
    assert gallery.facts.problem.text() == "the stack is gone"


def real(name: str) -> Path:
    return shared_dir() / "data" / name


def test_that_a_selection_of_a_relion_file_keeps_all_tables_and_columns(
    make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    path = real("star/relion31.star")
    gallery = make(read_images(path))
    gallery.grid.select_rows(np.array([3, 1]))
    target = tmp_path / "subset.star"
    with qtbot.waitSignal(gallery.saved):
        gallery.save(target)
    before, after = read_star_tables(path), read_star_tables(target)
    assert list(after) == list(before)
    assert after["optics"].row(0) == before["optics"].row(0)
    kept = after["particles"]
    assert kept.columns == before["particles"].columns
    assert [kept.row(k) for k in range(2)] == [before["particles"].row(k) for k in (1, 3)]
    assert "2 images were saved" in gallery.bar.messages()[0]


def test_that_flipping_phases_changes_signs_of_the_spectrum_only() -> None:
    source = read_images(real("star/relion31.star"))
    plain, flipped = source.image(0), source.image(0, flip=True)
    before, after = np.fft.rfft2(plain), np.fft.rfft2(flipped)
    # a column without its mirror image (the Nyquist frequency) is real by force
    inside = np.s_[:, 1:-1]
    scale = np.abs(before).max() * 1e-5
    assert np.allclose(np.abs(before)[inside], np.abs(after)[inside], rtol=1e-3, atol=scale)
    assert not np.allclose(plain, flipped)


@pytest.mark.parametrize(
    ("name", "count"),
    [("star/hand.mrcs", 100), ("cryosparc/empiar_10076_7.cs", 7), ("star/toy_projections.star", None)],
)
def test_that_stacks_and_cs_and_warp_files_are_shown(name: str, count: int | None, make: Make) -> None:
    source: ImageSource = read_images(real(name))
    assert count is None or source.count == count
    gallery = make(source)
    assert not any(gallery.grid.failure(int(row)) for row in gallery.grid.rows[:5]), gallery.grid.failure(0)


def test_that_a_bare_stack_is_saved_as_a_stack(tmp_path: Path) -> None:
    source = read_images(real("star/hand.mrcs"))
    written = source.save(np.array([4, 2]), tmp_path / "two.mrcs")
    again = read_images(written)
    assert again.count == 2
    assert np.array_equal(again.image(0), source.image(2))


def test_that_missing_stacks_are_told_once_above_the_images(make: Make) -> None:
    gallery = make(read_images(real("star/FinalRefinement-OriginalParticles-PfCRT.star")))
    assert "cannot be shown" in gallery.bar.messages()[0]
