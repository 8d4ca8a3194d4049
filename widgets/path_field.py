"""Fields for files, folders and input nodes: typed, dropped, browsed for, or picked from the project."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from jobs.core.declaration import Kind, OptionSpec
from jobs.core.options import join_paths, split_paths
from widgets import glyphs, style
from widgets.fields import TextEditor
from widgets.node_picker import NodePicker
from widgets.node_source import NodeSource


def relative_to_project(path: str, project_dir: Path | None) -> str:
    """Return a path as it is written into an option: relative to the project when it lies inside."""
    if project_dir is None or not path:
        return path
    root = os.path.realpath(project_dir)
    absolute = path if Path(path).is_absolute() else str(Path(root) / path)
    # the links inside a project (aliases) are kept; only the way to the project itself is resolved
    for base in (root, str(project_dir)):
        inside = os.path.relpath(absolute, base)
        if not inside.startswith(os.pardir):
            return inside
    return path


class PathEditor(TextEditor):
    """A path with Browse, and with the node picker where the option asks for a node of the project.

    Parameters
    ----------
    spec : OptionSpec
        Declaration; its pattern, node labels and start folder are used by the dialogs.
    project_dir : Path, optional
        Folder to which paths are relative.
    node_source : NodeSource, optional
        Where nodes come from; without it the picker button is absent.
    start_folder : callable
        Returns the folder of the job being continued (for options that start browsing there), or None.
    """

    def __init__(
        self,
        spec: OptionSpec,
        parent: QWidget | None = None,
        *,
        project_dir: Path | None = None,
        node_source: NodeSource | None = None,
        start_folder: Callable[[], Path | None] | None = None,
    ) -> None:
        super().__init__(spec, parent)
        self._project_dir = project_dir
        self._start_folder = start_folder
        self._node_source = node_source
        self.line.setMaximumWidth(16777215)
        self.line.setAcceptDrops(False)  # the editor takes the drop and writes a project path
        self.setAcceptDrops(True)
        if node_source is not None and spec.kind is Kind.INPUT_NODE:
            self.pick_button = self._add_button("pick", "nodes", "Choose", "Choose a result of this project")
            self.pick_button.clicked.connect(self.pick)
        self.browse_button = self._add_button("browse", "folder", "Browse", "Choose a file on this machine")
        self.browse_button.clicked.connect(self.browse)

    def _add_button(self, what: str, glyph: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(f" {text}", self)
        button.setAccessibleName(tip)
        button.setObjectName(f"{what}_{self.spec.name}")
        button.setIcon(glyphs.glyph_icon(glyph))
        button.setToolTip(tip)
        button.setAutoDefault(False)
        style.ThemeWatcher(button, lambda: button.setIcon(glyphs.glyph_icon(glyph)))
        self._layout.addWidget(button)
        return button

    def set_project(self, project_dir: Path | None, node_source: NodeSource | None) -> None:
        """Change project; the picker appears only where it was made with a source."""
        self._project_dir = project_dir
        self._node_source = node_source

    def _browse_folder(self) -> str:
        current = (split_paths(self.line.text()) or [""])[0] if self.spec.multiple else self.line.text()
        base = self._project_dir or Path.cwd()
        if current and (base / current).parent.is_dir():
            return str((base / current).parent)
        job = self._start_folder() if self._start_folder is not None else None
        if job is not None and self.spec.browse_from and (job / self.spec.browse_from).is_dir():
            return str(job / self.spec.browse_from)
        return str(job if job is not None and self.spec.browse_from else base)

    def browse(self) -> None:
        """Let the person choose on the file system."""
        title = f"Choose: {self.spec.label.rstrip(':')}"
        if self.spec.kind is Kind.FOLDER:
            chosen = QFileDialog.getExistingDirectory(self, title, self._browse_folder())
        else:
            filters = "All files (*)"
            if self.spec.pattern:
                filters = f"Suitable files ({self.spec.pattern});;{filters}"
            if self.spec.multiple:
                several, _filter = QFileDialog.getOpenFileNames(self, title, self._browse_folder(), filters)
                self._take_all(several)
                return
            chosen, _filter = QFileDialog.getOpenFileName(self, title, self._browse_folder(), filters)
        if chosen:
            self._take(chosen)

    def pick(self) -> None:
        """Let the person choose among the results of the project."""
        if self._node_source is None:
            return
        picker = NodePicker(self._node_source, self.spec.node_labels, self.spec.label.rstrip(":"), self)
        picker.chosen.connect(self._take)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.open()

    def _take(self, path: str) -> None:
        self.set_text(relative_to_project(path, self._project_dir))
        self.line.setFocus()

    def _take_all(self, paths: Sequence[str]) -> None:
        if paths:
            self.set_text(join_paths(relative_to_project(path, self._project_dir) for path in paths))
            self.line.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept one local file, or several where the option takes them."""
        urls = event.mimeData().urls()
        if urls and (len(urls) == 1 or self.spec.multiple) and all(url.isLocalFile() for url in urls):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Write the dropped file's path; where several are taken, behind those that are there."""
        dropped = [url.toLocalFile() for url in event.mimeData().urls()]
        if self.spec.multiple:
            before = split_paths(self.text())
            self._take_all([*before, *(path for path in dropped if path not in before)])
        else:
            self._take(dropped[0])
        event.acceptProposedAction()
