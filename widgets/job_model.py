"""The rows of the job lists: filtered, ordered, and updated without losing the selection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Order = Literal["chronological", "alphabetical"]
ROW_ROLE: Final = Qt.ItemDataRole.UserRole + 1
_NUMBER: Final = re.compile(r"job(\d+)")
#: So many rows come and go one by one; more are shown anew.
_FEW: Final = 50
_Index = QModelIndex | QPersistentModelIndex


@dataclass
class JobRow:
    """One job of the project; it is never changed.

    Not frozen, because ten thousand are made at once: that takes three times as long for frozen ones.

    Attributes
    ----------
    name
        RELION name, for example ``DynaMight/job034/``.
    alias
        Alias without the directory, empty when there is none.
    type
        What it is called in the list of job types.
    status
        RELION status word (Running, Scheduled, Succeeded, Failed, Aborted), or Queued for a job that waits in
        a cluster's queue.
    time
        When it started or ended, None when unknown.
    note
        Short text in the badge instead of the status, for example ``42 %``.
    tags
        ``(word, number of its colour)``.
    reason
        Why it waits, or where it runs: a line below its name, empty for none.
    """

    name: str
    alias: str = ""
    type: str = ""
    status: str = ""
    time: datetime | None = None
    note: str = ""
    tags: tuple[tuple[str, int], ...] = ()
    reason: str = ""

    @property
    def number(self) -> int:
        """The job number, -1 when the name has none."""
        return number_of(self.name)

    @property
    def directory(self) -> str:
        """The type's directory, for example ``DynaMight``."""
        return self.name.split("/")[0]

    @cached_property
    def title(self) -> str:
        """How RELION shows it: ``DynaMight/hinge/`` or ``DynaMight/job034/``."""
        alias = self.alias.strip("/").split("/")[-1]
        return f"{self.directory}/{alias}/" if alias else self.name

    @cached_property
    def searched(self) -> str:
        """Everything that is searched, in small letters."""
        words = " ".join(word for word, _ in self.tags)
        return f"{self.number:03d} {self.name} {self.title} {self.type} {self.status} {words}".lower()


def number_of(name: str) -> int:
    """Return the number in the name of a job, -1 when there is none."""
    digits = name.rpartition("/job")[2].rstrip("/")
    if digits.isdecimal():
        return int(digits)  # as nearly all are; an expression would take four times as long
    found = _NUMBER.search(name)
    return int(found[1]) if found else -1


def _number(row: JobRow) -> int:
    return number_of(row.name)


class JobListModel(QAbstractListModel):
    """Jobs of one list.

    Parameters
    ----------
    newest_first : bool
        Chronological order: newest first (finished jobs) or oldest first.
    """

    def __init__(self, parent: QObject | None = None, *, newest_first: bool = True) -> None:
        super().__init__(parent)
        self._all: list[JobRow] = []
        self._shown: list[JobRow] = []
        self._places: dict[str, int] | None = None
        self._newest_first = newest_first
        self._order: Order = "chronological"
        self._words: list[str] = []
        self._details: Mapping[str, str] = {}

    @property
    def total(self) -> int:
        """Number of jobs, those filtered out included."""
        return len(self._all)

    @property
    def order(self) -> Order:
        """Present order."""
        return self._order

    def rows(self) -> list[JobRow]:
        """Return the rows shown, from the top."""
        return list(self._shown)

    def set_rows(self, rows: Sequence[JobRow]) -> None:
        """Show other jobs; when only their contents changed, the view keeps its place."""
        self._all = list(rows)
        self._update()

    def set_details(self, details: Mapping[str, str]) -> None:
        """Add lines to the explanations of jobs, by their names."""
        self._details = details

    def set_order(self, order: Order) -> None:
        """Order by number or by title."""
        self._order = order
        self._update()

    def set_filter(self, text: str) -> None:
        """Keep jobs in which every word occurs."""
        self._words = text.lower().split()
        self._update()

    def _update(self) -> None:
        kept = (
            [row for row in self._all if all(word in row.searched for word in self._words)]
            if self._words
            else self._all
        )
        if self._order == "alphabetical":
            shown = sorted(kept, key=lambda row: (row.title.lower(), row.number))
        else:
            shown = sorted(kept, key=_number, reverse=self._newest_first)
        self._change_to(shown)

    def _change_to(self, shown: list[JobRow]) -> None:
        """Tell the view as little as possible: rows that stay are not laid out again."""
        old = self._shown
        same = next(
            (k for k, (a, b) in enumerate(zip(old, shown, strict=False)) if a.name != b.name),
            min(len(old), len(shown)),
        )
        most = min(len(old), len(shown)) - same
        pairs = zip(reversed(old), reversed(shown), strict=False)
        behind = next((k for k, (a, b) in enumerate(pairs) if k >= most or a.name != b.name), most)
        gone, new = len(old) - same - behind, len(shown) - same - behind
        if gone + new > _FEW:
            self.beginResetModel()
            self._set_shown(shown)
            self.endResetModel()
            return
        if gone:
            self.beginRemoveRows(QModelIndex(), same, same + gone - 1)
            self._set_shown(old[:same] + old[len(old) - behind :])
            self.endRemoveRows()
        if new:
            self.beginInsertRows(QModelIndex(), same, same + new - 1)
            self._set_shown(shown[: same + new] + old[len(old) - behind :])
            self.endInsertRows()
        changed = [
            k for k, (a, b) in enumerate(zip(self._shown, shown, strict=True)) if a is not b and a != b
        ]
        self._set_shown(shown)
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))

    def _set_shown(self, shown: list[JobRow]) -> None:
        self._shown = shown
        self._places = None

    def row_of(self, name: str) -> int:
        """Return the row of a job, -1 when it is not shown."""
        if self._places is None:
            self._places = {row.name: k for k, row in enumerate(self._shown)}
        return self._places.get(name, -1)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of jobs shown."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, explanation or the row itself."""
        row = self._shown[index.row()]
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.number:03d}: {row.title} {row.status}"
        if role == Qt.ItemDataRole.ToolTipRole:
            when = f"\n{row.time:%Y-%m-%d %H:%M}" if row.time is not None else ""
            more = f"\nTags: {', '.join(word for word, _ in row.tags)}" if row.tags else ""
            more += f"\n{self._details[row.name]}" if row.name in self._details else ""
            return f"{row.name}\n{row.type} · {row.status}{when}{more}"
        return None
