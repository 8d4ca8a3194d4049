"""One row of a job form: label, editor, question mark, and the reason underneath when something is wrong."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from jobs.core.declaration import OptionSpec, to_text
from jobs.core.errors import Problem
from widgets import glyphs, style
from widgets.fields import Editor

_HELP_WIDTH = 380


class HelpPopover(QFrame):
    """The explanation of an option, opened at its question mark; Escape or a click elsewhere closes it."""

    def __init__(self, spec: OptionSpec, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName(f"help_text_{spec.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        style.set_role(self, "popover")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.MEDIUM, style.LARGE, style.MEDIUM)
        layout.setSpacing(style.SMALL)
        title = QLabel(spec.label.rstrip(":"), self, wordWrap=True)
        style.set_role(title, "subheading")
        text = QLabel(spec.help, self, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        facts = QLabel(option_facts(spec), self, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        style.set_role(facts, "caption")
        for label in (title, text, facts):
            layout.addWidget(label)
        self.setFixedWidth(_HELP_WIDTH)
        for label in (title, text, facts):
            label.ensurePolished()  # the style sheet decides the fonts, hence the height
        self.setFixedHeight(layout.heightForWidth(_HELP_WIDTH))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def option_facts(spec: OptionSpec) -> str:
    """Return default, usual range, name in ``job.star`` and original spelling, one per line."""
    lines = []
    default = to_text(spec, spec.default)
    if default:
        lines.append(f"Default: {default}{' ' + spec.unit if spec.unit else ''}")
    if spec.low is not None and spec.high is not None:
        lines.append(f"Usual range: {spec.low:g} to {spec.high:g}; other values may be typed")
    if spec.choices:
        lines.append(f"Choices: {', '.join(spec.choices)}")
    lines.append(f"Command line: --{spec.name}" + (f", or {', '.join(spec.cli)}" if spec.cli else ""))
    return "\n".join(lines)


class FormRow:
    """The widgets of one option in the grid of a tab, and what is shown of its state."""

    def __init__(self, spec: OptionSpec, editor: Editor, page: QWidget) -> None:
        self.spec = spec
        self.editor = editor
        self.problem: Problem | None = None
        self.enabled = True
        self.label = QLabel(spec.label, page)
        self.label.setObjectName(f"label_{spec.name}")
        self.label.setBuddy(editor)
        self.label.setToolTip(_tip(spec))
        for line in (editor, *editor.findChildren(QLineEdit)):
            if isinstance(line, QLineEdit):
                line.setAccessibleName(line.accessibleName() or spec.label.rstrip(":?"))
                line.setAcceptDrops(False)  # a file goes to a field of files, or to the window
        self.help_button = QToolButton(page)
        self.help_button.setObjectName(f"help_{spec.name}")
        self.help_button.setIcon(glyphs.glyph_icon("question"))
        self.help_button.setToolTip(_tip(spec))
        self.help_button.setAccessibleName(f"Explain {spec.label.rstrip(':?')}")
        # reached with the mouse, or with F1 in the field: the Tab key goes from field to field
        self.help_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        style.set_role(self.help_button, "quiet")
        style.ThemeWatcher(self.help_button, lambda: self.help_button.setIcon(glyphs.glyph_icon("question")))
        self.help_button.clicked.connect(self.show_help)
        self.caption = QLabel(page, textFormat=Qt.TextFormat.PlainText)
        self.caption.setObjectName(f"caption_{spec.name}")
        style.set_role(self.caption, "caption")
        self.caption.hide()
        self.shown = True
        self.reason = QLabel(page, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.reason.setObjectName(f"reason_{spec.name}")
        self.reason.hide()

    def place(self, grid: QGridLayout, row: int) -> None:
        """Put the widgets into two rows of a grid."""
        top = Qt.AlignmentFlag.AlignTop
        self.label.setMinimumHeight(style.CONTROL_HEIGHT)
        grid.addWidget(self.label, 2 * row, 0, top | Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.editor, 2 * row, 1, top)
        if not self.editor.put_beside(self.caption):
            grid.addWidget(self.caption, 2 * row, 2, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self.help_button, 2 * row, 3, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self.reason, 2 * row + 1, 1, 1, 3)

    def set_caption(self, text: str) -> None:
        """Say beside the editor what its value means, or nothing."""
        self.caption.setText(text)
        self.caption.setToolTip(text)
        self.caption.setVisible(self.shown and bool(text))

    def set_shown(self, shown: bool) -> None:
        """Show the row, or leave it out altogether."""
        if shown == self.shown:
            return
        self.shown = shown
        for part in (self.label, self.editor, self.help_button):
            part.setVisible(shown)
        self.caption.setVisible(shown and bool(self.caption.text()))
        if not shown:
            self.set_problem(None)

    def set_enabled(self, enabled: bool, why: str = "") -> None:
        """Make the editor active or grey; when grey, the tool tip says why."""
        self.enabled = enabled
        self.editor.setEnabled(enabled)
        style.set_role(self.label, "" if enabled else "disabled")
        self.editor.setToolTip(why)

    def set_problem(self, problem: Problem | None, *, gentle: bool = False) -> None:
        """Show what is wrong underneath the editor, or nothing.

        Parameters
        ----------
        problem : Problem or None
            What is wrong.
        gentle : bool
            In quiet grey and without marking the editor: for fields nobody has filled in yet.
        """
        if problem is not None and not (self.shown and self.editor.isEnabled()):
            problem = None
        self.problem = problem
        if problem is None:
            self.reason.hide()
            self.editor.set_mark("")
            return
        text = problem.sentence
        for prefix in (f"{self.spec.label.rstrip(':')}: ", f"{self.spec.label.rstrip(':?')}: "):
            text = text.removeprefix(prefix)
        if text.split(" ")[0].isalpha():  # a file name keeps its small letters
            text = text[:1].upper() + text[1:]
        mark = "warning" if problem.severity == "warning" else "problem"
        style.set_role(self.reason, "needed" if gentle else mark)
        self.editor.set_mark("" if gentle else mark)
        self.reason.setText(text)
        self.reason.show()

    def show_help(self) -> None:
        """Open the explanation beside the question mark."""
        popover = HelpPopover(self.spec, self.help_button)
        corner = self.help_button.mapToGlobal(QPoint(self.help_button.width(), self.help_button.height()))
        screen = self.help_button.screen().availableGeometry()
        left = min(max(screen.left(), corner.x() - popover.width()), screen.right() - popover.width())
        below = corner.y() + popover.height() <= screen.bottom()
        top = corner.y() if below else corner.y() - popover.height() - self.help_button.height()
        popover.move(left, top)
        popover.show()


def _tip(spec: OptionSpec) -> str:
    # rich text, so that Qt breaks long lines
    return f"<qt><b>{escape(spec.label.rstrip(':'))}</b><br>{escape(spec.help)}</qt>"
