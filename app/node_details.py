"""What the head of an input file tells: particles, box, pixel size; at most a megabyte is read."""

from __future__ import annotations

from pathlib import Path

from jobs.core.errors import UserError
from jobs.formats.mrc_header import read_map_header
from jobs.formats.star import StarHead, read_star_head

Details = dict[str, int | float | str]


def node_details(path: Path) -> Details:
    """Return what is known about a file, by name.

    Parameters
    ----------
    path
        STAR file or MRC map.

    Returns
    -------
    dict
        ``particles`` (count, estimated in files above a megabyte), ``box`` (px), ``pixel_size_a`` (Å), each
        where it is known; empty for other and for unreadable files, which are found out when they are chosen.
    """
    try:
        if path.suffix == ".star":
            return _of_star(read_star_head(path))
        if path.suffix in (".mrc", ".map", ".mrcs"):
            header = read_map_header(path, permissive=True)
            found: Details = {"box": header.shape[-1]}
            if header.voxel_size_a > 0:
                found["pixel_size_a"] = round(header.voxel_size_a, 4)
            return found
    except (UserError, OSError, ValueError):
        pass
    return {}


def _of_star(head: StarHead) -> Details:
    found: Details = {}
    for name in ("particles", "images", ""):
        if name in head.n_rows and "rlnImageName" in head.tables[name]:
            found["particles"] = head.n_rows[name]
            break
    optics = head.tables.get("optics")
    if optics is None or not len(optics):
        return found
    for column, key in (("rlnImageSize", "box"), ("rlnImagePixelSize", "pixel_size_a")):
        if column in optics:
            value = optics.floats(column)[0]
            found[key] = int(value) if key == "box" else round(float(value), 4)
    return found
