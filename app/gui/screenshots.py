"""Pictures of the window, for the demo, the documentation and the tests."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget


def grab(widget: QWidget, path: str | Path, *, size: tuple[int, int] | None = None) -> Path:
    """Save a picture of a window as PNG.

    Parameters
    ----------
    widget
        The window; it is laid out and drawn first.
    path
        The file; folders are made as needed.
    size
        Width and height to give the window first (device-independent pixels).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    path = Path(path)
    if size is not None:
        widget.resize(QSize(*size))
    application = QApplication.instance()
    if application is not None:
        # twice: the first pass may show parts which lay out others
        application.processEvents()
        application.processEvents()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path), "PNG"):
        raise OSError(f"The picture {path} could not be written.")
    return path
