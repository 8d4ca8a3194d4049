"""Reads a file as far as a viewer needs it to begin; called in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.viewing.curves import sheets_of
from app.viewing.images import ImageSource, image_table, images_of, read_images
from app.viewing.maps import MapSource, correlate, is_first_half, masks_for, other_half
from app.viewing.tables import Source, read_csv, read_job, read_tables, sources_of
from app.viewing.texts import read_text
from jobs.core.errors import FormatError
from jobs.formats.mrc_header import read_map_header
from jobs.formats.star import read_star_tables
from widgets.fsc_viewer_data import Curve, CurveSheet


@dataclass(frozen=True)
class Content:
    """What a file holds; what it does not hold stays empty.

    Attributes
    ----------
    images
        Images, for a gallery.
    sheets
        Curves.
    tables
        Tables.
    maps
        Volumes: the file's, and the map of the other half-set when it is one of two half-maps.
    masks
        Masks beside the maps.
    text
        Text, and whether its beginning is missing.
    """

    images: ImageSource | None = None
    sheets: tuple[CurveSheet, ...] = ()
    tables: tuple[Source, ...] = ()
    maps: tuple[MapSource, ...] = ()
    masks: tuple[Path, ...] = ()
    text: tuple[str, bool] | None = None
    files: tuple[Path, ...] = field(default=())


class MapWork:
    """What is done for the map viewer: opening maps, correlating them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, path: Path) -> MapSource:
        """Open another map."""
        return MapSource(path)

    def correlate(self, first: Any, second: Any, mask: Any) -> Curve:
        """Return the Fourier shell correlation of two maps."""
        x, y = correlate(first, second, mask)
        return Curve("masked" if mask is not None else "unmasked", x, y)

    def masks(self) -> Sequence[Path]:
        """Return masks that lie beside the map."""
        return masks_for(self._path)


def load(path: Path, viewer: str, project_dir: Path | None = None) -> Content:
    """Return what a viewer shows first.

    Parameters
    ----------
    path
        The file.
    viewer
        Word of the table in `app.gui.display`.
    project_dir
        Folder to which names of images are relative.

    Raises
    ------
    FormatError
        When the file is missing or cannot be read.
    """
    if not path.exists():
        raise FormatError("the file does not exist", path=path)
    if viewer == "map":
        return _load_map(path)
    if viewer == "images":
        images = read_images(path, project_dir)
        tables = (images.table,) if images.table is not None else ()
        return Content(images=images, tables=tables)
    if viewer in ("star", "model"):
        return _load_star(path, project_dir)
    if viewer == "job":
        return Content(tables=(*read_job(path), *read_tables(path)))
    if viewer == "table":
        return Content(tables=tuple(read_csv(path)))
    if viewer == "text":
        return Content(text=read_text(path))
    return Content(files=(path,))


def _load_map(path: Path) -> Content:
    header = read_map_header(path, permissive=True)
    if header.shape[0] == 1:
        return Content(images=read_images(path))
    other = other_half(path)
    names = [path] if other is None else [path, other] if is_first_half(path) else [other, path]
    return Content(maps=tuple(MapSource(name) for name in names), masks=tuple(masks_for(path)))


def _load_star(path: Path, project_dir: Path | None) -> Content:
    tables = read_star_tables(path)
    images = images_of(tables, path, project_dir) if image_table(tables) is not None else None
    return Content(images=images, sheets=tuple(sheets_of(tables)), tables=tuple(sources_of(tables)))
