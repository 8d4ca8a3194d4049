"""Checks of the files that a form names: particles that can be read, and numbers that fit to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import CheckContext
from jobs.core.errors import FormatError, Problem, UserError
from jobs.tomodrgn.input_facts import tilt_facts

# Readers are imported where they are used, since they load numpy; see input_facts.
if TYPE_CHECKING:
    from jobs.formats.tilt_particles import TiltParticles
    from jobs.tomodrgn.params import TomoDrgnOptions

#: Larger particle files are read by the worker only: of them the columns and first rows are checked.
_SMALL: Final = 8 << 20
_ANGLES: Final = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
#: Bound of indices into a file whose length is not known.
_UNKNOWN: Final = 1 << 40


@dataclass(frozen=True)
class _Read:
    """What a particle file came to: a sentence about what is wrong with it, or how much it holds."""

    wrong: str = ""
    n_particles: int = _UNKNOWN
    n_images: int = _UNKNOWN
    single: bool = False
    warnings: tuple[str, ...] = ()


def check_files(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check the values of the particle file, and the files of indices against it."""
    star = context.resolve(options.fn_star)
    if context.is_continue or not options.fn_star or not star.is_file():
        return []
    try:
        read = _read(context, options, star)
    except OSError as error:
        return [Problem(f"{error.filename}: {error.strerror}", field="fn_star")]
    if read.wrong:
        # what the head of the file shows already has been told by the check before
        return [] if _head_is_wrong(context, options, star) else [Problem(read.wrong, field="fn_star")]
    found = [Problem(warning, field="fn_star", severity="warning") for warning in read.warnings]
    if read.n_particles < min(options.use_first_nptcls, _UNKNOWN):
        found.append(
            Problem(
                f"There are only {read.n_particles:,} particles, not {options.use_first_nptcls:,}; all are "
                "used",
                field="use_first_nptcls",
                hint="Give -1 for all",
                severity="warning",
            )
        )
    if read.single:
        found.append(
            Problem(
                "Each particle has a single image: this is no tilt series",
                field="fn_star",
                hint="Choose particles extracted as series of 2D images, not as volumes",
            )
        )
    for field, n, what in (
        ("fn_ind", read.n_particles, "particles"),
        ("fn_ind_imgs", read.n_images, "images"),
    ):
        found += _check_indices(field, getattr(options, field), n, what, context)
    return found


def _head_is_wrong(context: CheckContext, options: TomoDrgnOptions, star: Path) -> bool:
    try:
        tilt_facts(star, context.project_dir, context.resolve(options.datadir) if options.datadir else None)
    except FormatError:
        return True
    return False


def _check_indices(field: str, name: str, n: int, what: str, context: CheckContext) -> list[Problem]:
    path = context.resolve(name)
    if not name or not path.is_file():
        return []
    from jobs.formats.index_files import read_indices

    try:
        read_indices(path, n, what)
    except UserError as error:
        return [Problem(str(error), field=field)]
    return []


def _read(context: CheckContext, options: TomoDrgnOptions, star: Path) -> _Read:
    status = star.stat()
    datadir = context.resolve(options.datadir) if options.datadir else None
    key = (star, context.project_dir, datadir, options.angpix, status.st_mtime_ns, status.st_size)
    return _whole(*key) if status.st_size <= _SMALL else _beginning(star, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _whole(
    star: Path, project_dir: Path, datadir: Path | None, apix: float | None, _mtime_ns: int, _size: int
) -> _Read:
    from jobs.formats.tilt_series import read_tilt_particles

    try:
        # A pixel size that is missing is found at its own field.
        particles: TiltParticles = read_tilt_particles(
            star, project_dir, datadir=datadir, apix=apix or 1.0, require_images=False
        )
    except FormatError as error:
        return _Read(str(error))
    single = int(particles.counts.max()) == 1
    n_rows = particles.table.n_rows if particles.one_row_per_image else particles.n_images
    return _Read("", particles.n, n_rows, single, particles.warnings)


@lru_cache(maxsize=16)
def _beginning(star: Path, _mtime_ns: int) -> _Read:
    from jobs.formats.star import read_star_head

    try:
        head = read_star_head(star, n_rows=1000)
        table = next((t for t in head.tables.values() if "rlnImageName" in t), None)
        if table is None or "rlnTomoVisibleFrames" in table:
            return _Read()
        table.require(list(_ANGLES))
        for column in _ANGLES:
            table.floats(column)
    except FormatError as error:
        return _Read(str(error))
    return _Read()
