"""Particles chosen by conditions on what is known about them: ``rlnDefocusU > 15000``."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.latent import LatentModel
from jobs.explore.tracks import coordinate, principal
from jobs.formats.columns import nearest

Mask = NDArray[np.bool_]

_CONDITION = re.compile(r"^\s*(?P<column>[^\s<>=!~]+)\s*(?P<sign><=|>=|==|!=|=|<|>|~)\s*(?P<value>.*?)\s*$")
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUAL: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


def columns_of(
    model: LatentModel, extra: Mapping[str, NDArray[Any]] | None = None
) -> dict[str, NDArray[Any]]:
    """Return everything by which particles ``(P,)`` can be chosen, by name.

    Columns of the particle file, measures with one number per particle, latent coordinates ``z1`` …,
    principal components ``PC1`` …, ``half``, and what is given besides (such as ``cluster``).
    """
    latent = model.embedding
    found = principal(latent)
    columns: dict[str, NDArray[Any]] = {f"z{k + 1}": latent[:, k] for k in range(latent.shape[1])}
    columns |= {f"PC{k + 1}": coordinate(latent, found, k + 1) for k in range(len(found.axes))}
    if model.half_set is not None:
        columns["half"] = np.asarray(model.half_set)
    columns |= {name: np.asarray(v) for name, v in model.measures.items() if np.ndim(v) == 1}
    columns |= {name: np.asarray(v) for name, v in model.metadata.items()}
    return columns | dict(extra or {})


def choose(columns: Mapping[str, NDArray[Any]], conditions: Sequence[str], *, any_of: bool = False) -> Mask:
    """Return which particles ``(P,)`` meet all conditions, or with `any_of` at least one.

    Parameters
    ----------
    columns
        ``(P,)`` each, see :func:`columns_of`.
    conditions
        ``COLUMN SIGN VALUE``: the signs are ``<``, ``<=``, ``>``, ``>=``, ``=``, ``!=``, and ``~`` for texts
        that match a pattern with ``*`` and ``?``.

    Raises
    ------
    UserError
        When a condition is of another form, or names a column that does not exist.
    """
    masks = [condition_mask(columns, condition) for condition in conditions]
    if not masks:
        raise UserError("no condition is given", hint="Such as: rlnDefocusU > 15000")
    return np.logical_or.reduce(masks) if any_of else np.logical_and.reduce(masks)


def condition_mask(columns: Mapping[str, NDArray[Any]], condition: str) -> Mask:
    """Return which particles ``(P,)`` meet one condition."""
    found = _CONDITION.match(condition)
    if found is None:
        raise UserError(f"'{condition}' is no condition", hint="Such as: rlnDefocusU > 15000")
    column, sign, text = found["column"], found["sign"], found["value"]
    if column not in columns:
        near = nearest(column, list(columns))
        hint = f"Did you mean {near}?" if near else f"There are {', '.join(columns)}"
        raise UserError(f"there is no column {column}", hint=hint)
    values = columns[column]
    if sign == "~":
        pattern = re.compile(fnmatch.translate(text))
        return np.array([bool(pattern.match(str(value))) for value in values.tolist()], bool)
    if values.dtype.kind not in "biuf":
        if sign not in _EQUAL:
            raise UserError(f"{column} holds texts, which are compared by =, != or ~, not by {sign}")
        mask: Mask = np.asarray(_EQUAL[sign](values.astype(str), text), bool)
        return mask
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{column} holds numbers, but '{text}' is none") from None
    with np.errstate(invalid="ignore"):
        compared: Mask = np.asarray({**_ORDER, **_EQUAL}[sign](values, value), bool)
    # what is not known meets no condition, not even that of being different
    return compared & np.isfinite(np.asarray(values, np.float64))
