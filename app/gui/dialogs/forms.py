"""Small forms above the window: a line, a text, a choice of several things, preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.gui.dialogs.buttons import ok_and_cancel
from app.settings import Settings
from widgets import style
from widgets.fields import ChoiceBox

_NAME = Qt.ItemDataRole.UserRole
#: Pages of fewer letters need no large window.
_SHORT = 600


class _Form(QDialog):
    """Title, explanation, one content, OK and Cancel."""

    def __init__(self, parent: QWidget | None, title: str, text: str, ok: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(440)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        self._layout.setSpacing(style.MEDIUM)
        heading = QLabel(title)
        style.set_role(heading, "heading")
        self._layout.addWidget(heading)
        if text:
            body = QLabel(text)
            body.setWordWrap(True)
            self._layout.addWidget(body)
        self.buttons, self.ok_button = ok_and_cancel(self, ok)

    def _finish(self) -> None:
        self._layout.addWidget(self.buttons)


class LineDialog(_Form):
    """Asks for one line; a check says at once what is wrong with it."""

    def __init__(
        self, parent: QWidget | None, title: str, text: str, value: str, check: Callable[[str], str]
    ) -> None:
        super().__init__(parent, title, text, "OK")
        self.setObjectName("line_dialog")
        self._check = check
        self.line = QLineEdit(value)
        self.line.setObjectName("line")
        self.reason = QLabel(wordWrap=True)
        style.set_role(self.reason, "problem")
        self._layout.addWidget(self.line)
        self._layout.addWidget(self.reason)
        self.line.textChanged.connect(self._update)
        self._finish()
        self._update()

    def _update(self) -> None:
        reason = self._check(self.line.text())
        self.reason.setText(reason)
        self.ok_button.setEnabled(not reason)


def ask_line(
    parent: QWidget | None,
    title: str,
    text: str,
    value: str = "",
    check: Callable[[str], str] = lambda _text: "",
) -> str | None:
    """Ask for a line of text; None when cancelled."""
    dialog = LineDialog(parent, title, text, value, check)
    try:
        return dialog.line.text() if dialog.exec() else None
    finally:
        dialog.deleteLater()


class TextDialog(_Form):
    """Asks for a text of several lines, or shows one."""

    def __init__(self, parent: QWidget | None, title: str, text: str, value: str, readonly: bool) -> None:
        super().__init__(parent, title, text, "Close" if readonly else "Save")
        self.setObjectName("text_dialog")
        self.resize(640, 460)
        self.editor = QPlainTextEdit(value)
        self.editor.setObjectName("text")
        self.editor.setReadOnly(readonly)
        self.editor.setTabChangesFocus(True)
        self._layout.addWidget(self.editor, 1)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setVisible(not readonly)
        self._finish()


def ask_text(
    parent: QWidget | None, title: str, text: str, value: str, *, readonly: bool = False
) -> str | None:
    """Let a text be edited; None when cancelled or only read."""
    dialog = TextDialog(parent, title, text, value, readonly)
    try:
        return dialog.editor.toPlainText() if dialog.exec() and not readonly else None
    finally:
        dialog.deleteLater()


class PickDialog(_Form):
    """Asks which of several things are meant."""

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        text: str,
        items: Sequence[tuple[str, str]],
        ok: str,
        checked: bool,
    ) -> None:
        super().__init__(parent, title, text, ok)
        self.setObjectName("pick_dialog")
        self.list = QListWidget()
        self.list.setObjectName("pick_list")
        state = Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
        for name, shown in items:
            item = QListWidgetItem(shown, self.list)
            item.setData(_NAME, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(state)
        self.list.itemChanged.connect(self._update)
        self._layout.addWidget(self.list, 1)
        self._finish()
        self._update()

    def chosen(self) -> list[str]:
        """Return what is ticked, in order."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [str(item.data(_NAME)) for item in items if item.checkState() is Qt.CheckState.Checked]

    def _update(self) -> None:
        self.ok_button.setEnabled(bool(self.chosen()))


def ask_pick(
    parent: QWidget | None,
    title: str,
    text: str,
    items: Sequence[tuple[str, str]],
    ok: str,
    *,
    checked: bool = False,
) -> list[str]:
    """Let the user tick some of ``(name, text)``; empty when cancelled."""
    dialog = PickDialog(parent, title, text, items, ok, checked)
    try:
        return dialog.chosen() if dialog.exec() else []
    finally:
        dialog.deleteLater()


