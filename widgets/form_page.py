"""One tab of a form: rows that scroll, and above them why none of them can be changed now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from jobs.core.declaration import Kind, OptionSpec
from widgets import style
from widgets.fields import (
    ChoiceEditor,
    Editor,
    GpuChoice,
    GpuEditor,
    NumberEditor,
    TextEditor,
    YesNoEditor,
)
from widgets.form_row import FormRow
from widgets.node_source import NodeSource
from widgets.path_field import PathEditor
from widgets.series_field import SeriesEditor
from widgets.worded_number import WordedNumberEditor

_PAGE_WIDTH = 900


@dataclass(frozen=True)
class Surroundings:
    """What editors may ask for.

    Attributes
    ----------
    project_dir
        Folder to which paths are relative.
    node_source
        Candidates for input nodes.
    start_folder
        Returns the folder in which choosing a file begins.
    gpus
        Returns the GPUs offered.
    """

    project_dir: Path | None
    node_source: NodeSource | None
    start_folder: Callable[[], Path | None]
    gpus: Callable[[], Sequence[GpuChoice]] | None

    def editor_of(self, spec: OptionSpec, page: QWidget) -> Editor:
        """Return a new editor for an option."""
        if spec.is_path:
            return PathEditor(
                spec,
                page,
                project_dir=self.project_dir,
                node_source=self.node_source,
                start_folder=self.start_folder,
            )
        if spec.series:
            return SeriesEditor(spec, page)
        if spec.words:
            return WordedNumberEditor(spec, page)
        if spec.kind is Kind.GPU:
            return GpuEditor(spec, page, gpus=self.gpus)
        kinds: dict[Kind, type[Editor]] = {
            Kind.INTEGER: NumberEditor,
            Kind.NUMBER: NumberEditor,
            Kind.YESNO: YesNoEditor,
            Kind.CHOICE: ChoiceEditor,
        }
        return kinds.get(spec.kind, TextEditor)(spec, page)


class FormPage(QScrollArea):
    """The rows of one tab, added one after another; each part is made where it will stand.

    Parameters
    ----------
    name : str
        The tab.
    declared : sequence of OptionSpec
        All options of the form: the editors of all tabs stand at the same place.
    tab_widget : QTabWidget
        Where the page will be added.
    """

    def __init__(self, name: str, declared: Sequence[OptionSpec], tab_widget: QTabWidget) -> None:
        super().__init__(tab_widget.findChild(QStackedWidget))
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.rows: list[FormRow] = []
        holder = QWidget(self.viewport())
        style.set_role(holder, "page")
        self._page = QWidget(holder)
        self._page.setObjectName(f"page_{name}")
        style.set_role(self._page, "page")
        self._page.setMaximumWidth(_PAGE_WIDTH)
        self._notice: QLabel | None = None
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        self._grid.setHorizontalSpacing(style.MEDIUM)
        self._grid.setVerticalSpacing(style.TIGHT)
        self._grid.setColumnStretch(1, 1)
        widest = max((style.text_width(self.font(), d.label) for d in declared), default=0)
        self._grid.setColumnMinimumWidth(0, min(widest + style.LARGE, 320))
        beside = QHBoxLayout(holder)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self._page, 100)
        beside.addStretch(1)
        self.setWidget(holder)

    def add_row(self, spec: OptionSpec, surroundings: Surroundings) -> FormRow:
        """Make the row of one more option."""
        row = FormRow(spec, surroundings.editor_of(spec, self._page), self._page)
        if spec.when:
            row.label.setIndent(style.LARGE)
        self.rows.append(row)
        row.place(self._grid, len(self.rows))  # the first place is that of the notice
        return row

    def finish(self) -> None:
        """Leave the room below the last row free."""
        self._grid.setRowStretch(2 * len(self.rows) + 2, 1)

    def notice(self) -> str:
        """Return what stands above the rows, empty when nothing does."""
        return self._notice.text() if self._notice is not None and not self._notice.isHidden() else ""

    def show_notice(self, text: str) -> None:
        """Say something about all rows above the first, or nothing."""
        if self._notice is None:
            if not text:
                return
            self._notice = QLabel(self._page, wordWrap=True)
            self._notice.setObjectName("form_notice")
            self._notice.setContentsMargins(0, 0, 0, style.SMALL)
            style.set_role(self._notice, "muted")
            self._grid.addWidget(self._notice, 0, 0, 1, 4)
        self._notice.setText(text)
        self._notice.setVisible(bool(text))
