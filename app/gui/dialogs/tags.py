"""Asks which tags a job is to have."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.dialogs.tag_colour import ColourButton
from app.project.tags import N_COLOURS, Tag, check_tag
from widgets import style
from widgets.tag_chips import chips_width, paint_chips


class _Chip(QWidget):
    """A tag as it will look."""

    def __init__(self, tag: Tag) -> None:
        super().__init__()
        self._tags = ((tag.word, tag.colour),)

    def set_colour(self, number: int) -> None:
        """Show another colour."""
        self._tags = ((self._tags[0][0], number),)
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the chip."""
        font = style.small_font(self)
        return QSize(round(chips_width(self._tags, font, 400)) + 2, self.fontMetrics().height() + 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the chip."""
        painter = QPainter(self)
        height = self.sizeHint().height()
        rect = self.rect().adjusted(0, (self.height() - height) // 2, 0, 0)
        rect.setHeight(height)
        paint_chips(painter, self._tags, rect.toRectF(), style.small_font(self))


class TagsDialog(QDialog):
    """The known tags with boxes to tick, and a line for new ones."""

    def __init__(
        self, parent: QWidget | None, job: str, present: Sequence[Tag], known: Sequence[Tag]
    ) -> None:
        super().__init__(parent)
        self.setObjectName("tags_dialog")
        self.setWindowTitle("Tags")
        self.setMinimumWidth(400)
        self._n_colours_used = len({tag.word for tag in (*known, *present)})
        heading = QLabel(f"Tags of {job}")
        style.set_role(heading, "heading")
        body = QLabel("Words to find jobs by, in the lists and in the flowchart.", wordWrap=True)
        style.set_role(body, "muted")
        self.line = QLineEdit()
        self.line.setObjectName("tag_line")
        self.line.setPlaceholderText("New tag")
        self.line.installEventFilter(self)
        self.add_button = QPushButton("Add")
        self.add_button.setObjectName("tag_add")
        self.add_button.setAutoDefault(False)
        self.add_button.clicked.connect(self._add)
        self.reason = QLabel(wordWrap=True)
        self.reason.setObjectName("tag_reason")
        style.set_role(self.reason, "problem")
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(self.line, 1)
        top.addWidget(self.add_button)
        self._boxes: dict[str, QCheckBox] = {}
        self._colours: dict[str, int] = {}
        holder = QWidget()
        self._rows = QVBoxLayout(holder)
        self._rows.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        self._rows.setSpacing(style.SMALL)
        self._rows.addStretch(1)
        self._area = QScrollArea(widgetResizable=True)
        self._area.setWidget(holder)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its boxes have it
        self._area.setMinimumHeight(130)
        words = {tag.word for tag in present}
        for tag in sorted({*known, *present}, key=lambda tag: tag.word.lower()):
            self._add_row(tag, tag.word in words)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setObjectName("form_ok")
        style.set_role(self.ok_button, "primary")
        buttons.accepted.connect(self._finish)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        for part in (heading, body):
            layout.addWidget(part)
        layout.addLayout(top)
        layout.addWidget(self.reason)
        layout.addWidget(self._area, 1)
        layout.addWidget(buttons)
        self.reason.hide()
        self._area.setVisible(bool(self._boxes))
        self.line.textChanged.connect(lambda _text: self._say(""))
        self.line.setFocus()

    def words(self) -> list[str]:
        """Return the chosen tags."""
        return [word for word, box in self._boxes.items() if box.isChecked()]

    def colours(self) -> dict[str, int]:
        """Return the numbers of the colours that were chosen by hand."""
        return dict(self._colours)

    def _choose_colour(self, word: str, number: int, chip: _Chip) -> None:
        self._colours[word] = number
        chip.set_colour(number)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Let Return in the line add the tag; in an empty line it closes the form."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            enters = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enters and self.line.text().strip():
                self._add()
                return True
        return False

    def _add_row(self, tag: Tag, checked: bool) -> None:
        box = QCheckBox()
        box.setObjectName(f"tag_{tag.word}")
        box.setAccessibleName(tag.word)
        box.setChecked(checked)
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addWidget(box)
        chip = _Chip(tag)
        row.addWidget(chip)
        row.addStretch(1)
        colour = ColourButton(tag.word, tag.colour)
        colour.chosen.connect(lambda number: self._choose_colour(tag.word, number, chip))
        row.addWidget(colour)
        self._rows.insertLayout(self._rows.count() - 1, row)
        self._boxes[tag.word] = box

    def _say(self, reason: str) -> None:
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))

    def _add(self) -> bool:
        word = self.line.text().strip()
        if reason := check_tag(word):
            self._say(f"{reason}.")
            return False
        if word not in self._boxes:
            self._add_row(Tag(word, self._n_colours_used % N_COLOURS), True)
            self._n_colours_used += 1
            self._area.show()
        self._boxes[word].setChecked(True)
        self.line.clear()
        return True

    def _finish(self) -> None:
        # what was typed and not yet added is meant as well
        if not self.line.text().strip() or self._add():
            self.accept()


def ask_tags(
    parent: QWidget | None, job: str, present: Sequence[Tag], known: Sequence[Tag]
) -> tuple[list[str], dict[str, int]] | None:
    """Ask for the tags of a job, and the colours chosen for some; None when cancelled."""
    dialog = TagsDialog(parent, job, present, known)
    try:
        return (dialog.words(), dialog.colours()) if dialog.exec() else None
    finally:
        dialog.deleteLater()
