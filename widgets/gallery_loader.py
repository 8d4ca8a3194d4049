"""Reads the images of a gallery in a thread: those in view first, what has scrolled away not at all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal

from widgets.explorer.image_tile import grey_image
from widgets.explorer.particle_images import Image
from widgets.gallery_source import ImageSource, Look, as_grey, prepared

#: Memory for filtered images, so that contrast and scrolling back need no disk.
_REMEMBERED_BYTES = 192 << 20


class GalleryLoader(QObject):
    """One thread that works off the newest wish.

    Signals
    -------
    arrived : int, object
        Row and its picture (``QImage``), or the exception that stopped it.
    """

    arrived = Signal(int, object)
    _told = Signal(int, int, object)

    def __init__(self, source: ImageSource, parent: QObject) -> None:
        super().__init__(parent)
        self._source = source
        self._wake = threading.Condition()
        self._wanted: list[int] = []
        self._look = Look()
        self._number = 0
        self._ended = False
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        threading.Thread(
            target=_work, args=(self, source, self._wake), name="heteroscope-gallery", daemon=True
        ).start()

    def want(self, rows: Sequence[int], look: Look) -> None:
        """Read these, in this order; whatever was wanted before and is not in it is given up."""
        with self._wake:
            if look != self._look:
                self._number += 1
                self._look = look
            self._wanted = list(rows)
            self._wake.notify()

    @property
    def busy(self) -> bool:
        """Whether images are still to be read."""
        return bool(self._wanted)

    def close(self) -> None:
        """End the thread after the image in hand."""
        with self._wake:
            self._ended = True
            self._wanted = []
            self._wake.notify()

    def next_wish(self) -> tuple[int, int, Look] | None:
        """Return the next row, its number and look; None when there will be none any more. In the thread."""
        with self._wake:
            while not self._wanted and not self._ended:
                self._wake.wait()
            if self._ended:
                return None
            return self._number, self._wanted.pop(0), self._look

    def _on_told(self, number: int, row: int, result: object) -> None:
        if number == self._number and not self._ended:
            self.arrived.emit(row, result)


def _work(loader: GalleryLoader, source: ImageSource, _wake: threading.Condition) -> None:
    remembered: OrderedDict[tuple[int, int, float, bool], Image] = OrderedDict()
    size = 0
    while (wish := loader.next_wish()) is not None:
        number, row, look = wish
        key = (row, look.side, look.low_pass_a, look.flip)
        result: object
        try:
            image = remembered.get(key)
            if image is None:
                image = prepared(source, row, look)
                remembered[key] = image
                size += image.nbytes
                while size > _REMEMBERED_BYTES and len(remembered) > 1:
                    size -= remembered.popitem(last=False)[1].nbytes
            result = grey_image(as_grey(image, look.contrast))
        except Exception as error:  # told in the tile
            result = error
        try:
            loader._told.emit(number, row, result)
        except RuntimeError:
            return  # the window was closed meanwhile
