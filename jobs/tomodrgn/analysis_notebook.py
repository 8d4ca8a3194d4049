"""A small Jupyter notebook beside an analysis, for those who work on another machine without a window."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from jobs.formats.files import replacing

NOTEBOOK: Final = "Heteroscope_analysis.ipynb"

_CELLS: Final = (
    (
        "markdown",
        "# {title}\n\nLatent places, groups and volumes of epoch {epoch}. Everything here is also in the "
        "window: `heteroscope` → the job → Explore.",
    ),
    (
        "code",
        "from pathlib import Path\n\nimport numpy as np\n\nfrom jobs.tomodrgn.results import open_results\n\n"
        "# This notebook stands in the folder of the analysis; the training is the folder above.\n"
        "training = Path({training!r})\nfound = open_results(training, {epoch})\nfound.latent.shape",
    ),
    (
        "code",
        "labels = found.labels\ncounts = np.bincount(labels)\nrows, centres = found.centres()\n"
        "dict(enumerate(counts.tolist()))",
    ),
    (
        "code",
        "# The particle file may have moved.\n"
        "try:\n    columns = list(found.metadata)\nexcept Exception as error:\n"
        "    columns = []\n    print(error)\ncolumns",
    ),
    (
        "code",
        "# The plane to look at: UMAP, else the latent space itself.\n"
        "plane = found.umap if found.umap is not None else found.latent[:, :2]\n\n"
        "from matplotlib.figure import Figure\n\nfigure = Figure(figsize=(5, 5))\naxes = figure.subplots()\n"
        'axes.scatter(plane[:, 0], plane[:, -1], c=labels, s=2, cmap="turbo")\nfigure',
    ),
    (
        "code",
        "# The volume at the centre of a group; any place of the latent space will do.\n"
        "volume = found.volume(centres[0])\nvolume.shape, found.pixel_size_a",
    ),
    (
        "markdown",
        "Choose particles, and write them for `heteroscope tomodrgn filter_star --ind` and "
        "`eval_vol --zfile`. A distance from the middle that is far above the others' often marks junk.",
    ),
    (
        "code",
        "norm = np.linalg.norm(found.latent, axis=1)\noutlier = norm > norm.mean() + 1.5 * norm.std()\n"
        "chosen = ~outlier & np.isin(labels, range(counts.size))\n"
        "# found.save_indices('ind_keep.pkl', chosen)\n# found.save_latent('z_keep.txt', chosen)\n"
        "int(chosen.sum()), int(outlier.sum())",
    ),
)


def write_notebook(place: Path, training: Path, out: Path, epoch: int) -> None:
    """Write the notebook into a folder of results.

    Parameters
    ----------
    place
        Where it is written now.
    training, out
        Folder of the training, and where the results will stand; the notebook names the one from the other.
    epoch
        Which was analysed, counted from 0.
    """
    relative = os.path.relpath(training, out)
    # A folder elsewhere is named in full: a notebook runs where it stands, and both move together otherwise.
    named = relative if not relative.startswith(f"..{os.sep}..") else str(training)
    words = {"title": f"{training.name}, analysis of epoch {epoch}", "epoch": epoch, "training": named}
    with replacing(place / NOTEBOOK) as file:
        file.write(json.dumps(_notebook(words), indent=1, ensure_ascii=False).encode())


def _notebook(words: dict[str, Any]) -> dict[str, Any]:
    cells = []
    for number, (kind, text) in enumerate(_CELLS):
        for name, value in words.items():
            text = text.replace(f"{{{name}!r}}", repr(value)).replace(f"{{{name}}}", str(value))
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell{number}",
            "metadata": {},
            "source": text.splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
