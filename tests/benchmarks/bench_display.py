"""A table of a million particles: read, listed as images, sorted and filtered as the viewers do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QAbstractScrollArea, QApplication
from pytestqt.qtbot import QtBot

from app.viewing.images import ImageSource
from app.viewing.loading import load
from app.viewing.tables import StarSource
from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable as FileTable
from tests.benchmarks.figures import Figures
from tests.support.stalls import StallMeter
from widgets import style
from widgets.gallery import Gallery
from widgets.star_table import StarTable
from widgets.star_table_source import Arrangement, Condition, arranged

N = 1_000_000


def _table(columns: dict[str, object]) -> FileTable:
    return FileTable.from_columns("particles", columns)  # type: ignore[arg-type]


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of the processor, which other programs on the machine do not lengthen much."""
    start = time.process_time()
    work()
    return time.process_time() - start


def test_that_a_million_rows_open_sort_and_filter_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "million.star"
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {
        "rlnImageName": [f"{k % 300 + 1:06d}@Extract/job012/mic{k // 300:05d}.mrcs" for k in range(N)],
        **{f"rlnColumn{k}": rng.uniform(0, 1e4, N) for k in range(12)},
    }
    write_star_tables(path, [_table(columns)])
    took = cpu_s(lambda: load(path, "star"))
    content = load(path, "star")
    table = content.tables[0]
    order = cpu_s(lambda: arranged(table, Arrangement("rlnColumn3", True)))
    wanted = Arrangement(conditions=(Condition("rlnColumn5", ">", "9000"),))
    kept = cpu_s(lambda: arranged(table, wanted))
    print(f"\n1,000,000 rows: open {took:.1f} s, sort {order:.1f} s, filter {kept:.1f} s of the processor")
    assert took < 5 and order < 3 and kept < 3
    assert content.images is not None and content.images.count == N


def scrolled(area: QAbstractScrollArea, n: int = 60) -> tuple[float, float]:
    """Scroll from end to end and line by line; returns the processor's time per picture, the longest (ms)."""
    bar = area.verticalScrollBar()
    for k in range(3):  # what is loaded at the first picture
        bar.setValue(k)
        QApplication.processEvents()
    with StallMeter() as meter:
        for k in range(n):
            bar.setValue(bar.maximum() * k // n if k % 2 else bar.value() + bar.singleStep())
            QApplication.processEvents()
    return meter.cpu_s / n * 1e3, meter.longest_cpu_ms


def test_that_a_million_rows_scroll_at_sixty_pictures_a_second(
    qtbot: QtBot, qapp: QApplication, figures: Figures
) -> None:
    style.apply_theme(qapp, "light")
    rng = np.random.default_rng(0)
    numbers = rng.uniform(0, 1e4, 1000)
    names = [f"{k + 1:06d}@Extract/job012/Movies/mic{k % 7:05d}.mrcs" for k in range(1000)]
    columns: dict[str, object] = {
        "rlnImageName": names,
        **{f"rlnColumn{k}": numbers for k in range(29)},
    }
    table = StarTable(StarSource(_table(columns).select(np.arange(N) % 1000)))
    qtbot.addWidget(table)
    table.resize(1280, 800)
    with StallMeter() as opening:
        table.show()
        qtbot.wait(300)
    frame, _ = scrolled(table.view)
    group = "table of 1,000,000 rows, 30 columns"
    figures.add(group, "one step of scrolling", frame, "ms", "< 16 ms")
    stall = opening.longest_cpu_ms
    figures.add(group, "longest stall while it is shown", stall, "ms", "< 100 ms")
    assert frame < 16
    assert stall < 100


def test_that_a_hundred_thousand_images_scroll_at_sixty_pictures_a_second(
    qtbot: QtBot, qapp: QApplication, figures: Figures, tmp_path: Path
) -> None:
    style.apply_theme(qapp, "light")
    stack = tmp_path / "stack.mrcs"
    images = np.random.default_rng(0).normal(size=(1000, 64, 64)).astype(np.float32)
    write_stack(stack, iter(images[:, None]), 2.0)
    count = 100_000
    table = _table({"rlnImageName": [f"{k % 1000 + 1:06d}@stack.mrcs" for k in range(count)]})
    at = np.arange(count, dtype=np.int64)
    source = ImageSource(tmp_path / "all.star", [stack], at * 0, at % 1000, {"particles": table}, "particles")
    gallery = Gallery(source)
    qtbot.addWidget(gallery)
    gallery.resize(1280, 800)
    gallery.show()
    qtbot.wait(500)
    try:
        for caption, words in ((0, ""), (2, ", with captions")):
            gallery.caption.setCurrentIndex(caption)
            frame, longest = scrolled(gallery.grid)
            group = "gallery of 100,000 images"
            figures.add(group, f"one step of scrolling{words}", frame, "ms", "< 16 ms")
            figures.add(group, f"longest stall{words}", longest, "ms", "< 100 ms")
            assert frame < 16
            assert longest < 100
    finally:
        gallery.close_down()
