"""Trajectories: drawn, typed or found, made ahead and played."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from jobs.core.exploring import Cancelled, Progress
from widgets.explorer.tools import Tool
from widgets.explorer.trajectory import PathRequest, Trajectory, from_rows
from widgets.explorer.travelling import Travelling

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer


class PathControl(QObject):
    """Connects plot, trajectory panel, player and map."""

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self.trajectory: Trajectory | None = None
        self._waiting: int | None = None
        self.travelling = Travelling(self)
        self.travelling.frame_made.connect(self._on_frame)
        self.travelling.failed.connect(view.complain)
        canvas, panel, player = view.canvas, view.paths, view.player
        canvas.path_drawn.connect(panel.take_path)
        canvas.anchor_added.connect(panel.add_anchor)
        canvas.anchor_moved.connect(panel.move_anchor)
        canvas.anchor_removed.connect(panel.remove_anchor)
        panel.tool_wanted.connect(lambda name: canvas.set_tool(Tool(name)))
        panel.trajectory_made.connect(self.take)
        panel.trajectory_wanted.connect(self.find)
        panel.anchors_changed.connect(self._draw)
        panel.save_wanted.connect(view.writing.save_trajectory)
        player.moved.connect(self.go)

    def take(self, trajectory: Trajectory | None) -> None:
        """Play a trajectory."""
        view, opened = self.view, self.view.opened
        self.trajectory = trajectory
        self._waiting = None
        if trajectory is None or opened is None or not len(trajectory.states):
            self.travelling.stop()
            view.player.set_count(0)
            self._draw()
            return
        self.travelling.start(opened.maker, trajectory.states, trajectory.title)
        view.player.set_count(len(trajectory.states))
        self._draw()
        view.player.set_position(0)
        self.go(0)

    def remake(self) -> None:
        """Make all frames anew, because something that moves along has changed."""
        if self.trajectory is not None:
            self.take(self.trajectory)

    def find(self, wish: PathRequest) -> None:
        """Find a trajectory through crowded regions, in the background."""
        view, opened, panel = self.view, self.view.opened, self.view.paths
        if opened is None:
            return
        services, latent, plane = view.services, opened.latent, view.plane
        anchors = [int(row) for row in wish.rows]

        def work(progress: Progress, cancelled: Cancelled) -> Trajectory:
            rows = services.dense_path(latent, anchors, progress, cancelled)
            return from_rows(rows, latent, wish.frames, plane)

        view.work.start(work, self._found, panel.show_problem, "Looking for a path through crowded regions")

    def _found(self, trajectory: Trajectory) -> None:
        self.view.paths.show_trajectory(trajectory)
        self.take(trajectory)

    def replace(self) -> None:
        """The plane has changed: draw the trajectory where it lies now."""
        if self.trajectory is not None and self.view.plane is not None:
            self.trajectory = self.trajectory.placed(self.view.plane)
        self._draw()

    # -- playing -------------------------------------------------------------------------------------------

    def go(self, frame: int) -> None:
        """Show a frame, as soon as it is made."""
        state = self.travelling.want(frame)
        if state is None:
            self._waiting = frame
            return
        self._waiting = None
        self._show(frame)

    def _show(self, frame: int) -> None:
        view, trajectory = self.view, self.trajectory
        state = self.travelling.frames[frame]
        if state is None or trajectory is None:
            return
        view.showing.cancel()
        view.second.set_row(None)  # a frame is no particle
        view.canvas.set_mark(tuple(float(v) for v in trajectory.plane[frame]))
        view.show_state(state)

    def _on_frame(self, frame: int) -> None:
        self.view.player.set_done(self.travelling.done)
        if frame == self._waiting:
            self._waiting = None
            self._show(frame)

    def _draw(self, *_: object) -> None:
        handles = self.view.paths.handles()
        line = self.trajectory.plane if self.trajectory is not None else None
        self.view.canvas.set_path(line, handles if len(handles) else None)
