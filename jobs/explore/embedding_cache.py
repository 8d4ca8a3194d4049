"""Embeddings kept on disk under the job they belong to, found again by what was embedded and how."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.exploring import Embedding, EmbeddingRequest
from jobs.formats.files import replacing

#: Changes whenever a method gives other coordinates than before, so that old files are not used any more.
VERSION: Final = 1
#: Of one request: both half-sets, the held-out set, and one more.
MOST_PER_REQUEST: Final = 4
MOST_FILES: Final = 24
MOST_BYTES: Final = 512 * 1024**2
_IN_MEMORY: Final = 6
_PREFIX: Final = "embedding_"
#: What reading a file that is damaged, or not ours, may end in.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError)
_UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error)


def fingerprint(points: NDArray[Any]) -> str:
    """Return a mark of the array that is embedded: other numbers, another mark.

    Hashing needs about a second per gigabyte, and lets other threads work meanwhile.
    """
    digest = hashlib.blake2b(f"{points.dtype.str}{points.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(points).data)
    return digest.hexdigest()


class EmbeddingCache:
    """Embeddings of one job.

    Safe to use from one thread at a time. Nothing that goes wrong with files is reported: the embedding is
    kept in memory then, and computed again another day.

    Parameters
    ----------
    folder
        ``<job>/explorer``; made when something is put.
    writable
        False keeps everything in memory, for projects that are only read.
    """

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self.folder, self._writable = folder, writable
        self._recent: OrderedDict[tuple[str, EmbeddingRequest], Embedding] = OrderedDict()

    def get(self, mark: str, request: EmbeddingRequest) -> Embedding | None:
        """Return the embedding of the array with this fingerprint, None when there is none."""
        known = self._recent.get((mark, request))
        if known is None:
            known = self._read(self._path(mark, request), mark, request)
        if known is not None:
            self._remember(mark, known)
        return known

    def put(self, mark: str, embedding: Embedding) -> None:
        """Keep an embedding of the array with this fingerprint."""
        self._remember(mark, embedding)
        if not self._writable:
            return
        path = self._path(mark, embedding.request)
        parts: dict[str, NDArray[Any]] = {
            "about": np.array(_about(mark, embedding.request)),
            "names": np.array(embedding.names),
            "coordinates": embedding.coordinates,
        }
        if embedding.offset is not None and embedding.matrix is not None:
            parts |= {"offset": embedding.offset, "matrix": embedding.matrix}
        with suppress(UserError, OSError):
            self.folder.mkdir(exist_ok=True)
            with replacing(path) as file:
                np.savez(file, allow_pickle=False, **parts)
            self._make_room(path)

    def _remember(self, mark: str, embedding: Embedding) -> None:
        key = (mark, embedding.request)
        self._recent[key] = embedding
        self._recent.move_to_end(key)
        while len(self._recent) > _IN_MEMORY:
            self._recent.popitem(last=False)

    def _path(self, mark: str, request: EmbeddingRequest) -> Path:
        return self.folder / f"{_kind(request)}{mark[:12]}.npz"

    def _read(self, path: Path, mark: str, request: EmbeddingRequest) -> Embedding | None:
        try:
            # opened here, because numpy leaves a file open that is cut short
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["about"]) != _about(mark, request):
                    return None
                names = tuple(str(name) for name in stored["names"])
                coordinates = stored["coordinates"]
                offset = stored["offset"] if "offset" in stored.files else None
                matrix = stored["matrix"] if "matrix" in stored.files else None
        except (*_UNREADABLE, *_UNREADABLE_ZIP):
            return None
        if coordinates.dtype != np.float32 or coordinates.ndim != 2 or coordinates.shape[1] != len(names):
            return None
        if (offset is None) != (matrix is None):
            return None
        if matrix is not None and (matrix.ndim != 2 or len(matrix) != len(names)):
            return None
        return Embedding(request, coordinates, names, offset, matrix)

    def _make_room(self, newest: Path) -> None:
        """Remove the oldest files of the same request and of all; never the newest."""
        kind = newest.name[: newest.name.rindex("_") + 1]
        files = [(path.stat().st_mtime_ns, path) for path in self.folder.glob(f"{_PREFIX}*.npz")]
        files.sort(key=lambda entry: (entry[1] != newest, -entry[0]))
        alike, kept, size = 0, 0, 0
        for _, path in files:
            same = path.name.startswith(kind)
            size += path.stat().st_size
            too_many = kept >= MOST_FILES or (same and alike >= MOST_PER_REQUEST)
            if path != newest and (too_many or size > MOST_BYTES):
                path.unlink(missing_ok=True)
            else:
                kept, alike = kept + 1, alike + same


def _kind(request: EmbeddingRequest) -> str:
    """Return the part of a file's name that all embeddings by the same request share."""
    setting = {"umap": f"_n{request.neighbours}", "tsne": f"_p{request.perplexity:g}"}.get(request.method, "")
    return f"{_PREFIX}{request.method}_{request.by}_seed{request.seed}{setting}_"


def _about(mark: str, request: EmbeddingRequest) -> str:
    return json.dumps({"version": VERSION, "embedded": mark, **asdict(request)}, sort_keys=True)
