"""Embeddings in a process of their own: given up at once, never left behind, errors in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from jobs.core.errors import AbortRequested, UserError
from jobs.core.exploring import EmbeddingRequest
from jobs.explore import embed_worker
from jobs.explore.embed_worker import embed_in_process

REPOSITORY = Path(__file__).resolve().parents[3]


def never() -> bool:
    return False


def ignore(done: int, of: int, sentence: str) -> None:
    pass


LONG = EmbeddingRequest("tsne")


def long_work() -> NDArray[np.float32]:
    """Particles whose t-SNE takes about a minute."""
    return np.random.default_rng(1).normal(size=(15_000, 5)).astype(np.float32)


def workers_of(pid: int) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if "jobs.explore.embed_worker" in child.cmdline()
    ]


def test_that_giving_up_ends_the_process_at_once() -> None:
    seen: list[psutil.Process] = []
    asked = 0.0

    def progress(_done: int, _of: int, sentence: str) -> None:
        nonlocal asked
        if "neighbours" in sentence and not seen:
            seen.extend(workers_of(os.getpid()))
            asked = time.monotonic()

    with pytest.raises(AbortRequested):
        embed_in_process(long_work(), None, LONG, progress, lambda: bool(seen), threads=1)
    assert time.monotonic() - asked < 2
    assert len(seen) == 1
    assert not seen[0].is_running()


def test_that_a_killed_process_ends_in_a_sentence() -> None:
    def progress(_done: int, _of: int, sentence: str) -> None:
        if "neighbours" in sentence:
            for worker in workers_of(os.getpid()):
                worker.send_signal(signal.SIGKILL)

    with pytest.raises(UserError, match=r"computed t-SNE was killed.*memory"):
        embed_in_process(long_work(), None, LONG, progress, never, threads=1)


def test_that_an_error_in_the_process_arrives_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    # let a request pass here that the process refuses
    monkeypatch.setattr(embed_worker, "wanted", lambda latent, _features, _request: (latent, None))
    with pytest.raises(UserError) as caught:
        embed_in_process(np.ones((9, 2), np.float32), None, LONG, ignore, never, threads=1)
    assert "All particles have the same latent coordinates" in caught.value.message
    assert "latent axes" in caught.value.hint


def test_that_the_process_dies_with_the_one_that_started_it() -> None:
    code = (
        "import numpy as np\n"
        "from jobs.core.exploring import EmbeddingRequest\n"
        "from jobs.explore.embed_worker import embed_in_process\n"
        "latent = np.random.default_rng(1).normal(size=(15000, 5)).astype(np.float32)\n"
        "say = lambda done, of, sentence: print(sentence, flush=True)\n"
        "embed_in_process(latent, None, EmbeddingRequest('tsne'), say, lambda: False, threads=1)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        for line in parent.stdout:
            if "neighbours" in line:
                break
        (worker,) = workers_of(parent.pid)
        parent.kill()
        parent.wait()
    _gone, alive = psutil.wait_procs([worker], timeout=20)
    assert alive == []


def test_that_linear_methods_and_refusals_need_no_process(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_arguments: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(embed_worker, "_run", start)
    latent = rng.normal(size=(40, 3)).astype(np.float32)
    found = embed_in_process(latent, None, EmbeddingRequest("pca"), ignore, never, threads=1)
    assert found.offset is not None and found.matrix is not None
    np.testing.assert_allclose(found.offset + found.coordinates @ found.matrix, latent, atol=1e-5)
    with pytest.raises(UserError, match="does not tell how far apart"):
        embed_in_process(latent, None, replace(LONG, by="deformation"), ignore, never, threads=1)
