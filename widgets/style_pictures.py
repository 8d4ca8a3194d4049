"""Small line drawings as files: style sheets can show pictures from files only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QTemporaryDir

_PICTURES: Final[dict[str, tuple[QTemporaryDir, str]]] = {}


def tick_file(colour_name: str) -> str:
    """Return the path of a tick in a colour."""
    return _picture(f"tick {colour_name}", "M3.5 8.5 6.7 11.7 12.5 4.8", colour_name, 2.0)


def _picture(name: str, path_data: str, colour_name: str, width: float) -> str:
    """Return the path of a line drawing; style sheets can show pictures from files only."""
    if name not in _PICTURES:
        folder = QTemporaryDir()
        path = Path(folder.path()) / "picture.svg"
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="{path_data}" fill="none"'
            f' stroke="{colour_name}" stroke-width="{width}" stroke-linecap="round"/></svg>',
            encoding="utf-8",
        )
        # the folder goes away with the object that stands for it
        _PICTURES[name] = (folder, path.as_posix())
    return _PICTURES[name][1]


def arrow_file(colour_name: str) -> str:
    """Return the path of a small arrow downwards in a colour."""
    return _picture(f"arrow {colour_name}", "M4 6.5 8 10.5 12 6.5", colour_name, 1.6)


def arrow_up_file(colour_name: str) -> str:
    """Return the path of a small arrow upwards in a colour."""
    return _picture(f"arrow up {colour_name}", "M4 9.5 8 5.5 12 9.5", colour_name, 1.6)


def cross_file(colour_name: str) -> str:
    """Return the path of a cross that closes a pane."""
    return _picture(f"cross {colour_name}", "M4 4 12 12 M12 4 4 12", colour_name, 1.4)


def float_file(colour_name: str) -> str:
    """Return the path of the two sheets that stand for a window of its own."""
    path = "M6 3.5H12.5V10 M3.5 6H10V12.5H3.5Z"
    return _picture(f"float {colour_name}", path, colour_name, 1.3)
