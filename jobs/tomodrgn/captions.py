"""What stands beside fields of the form: choices in a few words, and what was found in the particle file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import CheckContext
from jobs.core.errors import FormatError
from jobs.tomodrgn.input_facts import TiltFacts, tilt_facts

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions

_KINDS: Final = {"train_vae": "a volume per particle", "train_nn": "one volume for all"}
_CONTRASTS: Final = {
    "auto": "found from the data",
    "white": "protein is white",
    "dark": "protein is dark",
    "uninvert": "as tomoDRGN's switch",
}
_FLAVOURS: Final = {
    "warp": "Warp or M",
    "nextpyp": "nextPYP",
    "warptools": "WarpTools",
    "relion5": "RELION 5",
    "series": "a plain image series",
}


def captions(options: TomoDrgnOptions, context: CheckContext) -> Mapping[str, str]:
    """Return what to write beside fields, by the names of the options."""
    said = {
        "model_kind": _KINDS.get(options.model_kind, ""),
        "contrast": _CONTRASTS.get(options.contrast, ""),
    }
    facts = _facts(options, context)
    if facts is not None:
        said["source_software"] = f"{_FLAVOURS.get(facts.flavour, facts.flavour)} found"
        if facts.pixel_size_a and options.angpix is None:
            said["angpix"] = f"{facts.pixel_size_a:.4g} Å found"
    return said


def _facts(options: TomoDrgnOptions, context: CheckContext) -> TiltFacts | None:
    star = context.resolve(options.fn_star)
    if not options.fn_star or not star.is_file():
        return None
    try:
        datadir = context.resolve(options.datadir) if options.datadir else None
        return tilt_facts(star, context.project_dir, datadir)
    except (OSError, FormatError, ValueError):
        return None  # what is wrong with it the checks say
