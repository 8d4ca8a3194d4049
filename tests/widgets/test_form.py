"""The form as somebody filling it in sees it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QScrollArea, QTabWidget, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from jobs.core.declaration import CheckContext, JobOptions, JobType, Kind, specs, tabs, to_values
from jobs.core.errors import Problem
from jobs.registry import JOB_TYPES
from widgets.form import JobForm
from widgets.switch import Switch


def shown(form: JobForm, qtbot: QtBot) -> JobForm:
    qtbot.addWidget(form)
    form.resize(900, 620)
    form.show()
    settled(form, qtbot)
    return form


def settled(form: JobForm, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not form.checking, timeout=3000)


def line(form: JobForm, name: str) -> QLineEdit:
    found = form.findChild(QLineEdit, name)
    assert found is not None
    return found


def reason(form: JobForm, name: str) -> str:
    label = form.findChild(QLabel, f"reason_{name}")
    assert label is not None
    return label.text() if not label.isHidden() else ""


def type_into(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)


def tab(form: JobForm, name: str) -> None:
    widget = form.findChild(QTabWidget, "form_tabs")
    assert widget is not None
    widget.setCurrentIndex([widget.tabText(k) for k in range(widget.count())].index(name))


@pytest.fixture
def form(qtbot: QtBot, cake: JobType, tmp_path: Path) -> JobForm:
    context = CheckContext(tmp_path)
    return shown(JobForm(cake, project_dir=tmp_path, validator=lambda o: cake.problems(o, context)), qtbot)


def test_that_labels_tabs_and_defaults_are_those_of_the_declaration(form: JobForm, cake: JobType) -> None:
    assert [form.tab_widget.tabText(k) for k in range(form.tab_widget.count())] == list(tabs(cake.options))
    for spec in specs(cake.options):
        label = form.findChild(QLabel, f"label_{spec.name}")
        assert label is not None
        assert label.text() == spec.label
    assert form.options() == cake.options()


def test_that_a_wrong_number_stays_and_its_reason_appears_beside_it(qtbot: QtBot, form: JobForm) -> None:
    type_into(qtbot, line(form, "nr_eggs"), "4 or 5")
    assert line(form, "nr_eggs").text() == "4 or 5"
    settled(form, qtbot)
    assert "4 or 5" in reason(form, "nr_eggs")
    assert "whole number" in reason(form, "nr_eggs")
    assert form.options() is None
    assert not form.tab_widget.tabIcon(0).isNull()
    assert form.tab_widget.tabIcon(1).isNull()
    type_into(qtbot, line(form, "nr_eggs"), "5")
    settled(form, qtbot)
    assert reason(form, "nr_eggs") == ""
    assert form.tab_widget.tabIcon(0).isNull()
    options = form.options()
    assert options is not None
    assert options.model_dump()["nr_eggs"] == 5


def test_that_a_typed_number_may_lie_beyond_the_slider_but_not_beyond_the_limit(
    qtbot: QtBot, form: JobForm
) -> None:
    type_into(qtbot, line(form, "nr_eggs"), "40")
    settled(form, qtbot)
    assert reason(form, "nr_eggs") == ""
    options = form.options()
    assert options is not None
    assert options.model_dump()["nr_eggs"] == 40
    type_into(qtbot, line(form, "nr_eggs"), "0")
    settled(form, qtbot)
    assert "at least 1" in reason(form, "nr_eggs")


def test_that_a_field_nobody_filled_in_is_asked_for_quietly(qtbot: QtBot, form: JobForm) -> None:
    label = form.findChild(QLabel, "reason_fn_flour")
    summary = form.findChild(QLabel, "form_summary")
    assert label is not None
    assert summary is not None
    assert label.property("role") == "needed"
    assert form.tab_widget.tabIcon(0).isNull()
    assert summary.text() == "Still needed: Input flour STAR file."
    assert form.has_errors()
    button = form.findChild(QPushButton, "form_show_problem")
    assert button is not None
    tab(form, "Tasks")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert label.property("role") == "problem"
    assert form.tab_widget.currentIndex() == 0
    assert form.focusWidget() is line(form, "fn_flour")


def test_that_an_emptied_required_field_is_a_loud_problem(
    qtbot: QtBot, form: JobForm, tmp_path: Path
) -> None:
    (tmp_path / "flour.star").touch()
    type_into(qtbot, line(form, "fn_flour"), "flour.star")
    settled(form, qtbot)
    assert reason(form, "fn_flour") == ""
    assert not form.has_errors()
    line(form, "fn_flour").setFocus()
    for _ in range(len("flour.star")):
        qtbot.keyClick(line(form, "fn_flour"), Qt.Key.Key_Backspace)
    settled(form, qtbot)
    label = form.findChild(QLabel, "reason_fn_flour")
    assert label is not None
    assert label.property("role") == "problem"


def test_that_a_missing_file_is_noticed_while_typing(qtbot: QtBot, form: JobForm) -> None:
    type_into(qtbot, line(form, "fn_flour"), "nowhere.star")
    settled(form, qtbot)
    assert "nowhere.star does not exist" in reason(form, "fn_flour")
    # the label is beside it and is not repeated
    assert not reason(form, "fn_flour").startswith("Input flour")


def test_that_a_switch_greys_and_wakes_the_fields_that_depend_on_it(qtbot: QtBot, form: JobForm) -> None:
    form.set_mode("continue")
    tab(form, "Tasks")
    switch = form.findChild(Switch, "do_ice")
    assert switch is not None
    assert not line(form, "ice_colour").isEnabled()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert switch.text() == "Yes"
    assert line(form, "ice_colour").isEnabled()
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert switch.text() == "No"
    assert not line(form, "ice_colour").isEnabled()


def test_that_new_and_continue_grey_what_was_declared_and_say_why(form: JobForm) -> None:
    assert line(form, "fn_flour").isEnabled()
    assert not form.rows["do_ice"].editor.isEnabled()
    assert "continued" in form.rows["do_ice"].editor.toolTip()
    form.set_mode("continue")
    assert not line(form, "fn_flour").isEnabled()
    assert "started" in form.rows["fn_flour"].editor.toolTip()
    assert form.rows["do_ice"].editor.isEnabled()
    assert line(form, "nr_eggs").isEnabled()


def test_that_a_grey_field_holds_no_problem_against_the_job(qtbot: QtBot, form: JobForm) -> None:
    form.set_mode("continue")
    settled(form, qtbot)
    assert reason(form, "fn_flour") == ""


def test_that_a_problem_of_the_whole_job_is_said_below(qtbot: QtBot, cake: JobType, tmp_path: Path) -> None:
    context = CheckContext(tmp_path, is_continue=True)
    form = JobForm(cake, validator=lambda o: cake.problems(o, context))
    form.set_mode("continue")
    shown(form, qtbot)
    summary = form.findChild(QLabel, "form_summary")
    assert summary is not None
    assert "A task must be chosen" in summary.text()


def test_that_values_survive_loading_and_unknown_ones_are_kept(form: JobForm) -> None:
    form.set_values({"nr_eggs": "7", "sugar": "0.35", "do_ice": "Yes", "shape": "square", "old_option": "x"})
    values = form.values()
    assert (values["nr_eggs"], values["sugar"], values["do_ice"], values["shape"]) == (
        "7",
        "0.35",
        "Yes",
        "square",
    )
    assert values["old_option"] == "x"
    options = form.options()
    assert options is not None
    assert options.unknown_values == {"old_option": "x"}


def test_that_fields_keep_their_content_unless_a_reset_is_asked_for(form: JobForm) -> None:
    form.set_values({"nr_eggs": "7"})
    form.set_values({"sugar": "1"})
    assert form.values()["nr_eggs"] == "7"
    form.set_values({"sugar": "1"}, reset=True)
    assert form.values()["nr_eggs"] == "3"


def test_that_scheme_variables_pass_through_every_field(form: JobForm, cake: JobType) -> None:
    variables = {spec.name: f"$${spec.name}" for spec in specs(cake.options)}
    form.set_values(variables)
    options = form.options()
    assert options is not None
    assert to_values(options) == variables


def test_that_changed_is_told_once_per_change(qtbot: QtBot, form: JobForm) -> None:
    with qtbot.waitSignal(form.changed):
        qtbot.keyClick(line(form, "sugar"), Qt.Key.Key_End)
        qtbot.keyClicks(line(form, "sugar"), "5")
    heard: list[int] = []
    form.changed.connect(lambda: heard.append(1))
    form.set_values({"nr_eggs": "9", "sugar": "1", "shape": "square"})
    assert len(heard) == 1


def test_that_typing_is_never_held_up_by_a_slow_check(qtbot: QtBot, cake: JobType) -> None:
    release = threading.Event()
    checked: list[str] = []

    def slow(options: JobOptions) -> list[Problem]:
        checked.append(str(options.model_dump()["ice_colour"]))
        release.wait(3)
        return [Problem(f"seen {options.model_dump()['nr_eggs']}", field="nr_eggs")]

    form = JobForm(cake, validator=slow)
    qtbot.addWidget(form)
    form.show()
    qtbot.waitUntil(lambda: bool(checked), timeout=3000)
    started = time.perf_counter()
    type_into(qtbot, line(form, "nr_eggs"), "12")
    assert time.perf_counter() - started < 1
    assert line(form, "nr_eggs").text() == "12"
    release.set()
    settled(form, qtbot)
    # the answer to the older text was dropped
    assert reason(form, "nr_eggs") == "Seen 12."


def test_that_a_check_that_breaks_is_told_and_does_no_harm(qtbot: QtBot, cake: JobType) -> None:
    def broken(_options: JobOptions) -> list[Problem]:
        raise RuntimeError("the disk is gone")

    form = shown(JobForm(cake, validator=broken), qtbot)
    summary = form.findChild(QLabel, "form_summary")
    assert summary is not None
    assert "the disk is gone" in summary.text()
    assert not form.has_errors()


def test_that_a_form_may_be_closed_while_a_check_runs(qtbot: QtBot, cake: JobType) -> None:
    release, entered = threading.Event(), threading.Event()

    def slow(_options: JobOptions) -> list[Problem]:
        entered.set()
        release.wait(3)
        return []

    form = JobForm(cake, validator=slow)
    form.show()
    qtbot.waitUntil(entered.is_set, timeout=3000)
    form.close()
    form.deleteLater()
    qtbot.wait(20)
    release.set()
    qtbot.wait(50)


def test_that_the_question_mark_explains_the_option(qtbot: QtBot, form: JobForm) -> None:
    button = form.findChild(QToolButton, "help_sugar")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    popover = button.findChild(QWidget, "help_text_sugar")
    assert popover is not None
    text = " ".join(label.text() for label in popover.findChildren(QLabel))
    for fact in ("How sweet.", "Default: 0.2 kg", "0 to 1", "--sugar", "--sugar-weight"):
        assert fact in text
    qtbot.keyClick(popover, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not popover.isVisible())


def test_that_f1_explains_the_field_with_the_focus(qtbot: QtBot, form: JobForm) -> None:
    line(form, "nr_eggs").setFocus()
    qtbot.keyClick(line(form, "nr_eggs"), Qt.Key.Key_F1)
    button = form.findChild(QToolButton, "help_nr_eggs")
    assert button is not None
    popover = button.findChild(QWidget, "help_text_nr_eggs")
    assert popover is not None
    popover.close()


def test_that_labels_and_fields_stand_in_straight_columns(form: JobForm) -> None:
    rows = [row for row in form.rows.values() if row.spec.tab == "I/O"]
    origin = rows[0].label.parentWidget()
    for widgets_ in ([r.editor for r in rows], [r.label for r in rows], [r.help_button for r in rows]):
        assert len({w.mapTo(origin, w.rect().topLeft()).x() for w in widgets_}) == 1
    for row in rows:
        assert row.editor.geometry().left() >= row.label.geometry().right()


@pytest.mark.parametrize("job_type", JOB_TYPES.values(), ids=lambda t: t.key)
def test_that_every_job_type_has_a_form_that_gives_its_values_back(
    qtbot: QtBot, job_type: JobType, tmp_path: Path
) -> None:
    form = JobForm(job_type, project_dir=tmp_path)
    qtbot.addWidget(form)
    assert set(form.rows) == {spec.name for spec in specs(job_type.options)}
    assert form.options() == job_type.options()
    changed = {spec.name: "Yes" for spec in specs(job_type.options) if spec.kind is Kind.YESNO}
    for spec in specs(job_type.options):
        if spec.kind is Kind.INTEGER:
            allowed = range(round(spec.minimum or 0), round(spec.maximum or 10**6) + 1)
            changed[spec.name] = str(min(17, allowed[-1]))
    form.set_values(changed)
    options = form.options()
    assert options is not None
    written = to_values(options, everything=True)
    assert {name: written[name] for name in changed} == changed


@pytest.mark.parametrize("job_type", JOB_TYPES.values(), ids=lambda t: t.key)
def test_that_no_form_needs_sideways_scrolling_in_a_small_window(qtbot: QtBot, job_type: JobType) -> None:
    form = JobForm(job_type)
    qtbot.addWidget(form)
    form.resize(760, 500)
    form.show()
    for index in range(form.tab_widget.count()):
        form.tab_widget.setCurrentIndex(index)
        area = form.tab_widget.currentWidget()
        assert isinstance(area, QScrollArea)
        assert area.horizontalScrollBar().maximum() == 0


def test_that_a_tab_on_which_nothing_can_be_set_yet_says_why_at_its_top(qtbot: QtBot) -> None:
    form = JobForm(JOB_TYPES["dynamight"])
    qtbot.addWidget(form)
    assert form.pages["Tasks"].notice() == "These become available once the job has results: Continue!"
    assert not any(form.pages[tab].notice() for tab in ("I/O", "Advanced", "Running"))
    form.set_mode("continue")
    assert not form.pages["Tasks"].notice()


def test_that_options_which_a_continuation_can_not_change_say_so_at_the_top_of_their_tab(
    qtbot: QtBot,
) -> None:
    form = JobForm(JOB_TYPES["simulate"])
    qtbot.addWidget(form)
    assert not form.pages["I/O"].notice()
    form.set_mode("continue")
    assert form.pages["I/O"].notice() == "These were fixed when the job was started."
    assert not form.pages["Running"].notice()
