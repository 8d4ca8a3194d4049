"""Which particles a training took, as its ``config.yaml`` or ``config.pkl`` states it (``--ind``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.files import read_whole
from jobs.formats.index_files import read_indices
from jobs.formats.pickles import read_pickles

_LINE: Final = re.compile(r"^(\s*)([\w-]+)\s*:\s*(.*?)\s*$")
_NOTHING: Final = ("", "null", "none", "~")


def config_of(latent: Path) -> Path | None:
    """Return the config beside a latent file, if there is one."""
    return next((c for n in ("config.yaml", "config.pkl") if (c := latent.with_name(n)).is_file()), None)


def stated_indices(config: Path, n: int, project_dir: Path) -> npt.NDArray[np.int64] | None:
    """Return the particles that a training took of its file, None when it took all.

    Parameters
    ----------
    config
        ``config.yaml`` or ``config.pkl`` of cryoDRGN or tomoDRGN.
    n
        Number of particles of the particle file.
    project_dir
        Where a relative path of an index file may start, besides the folders of the config and above.

    Raises
    ------
    UserError
        When the index file is missing, or does not fit the particle file.
    """
    found = _from_yaml(config) if config.suffix.lower() in (".yaml", ".yml") else _from_pickle(config)
    if found is None:
        return None
    if not isinstance(found, str):
        indices = np.asarray(found).reshape(-1).astype(np.int64)
        if len(indices) and (indices.min() < 0 or indices.max() >= n):
            raise UserError(f"the training took particle {indices.max()} of a file with {n}", path=config)
        return indices
    for folder in (config.parent, project_dir, *config.absolute().parents):
        path = folder / found
        if path.is_file():
            return read_indices(path, n)
    raise UserError(
        f"the training took the particles that {found} names (--ind), and there is no such file",
        path=config,
        hint="Put the index file beside the config.",
    )


def _from_yaml(path: Path) -> str | None:
    """The value of ``ind`` in the block ``dataset_args``; no more of YAML is needed."""
    block = False
    for line in read_whole(path).decode("utf-8", "replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        if not match[1]:
            block = match[2] == "dataset_args"
        elif block and match[2] == "ind":
            value = match[3].strip("'\"")
            return None if value.lower() in _NOTHING else value
    return None


def _from_pickle(path: Path) -> Any:
    parts: dict[Any, Any] = {}
    for found in read_pickles(path):
        if isinstance(found, dict):
            parts.update(found)
    stars, data = parts.get("starfile_args"), parts.get("dataset_args")
    value = stars.get("ind_ptcls") if isinstance(stars, dict) and stars else None
    if value is None and isinstance(data, dict):
        value = data.get("ind")
    if isinstance(value, (list, tuple, np.ndarray)):
        return value
    return None if value is None or str(value).lower() in _NOTHING else str(value)
