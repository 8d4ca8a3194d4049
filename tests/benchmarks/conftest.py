"""Figures of a benchmark run: collected by the benchmarks, printed once at the end, kept in ``bench/``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.figures import Figures, best_of, machine, measured

REPOSITORY = Path(__file__).resolve().parents[2]
_FIGURES = Figures()


@pytest.fixture
def figures() -> Figures:
    """Where a benchmark puts what it measured."""
    return _FIGURES


@pytest.fixture
def best() -> Callable[..., float]:
    """`best_of`, for benchmarks that compare two ways of doing the same in one run."""
    return best_of


@pytest.fixture
def measure() -> Callable[[], Any]:
    """`measured`, for a block that runs once."""
    return measured


def _take_over(session: Any) -> None:
    """Put the shortest times of pytest-benchmark into the same table."""
    for benchmark in getattr(session, "benchmarks", []):
        words = benchmark.name.removeprefix("test_that_").replace("_", " ")
        _FIGURES.add("time", words, benchmark.stats.min, "s")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures and keep them in ``bench/figures.{md,json}``."""
    _take_over(getattr(terminalreporter.config, "_benchmarksession", None))
    if not _FIGURES.measured:
        return
    table = _FIGURES.as_markdown()
    terminalreporter.section("figures")
    terminalreporter.write_line(machine())
    terminalreporter.write_line("")
    for line in table.splitlines():
        terminalreporter.write_line(line)
    folder = REPOSITORY / "bench"
    folder.mkdir(exist_ok=True)
    (folder / "figures.md").write_text(f"Measured on {machine()}.\n\n{table}\n", encoding="utf-8")
    content = {"machine": machine(), "figures": [asdict(figure) for figure in _FIGURES.measured]}
    (folder / "figures.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    terminalreporter.write_line("")
    terminalreporter.write_line("kept in bench/figures.md and bench/figures.json")
