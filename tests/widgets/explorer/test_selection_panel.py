"""The selection panel, used by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from widgets.explorer.columns import Columns
from widgets.explorer.criterion_editor import CriterionEditor
from widgets.explorer.selection import Mode
from widgets.explorer.selection_panel import SelectionPanel

N = 400


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(N)


@pytest.fixture
def panel(qtbot: QtBot, light: QApplication, model: BlobModel) -> SelectionPanel:
    panel = SelectionPanel()
    qtbot.addWidget(panel)
    panel.resize(300, 460)
    columns = Columns(model.metadata, model.measures, {"latent": model.embedding})
    columns.list_sources()
    panel.set_count(N)
    panel.set_columns(columns)
    panel.show()
    return panel


def click(qtbot: QtBot, panel: SelectionPanel, name: str) -> None:
    button = panel.findChild(QToolButton, name) or panel.findChild(QPushButton, name)
    assert button is not None
    assert button.isEnabled(), f"{name} is disabled"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def text_of(panel: SelectionPanel, name: str) -> str:
    label = panel.findChild(QLabel, name)
    assert label is not None
    return label.text()


def settle(qtbot: QtBot, editor: CriterionEditor) -> None:
    qtbot.waitUntil(lambda: not editor._worker.pending)


def threshold(qtbot: QtBot, panel: SelectionPanel, key: str, operator: str, *numbers: str) -> None:
    """Open the row if needed, choose, type and apply."""
    if not panel.threshold.isVisible():
        click(qtbot, panel, "explorer_by_threshold")
    panel.threshold.chooser.choose(key)
    settle(qtbot, panel.threshold)
    box = panel.threshold.operator
    box.setCurrentIndex(box.findData(operator))
    for name, number in zip(("first", "second"), numbers, strict=False):
        field = panel.findChild(QLineEdit, f"explorer_threshold_{name}")
        assert field is not None and field.isVisible()
        field.clear()
        qtbot.keyClicks(field, number)
    settle(qtbot, panel.threshold)
    click(qtbot, panel, "explorer_threshold_apply")


def some(share: float) -> np.ndarray:
    return np.random.default_rng(round(share * 100)).random(N) < share


def test_that_the_number_of_particles_is_said_large_and_clear(panel: SelectionPanel) -> None:
    assert text_of(panel, "explorer_selected_share") == "none of 400 selected"
    panel.combine(np.arange(N) < 62)
    assert text_of(panel, "explorer_selected_count") == "62"
    assert text_of(panel, "explorer_selected_share") == "of 400 particles (15.5 %)"


@pytest.mark.parametrize(("mode", "place"), [("new", 0), ("add", 1), ("subtract", 2), ("intersect", 3)])
def test_that_a_region_is_combined_in_the_chosen_mode(
    qtbot: QtBot, panel: SelectionPanel, mode: Mode, place: int
) -> None:
    first, second = some(0.5), some(0.3)
    panel.combine(first)
    click(qtbot, panel, f"explorer_mode_{mode}")
    assert panel.mode == mode
    with qtbot.waitSignal(panel.changed) as told:
        panel.combine(second)
    expected = (second, first | second, first & ~second, first & second)[place]
    np.testing.assert_array_equal(told.args[0], expected)


def test_that_keys_held_while_drawing_go_before_the_mode(panel: SelectionPanel) -> None:
    first, second = some(0.5), some(0.3)
    panel.combine(first)
    panel.set_mode("add")
    panel.combine(second, "subtract")
    np.testing.assert_array_equal(panel.selection.mask, first & ~second)
    panel.combine(second, "new")
    np.testing.assert_array_equal(panel.selection.mask, first | second)


def test_that_keys_undo_and_do_again(qtbot: QtBot, panel: SelectionPanel) -> None:
    first, second = some(0.5), some(0.3)
    panel.combine(first)
    panel.combine(second)
    panel.setFocus()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    control = Qt.KeyboardModifier.ControlModifier
    with qtbot.waitSignal(panel.changed):
        qtbot.keyClick(panel, Qt.Key.Key_Z, control)
    np.testing.assert_array_equal(panel.selection.mask, first)
    with qtbot.waitSignal(panel.changed):
        qtbot.keyClick(panel, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_array_equal(panel.selection.mask, second)
    with qtbot.waitSignal(panel.changed):
        qtbot.keyClick(panel, Qt.Key.Key_I, control)
    np.testing.assert_array_equal(panel.selection.mask, ~second)


def test_that_buttons_can_be_used_only_when_they_do_something(qtbot: QtBot, panel: SelectionPanel) -> None:
    names = ("undo", "redo", "clear")
    enabled = [panel.findChild(QAction, f"explorer_selection_{name}").isEnabled() for name in names]
    assert enabled == [False, False, False] and not panel.uses.isEnabled()
    panel.combine(some(0.5))
    click(qtbot, panel, "explorer_clear_button")
    enabled = [panel.findChild(QAction, f"explorer_selection_{name}").isEnabled() for name in names]
    assert enabled == [True, False, False] and not panel.uses.isEnabled()
    click(qtbot, panel, "explorer_undo_button")
    assert panel.uses.isEnabled()


def test_that_a_threshold_selects_by_the_numbers_of_a_column(
    qtbot: QtBot, panel: SelectionPanel, model: BlobModel
) -> None:
    values = model.metadata["rlnDefocusU"]
    threshold(qtbot, panel, "star:rlnDefocusU", "≥", "15,000")
    np.testing.assert_array_equal(panel.selection.mask, values >= 15000)
    assert text_of(panel, "explorer_threshold_count") == f"{(values >= 15000).sum()} of 400 particles"
    panel.set_mode("intersect")
    threshold(qtbot, panel, "extra:latent#0", "between", "0.5", "-0.5")
    first = model.embedding[:, 0]
    inside = (first >= -0.5) & (first <= 0.5)
    np.testing.assert_array_equal(panel.selection.mask, (values >= 15000) & inside)
    assert panel.selection.history[1:] == [
        f"Defocus U ≥ 15,000  ({(values >= 15000).sum()})",
        f"And z1 between −0.5 and 0.5  ({((values >= 15000) & inside).sum()})",
    ]


def test_that_an_incomplete_threshold_can_not_be_applied(qtbot: QtBot, panel: SelectionPanel) -> None:
    click(qtbot, panel, "explorer_by_threshold")
    panel.threshold.chooser.choose("star:rlnDefocusU")
    settle(qtbot, panel.threshold)
    assert not panel.threshold.apply_button.isEnabled()
    assert text_of(panel, "explorer_threshold_count").startswith("Values from ")
    panel.threshold.first.setText("abc")
    settle(qtbot, panel.threshold)
    assert not panel.threshold.apply_button.isEnabled()


def test_that_directions_are_refused_with_the_reason(qtbot: QtBot, panel: SelectionPanel) -> None:
    click(qtbot, panel, "explorer_by_threshold")
    panel.threshold.chooser.choose("measure:direction")
    settle(qtbot, panel.threshold)
    assert "no order" in text_of(panel, "explorer_threshold_count")


def test_that_ticked_categories_are_selected(qtbot: QtBot, panel: SelectionPanel, model: BlobModel) -> None:
    click(qtbot, panel, "explorer_by_category")
    panel.category.chooser.choose("star:rlnMicrographName")
    settle(qtbot, panel.category)
    rows = panel.category.list.list
    for row in (1, 3):
        place = rows.visualRect(rows.model().index(row, 0)).center()
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
        settle(qtbot, panel.category)
    click(qtbot, panel, "explorer_category_apply")
    wanted = np.isin(model.metadata["rlnMicrographName"].astype(str), ["mic_1.mrc", "mic_3.mrc"])
    np.testing.assert_array_equal(panel.selection.mask, wanted)


def test_that_numbers_on_a_scale_are_no_categories(qtbot: QtBot, panel: SelectionPanel) -> None:
    click(qtbot, panel, "explorer_by_category")
    panel.category.chooser.choose("star:rlnDefocusU")
    settle(qtbot, panel.category)
    assert "use Threshold" in text_of(panel, "explorer_category_count")
    assert not panel.category.apply_button.isEnabled()


def test_that_one_row_is_open_at_a_time(qtbot: QtBot, panel: SelectionPanel) -> None:
    click(qtbot, panel, "explorer_by_threshold")
    click(qtbot, panel, "explorer_by_category")
    assert panel.category.isVisible() and not panel.threshold.isVisible()
    click(qtbot, panel, "explorer_by_category")
    assert not panel.category.isVisible()


def test_that_the_history_menu_leads_back_to_any_step(qtbot: QtBot, panel: SelectionPanel) -> None:
    masks = [some(0.5), some(0.3), some(0.1)]
    for mask in masks:
        panel.combine(mask, "", "Lasso")
    panel.history_menu.aboutToShow.emit()
    entries = panel.history_menu.actions()
    assert [e.text() for e in entries][1] == f"Lasso  ({masks[0].sum()})"
    assert [e.isChecked() for e in entries] == [False, False, False, True]
    with qtbot.waitSignal(panel.changed) as told:
        entries[1].trigger()
    np.testing.assert_array_equal(told.args[0], masks[0])


def test_that_uses_only_ask(qtbot: QtBot, panel: SelectionPanel) -> None:
    panel.combine(some(0.5))
    with qtbot.waitSignal(panel.train_wanted):
        click(qtbot, panel, "explorer_train")
    with qtbot.waitSignal(panel.show_images_wanted):
        click(qtbot, panel, "explorer_images")
    with qtbot.waitSignal(panel.import_wanted):
        click(qtbot, panel, "explorer_by_list")
    for kind in ("star", "cs", "indices", "models"):
        with qtbot.waitSignal(panel.save_wanted) as told:
            panel.findChild(QAction, f"explorer_save_{kind}").trigger()
        assert told.args == [kind]


def test_that_other_particles_begin_without_a_selection(qtbot: QtBot, panel: SelectionPanel) -> None:
    panel.combine(some(0.5))
    with qtbot.waitSignal(panel.changed) as told:
        panel.set_count(10)
    assert told.args == [None]
    panel.combine(np.ones(10, bool))
    assert text_of(panel, "explorer_selected_share") == "of 10 particles (100.0 %)"
