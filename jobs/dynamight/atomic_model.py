"""Gaussians placed on an atomic model instead of in density."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.model import Frame
from jobs.formats.points import read_points
from jobs.maths.coordinates import chimerax_to_centred


def points_from_model(path: Path, frame: Frame, n_points: int, generator: torch.Generator) -> Tensor:
    """Spread Gaussians over the atoms of a model that has been fitted into the consensus map.

    Parameters
    ----------
    path: Path
        PDB or mmCIF file, in the frame in which the map is seen.
    frame: Frame
        Box of the map.
    n_points: int
        Number of Gaussians; with fewer atoms, one on every atom.
    generator: torch.Generator
        Source of randomness (CPU).

    Returns
    -------
    torch.Tensor
        ``(n, 3)`` points in Å relative to the box centre.

    Raises
    ------
    UserError
        If the file can not be read, or no atom lies in the box.
    """
    atoms = chimerax_to_centred(
        torch.from_numpy(read_points(path).xyz_a).double(), frame.box, frame.voxel_size_a, frame.origin_a
    )
    inside = (atoms.abs() < 0.5 * frame.side_a).all(1)
    if int(inside.sum()) < 2:
        raise UserError(
            f"only {int(inside.sum())} of {len(atoms)} atoms lie in the box of the map",
            path=path,
            hint="Fit the model into the consensus map and save it in the map's frame.",
        )
    atoms = atoms[inside]
    if len(atoms) <= n_points:
        return atoms.float()
    # Consecutive atoms are bonded: equal runs of them spread the Gaussians evenly along the chains.
    marks = torch.linspace(0, len(atoms), n_points + 1).long()
    sums = torch.cat((torch.zeros(1, 3, dtype=atoms.dtype), atoms.cumsum(0)))
    means = (sums[marks[1:]] - sums[marks[:-1]]) / (marks[1:] - marks[:-1])[:, None]
    return means.float() + 0.01 * torch.randn(n_points, 3, generator=generator)
