"""Loads the compiled loops in a thread, so that no window waits for numba or its compiler."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_SWITCH_S: Final = 0.0002
_CHILD: Final = "HETEROSCOPE_COMPILING"
_LONGEST_S: Final = 120.0
_POINTS: Final = "widgets.explorer.kernels"
_PAINT: Final = "widgets.explorer.paint_kernels"
_POLYGON: Final = "widgets.explorer.polygon_kernels"


class Loader:
    """Imports and compiles modules of kernels once, in the background.

    The first run on a machine compiles for some seconds, later ones read numba's cache within a fraction of
    a second.
    """

    def __init__(self, names: tuple[str, ...] = (_POINTS, _PAINT, _POLYGON)) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._leaving = False
        self._waiting: list[Callable[[], None]] = []
        self._modules: dict[str, ModuleType] = {}
        self._finished = threading.Event()
        #: What went wrong, None when nothing did; the plot then stays with numpy.
        self.error: BaseException | None = None

    def start(self, then: Callable[[], None] | None = None) -> None:
        """Load unless that was done; `then` is called when it is, from the loading thread or at once."""
        with self._lock:
            if not self._finished.is_set():
                if then is not None:
                    self._waiting.append(then)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._load, name="plot-kernels", daemon=True)
                    self._thread.start()
                return
        if then is not None:
            then()

    def get(self, name: str) -> Any:
        """Return a module when it is ready to be called, else None."""
        return self._modules.get(name)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Load, wait until that is done, and say whether it is."""
        self.start()
        return self._finished.wait(timeout_s)

    def leave(self) -> None:
        """Stop after the function being compiled: the interpreter must not end in the middle of one."""
        self._leaving = True
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        # The GUI thread gives up the GIL at every call of Qt and must not wait 5 ms each time to get it back.
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        try:
            compile_elsewhere()
            for name in self._names:
                module = importlib.import_module(name)
                for function, signature in module.SIGNATURES:
                    if self._leaving:
                        return
                    function.compile(signature)
                    # a call with other types is a mistake to be seen, not a reason to compile for seconds
                    function.disable_compile()
                self._modules[name] = module
        except Exception as error:  # whatever a broken numba raises: the plot works without, only slower
            self.error = error
        finally:
            sys.setswitchinterval(usual)
        with self._lock:
            self._finished.set()
            waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


def compile_elsewhere() -> None:
    """Compile in a process of its own on the first run, for the compiler would hold up the window here.

    What is compiled lies beside the modules afterwards and is read from there.
    """
    beside = Path(__file__).parent / "__pycache__"
    if any(beside.glob("*kernels.*.nbi")) or os.environ.get(_CHILD):
        return
    # without the process, or a place to write to, it is compiled here: slower, but with the same result
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            cwd=Path(__file__).parents[2],
            env={**os.environ, _CHILD: "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )


LOADER: Final = Loader()
atexit.register(LOADER.leave)


@dataclass(frozen=True)
class Kernels:
    """The compiled functions."""

    points: Any
    """:mod:`widgets.explorer.kernels`."""
    paint: Any
    """:mod:`widgets.explorer.paint_kernels`."""


def kernels() -> Kernels | None:
    """Return what draws points when it is ready to be called."""
    points, paint = LOADER.get(_POINTS), LOADER.get(_PAINT)
    return None if points is None or paint is None else Kernels(points, paint)


def polygon_kernels() -> Any:
    """Return :mod:`widgets.explorer.polygon_kernels` when it is ready to be called, else None."""
    return LOADER.get(_POLYGON)


if __name__ == "__main__":
    LOADER.wait()
