"""Atomic models (PDB, mmCIF) as gemmi structures: unreadable files become one sentence."""

from __future__ import annotations

from pathlib import Path

import gemmi

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole

MODEL_SUFFIXES = frozenset({".pdb", ".ent", ".cif", ".mmcif"})


def is_mmcif(path: Path) -> bool:
    """Tell by its ending whether a model is an mmCIF file."""
    return path.suffix.lower() in (".cif", ".mmcif")


def read_structure(path: Path) -> gemmi.Structure:
    """Read an atomic model whose ending tells its form.

    Raises
    ------
    FormatError
        When the file is missing, unreadable or not of this form.
    """
    text = read_whole(path).decode("utf-8", "replace")
    try:
        if is_mmcif(path):
            return gemmi.make_structure_from_block(gemmi.cif.read_string(text).sole_block())
        # fields have fixed columns, which cut a letter of several bytes in two
        return gemmi.read_pdb_string(text.encode("ascii", "replace").decode())
    except (RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise FormatError(f"the atomic model cannot be read: {said}", path=path) from error
