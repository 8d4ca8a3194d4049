"""Names of programs that write particle files of tilt series, as tomoDRGN and its users call them."""

from __future__ import annotations

from typing import Final

SOURCES: Final = (
    *("auto", "warp", "cryosrpnt", "nextpyp"),
    *("tomodrgn_preprocessed", "cistem", "warptools", "relion"),
)
#: What a name means among the flavours that are told apart here; the others fit every file.
_FLAVOURS: Final = {
    "warp": ("warp", "series"),
    "cryosrpnt": ("warp", "series"),
    "nextpyp": ("nextpyp",),
    "warptools": ("warptools",),
    "relion": ("relion5", "warptools"),
}


def contradiction(named: str, flavour: str) -> str:
    """Return what is wrong with a name for a file of a flavour; empty when nothing is."""
    if named == "cistem":
        return "Files of cisTEM are not supported"
    expected = _FLAVOURS.get(named)
    if expected is None or flavour in expected:
        return ""
    return f"The file is said to be of {named}, but looks like {flavour}"
