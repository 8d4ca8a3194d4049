"""A folder with a mask per rigid body: which files are masks, and in which order."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.core.errors import UserError

_SMOOTH = "smooth_"
#: Labels of bodies are bytes.
_MOST = 255


def mask_files(folder: Path) -> tuple[list[Path], list[str]]:
    """Mask files of a folder in natural order, and remarks on those left aside.

    Parameters
    ----------
    folder: Path
        Folder; masks are its ``.mrc`` files with "mask" in the name.

    Raises
    ------
    UserError
        If there is no folder, or no mask in it.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder of masks", path=folder)
    found = [p for p in folder.iterdir() if p.suffix.lower() == ".mrc" and "mask" in p.name.lower()]
    if not found:
        raise UserError(
            "the folder holds no masks of rigid bodies",
            path=folder,
            hint="One file per body is needed, ending in .mrc and with mask in its name: mask_body1.mrc …",
        )
    names = {p.name for p in found}
    smooth = {name for name in names if name.startswith(_SMOOTH) and name.removeprefix(_SMOOTH) in names}
    remarks = []
    if smooth:
        aside = ", ".join(sorted(smooth, key=_natural))
        remarks.append(
            f"Of {len(smooth)} bodies there is a smooth mask too ({aside}); the hard ones "
            "are used, because a Gaussian belongs to a body or does not"
        )
    kept = sorted((p for p in found if p.name not in smooth), key=lambda p: _natural(p.name))
    if len(kept) > _MOST:
        raise UserError(f"{len(kept)} masks are too many, {_MOST} bodies are possible", path=folder)
    return kept, remarks


def _natural(name: str) -> list[tuple[int, str]]:
    """Key by which body 2 comes before body 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
