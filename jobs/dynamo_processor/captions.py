"""What numbers of the form mean in Å, as soon as the voxel size of the tomograms is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError

if TYPE_CHECKING:
    from jobs.dynamo_processor.contract import SourceSettings
    from jobs.dynamo_processor.params import DynamoOptions

#: So many values stand beside a field; of more, the first ones and the last.
_MOST = 4


def captions(options: DynamoOptions, context: CheckContext) -> Mapping[str, str]:
    """Return what to write beside fields: lengths in Å, and the voxel size that was found."""
    from jobs.dynamo_processor.rounds import rounds_of

    voxel = options.apix or _found_voxel(options, context)
    if not voxel:
        return {}
    found = {"box_size": f"{_length(options.box_size * voxel)} Å"}
    if not options.apix:
        found["apix"] = f"{voxel:.4g} Å found"
    try:
        rounds = rounds_of(options).values
    except UserError:
        return found
    for name, (say, unit) in _SAID.items():
        texts = [say(values[name], options.box_size, voxel) for values in rounds]
        found[f"{name}_r1"] = f"{texts[0]} {unit}"
        if len(texts) > 1:
            later = texts[1:] if len(set(texts[1:])) > 1 else texts[1:2]
            if len(later) > _MOST:
                later = [*later[: _MOST - 1], "…", later[-1]]
            found[f"{name}_later"] = f"{'; '.join(later)} {unit}"
    return found


def _filter(value: Any, box: int, voxel: float) -> str:
    """The length of a frequency in Fourier pixels of the box."""
    return _length(box * voxel / value) if value else "∞"


def _shifts(value: Any, box: int, voxel: float) -> str:
    sides = [_length(side * voxel) for side in value]
    return sides[0] if len(set(sides)) == 1 else "×".join(sides)


def _sampling(value: Any, box: int, voxel: float) -> str:
    """The voxel size of particles that are resampled to a smaller box."""
    return _length(box * voxel / value)


_SAID = {
    "dim": (_sampling, "Å/px"),
    "high": (_filter, "Å"),
    "low": (_filter, "Å"),
    "lim": (_shifts, "Å"),
}


def _length(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _found_voxel(options: DynamoOptions, context: CheckContext) -> float:
    """Å per voxel of the first tomogram of the source; 0 while it is unknown."""
    if options.fn_config:
        return 0.0
    from jobs.dynamo_processor.gathering import settings_of

    try:
        settings = replace(settings_of(options, context.project_dir), box_size=0)
        return _voxel_of(settings, _age(settings))
    except (UserError, OSError, ValueError):
        return 0.0


def _age(settings: SourceSettings) -> int:
    """When the place was changed in which tomograms are looked for, so that it is looked at again."""
    place = (settings.root if not settings.real_data_mode else None) or settings.imod_dir
    place = settings.resolved(place or settings.eman2_dir or settings.particles_star)
    return place.stat().st_mtime_ns if place is not None else 0


@lru_cache(maxsize=16)
def _voxel_of(settings: SourceSettings, _age_ns: int) -> float:
    from jobs.dynamo_processor import sources

    return next((e.voxel_size_a for e in sources.find(settings) if e.voxel_size_a), 0.0)
