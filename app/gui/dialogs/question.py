"""A question with named answers, a list of what is concerned, and a text to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style


@dataclass(frozen=True)
class Answer:
    """A button: the key that is returned, its text, and whether it destroys something."""

    key: str
    text: str
    danger: bool = False
    default: bool = False
    enabled: bool = True
    tip: str = ""


CANCEL = Answer("", "Cancel")


class Question(QDialog):
    """Title, explanation, optional list, optional text to copy, and answers.

    Parameters
    ----------
    title
        The question in a few words.
    text
        What it is about, in whole sentences.
    answers
        The buttons, least harmful last; Escape gives the empty answer.
    items
        Things concerned, for example the jobs that would be deleted.
    copyable
        Text in a fixed-width field with a button that copies it.
    """

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        text: str,
        answers: Sequence[Answer],
        *,
        items: Sequence[str] = (),
        copyable: str = "",
    ) -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.setWindowTitle(title)
        self.setMinimumWidth(440)
        self.answer = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        heading = QLabel(title)
        heading.setWordWrap(True)
        style.set_role(heading, "heading")
        body = QLabel(text)
        body.setObjectName("question_text")
        body.setWordWrap(True)
        body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(heading)
        layout.addWidget(body)
        if items:
            listing = QListWidget()
            listing.setObjectName("question_items")
            listing.addItems(list(items))
            listing.ensurePolished()  # the style sheet gives the rows their height
            row = max(listing.sizeHintForRow(0), 1)
            listing.setFixedHeight(min(220, row * len(items) + 2 * listing.frameWidth() + 2))
            listing.setSelectionMode(QListWidget.SelectionMode.NoSelection)
            if row * len(items) < 220:
                listing.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            layout.addWidget(listing)
        if copyable:
            self._add_copyable(layout, copyable)
        layout.addStretch(1)
        self._first: QPushButton | None = None
        layout.addWidget(self._buttons(answers))
        if self._first is not None and not copyable:
            self._first.setFocus()

    def _add_copyable(self, layout: QVBoxLayout, text: str) -> None:
        field = QPlainTextEdit(text)
        field.setObjectName("copyable")
        field.setReadOnly(True)
        field.setFont(style.monospace_font())
        field.setMinimumSize(600, 130)
        copy = QPushButton("Copy")
        copy.setObjectName("copy_button")
        copy.setAutoDefault(False)

        def to_clipboard() -> None:
            QGuiApplication.clipboard().setText(text)
            copy.setText("Copied")

        copy.clicked.connect(to_clipboard)
        layout.addWidget(field)
        layout.addWidget(copy, alignment=Qt.AlignmentFlag.AlignLeft)

    def _buttons(self, answers: Sequence[Answer]) -> QDialogButtonBox:
        box = QDialogButtonBox()
        for answer in answers:
            role = (
                QDialogButtonBox.ButtonRole.RejectRole
                if not answer.key
                else QDialogButtonBox.ButtonRole.DestructiveRole
                if answer.danger
                else QDialogButtonBox.ButtonRole.AcceptRole
            )
            button = QPushButton(answer.text)
            button.setObjectName(f"answer_{answer.key or 'cancel'}")
            button.setEnabled(answer.enabled)
            button.setToolTip(answer.tip)
            button.setAutoDefault(answer.default)
            button.setDefault(answer.default)
            if answer.default:
                style.set_role(button, "primary")
            elif answer.danger:
                style.set_role(button, "danger")
            button.clicked.connect(lambda _checked=False, key=answer.key: self._choose(key))
            box.addButton(button, role)
            if answer.default or not answer.key:
                # nothing is destroyed by a Return that was pressed too soon
                self._first = self._first if self._first is not None and not answer.default else button
        return box

    def _choose(self, key: str) -> None:
        self.answer = key
        self.accept() if key else self.reject()


def ask(
    parent: QWidget | None,
    title: str,
    text: str,
    answers: Sequence[Answer],
    *,
    items: Sequence[str] = (),
    copyable: str = "",
) -> str:
    """Ask and wait; returns the key of the answer, empty for Cancel and Escape."""
    dialog = Question(parent, title, text, answers, items=items, copyable=copyable)
    try:
        dialog.exec()
        return dialog.answer
    finally:
        dialog.deleteLater()
