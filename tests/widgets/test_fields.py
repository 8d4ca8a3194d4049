"""Single editors: what is typed, slid and switched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QSlider, QWidget
from pytestqt.qtbot import QtBot

from jobs.core.declaration import JobType, OptionSpec, spec
from widgets import style
from widgets.fields import ChoiceEditor, GpuChoice, GpuEditor, NumberEditor
from widgets.worded_number import WordedNumberEditor


@pytest.fixture
def sugar(qtbot: QtBot, cake: JobType) -> NumberEditor:
    editor = NumberEditor(spec(cake.options, "sugar"))
    qtbot.addWidget(editor)
    editor.show()
    return editor


def slider(editor: NumberEditor) -> QSlider:
    assert editor.slider is not None
    return editor.slider


def test_that_box_and_slider_follow_each_other(qtbot: QtBot, sugar: NumberEditor) -> None:
    sugar.set_text("0.7")
    assert slider(sugar).value() == 7
    slider(sugar).setFocus()
    qtbot.keyClick(slider(sugar), Qt.Key.Key_Left)
    assert sugar.text() == "0.6"


def test_that_steps_of_a_tenth_are_written_without_rounding_noise(sugar: NumberEditor) -> None:
    written = []
    for place in range(11):
        slider(sugar).setValue(place)
        written.append(sugar.text())
    assert written[1:] == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]


def test_that_a_number_beyond_the_slider_is_kept_and_the_slider_rests_at_its_end(
    qtbot: QtBot, sugar: NumberEditor
) -> None:
    sugar.line.setFocus()
    sugar.line.selectAll()
    qtbot.keyClicks(sugar.line, "12.75")
    assert sugar.text() == "12.75"
    assert slider(sugar).value() == slider(sugar).maximum()


@pytest.mark.parametrize("text", ["", "-", "1e", "abc", "nan", "1,5"])
def test_that_no_text_is_refused_while_typing(qtbot: QtBot, sugar: NumberEditor, text: str) -> None:
    place = slider(sugar).value()
    sugar.line.clear()
    qtbot.keyClicks(sugar.line, text)
    assert sugar.text() == text
    assert sugar.number() is None
    assert slider(sugar).value() in (place, slider(sugar).value())


def test_that_the_arrow_keys_step_the_number(qtbot: QtBot, sugar: NumberEditor) -> None:
    sugar.set_text("0.2")
    qtbot.keyClick(sugar.line, Qt.Key.Key_Up)
    assert sugar.text() == "0.3"
    qtbot.keyClick(sugar.line, Qt.Key.Key_Down)
    qtbot.keyClick(sugar.line, Qt.Key.Key_Down)
    assert sugar.text() == "0.1"


def test_that_the_wheel_changes_nothing_while_the_page_is_scrolled(sugar: NumberEditor) -> None:
    sugar.set_text("0.5")
    target: QWidget = slider(sugar)
    target.clearFocus()
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)
    assert sugar.text() == "0.5"


def test_that_the_unit_never_covers_the_number(sugar: NumberEditor) -> None:
    sugar.set_text("0.123456789")
    unit = sugar.line.findChild(QWidget, "unit_sugar")
    assert unit is not None
    right_of_text = sugar.line.width() - sugar.line.textMargins().right()
    assert unit.geometry().left() >= right_of_text - 12
    assert unit.geometry().right() <= sugar.line.width()


def test_that_an_unknown_choice_is_shown_and_not_lost(qtbot: QtBot, cake: JobType) -> None:
    editor = ChoiceEditor(spec(cake.options, "shape"))
    qtbot.addWidget(editor)
    editor.set_text("heart")
    assert editor.text() == "heart"
    editor.set_text("square")
    assert editor.text() == "square"


def test_that_gpus_are_offered_with_what_is_free_and_the_number_is_written(
    qtbot: QtBot, cake: JobType
) -> None:
    declared: OptionSpec = spec(cake.options, "gpu_id")
    editor = GpuEditor(declared, gpus=lambda: [GpuChoice("1", "GPU 1 · H100 · 3 of 80 GB used")])
    qtbot.addWidget(editor)
    editor.fill()
    entries = editor.menu.actions()
    assert "3 of 80 GB used" in entries[0].text()
    entries[0].trigger()
    assert editor.text() == "1"
    entries[1].trigger()
    assert editor.text() == "cpu"


def test_that_several_gpus_are_ticked_where_a_job_can_use_them(qtbot: QtBot, cake: JobType) -> None:
    declared = replace(spec(cake.options, "gpu_id"), multiple=True)
    cards = [GpuChoice(str(n), f"GPU {n} · H100") for n in range(3)]
    editor = GpuEditor(declared, gpus=lambda: cards)
    qtbot.addWidget(editor)
    editor.set_text("2")
    editor.fill()
    entries = {action.text(): action for action in editor.menu.actions()}
    assert [text for text, action in entries.items() if action.isChecked()] == ["GPU 2 · H100"]
    entries["GPU 0 · H100"].trigger()
    assert editor.text() == "0,2"
    # A click on a tick leaves the menu open for the next.
    editor.menu.popup(editor.mapToGlobal(QPoint(0, 0)))
    action = next(a for a in editor.menu.actions() if a.text() == "GPU 1 · H100")
    qtbot.mouseClick(editor.menu, Qt.MouseButton.LeftButton, pos=editor.menu.actionGeometry(action).center())
    assert editor.text() == "0,1,2"
    assert editor.menu.isVisible()
    editor.menu.close()
    for entry in [a for a in editor.menu.actions() if a.isChecked()]:
        entry.trigger()
    assert editor.text() == "cpu"


def test_that_a_number_with_words_is_chosen_by_them_and_stays_a_number(qtbot: QtBot, cake: JobType) -> None:
    words = ("no limits", "the centre", "the round before")
    editor = WordedNumberEditor(replace(spec(cake.options, "nr_eggs"), minimum=1, maximum=3, words=words))
    qtbot.addWidget(editor)
    editor.show()
    shown = [editor.box.itemText(k) for k in range(3)]
    assert shown == ["1: no limits", "2: the centre", "3: the round before"]
    editor.set_text("2")
    with qtbot.waitSignal(editor.changed):
        qtbot.keyClick(editor.box, Qt.Key.Key_Down)
    assert editor.text() == "3"
    editor.set_text("7")
    assert editor.text() == "7", "what cannot be used is told by the checks, not changed"


def test_that_words_stand_right_behind_a_list_of_choices(qtbot: QtBot, cake: JobType) -> None:
    editor = ChoiceEditor(spec(cake.options, "shape"))
    qtbot.addWidget(editor)
    editor.resize(700, 40)
    words = QLabel("a sphere")
    assert editor.put_beside(words)
    editor.show()
    gap = words.geometry().left() - editor.box.geometry().right()
    assert 0 < gap <= 2 * style.SMALL
    assert editor.box.width() < 200  # and do not widen it
