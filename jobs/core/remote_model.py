"""A latent model that lives in a process of its own, so that nothing it does can hold up or end the window.

Loading torch, an error of the GPU or a lack of memory happens there; here there are only numpy arrays. Use::

    with RemoteSource(project_dir, job_dir, job_type.explorer) as source:
        source.start()                        # loads while other things are done
        model = source.open(1)
        volume = model.decode(model.embedding[0])

Every call blocks the calling thread, without the interpreter's lock, until its answer is there.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core import latent
from jobs.core.latent import Array, Cloud, ExploredModel, FloatArray, ParticleView, Snapshot
from jobs.core.remote_columns import RemoteColumns
from jobs.core.remote_line import Line, ModelEnded, ModelFailure, Superseded, Wish
from jobs.core.remote_wire import Message

__all__ = ["ModelEnded", "ModelFailure", "RemoteModel", "RemoteSource", "Superseded", "newest_wins"]

_SERVER: Final = "jobs.explore.serve"
#: The wish that the running code works for, and whose model it is made to.
_WISH: ContextVar[tuple[RemoteModel, Wish] | None] = ContextVar("_WISH", default=None)


def newest_wins(model: ExploredModel, key: str) -> AbstractContextManager[None]:
    """Return ``model.superseding(key)`` for a remote model; for any other model nothing is superseded."""
    if isinstance(model, RemoteModel):
        return model.superseding(key)
    return contextlib.nullcontext()


class RemoteSource:
    """The result of a job whose models are opened in a process of their own (a ``LatentSource``).

    Parameters
    ----------
    project_dir
        The project.
    job_dir
        Folder of the job, absolute or inside the project.
    entry
        ``module:function`` as in ``JobType.explorer``; called there with the job's folder and the project's.
    """

    def __init__(self, project_dir: Path, job_dir: Path, entry: str) -> None:
        self._project = Path(project_dir).absolute()
        self._job = self._project / job_dir
        self._entry = entry
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._closed = False
        self._half_sets: tuple[int, ...] | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> RemoteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Number of the process; None when none has been started."""
        line = self._line
        return None if line is None else line.pid

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        line = self._line
        return line is not None and line.usable

    @property
    def half_sets(self) -> Sequence[int]:
        """Half-sets that can be opened; asked for once, then known."""
        if self._half_sets is None:
            self._half_sets = tuple(self._ask({"call": "half_sets"}).head["half_sets"])
        return self._half_sets

    def start(self) -> None:
        """Start the process and return at once; it loads what it needs before it is asked.

        Raises
        ------
        UserError
            If no process can be started.
        """
        self._usable_line()

    def log(self) -> str:
        """Return the last that the process has written, such as warnings of libraries."""
        line = self._line
        return "" if line is None else line.log()

    def snapshots(self) -> Sequence[Snapshot]:
        """Return what can be looked at now, oldest first, the final one last."""
        found = self._ask({"call": "snapshots"}).head["snapshots"]
        return [Snapshot(label, epoch, Path(path)) for label, epoch, path in found]

    def open(self, half: int, snapshot: Path | None = None) -> RemoteModel:
        """Open a half-set of a snapshot, the newest when None; models opened before stay open.

        Where the process has died meanwhile, a new one is started.
        """
        number = next(self._numbers)
        head = {
            "call": "open",
            "model": number,
            "half": int(half),
            "snapshot": None if snapshot is None else str(snapshot),
        }
        known = self._line
        line = self._usable_line()
        try:
            answer = line.ask(head)
        except ModelEnded:
            # Its death was not known yet. A process that dies of this very request is not tried again.
            if line is not known or self._closed:
                raise
            line = self._usable_line()
            answer = line.ask(head)
        self._half_sets = tuple(answer.head["half_sets"])
        return RemoteModel(line, number, answer)

    def close(self, *, wait: bool = True) -> None:
        """End the process; calls that wait for an answer raise Superseded.

        Parameters
        ----------
        wait
            Until the process is gone; False returns at once, for the thread of a window.
        """
        with self._lock:
            self._closed = True
            line = self._line
        if line is not None:
            line.close(wait=wait)

    def _ask(self, head: Mapping[str, Any]) -> Message:
        return (self._line or self._usable_line()).ask(head)

    def _usable_line(self) -> Line:
        with self._lock:
            if self._closed:
                raise ModelEnded("The model was closed", hint="Open the model again")
            if self._line is not None and not self._line.usable:
                self._line.close(wait=False)
                self._line = None
            if self._line is None:
                places = ["--project", str(self._project), "--job", str(self._job)]
                self._line = Line([_SERVER, *places, "--entry", self._entry], self._project)
            return self._line


