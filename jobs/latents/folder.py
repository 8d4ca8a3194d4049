"""The plain form in which a job keeps a latent space: arrays, a table, and what they belong to."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import read_whole, replacing

LATENT: Final = "latent.npy"
ROWS: Final = "rows.npy"
TABLE: Final = "latents.csv"
FACTS: Final = "latents.json"
_FORM: Final = 1


@dataclass(frozen=True)
class Facts:
    """What the arrays belong to.

    Attributes
    ----------
    particles, kind
        Particle file as given, and how it was read (:data:`jobs.latents.particle_images.KINDS`).
    fingerprint
        Of the names of the particles of the rows.
    source, program
        Latent file, and who wrote it.
    columns
        Names of the coordinates.
    sign
        -1 where protein is dark.
    effective
        Effective number of particles of a volume.
    kernel
        One of :data:`jobs.latents.kernel.KERNELS`.
    seed
        Of half-sets where the file states none.
    """

    particles: str
    kind: str
    fingerprint: str
    source: str
    program: str
    columns: tuple[str, ...]
    sign: int
    effective: float
    kernel: str
    seed: int


def fingerprint(names: npt.NDArray[Any]) -> str:
    """Digest of names and their order."""
    return hashlib.sha256("\n".join(str(name) for name in names.tolist()).encode()).hexdigest()


def write_folder(
    folder: Path,
    facts: Facts,
    latent: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    names: npt.NDArray[Any],
    spread: npt.NDArray[np.float32] | None = None,
) -> None:
    """Write places ``(P, L)``, rows ``(P,)`` of the particle file, and both as a table with names."""
    for name, values in ((LATENT, latent), (ROWS, rows)):
        with replacing(folder / name) as file:
            np.save(file, values, allow_pickle=False)
    text = io.StringIO()
    extra = "" if spread is None else ",spread"
    text.write("image_name," + ",".join(facts.columns) + extra + "\n")
    for i, name in enumerate(names.tolist()):
        numbers = latent[i].tolist() + ([] if spread is None else [float(spread[i])])
        quoted = f'"{name}"' if "," in str(name) else str(name)
        text.write(quoted + "," + ",".join(f"{value:.7g}" for value in numbers) + "\n")
    with replacing(folder / TABLE) as file:
        file.write(text.getvalue().encode())
    # The facts come last: with them the folder is complete.
    with replacing(folder / FACTS) as file:
        file.write(
            (json.dumps({"form": _FORM, **asdict(facts)}, indent=1, ensure_ascii=False) + "\n").encode()
        )


def read_folder(folder: Path) -> tuple[Facts, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return what a job wrote: facts, places ``(P, L)``, rows ``(P,)``.

    Raises
    ------
    UserError
        When it has not finished, or files are damaged or do not belong together.
    """
    path = folder / FACTS
    if not path.is_file():
        raise UserError(
            "there is nothing to explore yet: the latent space has not been read",
            path=folder,
            hint="Look again in a while",
        )
    try:
        content = json.loads(read_whole(path))
        form = content.pop("form")
        facts = Facts(**{**content, "columns": tuple(content["columns"])})
        latent, rows = (
            np.load(io.BytesIO(read_whole(folder / name)), allow_pickle=False) for name in (LATENT, ROWS)
        )
    except (ValueError, TypeError, KeyError, AttributeError, EOFError) as error:
        raise FormatError(f"the file is damaged: {error}", path=path) from error
    if form != _FORM or latent.ndim != 2 or latent.shape != (len(rows), len(facts.columns)):
        raise FormatError("the files of the folder do not belong together", path=path)
    return facts, latent, rows
