"""A table of a million particles: read, listed as images, sorted and filtered as the viewers do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.viewing.loading import load
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from widgets.star_table_source import Arrangement, Condition, arranged

N = 1_000_000


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
    write_star_tables(path, [StarTable.from_columns("particles", columns)])  # type: ignore[arg-type]
    took = cpu_s(lambda: load(path, "star"))
    content = load(path, "star")
    table = content.tables[0]
    order = cpu_s(lambda: arranged(table, Arrangement("rlnColumn3", True)))
    wanted = Arrangement(conditions=(Condition("rlnColumn5", ">", "9000"),))
    kept = cpu_s(lambda: arranged(table, wanted))
    print(f"\n1,000,000 rows: open {took:.1f} s, sort {order:.1f} s, filter {kept:.1f} s of the processor")
    assert took < 5 and order < 3 and kept < 3
    assert content.images is not None and content.images.count == N