class PreferencesDialog(_Form):
    """The preferences a person may want to change."""

    def __init__(self, parent: QWidget | None, settings: Settings) -> None:
        super().__init__(parent, "Preferences", "", "Save")
        self.setObjectName("preferences")
        rows = QFormLayout()
        rows.setHorizontalSpacing(style.LARGE)
        rows.setVerticalSpacing(style.SMALL)
        self.theme = ChoiceBox()
        self.theme.setObjectName("pref_theme")
        for name, text in (("system", "As the desktop"), ("light", "Light"), ("dark", "Dark")):
            self.theme.addItem(text, name)
        self.theme.setCurrentIndex(self.theme.findData(settings.theme))
        self.font_scale = _spin(settings.font_scale, 0.5, 3.0, 0.1, " ×", 2)
        self.grace_s = _spin(settings.grace_s, 0.0, 3600.0, 5.0, " s", 0)
        self.refresh_s = _spin(settings.refresh_s, 0.1, 60.0, 0.1, " s", 1)
        self.advanced = QCheckBox("Show the tab with options for advanced use")
        self.advanced.setChecked(settings.show_advanced)
        self.queue = QCheckBox("Jobs for the same GPU (or the CPU) wait for each other")
        self.queue.setChecked(settings.queue_per_gpu)
        self.cpu_jobs = _spin(settings.cpu_jobs, 1, 64, 1, "", 0)
        self.cpu_jobs.setToolTip(
            "One job at a time leaves it all threads. More are of use where jobs ask for few threads each, "
            "and the memory is enough for all of them."
        )
        self.gpu_busy = _spin(settings.gpu_busy_percent, 1, 100, 5, " % of its memory", 0)
        self.gpu_busy.setToolTip("A job that waits for a GPU does not start while others hold more of it.")
        self.notify = QCheckBox("Tell when a job ends and another window is in front")
        self.notify.setChecked(settings.notify_end)
        for label, widget in (
            ("Theme", self.theme),
            ("Size of text", self.font_scale),
            ("Look at running jobs every", self.refresh_s),
            ("An aborted job may stop by itself for", self.grace_s),
            ("Form", self.advanced),
            ("Queue", self.queue),
            ("Jobs at the same time on the processor", self.cpu_jobs),
            ("A GPU is busy when other programs hold", self.gpu_busy),
            ("Notification", self.notify),
        ):
            rows.addRow(row_label(label, widget), widget)
        self._layout.addLayout(rows)
        self._finish()

    def apply_to(self, settings: Settings) -> None:
        """Put what is shown into the settings."""
        settings.theme = self.theme.currentData()
        settings.font_scale = self.font_scale.value()
        settings.grace_s = self.grace_s.value()
        settings.refresh_s = self.refresh_s.value()
        settings.show_advanced = self.advanced.isChecked()
        settings.queue_per_gpu = self.queue.isChecked()
        settings.cpu_jobs = round(self.cpu_jobs.value())
        settings.gpu_busy_percent = self.gpu_busy.value()
        settings.notify_end = self.notify.isChecked()


def row_label(text: str, beside: QWidget) -> QLabel:
    """Return the label of a row, in the middle of the row's height."""
    label = QLabel(text)
    label.setBuddy(beside)
    beside.ensurePolished()
    label.setMinimumHeight(max(beside.sizeHint().height(), beside.minimumHeight()))
    return label


def _spin(value: float, low: float, high: float, step: float, suffix: str, decimals: int) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    style.pad_number(box)
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setDecimals(decimals)
    box.setSuffix(suffix)
    box.setValue(value)
    return box


def edit_preferences(parent: QWidget | None, settings: Settings) -> bool:
    """Let the preferences be changed; returns whether they were."""
    dialog = PreferencesDialog(parent, settings)
    try:
        if not dialog.exec():
            return False
        dialog.apply_to(settings)
        return True
    finally:
        dialog.deleteLater()


def without_title(markdown: str) -> str:
    """Return a page without its first heading, which the dialog says already."""
    first, _, rest = markdown.partition("\n")
    return rest.lstrip("\n") if first.startswith("# ") else markdown


class PageDialog(_Form):
    """Shows a page of help."""

    def __init__(self, parent: QWidget | None, title: str, markdown: str) -> None:
        super().__init__(parent, title, "", "Close")
        self.setObjectName("page_dialog")
        self.resize(700, 560 if len(markdown) > _SHORT else 220)
        browser = QTextBrowser()
        browser.setOpenExternalLinks(True)
        browser.document().setDocumentMargin(style.SMALL)
        browser.document().setIndentWidth(style.WIDE)
        browser.setMarkdown(without_title(markdown))
        self._layout.addWidget(browser, 1)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).hide()
        self._finish()


def show_page(parent: QWidget | None, title: str, markdown: str) -> None:
    """Show a page of help."""
    dialog = PageDialog(parent, title, markdown)
    try:
        dialog.exec()
    finally:
        dialog.deleteLater()
