"""What the head of an input file tells: particles, box, pixel size; at most a megabyte is read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jobs.core.errors import UserError
from jobs.formats.mrc_header import read_map_header
from jobs.formats.star import StarHead, read_star_head
from jobs.formats.star_table import StarTable

Details = dict[str, int | float | str]
#: Rows of a head that are looked at.
_ROWS: Final = 2000
_GROUPS: Final = ("rlnTomoParticleName", "rlnGroupName")
_DOSES: Final = ("rlnMicrographPreExposure", "rlnCtfBfactor")


def node_details(path: Path) -> Details:
    """Return what is known about a file, by name.

    Parameters
    ----------
    path
        STAR file or MRC map.

    Returns
    -------
    dict
        ``particles`` and, of tilt series, ``images`` (counts, estimated in files above a megabyte),
        ``box`` (px), ``pixel_size_a`` (Å), each
        where it is known; empty for other and for unreadable files, which are found out when they are chosen.
    """
    try:
        if path.suffix == ".star":
            return _of_star(read_star_head(path, n_rows=_ROWS))
        if path.suffix in (".mrc", ".map", ".mrcs"):
            header = read_map_header(path, permissive=True)
            found: Details = {"box": header.shape[-1]}
            if header.voxel_size_a > 0:
                found["pixel_size_a"] = round(header.voxel_size_a, 4)
            return found
    except (UserError, OSError, ValueError):
        pass
    return {}


def _images_of_each(table: StarTable) -> float:
    """Return how many rows a particle has on average: 1, or more in a series of images by dose.

    Rows of one group are a particle when each of them has another dose (rlnCtfBfactor, or the exposure
    before); groups of single particles share theirs.
    """
    group = next((column for column in _GROUPS if column in table), "")
    dose = next((column for column in _DOSES if column in table), "")
    if not group or not dose or not len(table):
        return 1.0
    names = table.text(group).tolist()
    # the last group of a head may be cut
    whole = [k for k, name in enumerate(names) if name != names[-1]] or range(len(names))
    pairs = {(names[k], text) for k, text in enumerate(table.text(dose).tolist()) if names[k]}
    groups = len({names[k] for k in whole})
    return len(whole) / groups if len(pairs) == len(names) and len(whole) > groups else 1.0


def _of_star(head: StarHead) -> Details:
    found: Details = {}
    for name in ("particles", "images", ""):
        if name in head.n_rows and "rlnImageName" in head.tables[name]:
            rows, table = head.n_rows[name], head.tables[name]
            each = _images_of_each(table)
            found["particles"] = round(rows / each)
            if each > 1:
                found["images"] = rows
            break
    optics = head.tables.get("optics")
    if optics is None or not len(optics):
        return found
    for column, key in (("rlnImageSize", "box"), ("rlnImagePixelSize", "pixel_size_a")):
        if column in optics:
            value = optics.floats(column)[0]
            found[key] = int(value) if key == "box" else round(float(value), 4)
    return found
