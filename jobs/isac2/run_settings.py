"""From the options of a job to the settings of its run, and back from the file that keeps them."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import read_whole, replacing
from jobs.isac2.classification_options import ANGSTROMS
from jobs.isac2.settings import IsacSettings

if TYPE_CHECKING:
    from jobs.isac2.params import Isac2Options

SETTINGS: Final = "isac_settings.json"
_SEEDS: Final = 1 << 31


def make_settings(options: Isac2Options, pixel_size_a: float | None, seed: int) -> IsacSettings:
    """Return the settings that options mean for images of this pixel size.

    Parameters
    ----------
    options
        The options of the job.
    pixel_size_a
        Å per pixel of the images, when known.
    seed
        Seed to use where the options name none.

    Raises
    ------
    UserError
        When lengths are given in Å and the pixel size is not known.
    """
    radius, width = options.radius or 0.0, options.filament_width
    if options.length_unit == ANGSTROMS:
        if pixel_size_a is None:
            raise UserError(
                "the radius is given in Å, but the pixel size of the images is not known",
                column="angpix",
                hint="Give the pixel size, or the radius in pixels",
            )
        radius /= pixel_size_a
        width = width / pixel_size_a if width > 0 else width
    names = {f.name for f in fields(IsacSettings)}
    values: dict[str, Any] = {k: v for k, v in options.model_dump().items() if k in names}
    values |= {
        "radius": radius,
        "filament_width": width,
        "center_method": int(options.center_method),
        "rand_seed": seed if options.rand_seed is None else options.rand_seed,
        "restart": options.restart if options.do_restart else -1,
    }
    return IsacSettings(**values)


def drawn_seed() -> int:
    """Return a seed nobody chose."""
    return secrets.randbelow(_SEEDS)


def write_settings(folder: Path, settings: IsacSettings, pixel_size_a: float | None) -> None:
    """Keep the settings of a run, the drawn seed among them."""
    content = {"pixel_size_a": pixel_size_a, "settings": asdict(settings)}
    with replacing(folder / SETTINGS) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def read_settings(folder: Path) -> tuple[IsacSettings, float | None] | None:
    """Return settings and pixel size of a run that was started, None when there was none.

    Raises
    ------
    FormatError
        When the file is damaged.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return None
    try:
        content = json.loads(read_whole(path))
        return IsacSettings(**content["settings"]), content["pixel_size_a"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError("the settings of the run are damaged", path=path, hint=str(error)) from error
