"""What a process and its children use, and ending a group."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.runner.processes import end_group, process_stats
from tests.support.jobs import wait_until

PARENT = (
    "import subprocess, sys, time; b = bytearray(64 * 1024**2);"
    "subprocess.Popen([sys.executable, '-c', 'while True: pass']); time.sleep(60)"
)


@pytest.fixture
def family() -> subprocess.Popen[bytes]:
    """A process with 64 MiB and a busy child, in a group of their own."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], start_new_session=True)
    yield process  # type: ignore[misc]
    end_group(process.pid, kill=True)
    process.wait()


def test_that_memory_and_load_of_children_count(family: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: (stats := process_stats(family.pid)) is not None and stats.n_children == 1)
    wait_until(lambda: (stats := process_stats(family.pid)) is not None and stats.cpu_percent > 5)
    stats = process_stats(family.pid)
    assert stats is not None
    assert stats.rss_mb > 64


def test_that_a_process_that_has_ended_has_no_figures() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert process_stats(process.pid) is None


def test_that_ending_a_group_ends_the_children_too(family: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: (stats := process_stats(family.pid)) is not None and stats.n_children == 1)
    assert end_group(family.pid)
    family.wait(10)
    wait_until(lambda: not end_group(family.pid))


def test_that_neither_our_own_group_nor_the_whole_system_is_ever_ended() -> None:
    assert not end_group(os.getpid())
    assert not end_group(0)
    assert not end_group(1)
    assert not end_group(-1)
