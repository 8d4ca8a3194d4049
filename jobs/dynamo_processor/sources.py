"""One door to every source of particles; each is a module with ``find`` and ``particles``."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import ParticleTable, SourceSettings, TomogramEntry

_MODULES = {
    ("imod", True): "source_imod",
    ("eman2", True): "source_eman2",
    ("imod", False): "source_simulated",
    ("eman2", False): "source_simulated",
    ("relion5", True): "source_relion5",
    ("warp", True): "source_warp",
    ("peet", True): "source_peet",
}


class Source(Protocol):
    """What a source module offers."""

    def find(self, settings: SourceSettings) -> list[TomogramEntry]:
        """List the tomograms with all that is wrong with them."""

    def particles(self, entry: TomogramEntry) -> ParticleTable:
        """Read the particles of one tomogram."""


def source_of(settings: SourceSettings) -> Source:
    """Return the module that reads a kind of project.

    Raises
    ------
    UserError
        When there is no such kind, or it has no simulated form.
    """
    name = _MODULES.get((settings.source_type, settings.real_data_mode))
    if name is None:
        known = sorted({kind for kind, real in _MODULES if real == settings.real_data_mode})
        what = "real" if settings.real_data_mode else "simulated"
        raise UserError(
            f"source_type is {settings.source_type!r}; for {what} data one of {', '.join(known)} is expected",
            column="source_type",
        )
    return cast(Source, importlib.import_module(f"jobs.dynamo_processor.{name}"))


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms of a project, in natural order of their names, with all that is wrong with them.

    Raises
    ------
    UserError
        When the project as a whole cannot be looked at: no such folder, an unreadable list of particles.
    """
    return source_of(settings).find(settings)


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of one entry.

    Raises
    ------
    UserError
        When a file of the entry cannot be read.
    """
    return source_of(entry.settings).particles(entry)
