"""Cheap checks of the options; files are only looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import Problem

if TYPE_CHECKING:
    from jobs.latents.params import LatentsOptions

_ENDINGS: Final = (".pkl", ".npy", ".cs", ".csv", ".star", ".txt")


def latent_file_is_known(options: LatentsOptions, context: CheckContext) -> list[Problem]:
    """The latent file is one that can be read."""
    named = options.fn_latent
    if not named or named.lower().endswith(_ENDINGS):
        return []
    hint = f"Choose one of {', '.join('*' + ending for ending in _ENDINGS)}"
    return [Problem(f"latent coordinates are not read from '{named}'", field="fn_latent", hint=hint)]


def other_is_named(options: LatentsOptions, context: CheckContext) -> list[Problem]:
    """A comparison needs something to compare with."""
    if not context.is_continue or not options.do_compare:
        return []
    if options.fn_other and context.resolve(options.fn_other).exists():
        return []
    what = f"'{options.fn_other}' does not exist" if options.fn_other else "no other latent space is named"
    return [Problem(what, field="fn_other", hint="Choose a latent file, or the folder of another job.")]


CHECKS: Final[tuple[Check, ...]] = (latent_file_is_known, other_is_named)
