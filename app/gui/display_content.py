"""From what a file holds to the widget that shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakMethod

from PySide6.QtWidgets import QTabWidget, QWidget

from app.gui.display import Viewer
from app.gui.display_pages import PdfPages, Picture
from app.viewing.loading import Content, MapWork
from app.viewing.tables import write_csv
from widgets import style
from widgets.empty_state import EmptyState
from widgets.fsc_viewer import FscViewer
from widgets.gallery import Gallery
from widgets.log_view import LogView
from widgets.map_viewer import MapViewer
from widgets.star_table import StarTable, StarTables

#: Asks for a place: title, proposed name, filter of names; calls back with the path.
AskSave = Callable[[str, str, str, Callable[[Path], None]], None]
AskOpen = Callable[[str, str, Callable[[Path], None]], None]
#: Names of tables that are abbreviations.
_SHORT: Final = ("fsc", "ctf")
_MAPS: Final = "Maps (*.mrc *.map);;All files (*)"


class Asking:
    """How viewers ask for files.

    The methods are held weakly: a viewer that kept its window alive would, when it goes, take the window
    down while this is taking the viewer down.
    """

    def __init__(self, save: AskSave, load: AskOpen) -> None:
        self._save, self._load = WeakMethod(save), WeakMethod(load)

    def save(self, title: str, name: str, names: str, done: Callable[[Path], None]) -> None:
        """Ask where to write."""
        if (ask := self._save()) is not None:
            ask(title, name, names, done)

    def load(self, title: str, names: str, done: Callable[[Path], None]) -> None:
        """Ask which file to read."""
        if (ask := self._load()) is not None:
            ask(title, names, done)


def make_content(path: Path, viewer: Viewer, content: Content, asking: Asking) -> QWidget:
    """Return the widget that shows a file."""
    if content.maps:
        return _maps(path, content, asking)
    if content.text is not None:
        return _text(path, *content.text)
    if content.files:
        return PdfPages(path) if viewer == "pdf" else Picture(path)
    pages: list[tuple[str, QWidget]] = []
    if content.images is not None:
        pages.append((f"Images  {content.images.count:,}", _gallery(path, content, asking)))
    if content.sheets:
        curves = FscViewer()
        curves.set_sheets(content.sheets)
        pages.append(("Curves", curves))
    if content.tables:
        name = content.tables[0].name
        title = name.upper() if name.lower() in _SHORT else name.capitalize()
        pages.append(("Tables" if len(content.tables) > 1 else title, _tables(path, content, asking)))
    if viewer == "model":
        pages.sort(key=lambda page: page[0] != "Curves")
    if not pages:
        return EmptyState("file", "There is nothing in this file", "It holds no tables with rows.")
    if len(pages) == 1:
        return pages[0][1]
    tabs = QTabWidget()
    tabs.setObjectName("display_tabs")
    tabs.setDocumentMode(True)
    for title, page in pages:
        tabs.addTab(page, title)
    return tabs


def _gallery(path: Path, content: Content, asking: Asking) -> Gallery:
    source = content.images
    assert source is not None
    gallery = Gallery(source)
    ending = source.saved_as

    def ask() -> None:
        names = "STAR files (*.star)" if ending == ".star" else "Stacks (*.mrcs)"
        asking.save("Save the selected images", f"{path.stem}_selected{ending}", names, gallery.save)

    gallery.save_requested.connect(ask)
    return gallery


def _tables(path: Path, content: Content, asking: Asking) -> StarTables:
    tables = StarTables(content.tables, write_csv)

    def ask(table: StarTable) -> None:
        name = f"{path.stem}_{table.source.name}.csv"
        asking.save("Export the table", name, "Comma-separated values (*.csv)", table.export)

    tables.export_requested.connect(ask)
    return tables


def _maps(path: Path, content: Content, asking: Asking) -> MapViewer:
    viewer = MapViewer(MapWork(path))
    viewer.set_maps(content.maps, content.masks)
    viewer.map_wanted.connect(lambda: asking.load("Add a map", _MAPS, viewer.add_map))
    viewer.mask_wanted.connect(lambda: asking.load("Choose a mask", _MAPS, viewer.choose_mask))
    return viewer


def _text(path: Path, text: str, cut: bool) -> LogView:
    view = LogView(path.name)
    view.open_button.hide()
    view.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
    view.follow.setChecked(path.suffix in (".out", ".err", ".log"))
    view.set_text(text)
    if cut:
        view.setToolTip("Only the end of this long file is shown")
    return view
