"""The options of a run in words, and the difference between any two sets of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.provenance.relion_labels import label_of
from jobs import registry
from jobs.core.declaration import JobType, specs, to_text
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.folder import JobFolder, OptionsRecord
from jobs.core.job_star import read_job_star


@dataclass(frozen=True)
class OptionLine:
    """One option with the value that it had.

    Attributes
    ----------
    name, label, group
        As in ``job.star``, as at the field, and the tab of the form; no group in other programs' jobs.
    value, default
        As RELION writes them; the default of other programs' options is not known (None).
    unit, help
        As declared.
    """

    name: str
    label: str
    group: str
    value: str
    default: str | None = None
    unit: str = ""
    help: str = ""

    @property
    def changed(self) -> bool:
        """Whether it is known to differ from its default."""
        return self.default is not None and not same(self.value, self.default)

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{self.value} {self.unit}" if self.value and self.unit else self.value


@dataclass(frozen=True)
class Difference:
    """One option of two runs; None where one of them does not have it."""

    name: str
    label: str
    group: str
    left: str | None
    right: str | None

    @property
    def differs(self) -> bool:
        """Whether the values differ, ``1`` and ``1.0`` being the same."""
        if self.left is None or self.right is None:
            return True
        return not same(self.left, self.right)


def same(left: str, right: str) -> bool:
    """Tell whether two values mean the same."""
    if left == right:
        return True
    try:
        return float(left) == float(right)
    except ValueError:
        return False


def of_record(job_type: JobType, record: OptionsRecord) -> tuple[OptionLine, ...]:
    """Return the options of an exact record, in the order of the form."""
    found = []
    for declared in specs(job_type.options):
        if declared.name not in record.values:
            continue
        found.append(
            OptionLine(
                declared.name,
                declared.label.rstrip(":"),
                declared.tab,
                to_text(declared, record.values[declared.name]),
                to_text(declared, declared.default),
                declared.unit,
                declared.help,
            )
        )
    known = {line.name for line in found}
    # extras of the queue that this site does not have are left out, unless somebody filled them in
    rest = {n: str(v) for n, v in record.values.items() if n not in known and v not in ("", None)}
    return (*found, *(_plain(n, value) for n, value in rest.items()))


def of_settings(project_dir: Path, name: str) -> tuple[OptionLine, ...]:
    """Return the options as ``job.star`` has them, for jobs without an exact record.

    Raises
    ------
    UserError
        When they cannot be read.
    """
    found = read_job_star(project_dir / name)
    job_type = registry.of_job(found.label, project_dir / name)
    if job_type is None:
        return tuple(_plain(n, value) for n, value in found.values.items())
    external = found.label.startswith("relion.external")
    values = dict(from_external(job_type, found.values) if external else found.values)
    lines = [
        OptionLine(
            d.name, d.label.rstrip(":"), d.tab, values.pop(d.name), to_text(d, d.default), d.unit, d.help
        )
        for d in specs(job_type.options)
        if d.name in values
    ]
    return (*lines, *(_plain(n, value) for n, value in values.items()))


def options_of(project_dir: Path, name: str, run: int | None = None) -> tuple[OptionLine, ...]:
    """Return the options of a job, or of one of its runs.

    Parameters
    ----------
    project_dir, name
        The job.
    run
        Its number; None for the latest.

    Raises
    ------
    UserError
        When they cannot be read.
    """
    folder = JobFolder(project_dir, name)
    if run is not None or folder.runs():
        # of a job whose record is damaged, RELION's settings still tell most
        with contextlib.nullcontext() if run is not None else contextlib.suppress(UserError, OSError):
            record = folder.read_options(run)
            job_type = registry.JOB_TYPES.get(record.type_key)
            if job_type is not None:
                return of_record(job_type, record)
            return tuple(_plain(n, str(value)) for n, value in record.values.items())
    return of_settings(project_dir, name)


def compare(left: Iterable[OptionLine], right: Iterable[OptionLine]) -> tuple[Difference, ...]:
    """Return every option of two sets, in the order of the first, then what only the second has."""
    others = {line.name: line for line in right}
    found = []
    for line in left:
        other = others.pop(line.name, None)
        found.append(
            Difference(line.name, line.label, line.group, line.shown, other.shown if other else None)
        )
    return (*found, *(Difference(o.name, o.label, o.group, None, o.shown) for o in others.values()))


def _plain(name: str, value: str) -> OptionLine:
    return OptionLine(name, label_of(name), "", value)
