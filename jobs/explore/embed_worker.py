"""Embeddings in a process of their own, so that a window stays fluid and giving up takes effect at once.

Call: ``python -P -m jobs.explore.embed_worker FOLDER THREADS``. The folder holds ``points.npy`` and
``request.json``; ``embedding.npz`` is written there. Progress leaves as JSON lines on standard output, errors
meant for people too. The process ends when its standard input does: no window, no embedding.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import AbortRequested, UserError
from jobs.core.exploring import Cancelled, Embedding, EmbeddingRequest, Progress
from jobs.explore.embeddings import TITLES, embed, wanted

_POINTS, _REQUEST, _RESULT, _ERRORS = "points.npy", "request.json", "embedding.npz", "errors.txt"
_LOOK_EVERY_S = 0.1
_PACKAGES = Path(__file__).resolve().parents[2]
#: Linear methods without iterations: sooner done than a process starts.
_AT_ONCE = ("axes", "pca")


def embed_in_process(
    latent: NDArray[np.floating],
    features: NDArray[np.floating] | None,
    request: EmbeddingRequest,
    progress: Progress,
    cancelled: Cancelled,
    *,
    threads: int,
) -> Embedding:
    """Embed particles without holding the lock of this process for more than moments.

    Parameters
    ----------
    latent, features, request
        As of :func:`jobs.explore.embeddings.embed`.
    progress, cancelled
        Called from the calling thread, ``cancelled`` ten times a second.
    threads
        Threads for the search of neighbours.

    Raises
    ------
    UserError
        When the request makes no sense for these particles, or the process died.
    AbortRequested
        When it was cancelled; the process is gone then.
    """
    if request.method in _AT_ONCE:
        return embed(latent, features, request, progress, cancelled)
    points, _ = wanted(latent, features, request)
    try:
        with tempfile.TemporaryDirectory(prefix="heteroscope-embedding-") as name:
            folder = Path(name)
            np.save(folder / _POINTS, points, allow_pickle=False)
            (folder / _REQUEST).write_text(json.dumps(asdict(request)), encoding="utf-8")
            return _run(folder, request, progress, cancelled, max(1, threads))
    except OSError as error:
        raise UserError(
            f"The embedding could not be started: {error}",
            hint="Make room in the folder for temporary files",
        ) from error


def _run(
    folder: Path, request: EmbeddingRequest, progress: Progress, cancelled: Cancelled, threads: int
) -> Embedding:
    command = [sys.executable, "-P", "-m", "jobs.explore.embed_worker", str(folder), str(threads)]
    with (folder / _ERRORS).open("wb") as errors:
        process = subprocess.Popen(
            command,
            env=_environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdin is not None and process.stdout is not None
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        _listen(lines, progress, cancelled)
        code = process.wait()
    finally:
        # an end by itself leaves nothing to do here; giving up, or an error of the listener, ends it now
        process.kill()
        process.wait()
        reader.join()
        process.stdin.close()
        process.stdout.close()
    if code != 0:
        raise _death(request, code, folder / _ERRORS)
    with np.load(folder / _RESULT, allow_pickle=False) as stored:
        parts: dict[str, NDArray[Any]] = {key: stored[key] for key in stored.files}
    names = tuple(str(name) for name in parts["names"])
    return Embedding(request, parts["coordinates"], names, parts.get("offset"), parts.get("matrix"))


def _read(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _listen(lines: queue.SimpleQueue[bytes | None], progress: Progress, cancelled: Cancelled) -> None:
    """Pass progress on until the process closes its output."""
    while True:
        if cancelled():
            raise AbortRequested
        try:
            line = lines.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            continue
        if line is None:
            return
        message = json.loads(line)
        if "error" in message:
            raise UserError(message["error"], hint=message["hint"])
        progress(message["done"], message["of"], message["sentence"])


def _death(request: EmbeddingRequest, code: int, errors: Path) -> UserError:
    """Return in words how the process ended."""
    title = TITLES[request.method]
    if code == -signal.SIGKILL:
        return UserError(
            f"The process that computed {title} was killed",
            hint="Most likely the computer ran out of memory: close other programs and try again",
        )
    if code < 0:
        return UserError(f"The process that computed {title} was ended by signal {-code}")
    text = errors.read_text(encoding="utf-8", errors="replace").strip()
    last = text.splitlines()[-1] if text else f"exit code {code}"
    return UserError(f"{title} failed: {last}", hint="Try another method or another seed")


def _environment(threads: int) -> dict[str, str]:
    """Return an environment in which our packages are found and threads do not get in each other's way."""
    environment = dict(os.environ)
    known = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(_PACKAGES), *known]))
    environment["PYTHONSAFEPATH"] = "1"
    environment["OMP_NUM_THREADS"] = str(threads)
    for variable in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        environment[variable] = "1"
    # see jobs.core.compute: threads that spin while they wait are a burden beside a busy window
    environment.setdefault("GOMP_SPINCOUNT", "5000")
    environment.setdefault("KMP_BLOCKTIME", "1")
    return environment


def main(arguments: list[str]) -> int:
    """Embed what lies in a folder; returns 0, also when an error meant for people was told."""
    folder, threads = Path(arguments[0]), int(arguments[1])
    # whatever a library prints must not mix with the lines of progress
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_input, daemon=True).start()
    with suppress(OSError):
        os.nice(5)

    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def progress(done: int, of: int, sentence: str) -> None:
        answer({"done": done, "of": of, "sentence": sentence})

    points = np.load(folder / _POINTS, allow_pickle=False)
    request = EmbeddingRequest(**json.loads((folder / _REQUEST).read_text(encoding="utf-8")))
    try:
        found = embed(points, points, request, progress, threads=threads)
    except UserError as error:
        answer({"error": error.message, "hint": error.hint})
        return 0
    parts = {"coordinates": found.coordinates, "names": np.array(found.names)}
    if found.offset is not None and found.matrix is not None:
        parts |= {"offset": found.offset, "matrix": found.matrix}
    np.savez(folder / _RESULT, allow_pickle=False, **parts)
    return 0


def _end_with_input() -> None:
    """Wait until whoever started this process is gone."""
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
