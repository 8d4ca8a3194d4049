"""Values made from arrays, kept while they may be needed again."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any


class Recent:
    """Values made from arrays, kept while there is room and the arrays live."""

    def __init__(self, megabytes: float) -> None:
        self._room = megabytes * 1e6
        self._kept: OrderedDict[tuple[Any, ...], tuple[list[Any], Any, int]] = OrderedDict()
        self._size = 0

    def get(self, sources: Sequence[Any], extra: tuple[Any, ...], make: Callable[[], tuple[Any, int]]) -> Any:
        """Return what `make` returns (a value, and its size in bytes), or the same as before."""
        key = (*(id(source) for source in sources), *extra)
        found = self._kept.get(key)
        # an identity may belong to another array by now
        if found is not None and all(r() is s for r, s in zip(found[0], sources, strict=True)):
            self._kept.move_to_end(key)
            return found[1]
        if found is not None:
            self._forget(key)
        value, size = make()
        self._kept[key] = ([weakref.ref(source) for source in sources], value, size)
        self._size += size
        while self._size > self._room and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return value

    def _forget(self, key: tuple[Any, ...]) -> None:
        self._size -= self._kept.pop(key)[2]
