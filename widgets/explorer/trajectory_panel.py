"""The trajectory creator: draws, lines, components, anchors and automatic paths become trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from jobs.core.errors import UserError
from widgets.explorer import trajectory_file
from widgets.explorer.anchor_list import anchor_of
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import WITH_AXES, PathRequest, Trajectory
from widgets.explorer.trajectory_controls import Controls
from widgets.explorer.trajectory_maker import TrajectoryMaker
from widgets.explorer.trajectory_order import Anchor, anchors_at, rows_of
from widgets.explorer.way_buttons import TOOLS, Way

_SEARCHING: Final = "Looking for a path …"


class TrajectoryPanel(QWidget):
    """Makes trajectories in a thread while somebody draws, drags anchors or turns a number.

    Signals
    -------
    tool_wanted : str
        Tool that the plot should use: ``draw``, ``line``, ``anchors`` or ``pick``.
    trajectory_wanted : object
        `PathRequest`: a path of high density is to be found; :meth:`show_trajectory` takes the answer.
    trajectory_made : object
        `Trajectory`; None when there is none any more.
    anchors_changed : object
        Places of the anchors ``(H, 2)``.
    save_wanted : str
        ``movie``, ``model``, ``mp4``, ``gif``, ``frames`` or ``path``.
    snap_changed : bool
        Whether states of the nearest particles are wanted.
    """

    tool_wanted = Signal(str)
    trajectory_wanted = Signal(object)
    trajectory_made = Signal(object)
    anchors_changed = Signal(object)
    save_wanted = Signal(str)
    snap_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_trajectory_panel")
        self._names: NDArray[Any] | None = None
        self._centres: tuple[Anchor, ...] = ()
        self.controls = Controls(self)
        self._maker = TrajectoryMaker(self.controls.settings, self)
        self._maker.made.connect(self._on_made)
        self._maker.warned.connect(self._say)
        self._maker.failed.connect(self.show_problem)
        self._maker.anchors_changed.connect(self._show_anchors)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.controls)
        self._connect()
        self.controls.show_way("draw")
        self.controls.show_exact(True)
        self._say()

    def _connect(self) -> None:
        c = self.controls
        c.ways.chosen.connect(self.choose)
        c.anchors.changed.connect(self._set_anchors)
        c.anchors.typed.connect(self.add_named)
        c.anchors.centres_wanted.connect(lambda: self._set_anchors((*self.anchors, *self._centres)))
        c.find_button.clicked.connect(self.find_path)
        c.component.currentIndexChanged.connect(self._maker.remake)
        for spin in (c.low, c.high, c.frames):
            spin.valueChanged.connect(self._maker.remake)
        c.nearest.toggled.connect(self._on_snap)
        c.reverse.clicked.connect(self.reverse)
        c.clear.clicked.connect(self.clear)
        c.load.clicked.connect(self._ask_file)
        c.fill_save_menu(self.save_wanted.emit)

    # -- what it works on ----------------------------------------------------------------------------------

    def set_plane(self, plane: Plane, names: NDArray[Any] | None = None) -> None:
        """Make trajectories in this plane from now on.

        What belongs to the same states stays: a trajectory when only the axes changed, anchors at particles
        when there are as many particles as before. Everything else is forgotten.

        Parameters
        ----------
        plane
            Where.
        names
            Identities of the particles ``(P,)`` if they are others than before.
        """
        if names is not None:
            self._names = names
        c = self.controls
        c.show_exact(plane.is_exact)
        count = plane.n_components
        named = plane.embedding.request.method in WITH_AXES and len(plane.embedding.names) >= count
        texts = plane.embedding.names[:count] if named else [f"Component {k + 1}" for k in range(count)]
        c.set_components(texts)
        self.set_centres([])
        self._maker.set_plane(plane)
        self._show_anchors(self.anchors)
        self._enable()

    def set_names(self, names: NDArray[Any] | None) -> None:
        """Take the identities of the particles ``(P,)``, by which anchors are shown and found."""
        self._names = names
        self.controls.anchors.set_anchors(self.anchors, names)

    def set_centres(self, centres: ArrayLike) -> None:
        """Offer centres of clusters as anchors: rows of particles ``(C,)``, or places ``(C, 2)``."""
        plane = self._maker.plane
        self._centres = () if plane is None else anchors_at(centres, plane)
        self.controls.anchors.show_centres(bool(self._centres))

    @property
    def trajectory(self) -> Trajectory | None:
        """The trajectory that is shown."""
        return self._maker.trajectory

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The anchors in order."""
        return self._maker.anchors

    def handles(self) -> NDArray[np.float32]:
        """Return the places of the anchors ``(H, 2)``."""
        return np.array([(a.x, a.y) for a in self.anchors], np.float32).reshape(-1, 2)

    @property
    def pending(self) -> bool:
        """Whether a trajectory is still to come."""
        return self._maker.pending

    # -- how it is made ------------------------------------------------------------------------------------

    def choose(self, way: Way) -> None:
        """Choose how the next trajectory is made: ``draw``, ``line``, ``axis``, ``anchors``, ``auto``."""
        self.controls.show_way(way)
        self.tool_wanted.emit(TOOLS[way])
        if way == "axis":
            self._maker.set_anchors(())
            self._maker.make_from("component")
        elif way == "anchors" and len(self.anchors) > 1:
            self._maker.make_from("anchors")

    def set_snap(self, snap: bool) -> None:
        """Choose states of the nearest particles, or exact ones."""
        (self.controls.nearest if snap else self.controls.exact).setChecked(True)

    def take_path(self, points: ArrayLike) -> None:
        """Take a path ``(M, 2)`` from the plot: two points are a straight line, more a free-hand path."""
        path = np.asarray(points, np.float64).reshape(-1, 2)
        if len(path) == 2:
            self.controls.show_way("line")
            self._maker.set_anchors(tuple(Anchor(float(x), float(y)) for x, y in path))
            self._maker.make_from("line")
        else:
            self.controls.show_way("draw")
            self._maker.set_anchors(())
            self._maker.make_from("path", path)

    def add_anchor(self, x: float, y: float) -> None:
        """Add a place at the end."""
        self._add(Anchor(float(x), float(y)))

    def add_named(self, text: str) -> None:
        """Add what somebody typed: number or name of a particle, or ``x, y``."""
        plane, entry = self._maker.plane, self.controls.anchors.entry
        if plane is None or not text.strip():
            return
        try:
            anchor = anchor_of(text, plane, self._names)
        except UserError as error:
            self.show_problem(error)
            entry.selectAll()
        else:
            self._add(anchor)
            entry.clear()

    def move_anchor(self, index: int, x: float, y: float) -> None:
        """Move an anchor to another place."""
        if 0 <= index < len(self.anchors):
            before, after = self.anchors[:index], self.anchors[index + 1 :]
            self._set_anchors((*before, Anchor(float(x), float(y)), *after))

    def remove_anchor(self, index: int) -> None:
        """Take an anchor away."""
        if 0 <= index < len(self.anchors):
            self._set_anchors(self.anchors[:index] + self.anchors[index + 1 :])

    def find_path(self) -> None:
        """Ask for a path of high density."""
        plane = self._maker.plane
        if plane is None:
            return
        if len(self.anchors) == 1:
            self._say("One anchor is not enough: add another, or take it away.")
            return
        self._maker.cancel()
        self._say(_SEARCHING)
        rows = tuple(rows_of(self.anchors, plane))
        self.trajectory_wanted.emit(PathRequest(rows, self.controls.frames.value()))

    def show_trajectory(self, trajectory: Trajectory) -> None:
        """Show a trajectory that was made elsewhere; `trajectory_made` is not emitted."""
        self._maker.take_given(trajectory)
        with QSignalBlocker(self.controls.frames):
            self.controls.frames.setValue(len(trajectory))
        self._say()

    def show_problem(self, error: object) -> None:
        """Say why there is no trajectory."""
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self._say(text[:1].upper() + text[1:])

    def reverse(self) -> None:
        """Go the other way round."""
        turned = self._maker.reverse()
        if turned is not None:
            self.trajectory_made.emit(turned)

    def clear(self) -> None:
        """Forget trajectory and anchors."""
        self._maker.set_anchors(())
        self._maker.forget()
        self._say()

    def load_file(self, path: Path) -> None:
        """Read a trajectory; what is wrong with the file is said in the panel."""
        if self._maker.plane is None:
            return
        try:
            loaded = trajectory_file.load(path, self._maker.plane)
        except UserError as error:
            self.show_problem(error)
            return
        self._maker.set_anchors(())
        self.show_trajectory(loaded)
        self.trajectory_made.emit(loaded)

    def save_file(self, path: Path) -> Path | None:
        """Write the states of the trajectory; None when there is none. Raises `UserError`."""
        return None if self.trajectory is None else trajectory_file.save(path, self.trajectory)

    # -- within --------------------------------------------------------------------------------------------

    def _add(self, anchor: Anchor) -> None:
        way = self.controls.ways.way
        if way not in ("anchors", "auto"):
            self.controls.show_way("anchors")
        # the ends of a line are anchors too: a third one makes a path through anchors of it
        self._set_anchors((*self.anchors, anchor))

    def _set_anchors(self, anchors: tuple[Anchor, ...]) -> None:
        self._maker.set_anchors(anchors)
        way = self.controls.ways.way
        if way == "auto":
            return
        if len(anchors) > 1:
            self._maker.make_from("line" if way == "line" and len(anchors) == 2 else "anchors")
        elif self._maker.source in ("anchors", "line"):
            self._maker.forget()

    def _show_anchors(self, anchors: tuple[Anchor, ...]) -> None:
        self.controls.anchors.set_anchors(anchors, self._names)
        self.anchors_changed.emit(self.handles())
        self._say()

    def _on_made(self, made: Trajectory | None) -> None:
        self._say()
        self.trajectory_made.emit(made)

    def _on_snap(self, snap: bool) -> None:
        self.snap_changed.emit(snap)
        if self._maker.source in ("path", "line", "anchors"):
            self._maker.remake()

    def _say(self, message: str = "") -> None:
        self.controls.show_trajectory(self.trajectory, message)
        self._enable()

    def _enable(self) -> None:
        there = self.trajectory is not None
        self.controls.enable(self._maker.plane is not None, there, there or bool(self.anchors))

    def _ask_file(self) -> None:
        dialogue = QFileDialog(self, "Read a path in latent space", "", trajectory_file.PATTERNS)
        dialogue.setObjectName("explorer_path_dialogue")
        dialogue.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialogue.fileSelected.connect(lambda name: self.load_file(Path(name)))
        dialogue.finished.connect(dialogue.deleteLater)
        dialogue.open()
