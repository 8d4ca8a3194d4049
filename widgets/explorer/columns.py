"""Everything particles can be coloured, filtered and selected by, under names for people.

Nothing is read before it is chosen, and reading is meant for a thread: the values may have to be fetched
from another process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import column_names
from widgets.explorer.column_names import GROUPS, ColumnName, Group
from widgets.explorer.column_values import Values, interpret

#: Columns kept in memory after they were read; one of a million particles takes some megabytes.
KEPT: Final = 12

Special = Literal["", "density", "log-density"]


@dataclass(frozen=True)
class Source:
    """One thing particles can be coloured by.

    Attributes
    ----------
    key
        Identity among all sources, such as ``star:rlnDefocusU``.
    name
        Title, unit, group and period.
    raw
        What it is called where it comes from.
    special
        ``density`` and ``log-density`` are drawn by the plot itself when there are no values.
    component
        Which part of a vector: 0, 1 or 2; -1 for all of it.
    """

    key: str
    name: ColumnName
    raw: str
    special: Special = ""
    component: int = -1

    @property
    def label(self) -> str:
        """Title with unit."""
        return self.name.label

    @property
    def tooltip(self) -> str:
        """Title and original name."""
        return self.label if self.raw in (self.name.title, "") else f"{self.label}\n{self.raw}"


class Columns:
    """The sources of a model.

    The constructor keeps references only; `list_sources` and `read` may block and belong into a thread.

    Parameters
    ----------
    metadata
        Columns of the particle STAR file, ``(P,)`` each; may be lazy.
    measures
        ``(P,)`` or ``(P, 3)`` each; may be lazy.
    extra
        Values of the explorer itself, ``(P,)``, ``(P, 3)`` or, for latent coordinates, ``(P, L)`` each. The
        name ``latent`` stands for all axes ``z1``, ``z2`` …
    count
        Number of particles; 0 to learn it from the first values that are read.
    """

    def __init__(
        self,
        metadata: Mapping[str, NDArray[Any]],
        measures: Mapping[str, NDArray[Any]],
        extra: Mapping[str, NDArray[Any]],
        count: int = 0,
    ) -> None:
        self._metadata, self._measures = metadata, measures
        self._added: dict[str, tuple[ColumnName, NDArray[Any]]] = {}
        self._kept: OrderedDict[str, Values] = OrderedDict()
        self._lock = threading.Lock()
        self.count = count
        self.sources: tuple[Source, ...] = ()
        for label, values in extra.items():
            self.add(label, values)

    def add(self, label: str, values: NDArray[Any], group: str = "") -> Source:
        """Add values ``(P,)``, ``(P, 3)``, or replace those of the same label.

        Raises
        ------
        ValueError
            When their number does not fit to the particles, or the group is unknown.
        """
        values = np.asarray(values)
        if values.ndim not in (1, 2) or (self.count and len(values) != self.count):
            raise ValueError(f"'{label}' has shape {values.shape}, expected ({self.count or 'particles'}, …)")
        name = column_names.extra(label)
        if group:
            if group not in GROUPS:
                raise ValueError(f"no group '{group}'; there are {', '.join(GROUPS)}")
            known: Group = next(g for g in GROUPS if g == group)
            name = ColumnName(name.title, name.unit, name.period, known)
        with self._lock:
            self.count = self.count or len(values)
            self._added[label] = (name, values)
            self._kept.pop(f"extra:{label}", None)
            for key in [k for k in self._kept if k.startswith(f"extra:{label}#")]:
                del self._kept[key]
        return Source(f"extra:{label}", name, label)

    def added(self) -> dict[str, NDArray[Any]]:
        """Return the values that were added, by their labels."""
        with self._lock:
            return {label: values for label, (_name, values) in self._added.items()}

    def list_sources(self) -> tuple[Source, ...]:
        """Return all sources, by group; may block while the names of the columns are fetched."""
        with self._lock:
            added = dict(self._added)
        found: list[Source] = []
        for raw in self._measures:
            found += _with_components(
                Source(f"measure:{raw}", column_names.measure(raw), raw), raw in column_names.VECTORS
            )
        for label, (name, values) in added.items():
            if label == "latent" and values.ndim == 2:
                axes = (ColumnName(f"z{k + 1}", group="Space") for k in range(values.shape[1]))
                found += [Source(f"extra:latent#{k}", axis, "", "", k) for k, axis in enumerate(axes)]
            elif label not in ("density", "log-density"):
                found += _with_components(Source(f"extra:{label}", name, label), values.ndim == 2)
        for special in ("density", "log-density"):
            found.append(Source(f"extra:{special}", column_names.EXTRAS[special], "", special))
        if "index" not in added:
            found.append(Source("extra:index", column_names.EXTRAS["index"], "index"))
        found += [Source(f"star:{raw}", column_names.star_column(raw), raw) for raw in self._metadata]
        self.sources = tuple(sorted(found, key=lambda s: GROUPS.index(s.name.group)))
        return self.sources

    def read(self, source: Source) -> Values | None:
        """Return the values of a source, None for a density which only the plot knows; may block."""
        with self._lock:
            if source.key in self._kept:
                self._kept.move_to_end(source.key)
                return self._kept[source.key]
        raw = self._fetch(source)
        if raw is None:
            return None
        if source.component >= 0:
            raw = np.ascontiguousarray(raw[:, source.component])
        # a quantity with a unit is a scale, even where it happens to have few values
        quantity = bool(source.name.unit) or source.key.startswith("measure:") or source.component >= 0
        continuous = quantity or bool(source.special) or source.key == "extra:index"
        values = interpret(raw, period=source.name.period, continuous=continuous)
        with self._lock:
            self.count = self.count or values.count
            self._kept[source.key] = values
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return values

    def _fetch(self, source: Source) -> NDArray[Any] | None:
        place, _, raw = source.key.partition(":")
        raw = raw.partition("#")[0] if source.component >= 0 else raw
        if place == "star":
            return np.asarray(self._metadata[raw])
        if place == "measure":
            return np.asarray(self._measures[raw])
        with self._lock:
            added = self._added.get(raw)
        if added is not None:
            return added[1]
        if raw == "index":
            return np.arange(self._particles())
        return self._log_density() if raw == "log-density" else None

    def _log_density(self) -> NDArray[Any] | None:
        with self._lock:
            added = self._added.get("density")
        if added is None:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.asarray(added[1], np.float32))
        logs[~np.isfinite(logs)] = np.nan
        return logs

    def _particles(self) -> int:
        if not self.count:
            first = next(iter(self._metadata), None)
            self.count = len(self._metadata[first]) if first is not None else 0
        return self.count


def _with_components(source: Source, is_vector: bool) -> Iterable[Source]:
    """Return a source and, of a vector, its three parts, which have a scale and can be filtered by."""
    yield source
    if not is_vector:
        return
    for k, axis in enumerate("xyz"):
        name = ColumnName(f"{source.name.title}, {axis}", source.name.unit, 0.0, source.name.group)
        yield Source(f"{source.key}#{k}", name, source.raw, "", k)
