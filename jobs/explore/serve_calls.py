"""What the process of a model does for each request of the window, and how it says what went wrong."""

from __future__ import annotations

import gc
import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from jobs.core import remote_wire
from jobs.core.errors import UserError
from jobs.core.latent import ExploredModel, LatentSource
from jobs.core.remote_wire import Array, Message, WireError

#: Values of the head and arrays of an answer.
Said = tuple[dict[str, Any], dict[str, Any]]

_LESS: Final = "Close other programs, choose a smaller box, or open fewer models at once"
_AGAIN: Final = "Open the model again"


class Answer(NamedTuple):
    """A packed message, and whether this process cannot go on after it."""

    packed: list[memoryview]
    ends: bool = False


class Desk:
    """Answers requests with the models of one result.

    Parameters
    ----------
    job_dir, project_dir
        Handed to the entry.
    entry
        ``module:function``.
    """

    def __init__(self, job_dir: Path, project_dir: Path, entry: str) -> None:
        self._job, self._project, self._entry = job_dir, project_dir, entry
        self._source: LatentSource | None = None
        self._models: dict[int, ExploredModel] = {}
        self._calls: dict[str, Callable[[dict[str, Any], Mapping[str, Array]], Said]] = {
            "half_sets": self._half_sets,
            "snapshots": self._snapshots,
            "open": self._open,
            "column": self._column,
            "decode": self._decode,
            "displace": self._displace,
            "cloud": self._cloud,
            "features": self._features,
            "disagreement": self._disagreement,
            "errors": self._errors,
            "particle_view": self._particle_view,
        }

    def prepare(self) -> None:
        """Load what will be needed; should that fail, it is tried again, and told, at the first request."""
        try:
            self._the_source()
        except (Exception, SystemExit):
            traceback.print_exc()

    def answer(self, request: Message) -> Answer | None:
        """Do what is asked; None for what needs no answer. Never raises."""
        call = str(request.head.get("call"))
        try:
            if call == "free":
                self._models.pop(request.head["model"], None)
                _free_memory()
                return None
            head, arrays = self._calls[call](request.head, request.arrays)
            return Answer(remote_wire.pack(head, arrays))
        except (Exception, SystemExit) as error:
            said = describe(error)
        # only here, where the traceback no longer keeps the arrays alive
        if said["kind"] == "memory":
            _free_memory()
        return Answer(remote_wire.pack({"error": said}), said["ends"])

    def _the_source(self) -> LatentSource:
        if self._source is None:
            module, _, name = self._entry.partition(":")
            self._source = getattr(importlib.import_module(module), name)(self._job, self._project)
        return self._source

    def _half_sets(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        return {"half_sets": [int(half) for half in self._the_source().half_sets]}, {}

    def _snapshots(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        found = self._the_source().snapshots()
        return {"snapshots": [(snapshot.label, snapshot.epoch, str(snapshot.path)) for snapshot in found]}, {}

    def _open(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        source = self._the_source()
        snapshot = head["snapshot"]
        model = source.open(head["half"], None if snapshot is None else Path(snapshot))
        x, y, z = model.origin_a
        said = {
            "half_sets": [int(half) for half in source.half_sets],
            "abilities": sorted(model.abilities),
            "box": int(model.box),
            "voxel_size_a": float(model.voxel_size_a),
            "origin_a": [float(x), float(y), float(z)],
            "metadata": list(model.metadata),
            "measures": list(model.measures),
        }
        given = {"embedding": model.embedding, "half_set": model.half_set, "error": model.error}
        self._models[head["model"]] = model
        return said, {name: array for name, array in given.items() if array is not None}

    def _column(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        model = self._models[head["model"]]
        table = {"metadata": model.metadata, "measures": model.measures}[head["table"]]
        return {}, {"column": table[head["name"]]}

    def _decode(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        return {}, {"volume": self._models[head["model"]].decode(arrays.get("z"), head["box"])}

    def _displace(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        return {}, {"points_a": self._models[head["model"]].displace(arrays["z"], arrays["points_a"])}

    def _cloud(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        cloud = self._models[head["model"]].cloud()
        return {}, {"points_a": cloud.points_a, "amplitude": cloud.amplitude, "width_a": cloud.width_a}

    def _features(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        return {}, {"features": self._models[head["model"]].features()}

    def _disagreement(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        model = self._models[head["model"]]
        return {}, {"distance_a": model.disagreement(arrays["z"], arrays["points_a"])}

    def _errors(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        model = self._models[head["model"]]
        return {}, {"error_a": model.errors(arrays["z"], arrays["points_a"])}

    def _particle_view(self, head: dict[str, Any], arrays: Mapping[str, Array]) -> Said:
        view = self._models[head["model"]].particle_view(head["index"])
        said = {"name": str(view.name), "pixel_size_a": float(view.pixel_size_a)}
        return said, {"image": view.image, "projection": view.projection}


def describe(error: BaseException) -> dict[str, Any]:
    """Return what the window is told about an exception; all but wrong input is also printed in full.

    ``ends`` says that this process cannot go on: after an error on a GPU nothing works there any more.
    """
    details = "".join(traceback.format_exception(error))
    said: dict[str, Any] = {"kind": "other", "hint": "", "details": details, "ends": False}
    if isinstance(error, UserError):
        path = None if error.path is None else str(error.path)
        row = None if error.row is None else int(error.row)
        place = {"path": path, "row": row, "column": None if error.column is None else str(error.column)}
        return {**said, **place, "kind": "input", "message": error.message, "hint": error.hint}
    sys.stderr.write(details)
    name, text = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, NotImplementedError):
        return {**said, "kind": "not implemented", "message": text}
    if _is_lack_of_memory(error):
        where = "of the GPU" if "cuda" in text.lower() else "of this computer"
        message = f"The memory {where} is not enough for this"
        return {**said, "kind": "memory", "message": message, "hint": _LESS}
    if name == "AcceleratorError" or "CUDA error" in text:
        return {**said, "message": f"The GPU failed ({text})", "hint": _AGAIN, "ends": True}
    if isinstance(error, WireError):
        return {**said, "message": f"What the model returned cannot be passed on: {text}"}
    if isinstance(error, OSError) and error.filename and error.strerror:
        return {**said, "message": f"{error.filename}: {error.strerror}"}
    message = f"The model failed because of an unexpected error ({name}: {text})"
    return {**said, "message": message}


def _is_lack_of_memory(error: BaseException) -> bool:
    # torch is not loaded for its exceptions: CUDA's has a name of its own, that of the processor only words.
    words = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
    by_words = isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or by_words


def _free_memory() -> None:
    """Give what is no longer used back, also to other programs on the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
