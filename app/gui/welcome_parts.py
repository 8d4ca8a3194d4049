"""Parts of the start screen: tiles to press, rows of recent projects, short texts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.gui import icons
from app.project.recent import RecentProject
from widgets import glyphs, style
from widgets.durations import moment
from widgets.elided_label import ElidedLabel

_PICTURE = 26


class Picture(QLabel):
    """A line drawing of the program in a colour of the theme."""

    def __init__(self, name: str, size: int = _PICTURE, colour: str = "accent") -> None:
        super().__init__()
        self._name, self._size, self._colour = name, size, colour
        self.setFixedSize(size, size)
        self._draw()
        style.ThemeWatcher(self, self._draw)

    def _draw(self) -> None:
        shown = icons.icon(self._name, self._colour)
        self.setPixmap(shown.pixmap(QSize(self._size, self._size), self.devicePixelRatioF()))


class PressArea(QPushButton):
    """A button that holds other things than a line of text; as high as they need."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self.setObjectName(name)
        style.set_role(self, role)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAutoDefault(True)

    def hold(self, *labels: QWidget) -> None:
        """Let the mouse through to the button."""
        for label in labels:
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def event(self, event: QEvent) -> bool:
        """Pass on that the content needs another size, which buttons keep to themselves."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.setMinimumHeight(self.minimumSizeHint().height())
            self.updateGeometry()
        return super().event(event)

    def sizeHint(self) -> QSize:
        """Return what the content needs."""
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return what the content needs at least."""
        layout = self.layout()
        return layout.minimumSize() if layout is not None else super().minimumSizeHint()


class Tile(PressArea):
    """A way into the program: drawing, name and what happens."""

    def __init__(self, name: str, picture: str, title: str, text: str) -> None:
        super().__init__(name, "tile")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        drawing = Picture(picture)
        heading = QLabel(title)
        style.set_role(heading, "subheading")
        caption = QLabel(text, wordWrap=True)
        style.set_role(caption, "caption")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(heading)
        words.addWidget(caption)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.LARGE, style.MEDIUM, style.LARGE, style.MEDIUM)
        row.setSpacing(style.LARGE)
        row.addWidget(drawing, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(words, 1)
        self.hold(drawing, heading, caption)


class RecentRow(QWidget):
    """A recent project: its name and place, when it last changed, how many jobs it has.

    Signals
    -------
    chosen, forgotten : str
        Path of the project that is to be opened, or taken off the list.
    """

    chosen = Signal(str)
    forgotten = Signal(str)

    def __init__(self, project: RecentProject) -> None:
        super().__init__()
        self.path = str(project.path)
        self.button = PressArea("recent_project", "row")
        self.button.setEnabled(project.present)
        self.button.setToolTip(self.path if project.present else f"{self.path} cannot be reached.")
        self.button.clicked.connect(lambda: self.chosen.emit(self.path))
        self.button.setAccessibleName(f"{project.path.name}, {self._facts(project)}")
        name = ElidedLabel(project.path.name)
        style.set_role(name, "subheading" if project.present else "disabled")
        where = ElidedLabel(_short(project.path.parent))
        style.set_role(where, "caption" if project.present else "disabled")
        facts = QLabel(self._facts(project))
        facts.setObjectName("recent_facts")
        style.set_role(facts, "caption" if project.present else "disabled")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(name)
        words.addWidget(where)
        inside = QHBoxLayout(self.button)
        inside.setContentsMargins(style.SMALL, style.TIGHT + 2, style.SMALL, style.TIGHT + 2)
        inside.setSpacing(style.MEDIUM)
        inside.addLayout(words, 1)
        inside.addWidget(facts, 0, Qt.AlignmentFlag.AlignVCenter)
        self.button.hold(name, where, facts)
        self.remove = QToolButton(self)
        self.remove.setObjectName("recent_remove")
        style.set_role(self.remove, "quiet")
        self.remove.setIcon(glyphs.glyph_icon("close"))
        style.ThemeWatcher(self.remove, lambda: self.remove.setIcon(glyphs.glyph_icon("close")))
        self.remove.setToolTip("Take off this list; the project itself stays")
        self.remove.setAccessibleName(f"Take {project.path.name} off the list")
        self.remove.clicked.connect(lambda: self.forgotten.emit(self.path))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.TIGHT)
        row.addWidget(self.button, 1)
        row.addWidget(self.remove)
        self.button.installEventFilter(self)

    @staticmethod
    def _facts(project: RecentProject) -> str:
        if not project.present:
            return "not found"
        if project.jobs is None:
            return ""
        parts = [f"{project.jobs:,} {'job' if project.jobs == 1 else 'jobs'}"]
        if project.running:
            parts.append(f"{project.running} running")
        parts.append(moment(datetime.fromtimestamp(project.changed)))
        return "  ·  ".join(parts)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Walk through the rows with the arrow keys; Delete takes one off the list."""
        if watched is self.button and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key == Qt.Key.Key_Delete:
                self.forgotten.emit(self.path)
                return True
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._step(-1 if key == Qt.Key.Key_Up else 1)
                return True
        return False

    def _step(self, by: int) -> None:
        parent = self.parentWidget()
        rows = parent.findChildren(RecentRow) if parent is not None else []
        usable = [row for row in rows if row.button.isEnabled()]
        if self in usable:
            place = min(max(usable.index(self) + by, 0), len(usable) - 1)
            usable[place].button.setFocus(Qt.FocusReason.TabFocusReason)


class DropShade(QWidget):
    """Says over the whole page that what is dragged may be dropped."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("drop_shade")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tint the page and frame it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), style.colour("selection", 0.55))
        pen = painter.pen()
        pen.setColor(style.colour("accent"))
        pen.setWidth(2)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        margin = style.LARGE
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(margin, margin, -margin, -margin), 8, 8)
        painter.setPen(style.colour("text"))
        painter.setFont(style.scaled_font(1.3, bold=True))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Drop to open the project")


def _short(path: Path) -> str:
    """Return a path with ~ for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}".removesuffix("/.")
    except ValueError:
        return str(path)
