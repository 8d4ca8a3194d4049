"""What the head of a particle file of tilt series says, at the cost of a megabyte of STAR text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.errors import FormatError

# The readers are imported where they are used: they load numpy, and a worker process, which imports this
# declaration first of all, sets the number of threads before numpy is loaded.
if TYPE_CHECKING:
    from jobs.formats.star_table import StarTable

_HEAD_ROWS = 5000
_PARTICLE_COLUMNS = ("rlnGroupName", "rlnGroupNumber", "rlnTomoParticleName", "rlnTomoParticleId")


@dataclass(frozen=True)
class TiltFacts:
    """What the head of a particle file says.

    Attributes
    ----------
    flavour
        ``warp``, ``nextpyp``, ``warptools``, ``relion5`` or ``series``.
    columns
        Labels of the particle table and of its optics.
    box, pixel_size_a
        Of the images; None where neither file nor first stack says.
    n_images_least, n_images_most
        Fewest and most images of a particle among those seen, 0 where none was seen whole.
    complete
        Whether the whole file was seen.
    """

    flavour: str
    columns: tuple[str, ...]
    box: int | None
    pixel_size_a: float | None
    n_images_least: int
    n_images_most: int
    complete: bool

    @property
    def has_dose(self) -> bool:
        """Whether the exposure of each image is known, as far as the head tells."""
        return self.flavour in ("warptools", "relion5") or any(
            name in self.columns for name in ("rlnCtfBfactor", "rlnMicrographPreExposure")
        )


def tilt_facts(path: Path, project_dir: Path, datadir: Path | None = None) -> TiltFacts:
    """Read the head of an image series or of an optimisation set.

    Raises
    ------
    FormatError
        When it is neither.
    """
    status = path.stat()
    return _tilt_facts(path, project_dir, datadir, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _tilt_facts(path: Path, project_dir: Path, datadir: Path | None, mtime_ns: int, size: int) -> TiltFacts:
    from jobs.formats.star import read_star_head

    head = read_star_head(path, n_rows=_HEAD_ROWS)
    own = next((t for t in head.tables.values() if "rlnTomoParticlesFile" in t), None)
    if own is not None:
        named = str(own.text("rlnTomoParticlesFile")[0])
        places = [folder / named for folder in (path.parent, project_dir)]
        particles = next((place for place in places if place.is_file()), None)
        if particles is None:
            raise FormatError(f"the particle file {named} of the set does not exist", path=path)
        path, head = particles, read_star_head(particles, n_rows=_HEAD_ROWS)
    name = next((n for n in ("particles", "images", "") if n in head.tables), None)
    table = head.tables[name] if name is not None else next(iter(head.tables.values()), None)
    if table is None or not table.n_rows:
        raise FormatError("there are no particles in the file", path=path)
    if "rlnImageName" not in table:
        raise FormatError(
            "the particle table has no column rlnImageName",
            path=path,
            hint="Choose particles that were extracted as series of 2D images",
        )
    optics = head.tables.get("optics", table)
    # without it a set may still have all of its tilts: that the stacks tell, which only the reader opens
    flagged = "rlnTomoVisibleFrames" in table
    by_particle = flagged or _by_stack(table, own is not None)
    counts = _frames(table) if flagged else [] if by_particle else _rows(table, head.complete)
    if not by_particle and not any(c in table for c in _PARTICLE_COLUMNS):
        raise FormatError(
            "nothing says which images belong to one particle (there is no column rlnGroupName)",
            path=path,
            hint="Choose particles of tilt series, extracted as image series",
        )
    return TiltFacts(
        flavour=_flavour(table, optics, by_particle),
        columns=(*table.columns, *(() if optics is table else optics.columns)),
        box=_box(table, optics, path, project_dir, datadir),
        pixel_size_a=_pixel_size(table, optics),
        n_images_least=min(counts, default=0),
        n_images_most=max(counts, default=0),
        complete=head.complete,
    )


def _flavour(table: StarTable, optics: StarTable, by_particle: bool) -> str:
    if by_particle:
        return "relion5" if "rlnCenteredCoordinateXAngst" in table else "warptools"
    if optics is not table:
        return "nextpyp"
    return "warp" if "rlnCtfScalefactor" in table and "rlnGroupName" in table else "series"


def _by_stack(table: StarTable, of_set: bool) -> bool:
    """Tell whether each row is a particle with a stack of its own."""
    return of_set or ("rlnTomoName" in table and "@" not in str(table.text("rlnImageName")[0]))


def _frames(table: StarTable) -> list[int]:
    return [text.count("1") for text in table.text("rlnTomoVisibleFrames").tolist()]


def _rows(table: StarTable, complete: bool) -> list[int]:
    column = next((c for c in _PARTICLE_COLUMNS if c in table), None)
    counts: dict[str, int] = {}
    for name in table.text(column).tolist() if column else ():
        counts[name] = counts.get(name, 0) + 1
    # The last particle of a part of the file may have further images.
    return list(counts.values()) if complete and table.n_rows < _HEAD_ROWS else list(counts.values())[:-1]


def _pixel_size(table: StarTable, optics: StarTable) -> float | None:
    for source in (optics, table):
        for label in ("rlnImagePixelSize", "rlnDetectorPixelSize", "rlnTomoTiltSeriesPixelSize"):
            if label in source:
                return float(source.floats(label)[0])
    return None


def _box(
    table: StarTable, optics: StarTable, star: Path, project_dir: Path, datadir: Path | None
) -> int | None:
    if "rlnImageSize" in optics:
        return int(optics.floats("rlnImageSize")[0])
    from jobs.formats.image_names import find_project_root
    from jobs.formats.mrc_header import read_map_header

    name = str(table.text("rlnImageName")[0]).rpartition("@")[2]
    root = find_project_root(star, name, project_dir)
    places = [] if root is None else [root / name]
    if datadir is not None:
        places += [datadir / name, datadir / Path(name).name]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return None
    try:
        return read_map_header(found, permissive=True).shape[1]
    except FormatError:
        return None
