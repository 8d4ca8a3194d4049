"""Sources of blob models that misbehave on request, for a process of their own: entry ``served:source``.

A test puts the folder of this file on ``PYTHONPATH`` of the process.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

# As in conftest.py: other distributions ship a package `tests`, which would win over this folder.
if "tests" not in sys.modules:
    _tests = types.ModuleType("tests")
    _tests.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["tests"] = _tests

import ctypes
import os
import signal
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError, UserError
from jobs.core.latent import ParticleView
from tests.support.explored import BlobModel, BlobSource

print("This goes to standard output, which must not disturb anything.")


def source(job_dir: Path, project_dir: Path) -> BlobSource:
    """Well-behaved blobs."""
    return BlobSource(path=job_dir)


def odd_columns(n: int = 6) -> dict[str, NDArray[Any]]:
    """Columns with everything that a STAR file or a model may hold; the same in every process."""
    names = np.array(
        ["000001@a b/çé 粒子.mrcs", "", "tab\there", "zero\0byte", "new\nline", "\udcff odd byte"], object
    )[:n]
    values = np.array([1.5, np.nan, -0.0, np.inf, -np.inf, 5e-324])[:n]
    return {
        "image_name": names,
        "no_zero": np.array(["x", "", "粒", "\n", "\udc80", "y"], object)[:n],
        "numbers": values,
        "singles": values[:4].astype(np.float32),
        "big_endian": values.astype(">f8"),
        "integers": np.array([2**62, -1, 0, 1, 2, 3])[:n],
        "flags": np.array([True, False, True, True, False, False])[:n],
        "fixed": np.array(["ä", "bcd", "", "粒子", "e", "f"])[:n],
        "mixed": np.array([None, "text", 3, 2.5, True, float("inf")], object)[:n],
        "empty": np.empty(0, object),
        "none": np.empty((0, 3), np.float32),
        "reversed": np.arange(n)[::-1],
        "fortran": np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        "single": np.array(2.5, np.float32),
    }


def million() -> dict[str, NDArray[Any]]:
    """Text of a million particles: identities, and names of five thousand micrographs."""
    n = 1_000_000
    return {
        "image_name": np.array([f"{k + 1:07d}@Extract/job012/stack.mrcs" for k in range(n)], object),
        "rlnMicrographName": np.array([f"MotionCorr/job002/m_{k // 200:05d}.mrc" for k in range(n)], object),
    }


class OddModel(BlobModel):
    """Blobs with odd columns, and misfortunes by the first latent coordinate (1 = as the word says)."""

    def __init__(self, misfortune: str = "") -> None:
        super().__init__(n=6)
        self.misfortune = misfortune
        self.metadata = odd_columns()
        self.measures = {**self.measures, "place": np.arange(18, dtype=np.float32).reshape(6, 3)}
        self.half_set = None  # type: ignore[assignment]
        self.error = None  # type: ignore[assignment]

    @property
    def abilities(self) -> frozenset[str]:
        """All but one."""
        return super().abilities - {"features"}

    def decode(self, z: NDArray[Any] | None, box: int | None = None) -> NDArray[np.float32]:
        """As long as it takes: the second coordinate is a waiting time in s, or the misfortune happens."""
        if z is None or z[0] < 1000:
            if z is not None and z[1] > 0:
                time.sleep(float(z[1]))
            return super().decode(z, box)
        if self.misfortune == "input":
            raise FormatError(
                "a wrong value", path="/some where/ä.star", row=7, column="rlnX", hint="Mend it"
            )
        if self.misfortune == "memory":
            np.empty(1 << 60, np.uint8)
        if self.misfortune == "processor memory":
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allo")
        if self.misfortune == "gpu memory":
            raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 9 GiB")
        if self.misfortune == "gpu":
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        if self.misfortune == "exit":
            raise SystemExit(3)
        if self.misfortune == "leave":
            sys.stderr.write("the last words\n")
            sys.stderr.flush()
            os._exit(3)
        if self.misfortune == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.misfortune == "stubborn":
            # sleeps in C with the interpreter's lock held, as careless libraries compute
            ctypes.PyDLL(None).sleep(30)
        if self.misfortune == "unsendable":
            return np.zeros(2, [("a", "f4")])
        raise ValueError(f"no state {float(z[0]):g}")

    def particle_view(self, index: int) -> ParticleView:
        """The image files are gone."""
        raise UserError("the file is missing", path="stack.mrcs")


class OddSource(BlobSource):
    """Half-set 1 has the misfortune written as the name of the snapshot; half-set 2 has a million names."""

    def open(self, half: int, snapshot: Path | None = None) -> BlobModel:
        """A model that behaves as its snapshot is called."""
        if snapshot is not None and snapshot.name == "missing":
            raise UserError("this snapshot is missing", path=snapshot, hint="Choose another one")
        model = OddModel("" if snapshot is None else snapshot.name)
        if half == 2:
            model.metadata = million()
        return model


def odd_source(job_dir: Path, project_dir: Path) -> OddSource:
    """A source whose models have misfortunes."""
    return OddSource(path=job_dir)


def unwilling_source(job_dir: Path, project_dir: Path) -> BlobSource:
    """No source: the job is not there unless a file says so."""
    if (job_dir / "ready").exists():
        return source(job_dir, project_dir)
    raise UserError("the job has no result yet", path=job_dir, hint="Wait for its first snapshot")
