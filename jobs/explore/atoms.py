"""Atomic models to be moved: positions about the centre of the box, and which atoms are bonded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.core.exploring import Atoms
from jobs.core.latent import LatentModel
from jobs.formats.structures import read_structure

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

# Added to the sum of both covalent radii, as is usual for coordinates of medium resolution.
_TOLERANCE_A = 0.45
_SHORTEST_BOND_A = 0.4
_LONGEST_BOND_A = 3.0
#: Neighbours along a trace of one atom per residue, at most this far apart.
_TRACE_STEP_A = {"CA": 4.6, "P": 8.5}
_HINT = "Fit the model into the consensus map and save it in the map's frame."


def to_centred(points_a: Floats, model: LatentModel) -> Floats:
    """Turn points ``(N, 3)`` as ChimeraX shows them into Å about the centre voxel of the box.

    As :func:`jobs.maths.coordinates.chimerax_to_centred`, which works on tensors: a window that only reads
    an atomic model need not load them.
    """
    centre = model.box // 2 * model.voxel_size_a
    return np.asarray(points_a, np.float64) - np.asarray(model.origin_a) - centre


def read_atoms(path: Path, model: LatentModel) -> Atoms:
    """Read the first model of a PDB or mmCIF file.

    Parameters
    ----------
    path
        Atomic model, in the frame in which ChimeraX shows the consensus map.
    model
        The explored model: tells box, voxel size and origin.

    Raises
    ------
    UserError
        When the file cannot be read, holds no atoms, an atom has no position, or none lies in the box.
    """
    first = first_model(read_structure(path), path)
    points = positions(first, path)
    names, elements, residues, chains = _columns(first)
    centred = to_centred(points, model)
    inside_box(centred, model, path)
    bonds = find_bonds(centred, names, elements, residues, chains)
    return Atoms(
        points_a=centred.astype(np.float32),
        bonds=bonds,
        element=elements,
        chain=chains,
        source=str(path),
    )


def outside_warning(atoms: Atoms, model: LatentModel) -> str:
    """Return a sentence when some atoms lie outside the box, where the motion is a guess; else nothing."""
    outside = int((~_inside(atoms.points_a, model)).sum())
    if not outside:
        return ""
    return f"{outside} of {len(atoms.points_a)} atoms lie outside the box of the map. {_HINT}"


def first_model(structure: gemmi.Structure, path: Path) -> gemmi.Model:
    """Return the first model.

    Raises
    ------
    UserError
        When there are no atoms.
    """
    if not len(structure) or not structure[0].count_atom_sites():
        raise UserError("the file holds no atoms", path=path, hint="Choose a PDB or mmCIF file of a model.")
    return structure[0]


def positions(model: gemmi.Model, path: Path) -> NDArray[np.float64]:
    """Return the positions ``(N, 3)`` of all atoms in the order of the model.

    Raises
    ------
    UserError
        When an atom has none.
    """
    found = np.array(
        [atom.pos.tolist() for chain in model for residue in chain for atom in residue], np.float64
    )
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        atom = next(site for number, site in enumerate(model.all()) if number == wrong[0])
        raise UserError(f"the atom {atom} has no position", path=path)
    return found


def find_bonds(
    points_a: Floats, names: NDArray[Any], elements: NDArray[Any], residues: Ints, chains: NDArray[Any]
) -> Ints:
    """Find covalent bonds by distance, within residues and between neighbours along a chain.

    Models of one atom per residue (all named CA or P) are joined along their chains instead.

    Parameters
    ----------
    points_a
        ``(N, 3)`` Å.
    names, elements
        ``(N,)`` names of the atoms and element symbols.
    residues
        ``(N,)`` running number of the residue of each atom.
    chains
        ``(N,)`` names of chains.

    Returns
    -------
    numpy.ndarray
        ``(M, 2)`` int64, the smaller index first, sorted.
    """
    if set(names.tolist()) <= set(_TRACE_STEP_A):
        return _trace(points_a, names, chains)
    symbols, kind = np.unique(elements.astype(str), return_inverse=True)
    radius = np.array([gemmi.Element(symbol).covalent_r for symbol in symbols])[kind]
    longest = min(_LONGEST_BOND_A, 2 * float(radius.max()) + _TOLERANCE_A)
    pairs = cKDTree(points_a).query_pairs(longest, output_type="ndarray").astype(np.int64)
    steps = np.abs(residues[pairs[:, 0]] - residues[pairs[:, 1]])
    sulphur = np.isin(symbols, ("S",))[kind]
    pairs = pairs[(steps <= 1) | sulphur[pairs].all(axis=1)]
    a, b = pairs.T
    square = ((points_a[a] - points_a[b]) ** 2).sum(axis=1)
    hydrogen = np.isin(symbols, ("H", "D"))[kind]
    chain = np.unique(chains.astype(str), return_inverse=True)[1]
    near = (square >= _SHORTEST_BOND_A**2) & (square <= (radius[a] + radius[b] + _TOLERANCE_A) ** 2)
    # a disulphide is the one bond that joins chains
    one_chain = (chain[a] == chain[b]) | (sulphur[a] & sulphur[b])
    return _sorted(pairs[near & one_chain & ~(hydrogen[a] & hydrogen[b])])


def _trace(points_a: Floats, names: NDArray[Any], chains: NDArray[Any]) -> Ints:
    reach = np.array([_TRACE_STEP_A[name] for name in names.tolist()])
    step = np.linalg.norm(np.diff(points_a, axis=0), axis=1)
    same = (chains[1:] == chains[:-1]) & (names[1:] == names[:-1])
    first = np.flatnonzero(same & (step <= reach[1:])).astype(np.int64)
    return np.stack([first, first + 1], axis=1)


def _sorted(pairs: Ints) -> Ints:
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def inside_box(centred_a: Floats, model: LatentModel, path: Path) -> None:
    """Check that at least one atom of a file lies in the box.

    Raises
    ------
    UserError
        When none does.
    """
    if not _inside(centred_a, model).any():
        raise UserError(
            f"none of the {len(centred_a)} atoms lies in the box of the map", path=path, hint=_HINT
        )


def _columns(model: gemmi.Model) -> tuple[NDArray[Any], NDArray[Any], Ints, NDArray[Any]]:
    """Names, elements, running residue numbers and chains of all atoms."""
    names: list[str] = []
    elements: list[str] = []
    chains: list[str] = []
    residues: list[int] = []
    number = 0
    for chain in model:
        for residue in chain:
            for atom in residue:
                names.append(atom.name)
                elements.append(atom.element.name)
                residues.append(number)
            chains += [chain.name] * len(residue)
            number += 1
        number += 1  # the last residue of a chain is no neighbour of the first of the next
    text = [np.array(column, object) for column in (names, elements, chains)]
    return text[0], text[1], np.array(residues, np.int64), text[2]


def _inside(centred_a: Floats, model: LatentModel) -> NDArray[np.bool_]:
    half = 0.5 * model.box * model.voxel_size_a
    inside: NDArray[np.bool_] = np.all(np.abs(centred_a) <= half, axis=1)
    return inside
