"""Settings and fixtures of all tests; the first lines run before Qt, torch or numpy are imported."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path

# `tests` is a folder without __init__.py; other distributions ship a package of that name, which would win
# over ours when `tests.support` is looked for. Naming our folder first settles it.
_tests = types.ModuleType("tests")
_tests.__path__ = [str(Path(__file__).parent)]
sys.modules["tests"] = _tests


def _own_display() -> None:
    """Start a display for a process that shares the tests with others: windows take each other's focus."""
    alone = not os.environ.get("PYTEST_XDIST_WORKER")
    if alone or not os.environ.get("DISPLAY") or not shutil.which("Xvfb"):
        return
    read, write = os.pipe()
    screen = ("-screen", "0", "1680x1050x24", "+extension", "GLX", "-nolisten", "tcp")
    server = subprocess.Popen(
        ("Xvfb", "-displayfd", str(write), *screen), pass_fds=(write,), stderr=subprocess.DEVNULL
    )
    atexit.register(server.terminate)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    if number:
        os.environ["DISPLAY"] = f":{number}"
        os.environ.pop("XAUTHORITY", None)


_own_display()
# Qt without a screen draws into memory; under Xvfb or on a desktop DISPLAY is set and used.
if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Two threads at most, one where two processes share the tests: the same timing on a laptop and on a small
# test machine.
_few = 1 if os.environ.get("PYTEST_XDIST_WORKER") else min(2, os.cpu_count() or 1)
_threads = os.environ.get("OMP_NUM_THREADS", str(_few))
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, _threads)
# Preferences and caches of the person who runs the tests are neither read nor written.
_private_home = tempfile.TemporaryDirectory(prefix="heteroscope-tests-")
for _name, _folder in (("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache")):
    _path = Path(_private_home.name) / _folder
    _path.mkdir()
    os.environ[_name] = str(_path)

import numpy as np  # noqa: E402  (the environment above must be set first)
import pytest  # noqa: E402
from pytestqt.qtbot import QtBot  # noqa: E402

from tests.support.shared import shared_dir  # noqa: E402

#: Waits in the window's tests end as soon as what they wait for is seen; on a busy machine that takes longer.
#: How fast the window is, is measured by the benchmarks.
_PATIENCE = 4


def _be_patient() -> None:
    impatient = QtBot.waitUntil

    def wait_until(self: QtBot, callback: Callable[[], bool | None], *, timeout: int = 5000) -> None:
        impatient(self, callback, timeout=_PATIENCE * timeout)

    QtBot.waitUntil = wait_until  # type: ignore[method-assign]


_be_patient()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with other programs' data, read in place."""
    return shared_dir()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture
def project_dir(tmp_path: Path) -> Path:
    """An empty folder in which a project may be made."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into the test's own folder, and back afterwards."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def unchanged_environment() -> Iterator[None]:
    """Fail a test that leaves the working directory or an environment variable changed."""
    folder = Path.cwd()
    before = dict(os.environ)
    yield
    after = dict(os.environ)
    moved = Path.cwd() != folder
    if moved:
        os.chdir(folder)
    # pytest itself writes the name of the running test; Qt and OpenMP libraries set their own on first use
    own = ("PYTEST_", "QT_", "KMP_", "TORCH", "VISPY", "NAPARI", "SPARSE_", "OPENBLAS", "QSG_", "TF_")
    changed = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and not name.startswith(own)
    )
    for name in changed:
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]
    assert not moved, f"the test left the working directory changed (it was {folder})"
    assert not changed, f"the test left environment variables changed: {', '.join(changed)}"
