"""One option of a job type: its declaration, and the frozen model that holds a set of values.

Everything about an option is said once, in :func:`option`; forms, command lines, ``job.star``
files, validation and help pages are made from it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

OptionValue = str | int | float | bool | None

#: The tab that every job type has; always shown last, as RELION does.
RUNNING_TAB = "Running"


class Kind(StrEnum):
    """What sort of value an option holds, hence which field and which text form it has."""

    INPUT_NODE = "input node"
    FILE = "file"
    FOLDER = "folder"
    INTEGER = "integer"
    NUMBER = "number"
    YESNO = "yes/no"
    CHOICE = "choice"
    TEXT = "text"
    GPU = "gpu"


def split_paths(text: str) -> list[str]:
    """Return the paths of an option that may name several, which are separated by semicolons."""
    return [part.strip() for part in text.split(";") if part.strip()]


def gpu_words(text: str) -> list[str]:
    """Return what stands between commas, colons and spaces: the GPUs that an option names, or ``cpu``."""
    return [word for word in re.split(r"[\s,:]+", text.strip()) if word]


def join_paths(paths: Iterable[str]) -> str:
    """Return several paths as one text; the opposite of :func:`split_paths`."""
    return "; ".join(paths)


@dataclass(frozen=True)
class OptionSpec:
    """The declaration of one option.

    Attributes
    ----------
    name
        Name in ``job.star``, on the command line and of the model's field.
    label, help, tab
        Text at the field, its explanation, and the tab it stands on.
    kind
        Sort of value; decides the Python type (see :class:`JobOptions`).
    default
        Value of a new job. None means "empty" for optional numbers.
    node_labels
        RELION node labels accepted by an input node, the most specific meaning first.
    pattern
        File name patterns of a file dialog, separated by blanks (``*.mrc *.map``).
    browse_from
        Folder, relative to the job, in which the file dialog starts.
    low, high, step
        Range and step of the slider. A typed value may lie outside (as in RELION).
    minimum, maximum
        Hard limits; a value beyond them is refused.
    unit
        Unit shown beside the field.
    choices
        Allowed values of a choice.
    words
        What a whole number means, from ``minimum`` on; the form then offers these words.
    enabled
        ``new`` = greyed when a job is continued, ``continue`` = greyed for a new job, ``never`` =
        always greyed (a site fixed the value).
    when
        Name of a yes/no option that must be Yes for this one to be active.
    shown
        Tells from the values of all options whether this one means anything now; else its field, and a tab
        of such fields only, is left out and nothing is asked of its value.
    series, follows
        A text with values for a second, third … round, separated by semicolons: names of the whole number
        that says how many rounds there are, and of the option with the value of the first. A value that is
        left empty is that of the round before.
    required
        True when an active option must not be empty.
    multiple
        True when a path option may name several files (see :func:`split_paths`), a GPU option several GPUs.
    cli
        Spellings of the original program's command line, such as ``--n-gaussians``.
    cli_task
        Task whose command uses those spellings; empty = every command.
    placeholder
        What an empty field stands for, shown greyed inside it.
    in_job_star
        False: kept in ``options.NNN.json`` only, because RELION does not know the option.
    resolve
        Adapts the declaration to the environment when it is looked up; returning None removes it.
    """

    name: str
    label: str
    help: str
    tab: str
    kind: Kind
    default: OptionValue
    node_labels: tuple[str, ...] = ()
    pattern: str = ""
    browse_from: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    enabled: Literal["always", "new", "continue", "never"] = "always"
    when: str = ""
    shown: Callable[[Any], bool] | None = field(default=None, repr=False, compare=False)
    series: str = ""
    follows: str = ""
    required: bool = False
    multiple: bool = False
    cli: tuple[str, ...] = ()
    cli_task: str = ""
    placeholder: str = ""
    in_job_star: bool = True
    resolve: Callable[[OptionSpec], OptionSpec | None] | None = field(default=None, repr=False, compare=False)

    @property
    def optional(self) -> bool:
        """True when a number may be left empty."""
        return self.kind in (Kind.INTEGER, Kind.NUMBER) and self.default is None

    @property
    def is_path(self) -> bool:
        """True when the value names a file or folder."""
        return self.kind in (Kind.INPUT_NODE, Kind.FILE, Kind.FOLDER)


def option(
    default: OptionValue,
    *,
    label: str,
    help: str,
    tab: str,
    kind: Kind,
    **details: Any,
) -> Any:
    """Declare one option as a field of a :class:`JobOptions` model.

    Parameters
    ----------
    default
        Value of a new job.
    label, help, tab, kind
        See :class:`OptionSpec`.
    **details
        Any further attribute of :class:`OptionSpec` except ``name``.

    Returns
    -------
    Any
        A pydantic field that carries the declaration.
    """
    spec = OptionSpec(name="", label=label, help=help, tab=tab, kind=kind, default=default, **details)

    def value() -> OptionValue:
        resolved = spec.resolve(spec) if spec.resolve is not None else spec
        return (resolved or spec).default

    return Field(
        default_factory=value,
        ge=spec.minimum,
        le=spec.maximum,
        description=help,
        json_schema_extra=cast("Any", {"spec": spec}),
    )


class JobOptions(BaseModel):
    """Base of every job type's options: frozen, complete and validated.

    YESNO is ``bool``, INTEGER ``int``, NUMBER ``float`` (both ``| None`` when they may be empty),
    everything else ``str``; paths are text relative to the project, "" = not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    #: Scheme variables ($$name) standing in for values, and values of options nobody here knows.
    _scheme_variables: dict[str, str] = PrivateAttr(default_factory=dict)
    _unknown_values: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def scheme_variables(self) -> dict[str, str]:
        """Options whose value is a Scheme variable (``$$name``), with that text."""
        return dict(self._scheme_variables)

    @property
    def unknown_values(self) -> dict[str, str]:
        """Values that were read for options which this version does not have."""
        return dict(self._unknown_values)

    @model_validator(mode="after")
    def _choices_are_known(self) -> JobOptions:
        for declared in specs(type(self)):
            value = getattr(self, declared.name)
            if declared.kind is Kind.CHOICE and value not in declared.choices:
                raise ValueError(
                    f"{declared.name} is '{value}', expected one of {', '.join(declared.choices)}"
                )
        return self


@functools.cache
def _declared(cls: type[JobOptions]) -> tuple[OptionSpec, ...]:
    found: list[OptionSpec] = []
    for name, info in cls.model_fields.items():
        extra = info.json_schema_extra
        declared = extra.get("spec") if isinstance(extra, dict) else None
        if not isinstance(declared, OptionSpec):
            raise TypeError(f"field {name} was not declared with option(...)")
        found.append(replace(declared, name=name))
    return tuple(found)


def specs(cls: type[JobOptions]) -> tuple[OptionSpec, ...]:
    """Return the declarations of all options, in order, those of the Running tab last.

    Options that do not exist in the present environment (queue extras) are left out.
    """
    here = (d.resolve(d) if d.resolve is not None else d for d in _declared(cls))
    return tuple(sorted((d for d in here if d is not None), key=lambda declared: declared.tab == RUNNING_TAB))


def tabs(cls: type[JobOptions]) -> tuple[str, ...]:
    """Return the names of the tabs in the order in which they are shown."""
    return tuple(dict.fromkeys(declared.tab for declared in specs(cls)))


def spec(cls: type[JobOptions], name: str) -> OptionSpec:
    """Return the declaration of one option.

    Raises
    ------
    KeyError
        When there is no such option (or it does not exist in the present environment).
    """
    for declared in specs(cls):
        if declared.name == name:
            return declared
    raise KeyError(name)