class RemoteModel:
    """An open model in the other process; made by :meth:`RemoteSource.open` (an ``ExploredModel``).

    What is small is here from the beginning. Columns of `metadata` and `measures` are fetched when they are
    asked for, once. Any number of threads may call; requests are answered one at a time in their order.
    """

    def __init__(self, line: Line, number: int, opened: Message) -> None:
        self._line, self._number = line, number
        self._lock = threading.Lock()
        self._wishes: dict[str, Wish] = {}
        self._closed = False
        head, arrays = opened.head, opened.arrays
        self.abilities: frozenset[str] = frozenset(head["abilities"])
        self.box: int = head["box"]
        self.voxel_size_a: float = head["voxel_size_a"]
        x, y, z = head["origin_a"]
        self.origin_a: tuple[float, float, float] = (x, y, z)
        self.embedding: FloatArray = arrays["embedding"]
        self.half_set: NDArray[np.integer] | None = arrays.get("half_set")
        self.error: FloatArray | None = arrays.get("error")
        self.metadata: Mapping[str, Array] = RemoteColumns(head["metadata"], self._fetcher("metadata"))
        self.measures: Mapping[str, Array] = RemoteColumns(head["measures"], self._fetcher("measures"))

    def __enter__(self) -> RemoteModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def decode(self, z: FloatArray | None, box: int | None = None) -> FloatArray:
        """Return the volume of one state ``(L,)``, of the consensus for None."""
        arrays = {} if z is None else {"z": z}
        return self._ask("decode", arrays, box=None if box is None else int(box)).arrays["volume"]

    def displace(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return where points ``(N, 3)`` go in one state ``(L,)``."""
        self._need(latent.DISPLACE)
        return self._ask("displace", {"z": z, "points_a": points_a}).arrays["points_a"]

    def cloud(self) -> Cloud:
        """Return the Gaussians of the consensus."""
        self._need(latent.CLOUD)
        return Cloud(**self._ask("cloud").arrays)

    def features(self) -> FloatArray:
        """Return ``(P, K)`` float32 whose distances are rms differences of displacement in Å."""
        self._need(latent.FEATURES)
        return self._ask("features").arrays["features"]

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return how far apart the models of both half-sets move points: ``(N,)`` float32 Å."""
        self._need(latent.DISAGREEMENT)
        return self._ask("disagreement", {"z": z, "points_a": points_a}).arrays["distance_a"]

    def errors(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return how far points are expected to be from the truth: ``(N,)`` float32 rms Å."""
        self._need(latent.ERRORS)
        return self._ask("errors", {"z": z, "points_a": points_a}).arrays["error_a"]

    def particle_view(self, index: int) -> ParticleView:
        """Return image and projection of a particle by its place in `embedding`."""
        self._need(latent.PARTICLE_VIEW)
        answer = self._ask("particle_view", index=int(index))
        return ParticleView(
            name=answer.head["name"],
            image=answer.arrays["image"],
            projection=answer.arrays["projection"],
            pixel_size_a=answer.head["pixel_size_a"],
        )

    @contextlib.contextmanager
    def superseding(self, key: str) -> Iterator[None]:
        """Make the calls inside give way to those of a later block with the same key, and older ones to them.

        A call that waits for its turn when a later block is entered is dropped, and so are the calls that
        follow it in its block: they raise Superseded. One that is being answered is finished. Calls outside
        such blocks, such as those of an export, are never dropped for a newer one.
        """
        wish = Wish()
        with self._lock:
            older = self._wishes.get(key)
            self._wishes[key] = wish
        if older is not None:
            older.overtaken = True
            self._line.look_again()
        token = _WISH.set((self, wish))
        try:
            yield
        finally:
            _WISH.reset(token)
            with self._lock:
                if self._wishes.get(key) is wish:
                    del self._wishes[key]

    def cancel_pending(self, key: str | None = None) -> None:
        """Drop the calls that have not begun, with this key or all of this model; they raise Superseded."""
        if key is None:
            self._line.drop(self._number)
            return
        with self._lock:
            wish = self._wishes.get(key)
        if wish is not None:
            wish.overtaken = True
            self._line.look_again()

    def close(self) -> None:
        """Free the model in the other process, without waiting; calls that wait are dropped."""
        if not self._closed:
            self._closed = True
            self._line.drop(self._number)
            self._line.post({"call": "free", "model": self._number})

    def _need(self, ability: str) -> None:
        if ability not in self.abilities:
            raise NotImplementedError(f"this model has no {ability}")

    def _ask(self, call: str, arrays: Mapping[str, Any] | None = None, **values: object) -> Message:
        if self._closed:
            raise ModelEnded("This model was closed", hint="Open the model again")
        current = _WISH.get()
        wish = current[1] if current is not None and current[0] is self else None
        head = {"call": call, "model": self._number, **values}
        return self._line.ask(head, arrays, model=self._number, wish=wish)

    def _fetcher(self, table: str) -> Callable[[str], Array]:
        return lambda name: self._ask("column", table=table, name=name).arrays["column"]
