"""Images of STAR, .cs and stack files as the gallery asks for them: a few at a time, in any order."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.viewing.tables import PlainSource, Source, StarSource
from jobs.core.errors import FormatError, UserError
from jobs.formats.cryosparc import read_cs
from jobs.formats.cryosparc_fields import join_passthrough
from jobs.formats.cryosparc_particles import cs_tables
from jobs.formats.image_names import WHOLE_FILE, find_project_root, images_not_found, split_image_names
from jobs.formats.mrc import write_stack
from jobs.formats.mrc_header import MapHeader, read_map_header
from jobs.formats.particles import particles_from_tables
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import NEW_VERSION, StarTable

Image = NDArray[np.float32]
_IMAGE_COLUMNS: Final = ("rlnImageName", "rlnReferenceImage", "rlnMicrographName")
_OPEN_FILES: Final = 64


class SectionReader:
    """Reads single sections of stacks; files stay open for a while. May be used from several threads."""

    def __init__(self) -> None:
        self._headers: dict[Path, MapHeader] = {}
        self._files: OrderedDict[Path, int] = OrderedDict()
        self._lock = threading.Lock()

    def header(self, path: Path) -> MapHeader:
        """Return the header of a stack, read once."""
        with self._lock:
            found = self._headers.get(path)
        if found is None:
            found = read_map_header(path, permissive=True)
            with self._lock:
                self._headers[path] = found
        return found

    def read(self, path: Path, section: int) -> Image:
        """Return one section ``[y, x]``; of a volume that is named as a whole, the middle one.

        Raises
        ------
        FormatError
            When the file is missing, or has no such section.
        """
        header = self.header(path)
        if section == WHOLE_FILE:
            section = header.shape[0] // 2
        if section >= header.sections_present:
            raise FormatError(
                f"image {section + 1} is asked for, but the stack holds {header.sections_present}", path=path
            )
        with self._lock:
            descriptor = self._opened(path)
            data = os.pread(
                descriptor, header.section_bytes, header.data_offset + section * header.section_bytes
            )
        if len(data) < header.section_bytes:
            raise FormatError("the stack became shorter while it was shown", path=path)
        return np.frombuffer(data, header.dtype).reshape(header.shape[1:]).astype(np.float32)

    def _opened(self, path: Path) -> int:
        if path in self._files:
            self._files.move_to_end(path)
            return self._files[path]
        while len(self._files) >= _OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        try:
            self._files[path] = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise FormatError(f"the stack cannot be read ({error.strerror})", path=path) from error
        return self._files[path]

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            while self._files:
                os.close(self._files.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()


class ImageSource:
    """Images that a table lists, or those of a stack.

    Attributes
    ----------
    name
        Of the file.
    count
        Number of images.
    table
        One row per image, None for a bare stack.
    can_flip
        Whether phases can be flipped by the CTF.
    trouble
        Why no image can be shown, empty when they can.
    saved_as
        Ending of the file that a selection is saved as.
    """

    def __init__(
        self,
        path: Path,
        stacks: Sequence[Path],
        stack: NDArray[np.int64],
        section: NDArray[np.int64],
        tables: dict[str, StarTable] | None = None,
        table_name: str = "",
        facts_table: Source | None = None,
    ) -> None:
        self.path, self.name = path, path.name
        self.count = len(stack)
        self._stacks, self._stack, self._section = list(stacks), stack, section
        self.tables, self._table_name = tables, table_name
        self.table: Source | None = StarSource(tables[table_name]) if tables else facts_table
        self.trouble = ""
        self.saved_as = ".star" if tables else ".mrcs"
        self.can_flip = bool(tables) and "rlnDefocusU" in tables[table_name] if tables else False
        self._pixel = _pixel_sizes(tables, table_name) if tables else None
        self.reader = SectionReader()

    def image(self, row: int, *, flip: bool = False) -> Image:
        """Return one image ``[y, x]``, with its phases flipped where the CTF is negative if wanted."""
        image = self.reader.read(self._stacks[int(self._stack[row])], int(self._section[row]))
        return self._flipped(image, row) if flip and self.can_flip else image

    def pixel_size_a(self, row: int) -> float:
        """Return Å per pixel, 0 where nobody says."""
        if self._pixel is not None and self._pixel[row] > 0:
            return float(self._pixel[row])
        try:
            return self.reader.header(self._stacks[int(self._stack[row])]).voxel_size_a
        except UserError:
            return 0.0

    def label(self, row: int) -> str:
        """Return the name of an image: section and stack."""
        stack = self._stacks[int(self._stack[row])].name
        section = int(self._section[row])
        return stack if section == WHOLE_FILE else f"{section + 1} of {stack}"

    def facts(self, row: int) -> list[tuple[str, str]]:
        """Return what is known of an image, each with its name."""
        found = []
        with contextlib.suppress(UserError):
            header = self.reader.header(self._stacks[int(self._stack[row])])
            found.append(("Size", f"{header.shape[2]} × {header.shape[1]} px"))
        if pixel := self.pixel_size_a(row):
            found.append(("Pixel size", f"{pixel:.4g} Å"))
        if self.table is not None:
            found += list(zip(self.table.columns, self.table.row(row), strict=True))
        return found

    def save(self, rows: NDArray[np.int64], path: Path) -> Path:
        """Write some of the images: their rows with all tables, or for a bare stack the images themselves.

        Raises
        ------
        UserError
            When nothing is chosen, or the file cannot be written.
        """
        chosen = np.sort(np.asarray(rows, np.int64))
        if not len(chosen):
            raise UserError("No images are selected")
        if path.resolve() == self.path.resolve():
            raise UserError("a selection must not replace the file it was made from", path=path)
        if self.tables is None:
            pixel = self.pixel_size_a(int(chosen[0]))
            write_stack(path, (self.image(int(row))[None] for row in chosen), pixel)
            return path
        tables = {
            name: self._versioned(name, table.select(chosen) if self._has_rows(name) else table)
            for name, table in self.tables.items()
        }
        write_star_tables(path, tables)
        return path

    def _has_rows(self, name: str) -> bool:
        """Whether a table has one row per image: the list itself, and those of bodies."""
        assert self.tables is not None
        bodies = name.startswith("images_body_") and self.tables[name].n_rows == self.count
        return name == self._table_name or bodies

    def _versioned(self, name: str, table: StarTable) -> StarTable:
        """Without its version line RELION takes a file for one of the time before optics tables."""
        modern = self.tables is not None and "optics" in self.tables
        return table.renamed(name, NEW_VERSION) if modern and table.version is None else table

    def _flipped(self, image: Image, row: int) -> Image:
        import torch

        from jobs.maths.ctf import ctf_rfft, from_particles

        assert self.tables is not None
        tables = {**self.tables, self._table_name: self.tables[self._table_name].select([row])}
        particle = particles_from_tables(
            tables, self.path, require_images=False, require_poses=False, permissive=True
        )
        if bool(particle.ctf_premultiplied[0]) or image.shape[0] != image.shape[1]:
            return image
        sign = torch.sign(ctf_rfft(from_particles(particle), image.shape[0], float(particle.pixel_size_a[0])))
        spectrum = np.fft.rfft2(image) * sign[0].numpy()
        return np.fft.irfft2(spectrum, image.shape).astype(np.float32)


def _pixel_sizes(tables: dict[str, StarTable], name: str) -> NDArray[np.float64] | None:
    """Return Å per pixel of each image, by its optics group; None when the tables do not say."""
    table, optics = tables[name], tables.get("optics")
    try:
        if optics is not None and "rlnImagePixelSize" in optics and "rlnOpticsGroup" in table:
            groups, sizes = optics.ints("rlnOpticsGroup"), optics.floats("rlnImagePixelSize")
            known = np.zeros(int(groups.max()) + 1)
            known[groups] = sizes
            wanted = table.ints("rlnOpticsGroup")
            return known[np.clip(wanted, 0, len(known) - 1)]
        if "rlnDetectorPixelSize" in table and "rlnMagnification" in table:
            return 1e4 * table.floats("rlnDetectorPixelSize") / table.floats("rlnMagnification")
    except (FormatError, ValueError, IndexError):
        pass
    return None


def image_table(tables: dict[str, StarTable]) -> tuple[str, str] | None:
    """Return block and column that list images, None when there are none."""
    for column in _IMAGE_COLUMNS:
        for name, table in tables.items():
            if table.is_loop and column in table and table.n_rows:
                return name, column
    return None


def read_images(path: Path, project_dir: Path | None = None) -> ImageSource:
    """Return the images of a file.

    Parameters
    ----------
    path
        STAR file, ``.cs`` file, or stack.
    project_dir
        Folder to which image names are relative.

    Raises
    ------
    FormatError
        When the file cannot be read or lists no images.
    """
    if path.suffix.lower() not in (".star", ".cs"):
        return _of_stack(path)
    if path.suffix.lower() == ".cs":
        # particles without poses are to be seen, too
        fields = join_passthrough(read_cs(path), path)
        tables = cs_tables(fields, project_dir, require_poses=False)[0]
    else:
        tables = read_star_tables(path)
    return images_of(tables, path, project_dir)


def images_of(tables: dict[str, StarTable], path: Path, project_dir: Path | None = None) -> ImageSource:
    """Return the images that tables list; `trouble` says when their files are not to be found."""
    found = image_table(tables)
    if found is None:
        raise FormatError("the file lists no images", path=path)
    block, column = found
    names = split_image_names(tables[block].text(column))
    root = find_project_root(path, names.paths[0], project_dir)
    base = root or project_dir or path.absolute().parent
    source = ImageSource(
        path, [base / p for p in names.paths], names.stack, names.section, tables, block, None
    )
    if root is None:
        source.trouble = str(images_not_found(path, names.paths[0], project_dir).message)
    return source


def _of_stack(path: Path) -> ImageSource:
    header = read_map_header(path, permissive=True)
    count = header.sections_present
    if not count:
        raise FormatError("the stack holds no complete image", path=path)
    return ImageSource(
        path,
        [path],
        np.zeros(count, np.int64),
        np.arange(count, dtype=np.int64),
        facts_table=_class_table(path, count),
    )


def _class_table(path: Path, count: int) -> Source | None:
    """Return what the model of a classification says about its class averages, row by row."""
    match = re.fullmatch(r"(.*)_classes\.mrcs", path.name)
    if not match:
        return None
    try:
        classes = read_star_tables(path.with_name(f"{match[1]}_model.star"))["model_classes"]
    except (UserError, KeyError):
        return None
    if classes.n_rows != count:
        return None
    shown = [c for c in classes.columns if c != "rlnReferenceImage"]
    cells = [[row[c] for c in shown] for row in map(classes.row, range(count))]
    numbered = [[str(k + 1), *row] for k, row in enumerate(cells)]
    return PlainSource("classes", ["class", *shown], numbered)
