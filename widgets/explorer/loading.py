"""Opens half-sets, snapshots and embeddings beside the window, and follows a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from jobs.core.exploring import Cancelled, Embedding, EmbeddingRequest, Progress
from jobs.core.latent import ERRORS, FEATURES, ExploredModel, ParticleView, Snapshot
from widgets.explorer.map_maker import MapMaker
from widgets.explorer.services import Services
from widgets.explorer.work import Work

#: How often a running job is asked for new snapshots (ms).
_FOLLOW_MS: Final = 2000


@dataclass(frozen=True, eq=False)
class Opened:
    """A model that was opened, and what is shown of it first."""

    model: ExploredModel
    maker: MapMaker
    half: int
    snapshot: Snapshot | None
    snapshots: tuple[Snapshot, ...]
    halves: tuple[int, ...]
    latent: NDArray[np.float32]
    embedding: Embedding
    names: NDArray[Any]
    amount: NDArray[Any] | None
    error: NDArray[Any] | None
    _errors: dict[int, float] = field(default_factory=dict)

    def view(self, row: int) -> ParticleView:
        """Image of a particle; called in a thread. Its error is found out, unless those of all are known."""
        cloud = self.maker.cloud()
        if self.error is None and cloud is not None and ERRORS in self.model.abilities:
            inside = self.model.errors(self.latent[row], cloud.points_a)
            self._errors[row] = float(np.sqrt(np.square(inside).mean()))
        return self.model.particle_view(row)

    def describe(self, row: int) -> str:
        """Say which particle a row is, how much it moved, and to which half-set it belongs."""
        if not 0 <= row < len(self.names):
            return ""
        words = [str(self.names[row])]
        if self.amount is not None:
            error = self.error_of(row)
            sure = "" if error is None else f" ± {error:.2f}"
            words.append(f"{float(self.amount[row]):.2f}{sure} Å")
        if self.model.half_set is not None:
            half = int(self.model.half_set[row])
            words.append(f"half-set {half}" if half else "held out")
        return "  ·  ".join(words)

    def error_of(self, row: int) -> float | None:
        """How far a particle's displacement is expected to be from the truth, Å, if that is known by now."""
        return self._errors.get(row) if self.error is None else float(self.error[row])

    @property
    def still(self) -> int:
        """Row of the particle that moved least."""
        if self.amount is not None and np.isfinite(self.amount).any():
            return int(np.nanargmin(self.amount))
        return int(np.nanargmin(np.square(self.latent - np.nanmean(self.latent, axis=0)).sum(axis=1)))

    @property
    def sentence(self) -> str:
        """What was opened, in words."""
        count, size = self.latent.shape
        words = f"{count:,} particles · {size} latent coordinates"
        if self.amount is not None and np.isfinite(self.amount).any():
            mean, most = float(np.nanmean(self.amount)), float(np.nanmax(self.amount))
            words += f" · rms displacement {mean:.1f} Å on average, {most:.1f} Å at most"
        return words


