"""Functions that declarations name as ``module:function``, loaded when they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def load_function(entry: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Raises
    ------
    ValueError
        If the text names no function; a mistake of the declaration.
    """
    module, colon, name = entry.partition(":")
    if not (module and colon and name):
        raise ValueError(f"'{entry}' is not of the form module:function")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
