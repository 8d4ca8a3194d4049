"""What the heads of input files say: particles (a megabyte of STAR text) and volumes (a kilobyte)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.errors import FormatError

# The readers are imported where they are used: they load numpy, and a worker process, which imports this
# declaration first of all, sets the number of threads before numpy is loaded.
if TYPE_CHECKING:
    from jobs.formats.mrc_header import MapHeader
    from jobs.formats.star_table import StarTable

_HEAD_ROWS = 1000


@dataclass(frozen=True)
class ParticleFacts:
    """What the head of a particle file says.

    Attributes
    ----------
    columns
        Labels of the particle table.
    boxes
        Box sizes in pixels, one per optics group (empty when the file does not say).
    pixel_sizes_a
        Pixel sizes in Å, one per optics group.
    stack
        File of the first particle's image.
    n_particles
        Number of particles, estimated for a large file.
    """

    columns: tuple[str, ...]
    boxes: tuple[int, ...]
    pixel_sizes_a: tuple[float, ...]
    stack: str
    n_particles: int


def particle_facts(path: Path) -> ParticleFacts:
    """Read the head of a particle STAR file of RELION 3.0 or later, or of a ``.cs`` file of cryoSPARC.

    Raises
    ------
    FormatError
        When it is not such a file.
    """
    status = path.stat()
    return _particle_facts(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _particle_facts(path: Path, mtime_ns: int, size: int) -> ParticleFacts:
    if path.suffix.lower() == ".cs":
        return _cs_facts(path)
    from jobs.formats.star import read_star_head

    head = read_star_head(path, n_rows=_HEAD_ROWS)
    found = next((name for name in ("particles", "images", "") if name in head.tables), None)
    if found is None:
        names = ", ".join(f"data_{name}" for name in head.tables) or "no table"
        raise FormatError(f"a table data_particles is expected, but {names} was found", path=path)
    particles = head.tables[found]
    if head.n_rows[found] == 0:
        raise FormatError("the particle table is empty", path=path)
    if "rlnImageName" not in particles:
        raise FormatError(
            f"the particle table has no column rlnImageName (it has {', '.join(particles.columns[:6])}, …)",
            path=path,
            hint="Choose the particles of a refinement, such as run_data.star",
        )
    image = str(particles.text("rlnImageName")[0])
    if "rlnTomoName" in particles or "@" not in image:
        raise FormatError(
            f"the images are not 2D single-particle images (the first is '{image}', 000001@stack.mrcs was "
            "expected)",
            path=path,
            hint="Choose particles of a single-particle refinement; tomography sets are not for this job",
        )
    return _facts(particles, head.tables.get("optics", particles), image, head.n_rows[found])


def _cs_facts(path: Path) -> ParticleFacts:
    from jobs.formats.cryosparc_fields import head_of
    from jobs.formats.cryosparc_particles import cs_tables

    fields, n_particles = head_of(path, _HEAD_ROWS)
    tables, _ = cs_tables(fields)
    image = str(tables["particles"].text("rlnImageName")[0])
    return _facts(tables["particles"], tables["optics"], image, n_particles)


def _facts(particles: StarTable, optics: StarTable, image: str, n_particles: int) -> ParticleFacts:
    return ParticleFacts(
        columns=(*particles.columns, *(() if optics is particles else optics.columns)),
        boxes=tuple(int(value) for value in optics.floats("rlnImageSize"))
        if "rlnImageSize" in optics
        else (),
        pixel_sizes_a=_pixel_sizes(optics),
        stack=image.partition("@")[2],
        n_particles=n_particles,
    )


def _pixel_sizes(optics: StarTable) -> tuple[float, ...]:
    for label in ("rlnImagePixelSize", "rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"):
        if label in optics:
            return tuple(dict.fromkeys(float(value) for value in optics.floats(label)))
    if "rlnDetectorPixelSize" in optics and "rlnMagnification" in optics:
        detector_um = optics.floats("rlnDetectorPixelSize")
        return tuple(dict.fromkeys((1e4 * detector_um / optics.floats("rlnMagnification")).tolist()))
    return ()


def volume_header(path: Path) -> MapHeader:
    """Read the header of a volume or stack, tolerantly; FormatError when it is none."""
    from jobs.formats.mrc_header import read_map_header

    # A pixel size or map id that is not set is common and does not keep the map from being used.
    return read_map_header(path, permissive=True)


def find_stack(name: str, star: Path, project_dir: Path) -> Path | None:
    """Return where a stack named in a STAR file lies: in the project, else upward of the STAR file."""
    from jobs.formats.image_names import find_project_root

    root = find_project_root(star, name, project_dir)
    return None if root is None else root / name


def highest_density(header: MapHeader) -> float | None:
    """Return the maximum that the header states, None when it states none."""
    order = ">" if header.dtype.byteorder == ">" else "<"
    with header.path.open("rb") as file:
        file.seek(76)
        lowest, highest = struct.unpack(f"{order}2f", file.read(8))
    return float(highest) if highest > lowest else None
