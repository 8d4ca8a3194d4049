"""Columns of a model in another process: their names are known, their values are fetched when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from jobs.core.latent import Array


class RemoteColumns(Mapping[str, Array]):
    """Values per particle by the name of their column; each column is fetched once.

    Parameters
    ----------
    names
        Of all columns, in their order.
    fetch
        Returns the values of a column.
    """

    def __init__(self, names: Sequence[str], fetch: Callable[[str], Array]) -> None:
        self._names = dict.fromkeys(names)
        self._fetch = fetch
        self._known: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            # Two threads may both fetch it; both get the same array.
            self._known.setdefault(name, self._fetch(name))
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
