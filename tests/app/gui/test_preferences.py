"""Every preference does what it says, at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from app.gui import notifier
from app.gui.dialogs.forms import PreferencesDialog
from app.gui.main_window import MainWindow
from app.gui.news import JobFinished
from app.settings import Settings
from widgets import style


def test_that_the_dialog_changes_every_preference_it_shows(qtbot: Any) -> None:
    settings = Settings(theme="light")
    dialog = PreferencesDialog(None, settings)
    qtbot.addWidget(dialog)
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    dialog.font_scale.setValue(1.2)
    dialog.refresh_s.setValue(2.0)
    dialog.grace_s.setValue(5.0)
    dialog.cpu_jobs.setValue(3)
    dialog.gpu_busy.setValue(60)
    for box in (dialog.advanced, dialog.queue, dialog.notify):
        box.toggle()
    dialog.apply_to(settings)
    assert (settings.theme, settings.font_scale, settings.refresh_s) == ("dark", 1.2, 2.0)
    assert (settings.grace_s, settings.queue_per_gpu) == (5.0, False)
    assert (settings.cpu_jobs, settings.gpu_busy_percent) == (3, 60.0)
    assert (settings.show_advanced, settings.notify_end) == (False, False)


def test_that_preferences_reach_the_open_window(qtbot: Any, qapp: QApplication, window: MainWindow) -> None:
    form = window.page.current_form
    assert form is not None
    tabs = form.tab_widget
    advanced = [tabs.tabText(k) for k in range(tabs.count())].index("Advanced")
    before = window.menu_bar.font().pointSizeF()
    log_before = window.logs.out.text.font().pointSizeF()
    window.settings.show_advanced = False
    window.settings.font_scale = 1.5
    window.settings.refresh_s = 5.0
    try:
        window.apply_settings()
        assert not tabs.isTabVisible(advanced)
        assert window.menu_bar.font().pointSizeF() == pytest.approx(1.5 * before)
        qtbot.waitUntil(lambda: window.logs.out.text.font().pointSizeF() > 1.4 * log_before, timeout=2000)
        # a field that needs attention is not left where nobody looks
        form.focus_field("seed")
        assert tabs.isTabVisible(advanced)
    finally:
        style.set_text_scale(qapp, 1.0)
        window.settings.font_scale = 1.0
    assert qapp.font().pointSizeF() == pytest.approx(before)


def test_that_the_time_between_two_looks_is_the_wanted_one(qtbot: Any, window: MainWindow) -> None:
    looks: list[float] = []

    def look() -> list[object]:
        looks.append(time.monotonic())
        return []

    window.settings.refresh_s = 0.1
    window.apply_settings()
    window.bridge.lanes["watch"].add_tick(look)
    qtbot.waitUntil(lambda: len(looks) >= 6, timeout=4000)
    assert (looks[-1] - looks[1]) / (len(looks) - 2) < 0.25


def test_that_the_end_of_a_job_is_told_to_one_who_looks_elsewhere(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str, bool, str]] = []
    monkeypatch.setattr(
        notifier.Notifier,
        "notify",
        lambda _self, title, text, *, good, job: told.append((title, text, good, job)),
    )
    monkeypatch.setattr(MainWindow, "isActiveWindow", lambda _self: False)
    window.take(JobFinished("DynaMight/job007/", "failed", "It ran out of memory."))
    assert told == [("DynaMight/job007", "It ran out of memory.", False, "DynaMight/job007/")]
    window.settings.notify_end = False
    window.take(JobFinished("DynaMight/job008/", "succeeded", "Done."))
    assert len(told) == 1


def test_that_a_desktop_without_notifications_is_no_trouble(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier.QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    alerted: list[object] = []
    monkeypatch.setattr(notifier.QApplication, "alert", alerted.append)
    window.notifier.notify("DynaMight/job001", "It is done.")
    assert alerted == [window]
