"""Keeps what a trajectory is made of, and makes it in a thread whenever something of that changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from widgets.background import Newest
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import Trajectory
from widgets.explorer.trajectory_order import Anchor, Order, Source, make, warning


class TrajectoryMaker(QObject):
    """Anchors, drawn path or component, and the trajectory they became.

    Parameters
    ----------
    settings
        Called for each trajectory with the order as far as it is known here; returns it with frames,
        exactness, component and percentiles.
    parent
        Owner.

    Signals
    -------
    made : object
        `Trajectory`; None when there is none any more.
    warned : str
        What is to be known about the trajectory, some time after it was made; may be empty.
    failed : object
        An exception; the trajectory before stays.
    anchors_changed : object
        The anchors, a tuple.
    """

    made = Signal(object)
    warned = Signal(object)
    failed = Signal(object)
    anchors_changed = Signal(object)

    def __init__(self, settings: Callable[[Order], Order], parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        self.plane: Plane | None = None
        self.anchors: tuple[Anchor, ...] = ()
        self.trajectory: Trajectory | None = None
        self.source: Source | None = None
        self._path: NDArray[Any] | None = None
        self._given: Trajectory | None = None
        self._backwards = False
        self._newest = Newest(make, 0, self)
        self._newest.answered.connect(self._take)
        self._newest.failed.connect(self.failed)
        # trees of a million particles take seconds the first time, for which no trajectory waits
        self._check = Newest(lambda pair: warning(*pair), 0, self)
        self._check.answered.connect(self.warned)

    @property
    def pending(self) -> bool:
        """Whether a trajectory, or what is to be known about it, is still to come."""
        return self._newest.pending or self._check.pending

    # -- what it is made of --------------------------------------------------------------------------------

    def set_anchors(self, anchors: tuple[Anchor, ...]) -> None:
        """Take anchors; makes nothing yet."""
        if anchors != self.anchors:
            self.anchors = anchors
            self.anchors_changed.emit(anchors)

    def make_from(self, source: Source, path: NDArray[Any] | None = None) -> None:
        """Make a trajectory of something else."""
        self.source, self._path, self._backwards = source, path, False
        self.remake()

    def remake(self) -> None:
        """Make it again, because a setting has changed."""
        if self.plane is not None and self.source is not None:
            order = Order(
                self.source, self.plane, 2, path=self._path, anchors=self.anchors, given=self._given
            )
            self._newest.request(self._settings(order))

    def take_given(self, trajectory: Trajectory) -> None:
        """Keep a trajectory that was made elsewhere; emits nothing."""
        self.cancel()
        self.source, self.trajectory, self._given, self._backwards = "states", trajectory, trajectory, False
        if self.plane is not None:
            self._check.request((trajectory, self.plane))

    def reverse(self) -> Trajectory | None:
        """Go the other way round; emits nothing but a new order of anchors."""
        if self.trajectory is None:
            return None
        self.cancel()
        self.trajectory = self.trajectory.reversed()
        if self._given is not None:
            self._given = self._given.reversed()
        if self._path is not None:
            self._path = self._path[::-1]
        if self.source == "component":
            self._backwards = not self._backwards
        self.set_anchors(self.anchors[::-1])
        return self.trajectory

    def cancel(self) -> None:
        """Give up what is under way."""
        self._newest.cancel()
        self._check.cancel()

    def forget(self) -> None:
        """Have no trajectory any more; anchors stay."""
        self.cancel()
        had = self.trajectory is not None
        self.trajectory = self._given = self.source = self._path = None
        if had:
            self.made.emit(None)

    # -- another plane -------------------------------------------------------------------------------------

    def set_plane(self, plane: Plane) -> None:
        """Make trajectories in this plane from now on, and keep what still means the same.

        That is the trajectory when only the axes changed, and anchors at particles when there are as many
        particles as before.
        """
        before, self.plane = self.plane, plane
        threading.Thread(target=plane.prepare, name="heteroscope-plane", daemon=True).start()
        if before is None:
            return
        same = before.latent.shape == plane.latent.shape and np.array_equal(before.latent, plane.latent)
        moved = [_moved(anchor, before, plane, same) for anchor in self.anchors]
        kept = tuple(anchor for anchor in moved if anchor is not None)
        all_kept = len(kept) == len(self.anchors)
        self.set_anchors(kept)
        if same:
            if self.trajectory is not None:
                self.take_given(self.trajectory.placed(plane))
        elif self.source == "component" or (self.source == "anchors" and all_kept and len(kept) > 1):
            self.remake()
        else:
            self.forget()

    def _take(self, found: Trajectory) -> None:
        self.trajectory = found.reversed() if self._backwards else found
        self.made.emit(self.trajectory)
        if self.plane is not None:
            self._check.request((self.trajectory, self.plane))


def _moved(anchor: Anchor, before: Plane, plane: Plane, same: bool) -> Anchor | None:
    """Return an anchor where it lies in another plane; None where that is not known."""
    if anchor.row is not None:
        if len(before.xy) != len(plane.xy) or not np.isfinite(plane.xy[anchor.row]).all():
            return None
        x, y = (float(v) for v in plane.xy[anchor.row])
        return Anchor(x, y, anchor.row)
    if not same:
        return None
    x, y = (float(v) for v in plane.place_of(before.state_at(anchor.x, anchor.y, exact=True)))
    return Anchor(x, y)