class Loading(QObject):
    """Everything that is opened, one thing at a time, the newest wish winning.

    Signals
    -------
    opened : object
        `Opened`: a half-set or snapshot was opened.
    embedded : object
        `Embedding` of the model that is open.
    listed : object
        Tuple of `Snapshot`: there are new ones.
    failed : object
        An exception; what was shown before stays.
    """

    opened = Signal(object)
    embedded = Signal(object)
    listed = Signal(object)
    failed = Signal(object)

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self.services = services
        self.work = Work(self)
        self._looking = Work(self)
        self.current: Opened | None = None
        self.request = EmbeddingRequest()
        self.follows = False
        self._timer = QTimer(self, interval=_FOLLOW_MS)
        self._timer.timeout.connect(self._look)

    # -- opening -------------------------------------------------------------------------------------------

    def open(self, half: int, snapshot: Snapshot | None = None) -> None:
        """Open a half-set, of the newest snapshot when None is given."""
        services, request = self.services, self.request

        def work(progress: Progress, cancelled: Cancelled) -> Opened:
            return open_model(services, half, snapshot, request, progress, cancelled)

        self.work.start(work, self._on_opened, self.failed.emit, "Reading the model")

    def _on_opened(self, opened: Opened) -> None:
        before, self.current = self.current, opened
        self.request = opened.embedding.request
        self.opened.emit(opened)
        if before is not None:
            close_model(before.model)

    def embed(self, request: EmbeddingRequest) -> None:
        """Lay the particles out in another way."""
        current, services = self.current, self.services
        if current is None:
            return

        def work(progress: Progress, cancelled: Cancelled) -> Embedding:
            return services.embed(current.model, request, progress, cancelled)

        def done(embedding: Embedding) -> None:
            self.request = request
            self.embedded.emit(embedding)

        self.work.start(work, done, self.failed.emit, "Laying out the particles")

    # -- following -----------------------------------------------------------------------------------------

    def watch(self, running: bool) -> None:
        """Look for new snapshots from time to time while a job runs."""
        if running:
            self._timer.start()
        else:
            self._timer.stop()

    def _look(self) -> None:
        if self._looking.busy or self.current is None:
            return

        def found(answer: tuple[tuple[Snapshot, ...], bool]) -> None:
            self._on_listed(*answer)

        self._looking.start(
            lambda _progress, _cancelled: (
                tuple(self.services.source.snapshots()),
                self.services.is_running(),
            ),
            found,
            lambda _error: None,  # looked at again in a moment
        )

    def _on_listed(self, snapshots: Sequence[Snapshot], running: bool) -> None:
        current = self.current
        if not running:
            self.watch(False)
        if current is None or not snapshots:
            return
        self.listed.emit(tuple(snapshots))
        newest = snapshots[-1]
        shown = current.snapshot.path if current.snapshot is not None else None
        if self.follows and newest.path != shown and not self.work.busy:
            self.open(current.half, newest)

    def close(self) -> None:
        """Stop everything and let go of the model."""
        self._timer.stop()
        self.work.cancel()
        self._looking.cancel()
        if self.current is not None:
            close_model(self.current.model)
            self.current = None


def open_model(
    services: Services,
    half: int,
    snapshot: Snapshot | None,
    request: EmbeddingRequest,
    progress: Progress,
    cancelled: Cancelled,
) -> Opened:
    """Open a model and lay out its particles; called in a worker thread."""
    source = services.source
    halves = tuple(source.half_sets)
    # a model of all particles has one set, whatever its number
    half = half if half in halves or not halves else halves[0]
    snapshots = tuple(source.snapshots())
    chosen = snapshot or (snapshots[-1] if snapshots else None)
    model = source.open(half, chosen.path if chosen is not None else None)
    if request.by == "deformation" and FEATURES not in model.abilities:
        request = EmbeddingRequest(request.method, "latent", request.seed)
    latent = np.ascontiguousarray(model.embedding, np.float32)
    embedding = services.embed(model, request, progress, cancelled)
    maker = MapMaker(model)
    maker.cloud()
    names = model.metadata["image_name"]
    amount = model.measures.get("amount")
    return Opened(
        model, maker, half, chosen, snapshots, halves, latent, embedding, names, amount, model.error
    )


def turned_alike(embedding: Embedding, before: Embedding) -> Embedding:
    """Return an embedding whose axes point where those of an earlier one of the same particles did.

    The signs of principal axes are arbitrary; a plot that flips over from epoch to epoch cannot be watched.
    """
    count = min(embedding.coordinates.shape[1], before.coordinates.shape[1])
    if embedding.request != before.request or len(embedding.coordinates) != len(before.coordinates):
        return embedding
    signs = np.ones(embedding.coordinates.shape[1], np.float32)
    for k in range(count):
        ours, theirs = embedding.coordinates[:, k], before.coordinates[:, k]
        alike = np.nansum((ours - np.nanmean(ours)) * (theirs - np.nanmean(theirs)))
        if alike < 0:
            signs[k] = -1
    if (signs > 0).all():
        return embedding
    matrix = None if embedding.matrix is None else embedding.matrix * signs[:, None]
    return replace(embedding, coordinates=embedding.coordinates * signs, matrix=matrix)


def close_model(model: object) -> None:
    """Free what a model holds elsewhere, when it knows how."""
    close = getattr(model, "close", None)
    if callable(close):
        close()
