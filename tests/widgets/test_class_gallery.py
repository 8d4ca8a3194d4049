"""Classes are looked at while they are made, judged by numbers, and chosen by hand and by rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from jobs.core.class_set import ClassSet
from jobs.core.errors import FormatError
from widgets.class_gallery.gallery import ClassGallery
from widgets.class_gallery.rules import KeepRules
from widgets.class_gallery.sources import ClassFile

_SIZES = [120, 80, 300, 40, 210, 95]
_ERRORS = [0.3, 0.9, 0.2, 1.5, 0.5, np.nan]


def classes(path: Path = Path("run_model.star"), sizes: list[int] | None = None) -> ClassSet:
    """Six classes, of which the last has no pixel error; average k is a bright pixel k."""
    sizes = sizes or _SIZES

    def read(_path: Path, section: int) -> np.ndarray:
        image = np.zeros((16, 16), np.float32)
        image.flat[section] = 1.0
        return image

    return ClassSet(
        path=path,
        averages=tuple((Path("run_classes.mrcs"), k) for k in range(len(sizes))),
        reader=read,
        pixel_size_a=4.0,
        columns={
            "size": np.array(sizes),
            "pixel_error_px": np.array(_ERRORS[: len(sizes)]),
            "resolution_a": np.linspace(8, 13, len(sizes)),
        },
        particles=Path("run_data.star"),
        class_of=np.repeat(np.arange(len(sizes)), sizes),
    )


class Services:
    """Sets of classes that the tests add while the gallery looks."""

    title = "ISAC2/job001"

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.running = True
        self.trouble: dict[str, str] = {}
        self.stamps: dict[str, float] = {}
        self.opened: list[str] = []

    def files(self) -> list[ClassFile]:
        return [ClassFile(name, Path(name), self.stamps.get(name, 0.0)) for name in self.names]

    def open(self, path: Path) -> ClassSet:
        self.opened.append(str(path))
        if str(path) in self.trouble:
            raise FormatError(self.trouble[str(path)], path=path)
        return classes(path)

    def is_running(self) -> bool:
        return self.running


Make = Callable[..., ClassGallery]


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    def build(services: Services, *, compact: bool = False) -> ClassGallery:
        gallery = ClassGallery(services, compact=compact)
        qtbot.addWidget(gallery, before_close_func=lambda w: w.close_down())
        gallery.resize(1100, 700)
        gallery.show()
        if services.names and not services.trouble:
            qtbot.waitUntil(
                lambda: gallery.classes is not None and not gallery.grid.missing(), timeout=10_000
            )
        return gallery

    return build


def _centre(gallery: ClassGallery, row: int) -> QPoint:
    return gallery.grid.tile(int(np.flatnonzero(gallery.grid.rows == row)[0])).center()


def _drag(qtbot: QtBot, widget: object, points: list[QPoint], modifier: Qt.KeyboardModifier) -> None:
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(widget, left, modifier, points[0])
    for point in points[1:]:
        qtbot.mouseMove(widget, point)
    qtbot.mouseRelease(widget, left, modifier, points[-1])


def test_that_averages_are_read_beside_the_window_and_say_size_error_and_resolution(make: Make) -> None:
    gallery = make(Services("first"))
    assert not gallery.grid.missing()
    gallery.look_bar.size_slider.setValue(gallery.look_bar.size_slider.maximum())
    assert gallery.grid.labels[0] == "120 · 0.30 px · 8.0 Å"
    assert gallery.grid.labels[5] == "95 · 13.0 Å"
    # in small tiles there is room for less
    gallery.look_bar.size_slider.setValue(0)
    assert gallery.grid.labels[0] == "120"
    assert gallery.choice.count.text() == "6 classes, 845 particles"


def test_that_clicks_pick_and_put_back_and_a_rectangle_or_lasso_picks_what_it_covers(
    make: Make, qtbot: QtBot
) -> None:
    gallery = make(Services("first"))
    port, left = gallery.grid.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseClick(port, left, pos=_centre(gallery, 1))
    qtbot.mouseClick(port, left, pos=_centre(gallery, 3))
    qtbot.mouseClick(port, left, pos=_centre(gallery, 1))
    assert gallery.selected().tolist() == [3]
    none = Qt.KeyboardModifier.NoModifier
    _drag(qtbot, port, [QPoint(1, 1), QPoint(40, 40), _centre(gallery, 1)], none)
    assert gallery.selected().tolist() == [0, 1, 3]
    _drag(qtbot, port, [QPoint(1, 1), _centre(gallery, 0)], Qt.KeyboardModifier.ControlModifier)
    assert gallery.selected().tolist() == [1, 3]
    gallery.look_bar.lasso.setChecked(True)
    tile = gallery.grid.tile(4)
    corners = [tile.topLeft(), tile.topRight(), tile.bottomRight(), tile.bottomLeft()]
    _drag(qtbot, port, corners, none)
    assert gallery.selected().tolist() == [1, 3, 4]


def test_that_keys_walk_pick_all_invert_and_open_the_particles(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"))
    grid = gallery.grid
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert gallery.selected().tolist() == [1]
    qtbot.keyClick(grid, Qt.Key.Key_I)
    assert gallery.selected().tolist() == [0, 2, 3, 4, 5]
    qtbot.keyClick(grid, Qt.Key.Key_A)
    assert len(gallery.selected()) == 6
    qtbot.keyClick(grid, Qt.Key.Key_N)
    assert not len(gallery.selected())
    with qtbot.waitSignal(gallery.particles_requested) as asked:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert asked.args[1] == 1
    assert asked.args[0].members(1).tolist() == list(range(120, 200))


def test_that_a_double_click_opens_the_particles_and_leaves_the_selection(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"))
    port, left, place = gallery.grid.viewport(), Qt.MouseButton.LeftButton, _centre(gallery, 2)
    with qtbot.waitSignal(gallery.particles_requested) as asked:
        qtbot.mouseClick(port, left, pos=place)
        qtbot.mouseDClick(port, left, pos=place)
    assert asked.args[1] == 2
    assert not len(gallery.selected())


def test_that_rules_choose_what_keeps_them_and_cross_out_the_rest(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"))
    gallery.side.rules.fields["pixel_error_px"].setText("0.9")
    qtbot.waitUntil(lambda: gallery.selected().tolist() == [0, 1, 2, 4])
    gallery.side.rules.fields["size"].setText("100")
    qtbot.waitUntil(lambda: gallery.selected().tolist() == [0, 2, 4])
    assert gallery.choice.count.text() == ("3 of 6 classes selected: 630 of 845 particles (75 %); 3 rejected")
    # a class that was rejected can still be chosen by hand
    qtbot.mouseClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, pos=_centre(gallery, 5))
    assert gallery.choice.count.text().endswith("; 2 rejected")
    gallery.arrange.part.setCurrentIndex(gallery.arrange.part.findData("rejected"))
    assert gallery.grid.rows.tolist() == [1, 3]
    gallery.side.rules.clear()
    assert not len(gallery.selected())


def test_that_what_is_not_known_of_a_class_keeps_no_limit() -> None:
    found = classes()
    assert KeepRules((("pixel_error_px", 99.0),)).passes(found).tolist() == [True] * 5 + [False]
    assert KeepRules((("size", 95.0),)).passes(found).tolist() == [True, False, True, False, True, True]
    # limits of columns that a set does not have are not asked
    assert KeepRules((("score", 1.0),)).passes(found).all()


def test_that_classes_are_sorted_and_filtered(make: Make) -> None:
    gallery = make(Services("first"))
    gallery.arrange.order.setCurrentText("Particles")
    assert gallery.grid.rows.tolist() == [3, 1, 5, 0, 4, 2]
    gallery.arrange.descending.setChecked(True)
    assert gallery.grid.rows.tolist() == [2, 4, 0, 5, 1, 3]
    gallery.arrange.filter.choose("Pixel error (px)", "<", "0.6")
    assert gallery.grid.rows.tolist() == [2, 4, 0]


def test_that_the_plot_of_size_against_error_and_the_averages_are_linked(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"))
    scatter = gallery.side.scatter
    place = scatter.place_of(2).toPoint()
    qtbot.mouseClick(scatter, Qt.MouseButton.LeftButton, pos=place)
    assert gallery.selected().tolist() == [2]
    assert gallery.grid.current == 2
    qtbot.mouseMove(scatter, scatter.place_of(0).toPoint())
    assert "Class 1" in scatter.toolTip()
    assert scatter.row_at(QPointF(scatter.area.right(), scatter.area.top())) == -1
    area = scatter.area.toRect()
    _drag(qtbot, scatter, [area.topLeft(), area.bottomRight()], Qt.KeyboardModifier.NoModifier)
    # the class without a pixel error is not in the plot
    assert gallery.selected().tolist() == [0, 1, 2, 3, 4]


def test_that_the_limit_of_errors_is_dragged_in_their_histogram(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"))
    histogram = gallery.side.histogram
    assert histogram.counts.sum() == 5
    where = QPoint(round(histogram.x_of(0.6)), histogram.height() // 3)
    qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=where)
    limit = float(gallery.side.rules.fields["pixel_error_px"].text())
    assert limit == pytest.approx(0.6, abs=0.02)
    assert gallery.selected().tolist() == [0, 2, 4]


def test_that_the_newest_generation_appears_while_the_job_runs(make: Make, qtbot: QtBot) -> None:
    services = Services()
    gallery = make(services)
    qtbot.waitUntil(lambda: not gallery.busy)
    assert "No classes yet" in gallery.empty.message()
    for name in ("first", "second"):
        services.names.append(name)
        gallery.follower.look()
        qtbot.waitUntil(lambda: gallery.classes is not None and str(gallery.classes.path) == name)  # noqa: B023
    assert services.opened == ["first", "second"]
    services.stamps["second"] = 1.0
    gallery.grid.keep_selection(np.array([4]))
    gallery.follower.look()
    qtbot.waitUntil(lambda: services.opened == ["first", "second", "second"] and not gallery.busy)
    assert gallery.selected().tolist() == [4]


def test_that_newer_classes_wait_for_somebody_who_chooses_by_hand(make: Make, qtbot: QtBot) -> None:
    services = Services("first")
    gallery = make(services)
    qtbot.mouseClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, pos=_centre(gallery, 2))
    services.names.append("second")
    gallery.follower.look()
    qtbot.waitUntil(gallery.sets.newer.isVisible)
    assert services.opened == ["first"]
    assert gallery.selected().tolist() == [2]
    gallery.sets.newer.click()
    qtbot.waitUntil(lambda: services.opened == ["first", "second"] and not gallery.busy)
    assert not len(gallery.selected())
    assert not gallery.sets.newer.isVisible()


def test_that_a_file_between_two_states_is_read_again_and_a_damaged_one_is_told(
    make: Make, qtbot: QtBot
) -> None:
    services = Services("first")
    gallery = make(services)
    services.names.append("second")
    services.trouble["second"] = "the file ends within image 3"
    gallery.follower.look()
    qtbot.waitUntil(lambda: "second" in services.opened and not gallery.busy)
    assert not gallery.bar.messages()
    services.running = False
    gallery.follower.look()
    qtbot.waitUntil(lambda: bool(gallery.bar.messages()))
    assert "image 3" in gallery.bar.messages()[0]
    assert gallery.classes is not None


def test_that_the_small_gallery_only_shows(make: Make, qtbot: QtBot) -> None:
    gallery = make(Services("first"), compact=True)
    assert not gallery.choice.isVisible()
    assert not gallery.side.isVisible()
    qtbot.mouseClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, pos=_centre(gallery, 2))
    assert not len(gallery.selected())
    with qtbot.waitSignal(gallery.particles_requested):
        qtbot.mouseDClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, pos=_centre(gallery, 2))
