"""Tab Alignment, and that of the later rounds: one field per parameter of a round."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, Kind, option
from jobs.dynamo_processor.round_parameters import BY_NAME
from jobs.dynamo_processor.rounds import MOST_ROUNDS

FIRST, LATER = "Alignment", "Rounds 2-8"


def _first(name: str) -> Any:
    """The field of round 1."""
    parameter = BY_NAME[name]
    kind = {"whole": Kind.INTEGER, "number": Kind.NUMBER}.get(parameter.kind, Kind.TEXT)
    numbers: dict[str, Any] = {}
    if kind is not Kind.TEXT:
        numbers = {"minimum": parameter.minimum, "maximum": parameter.maximum, "step": parameter.step}
        numbers |= {"low": parameter.minimum, "high": parameter.high, "words": parameter.words}
    default = float(parameter.sample) if kind is Kind.NUMBER else parameter.sample
    return option(
        default,
        label=parameter.label,
        help=parameter.help,
        tab=FIRST,
        kind=kind,
        unit=parameter.unit,
        enabled="new",
        **numbers,
    )


def _later(name: str) -> Any:
    """The field of rounds 2 to 8."""
    parameter = BY_NAME[name]
    return option(
        "",
        label=parameter.label,
        help=f"Values of rounds 2, 3 …, separated by semicolons; where one is left out, that of the round "
        f"before goes on. {parameter.help}",
        tab=LATER,
        kind=Kind.TEXT,
        unit=parameter.unit,
        series="nr_rounds",
        follows=f"{name}_r1",
        shown=lambda options: options.nr_rounds > 1,
        enabled="new",
    )


class _MaskOptions(JobOptions):
    """Tab Alignment: number of rounds and mask."""

    nr_rounds: int = option(
        1,
        label="Number of rounds:",
        help="Stages of the alignment with a search of their own. This tab holds round 1; those after it are "
        "on the next tab.",
        tab=FIRST,
        kind=Kind.INTEGER,
        minimum=1,
        maximum=MOST_ROUNDS,
        low=1,
        high=MOST_ROUNDS,
        step=1,
        enabled="new",
    )
    mask: str = option(
        "",
        label="Alignment mask (optional):",
        help="Mask of the side of the box, .em or .mrc. Empty: Dynamo's default mask.",
        tab=FIRST,
        kind=Kind.INPUT_NODE,
        node_labels=("Mask3D.mrc.relion", "Mask3D.mrc", "Mask3D"),
        pattern="*.em *.mrc",
        enabled="new",
    )


class _LaterOptions(JobOptions):
    """Tab of the rounds after the first."""

    ite_later: str = _later("ite")
    cr_later: str = _later("cr")
    cs_later: str = _later("cs")
    ir_later: str = _later("ir")
    is_later: str = _later("is")
    rff_later: str = _later("rff")
    rf_later: str = _later("rf")
    dim_later: str = _later("dim")
    lim_later: str = _later("lim")
    limm_later: str = _later("limm")
    nref_later: str = _later("nref")
    high_later: str = _later("high")
    low_later: str = _later("low")
    sym_later: str = _later("sym")


class _FirstOptions(JobOptions):
    """Tab Alignment: the first round."""

    ite_r1: int = _first("ite")
    cr_r1: float = _first("cr")
    cs_r1: float = _first("cs")
    ir_r1: float = _first("ir")
    is_r1: float = _first("is")
    rff_r1: float = _first("rff")
    rf_r1: int = _first("rf")
    dim_r1: int = _first("dim")
    lim_r1: str = _first("lim")
    limm_r1: int = _first("limm")
    nref_r1: int = _first("nref")
    high_r1: float = _first("high")
    low_r1: float = _first("low")
    sym_r1: str = _first("sym")


class AlignmentOptions(_LaterOptions, _FirstOptions, _MaskOptions):
    """All of the alignment project's parameters."""
