"""The trajectory creator, driven as a person and a plot would drive it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from jobs.core.errors import UserError
from jobs.core.exploring import Embedding, EmbeddingRequest
from tests.support.explored import BlobModel
from widgets.explorer import trajectory_file
from widgets.explorer.anchor_list import anchor_of
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import PathRequest, Trajectory, from_rows
from widgets.explorer.trajectory_panel import TrajectoryPanel

CURVE = np.column_stack([np.linspace(-1, 1, 30), np.sin(np.linspace(0, 3, 30)) / 3])


def plane_of(model: BlobModel, axes: tuple[int, int] = (0, 1), *, linear: bool = True) -> Plane:
    """Latent axes themselves."""
    latent = np.asarray(model.embedding, np.float32)
    n = latent.shape[1]
    names = tuple(f"z{k + 1}" for k in range(n))
    request = EmbeddingRequest("axes")
    if not linear:
        umap = EmbeddingRequest("umap")
        return Plane(Embedding(umap, latent[:, :2].copy(), ("UMAP1", "UMAP2")), latent)
    offset, matrix = np.zeros(n, np.float32), np.eye(n, dtype=np.float32)
    return Plane(Embedding(request, latent, names, offset, matrix), latent, axes)


class Heard:
    """Remembers what a panel said."""

    def __init__(self, panel: TrajectoryPanel) -> None:
        self.made: list[Trajectory | None] = []
        self.wanted: list[PathRequest] = []
        self.tools: list[str] = []
        self.handles: list[NDArray[np.float32]] = []
        self.saves: list[str] = []
        self.snaps: list[bool] = []
        panel.trajectory_made.connect(self.made.append)
        panel.trajectory_wanted.connect(self.wanted.append)
        panel.tool_wanted.connect(self.tools.append)
        panel.anchors_changed.connect(self.handles.append)
        panel.save_wanted.connect(self.saves.append)
        panel.snap_changed.connect(self.snaps.append)


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(300)


@pytest.fixture
def panel(qtbot: QtBot, light: QApplication, model: BlobModel) -> TrajectoryPanel:
    widget = TrajectoryPanel()
    qtbot.addWidget(widget)
    widget.resize(300, 420)
    widget.show()
    widget.set_plane(plane_of(model), model.metadata["image_name"])
    return widget


@pytest.fixture
def heard(panel: TrajectoryPanel) -> Heard:
    return Heard(panel)


def find(panel: QWidget, name: str) -> Any:
    found = panel.findChild(QWidget, f"explorer_{name}")
    assert found is not None, name
    return found


def click(qtbot: QtBot, panel: QWidget, name: str) -> None:
    qtbot.mouseClick(find(panel, name), Qt.MouseButton.LeftButton)


def settled(qtbot: QtBot, panel: TrajectoryPanel) -> Trajectory:
    qtbot.waitUntil(lambda: not panel.pending, timeout=10_000)
    assert panel.trajectory is not None
    return panel.trajectory


def message(panel: TrajectoryPanel) -> str:
    found = find(panel, "path_message")
    assert isinstance(found, QLabel)
    return found.text() if not found.isHidden() else ""


def test_that_a_drawn_path_becomes_a_trajectory_through_particles(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard, model: BlobModel
) -> None:
    panel.take_path(CURVE)
    made = settled(qtbot, panel)
    assert len(made) == 40 and len(heard.made) == 1 and heard.made[0] is made
    np.testing.assert_array_equal(made.states[[0, -1]], model.embedding[[made.rows[0], made.rows[-1]]])
    assert "Free-hand path · 40 frames" in find(panel, "path_info").text()


def test_that_exact_states_lie_on_the_path_itself(qtbot: QtBot, panel: TrajectoryPanel, heard: Heard) -> None:
    click(qtbot, panel, "path_exact")
    panel.take_path(CURVE)
    made = settled(qtbot, panel)
    np.testing.assert_allclose(made.states[[0, -1], :2], CURVE[[0, -1]], atol=1e-5)
    assert heard.snaps == [False]
    panel.set_snap(True)
    assert settled(qtbot, panel).rows and heard.snaps == [False, True]


def test_that_two_points_are_a_straight_line_whose_ends_can_be_moved(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    panel.set_snap(False)
    panel.take_path([[-1, 0], [1, 0.2]])
    settled(qtbot, panel)
    np.testing.assert_allclose(heard.handles[-1], [[-1, 0], [1, 0.2]], atol=1e-6)
    panel.move_anchor(1, 0.5, 0.5)
    made = settled(qtbot, panel)
    np.testing.assert_allclose(made.plane[[0, -1]], [[-1, 0], [0.5, 0.5]], atol=1e-6)
    assert made.title == "straight line"


def test_that_anchors_added_in_the_plot_and_by_name_are_hit_in_order(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard, model: BlobModel
) -> None:
    click(qtbot, panel, "path_anchors")
    assert heard.tools == ["anchors"]
    entry = find(panel, "anchor_entry")
    for text in ("12", str(model.metadata["image_name"][99]), "000007@Extract/job001/stack.mrcs"):
        qtbot.keyClicks(entry, text)
        qtbot.keyClick(entry, Qt.Key.Key_Return)
        assert entry.text() == ""
    x, y = (float(v) for v in panel._maker.plane.xy[50])  # type: ignore[union-attr]
    panel.add_anchor(x, y)
    made = settled(qtbot, panel)
    assert made.rows == (11, 99, 6, 50)
    for row in made.rows:
        assert (made.states == model.embedding[row]).all(axis=1).any()
    assert len(heard.handles[-1]) == 4
    assert "000100@" in find(panel, "anchor_list").item(1).text()


def test_that_an_anchor_at_a_particle_keeps_its_state_when_exact(
    qtbot: QtBot, panel: TrajectoryPanel, model: BlobModel
) -> None:
    panel.set_snap(False)
    panel.choose("anchors")
    panel.add_named("12")
    panel.add_named("0.25, −0.5")
    made = settled(qtbot, panel)
    np.testing.assert_array_equal(made.states[0], model.embedding[11])
    np.testing.assert_allclose(made.states[-1, :2], [0.25, -0.5], atol=1e-6)


def test_that_anchors_can_be_taken_away_and_put_into_another_order(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    panel.choose("anchors")
    for text in ("1", "2", "3"):
        panel.add_named(text)
    settled(qtbot, panel)
    items = find(panel, "anchor_list")
    # as dragging the last one to the top does
    items.model().moveRow(QModelIndex(), 2, QModelIndex(), 0)
    qtbot.waitUntil(lambda: [a.row for a in panel.anchors] == [2, 0, 1], timeout=5000)
    assert settled(qtbot, panel).rows == (2, 0, 1)
    items.setCurrentRow(1)
    qtbot.keyClick(items, Qt.Key.Key_Delete)
    assert settled(qtbot, panel).rows == (2, 1)
    panel.remove_anchor(0)
    assert heard.made[-1] is None and panel.trajectory is None
    assert len(panel.anchors) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("301", "no particle 301: there are 300"),
        ("0", "no particle 0"),
        ("nobody@nowhere.mrcs", "neither a particle nor a place"),
        ("stack.mrcs", "300 particles have a name that ends with"),
        ("1, x", "neither a particle nor a place"),
    ],
)
def test_that_wrong_anchors_are_explained_and_stay_to_be_corrected(
    qtbot: QtBot, panel: TrajectoryPanel, text: str, sentence: str
) -> None:
    panel.choose("anchors")
    entry = find(panel, "anchor_entry")
    qtbot.keyClicks(entry, text)
    click(qtbot, panel, "anchor_add")
    assert sentence in message(panel).replace("There is", "there is")
    assert entry.text() == text and not panel.anchors


def test_that_a_particle_without_a_place_is_no_anchor(model: BlobModel) -> None:
    model.embedding[4] = np.nan
    with pytest.raises(UserError, match="particle 5 has no place"):
        anchor_of("5", plane_of(model), None)


def test_that_a_component_is_followed_at_once_and_its_numbers_count(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard, model: BlobModel
) -> None:
    click(qtbot, panel, "path_axis")
    made = settled(qtbot, panel)
    np.testing.assert_allclose(
        made.states[[0, -1], 0], np.percentile(model.embedding[:, 0], (2, 98)), atol=1e-4
    )
    find(panel, "path_component").setCurrentIndex(1)
    find(panel, "path_low").setValue(20)
    find(panel, "path_frames").setValue(11)
    made = settled(qtbot, panel)
    assert len(made) == 11
    np.testing.assert_allclose(
        made.states[[0, -1], 1], np.percentile(model.embedding[:, 1], (20, 98)), atol=1e-4
    )
    assert heard.tools == ["pick"]


def test_that_an_automatic_path_is_asked_for_and_shown_when_it_comes(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard, model: BlobModel
) -> None:
    click(qtbot, panel, "path_auto")
    panel.add_named("3")
    click(qtbot, panel, "path_find")
    assert not heard.wanted and "One anchor is not enough" in message(panel)
    panel.add_named("8")
    find(panel, "path_frames").setValue(25)
    click(qtbot, panel, "path_find")
    assert heard.wanted == [PathRequest((2, 7), 25)]
    assert "Looking" in message(panel)
    made = from_rows([2, 5, 90, 7], model.embedding, 25, plane_of(model))
    panel.show_trajectory(made)
    assert panel.trajectory is made and message(panel) == "" and not heard.made
    # and it can be divided into other steps
    find(panel, "path_frames").setValue(50)
    divided = settled(qtbot, panel)
    assert len(divided) == 50
    np.testing.assert_allclose(divided.states[[0, -1]], made.states[[0, -1]], atol=1e-6)


def test_that_without_anchors_the_ends_are_left_to_the_search(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    panel.choose("auto")
    panel.find_path()
    assert heard.wanted == [PathRequest((), 40)]
    panel.show_problem(UserError("there is no path", hint="Add anchors."))
    assert message(panel) == "There is no path. Add anchors."


def test_that_centres_of_clusters_are_offered_as_anchors(qtbot: QtBot, panel: TrajectoryPanel) -> None:
    panel.choose("anchors")
    assert find(panel, "anchor_centres").isHidden()
    panel.set_centres(np.array([10, 20, 30]))
    click(qtbot, panel, "anchor_centres")
    assert settled(qtbot, panel).rows == (10, 20, 30)
    panel.set_centres(np.array([[0.5, 0.5]]))
    click(qtbot, panel, "anchor_centres")
    assert len(panel.anchors) == 4 and panel.anchors[-1].row is None


def test_that_reversing_turns_everything_round_and_it_stays_so(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    panel.choose("axis")
    before = settled(qtbot, panel)
    click(qtbot, panel, "path_reverse")
    np.testing.assert_array_equal(heard.made[-1].states, before.states[::-1])  # type: ignore[union-attr]
    find(panel, "path_frames").setValue(30)
    again = settled(qtbot, panel)
    np.testing.assert_allclose(again.states[[0, -1]], before.states[[-1, 0]], atol=1e-6)
    panel.clear()
    panel.choose("anchors")
    for text in ("1", "2", "3"):
        panel.add_named(text)
    settled(qtbot, panel)
    panel.reverse()
    assert [a.row for a in panel.anchors] == [2, 1, 0]
    find(panel, "path_frames").setValue(31)
    assert settled(qtbot, panel).rows == (2, 1, 0)


def test_that_clearing_leaves_nothing(qtbot: QtBot, panel: TrajectoryPanel, heard: Heard) -> None:
    panel.choose("anchors")
    panel.add_named("1")
    panel.add_named("2")
    settled(qtbot, panel)
    click(qtbot, panel, "path_clear")
    assert heard.made[-1] is None and panel.trajectory is None and not panel.anchors
    assert heard.handles[-1].shape == (0, 2)
    for name in ("path_reverse", "path_clear", "path_save"):
        assert not find(panel, name).isEnabled()


def test_that_frames_away_from_the_data_are_counted_in_words(qtbot: QtBot, panel: TrajectoryPanel) -> None:
    panel.set_snap(False)
    panel.take_path([[0, 0], [0, 40]])
    made = settled(qtbot, panel)
    plane = panel._maker.plane
    assert plane is not None
    away = int((plane.distance_to_data(made.states) > plane.typical_gap()).sum())
    assert 30 < away < 40
    assert message(panel) == f"{away} frames lie where there are no particles."


def test_that_a_path_too_short_is_explained_and_the_one_before_stays(
    qtbot: QtBot, panel: TrajectoryPanel
) -> None:
    panel.take_path(CURVE)
    before = settled(qtbot, panel)
    panel.take_path(CURVE[:3] * 1e-9)
    qtbot.waitUntil(lambda: "distance between particles" in message(panel), timeout=10_000)
    assert panel.trajectory is before


def test_that_a_path_is_written_and_read_again(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard, tmp_path: Path
) -> None:
    assert panel.save_file(tmp_path / "none.csv") is None
    panel.take_path(CURVE)
    made = settled(qtbot, panel)
    written = panel.save_file(tmp_path / "path.txt")
    assert written is not None
    panel.clear()
    panel.load_file(written)
    assert panel.trajectory is not None and heard.made[-1] is panel.trajectory
    np.testing.assert_array_equal(panel.trajectory.states, made.states)
    np.testing.assert_array_equal(trajectory_file.read_states(written, 4), made.states)
    (tmp_path / "bad.csv").write_text("1 2 3 4\n1 2 x 4\n")
    panel.load_file(tmp_path / "bad.csv")
    assert "row 2, column z3" in message(panel)
    assert panel.trajectory is not None


def test_that_the_file_dialogue_leads_to_the_file(
    qtbot: QtBot, panel: TrajectoryPanel, tmp_path: Path, model: BlobModel
) -> None:
    np.savetxt(tmp_path / "z.txt", model.embedding[:5])
    click(qtbot, panel, "path_load")
    dialogue = panel.findChild(QFileDialog, "explorer_path_dialogue")
    assert dialogue is not None
    dialogue.fileSelected.emit(str(tmp_path / "z.txt"))
    dialogue.reject()
    assert panel.trajectory is not None and len(panel.trajectory) == 5


def test_that_everything_that_can_be_written_is_asked_for_by_name(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    panel.take_path(CURVE)
    settled(qtbot, panel)
    assert find(panel, "path_save").isEnabled()
    for action in panel.controls.save_menu.actions():
        action.trigger()
    assert heard.saves == ["movie", "model", "mp4", "gif", "frames", "path"]


def test_that_other_axes_keep_the_trajectory_where_it_lies_now(
    qtbot: QtBot, panel: TrajectoryPanel, model: BlobModel, heard: Heard
) -> None:
    panel.choose("anchors")
    panel.add_named("1")
    panel.add_named("2")
    made = settled(qtbot, panel)
    panel.set_plane(plane_of(model, (2, 1)))
    assert panel.trajectory is not None
    np.testing.assert_array_equal(panel.trajectory.states, made.states)
    np.testing.assert_allclose(panel.trajectory.plane, made.states[:, [2, 1]], atol=1e-6)
    np.testing.assert_allclose(heard.handles[-1], model.embedding[[0, 1]][:, [2, 1]], atol=1e-6)


def test_that_another_model_keeps_anchors_at_particles_and_forgets_drawings(
    qtbot: QtBot, panel: TrajectoryPanel, heard: Heard
) -> None:
    other = BlobModel(300, half=2)
    panel.choose("anchors")
    panel.add_named("1")
    panel.add_named("2")
    settled(qtbot, panel)
    panel.set_plane(plane_of(other), other.metadata["image_name"])
    made = settled(qtbot, panel)
    np.testing.assert_array_equal(made.states[[0, -1]], other.embedding[[0, 1]])
    panel.take_path(CURVE)
    settled(qtbot, panel)
    panel.set_plane(plane_of(BlobModel(200)))
    assert panel.trajectory is None and heard.made[-1] is None


def test_that_a_plane_without_a_way_back_says_so(
    qtbot: QtBot, panel: TrajectoryPanel, model: BlobModel
) -> None:
    assert find(panel, "path_exact").text() == "Exact"
    panel.set_plane(plane_of(model, linear=False))
    assert find(panel, "path_exact").text() == "Between"
    assert find(panel, "path_component").count() == 4
    panel.choose("axis")
    assert "principal component 1" in settled(qtbot, panel).title


def test_that_without_a_plane_nothing_can_be_made(qtbot: QtBot) -> None:
    panel = TrajectoryPanel()
    qtbot.addWidget(panel)
    panel.take_path(CURVE)
    panel.add_named("3")
    panel.find_path()
    assert not panel.pending and panel.trajectory is None
    assert not find(panel, "path_load").isEnabled()


def test_that_every_control_can_be_found_and_is_explained(panel: TrajectoryPanel) -> None:
    for button in panel.findChildren(QToolButton):
        if button.objectName().startswith("qt_"):
            continue
        assert button.objectName().startswith("explorer_") and button.toolTip(), button.objectName()
    assert panel.minimumSizeHint().width() <= 260


def test_that_nothing_is_cut_off_in_the_narrowest_panel(qtbot: QtBot, panel: TrajectoryPanel) -> None:
    for way in ("draw", "line", "axis", "anchors", "auto"):
        panel.choose(way)
        panel.show_problem(UserError("a sentence that is longer than a line", hint="Do something else."))
        panel.setFixedSize(260, panel.controls.minimumHeight())
        qtbot.waitUntil(lambda: panel.height() >= panel.controls.minimumHeight(), timeout=5000)
        QApplication.processEvents()
        shown = [w for w in panel.controls.children() if isinstance(w, QWidget) and w.isVisible()]
        for k, widget in enumerate(shown):
            assert panel.controls.rect().contains(widget.geometry()), (way, widget.objectName())
            assert not any(widget.geometry().intersects(other.geometry()) for other in shown[:k]), way
            if isinstance(widget, QLabel) and widget.wordWrap():
                assert widget.height() >= widget.heightForWidth(widget.width()), (way, widget.text())
