"""Values per particle by name, each computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt


class MeasureTable(Mapping[str, npt.NDArray[Any]]):
    """A mapping whose value ``name`` is the attribute ``_name`` of the class that inherits from it."""

    NAMES: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self.NAMES:
            raise KeyError(name)
        values: npt.NDArray[Any] = getattr(self, f"_{name}")
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.NAMES)

    def __len__(self) -> int:
        return len(self.NAMES)

    def __contains__(self, name: object) -> bool:
        # That of Mapping would compute the value.
        return name in self.NAMES
