"""Atomic models coarse-grained: one or a few beads per residue, and which beads are bonded.

An amino acid becomes a main-chain bead (N, CA, C, O) and a side-chain bead (all other atoms); a nucleotide a
phosphate, a sugar and a base bead. A bead lies at the mean of its atoms weighted by their electrons and
carries their sum. Other groups of few atoms (ions, sulphate, glycerol) become one bead at their centre,
larger ones one bead per atom. Waters and hydrogens are left out, and of alternative locations all but the
first: what a model says of them depends on who built it, not on the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError
from jobs.formats.structures import read_structure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Beads of neighbouring residues farther apart than this are no neighbours: residues are missing between.
LONGEST_LINK_A = 5.0
#: The same for models that hold nothing but phosphorus atoms, whose usual distance is 5.5 to 7 Å.
LONGEST_PHOSPHATE_LINK_A = 7.5
#: Groups of more atoms than this, that are no residue of a chain, keep their atoms.
MOST_ATOMS_OF_ONE_BEAD = 8
_DISULPHIDE_A = 2.5
_BOND_TOLERANCE_A = 0.45
_MAIN_CHAIN = frozenset({"N", "CA", "C", "O", "OXT", "OT1", "OT2"})
_PHOSPHATE = frozenset({"P", "OP1", "OP2", "OP3", "O1P", "O2P", "O3P"})


@dataclass(frozen=True)
class Beads:
    """A coarse-grained model of ``n`` beads.

    Attributes
    ----------
    xyz_a
        ``(n, 3)`` x, y, z in Å, in the frame of the file.
    electrons
        ``(n,)`` electrons of the atoms of each bead (atomic numbers; charges are ignored).
    names
        ``n`` names such as ``A/ALA12/main``.
    chain, residue
        ``(n,)`` running numbers from 0 of the unbroken stretch of chain (a gap begins a new one, and so does
        every group that is no residue of a chain) and of the residue.
    bonds
        ``(m, 2)`` pairs of beads, each once, smaller index first, sorted.
    n_atoms, n_left_out, n_breaks
        Atoms in the beads; atoms left out (water, hydrogen, other locations); gaps in chains.
    """

    xyz_a: Floats
    electrons: Floats
    names: tuple[str, ...]
    chain: Ints
    residue: Ints
    bonds: Ints
    n_atoms: int
    n_left_out: int
    n_breaks: int

    def __len__(self) -> int:
        return len(self.electrons)


@dataclass
class _Group:
    """The beads of one residue: names and atoms of each, bonds within, first and last bead of the chain."""

    parts: list[tuple[str, list[gemmi.Atom]]]
    bonds: list[tuple[int, int]] = field(default_factory=list)
    ends: tuple[int, int] | None = None
    reach_a: float = LONGEST_LINK_A
    kind: str = ""


def read_beads(path: Path) -> Beads:
    """Read the first model of a PDB or mmCIF file as beads.

    Parameters
    ----------
    path
        The model.

    Raises
    ------
    FormatError
        When the file is unreadable, holds nothing but water and hydrogen, or an atom has no position.
    """
    structure = read_structure(path)
    found = _Collected()
    n_sites = 0
    for chain in structure[0] if len(structure) else ():
        n_sites += chain.count_atom_sites()
        found.end_chain()
        for residue in chain.first_conformer():
            atoms = [atom for atom in residue.first_conformer() if not atom.is_hydrogen()]
            if atoms and not residue.is_water():
                found.add(f"{chain.name}/{residue.name}{residue.seqid}", _group(atoms))
    if not found.electrons:
        raise FormatError(
            "the file holds no atoms other than water and hydrogen",
            path=path,
            hint="Choose the model of the molecule that is seen in the map.",
        )
    beads = found.beads(n_sites)
    wrong = np.flatnonzero(~np.isfinite(beads.xyz_a).all(axis=1))
    if len(wrong):
        raise FormatError(f"an atom of {beads.names[wrong[0]]} has no position", path=path)
    return beads


class _Collected:
    """Beads found so far."""

    def __init__(self) -> None:
        self.xyz: list[Floats] = []
        self.electrons: list[float] = []
        self._names: list[str] = []
        self._chain: list[int] = []
        self._residue: list[int] = []
        self._bonds: set[tuple[int, int]] = set()
        self._sulphurs: list[tuple[int, list[float]]] = []
        self._n_atoms = self._n_breaks = 0
        self._stretch, self._last_residue = -1, -1
        self._open: tuple[int, str, float] | None = None

    def end_chain(self) -> None:
        """What follows is not bonded to what was before."""
        self._open = None

    def add(self, name: str, group: _Group) -> None:
        """Add the beads of a residue, and bond them to the one before where it is near enough."""
        first = len(self.electrons)
        self._last_residue += 1
        for part, atoms in group.parts:
            number = np.array([atom.element.atomic_number for atom in atoms], np.float64)
            number = np.maximum(number, 1.0)  # an unknown element counts as one electron
            places = np.array([atom.pos.tolist() for atom in atoms])
            self.xyz.append((number[:, None] * places).sum(0) / number.sum())
            self.electrons.append(float(number.sum()))
            self._names.append(f"{name}/{part}")
            self._n_atoms += len(atoms)
            sulphur = next((a.pos.tolist() for a in atoms if a.name == "SG"), None)
            if sulphur is not None:
                self._sulphurs.append((len(self.electrons) - 1, sulphur))
        self._bonds |= {(first + a, first + b) for a, b in group.bonds}
        self._link(first, group)
        count = len(group.parts)
        self._chain += [self._stretch] * count
        self._residue += [self._last_residue] * count

    def _link(self, first: int, group: _Group) -> None:
        before, self._open = self._open, None
        if group.ends is not None:
            self._open = (first + group.ends[1], group.kind, group.reach_a)
            if before is not None and before[1] == group.kind:
                here = first + group.ends[0]
                reach = min(before[2], group.reach_a)
                if np.linalg.norm(self.xyz[here] - self.xyz[before[0]]) <= reach:
                    self._bonds.add((before[0], here))
                    return
                self._n_breaks += 1
        self._stretch += 1

    def _disulphides(self) -> Iterator[tuple[int, int]]:
        for k, (a, at) in enumerate(self._sulphurs):
            for b, other in self._sulphurs[k + 1 :]:
                if np.linalg.norm(np.subtract(at, other)) <= _DISULPHIDE_A:
                    yield a, b

    def beads(self, n_sites: int) -> Beads:
        """All of them."""
        bonds = sorted(self._bonds | set(self._disulphides()))
        return Beads(
            np.array(self.xyz),
            np.array(self.electrons),
            tuple(self._names),
            np.array(self._chain, np.int64),
            np.array(self._residue, np.int64),
            np.array(bonds, np.int64).reshape(-1, 2),
            self._n_atoms,
            n_sites - self._n_atoms,
            self._n_breaks,
        )


def _group(atoms: list[gemmi.Atom]) -> _Group:
    """Divide a residue by the atoms it has, whatever its name: modified residues are residues too."""
    names = {atom.name for atom in atoms}
    # Calcium is called CA as well.
    calpha = any(atom.name == "CA" and atom.element == gemmi.Element("C") for atom in atoms)
    if calpha and (names == {"CA"} or {"N", "C"} <= names):
        main = [atom for atom in atoms if atom.name in _MAIN_CHAIN]
        side = [atom for atom in atoms if atom.name not in _MAIN_CHAIN]
        parts = [("main", main)] + ([("side", side)] if side else [])
        return _Group(parts, [(0, 1)] if side else [], (0, 0), kind="peptide")
    if names == {"P"}:
        return _Group([("phosphate", atoms)], [], (0, 0), LONGEST_PHOSPHATE_LINK_A, "trace")
    if {"C1'", "C4'"} <= names or {"C1*", "C4*"} <= names:
        return _nucleotide(atoms)
    if len(atoms) <= MOST_ATOMS_OF_ONE_BEAD:
        return _Group([("centre", atoms)])
    return _Group([(atom.name, [atom]) for atom in atoms], list(_covalent(atoms)))


def _nucleotide(atoms: list[gemmi.Atom]) -> _Group:
    named: dict[str, list[gemmi.Atom]] = {"phosphate": [], "sugar": [], "base": []}
    for atom in atoms:
        if atom.name in _PHOSPHATE:
            named["phosphate"].append(atom)
        else:
            named["sugar" if atom.name[-1] in "'*" else "base"].append(atom)
    parts = [(part, members) for part, members in named.items() if members]
    place = {part: k for k, (part, _members) in enumerate(parts)}
    sugar = place["sugar"]
    bonds = [(min(sugar, k), max(sugar, k)) for part, k in place.items() if part != "sugar"]
    return _Group(parts, bonds, (place.get("phosphate", sugar), sugar), kind="nucleotide")


def _covalent(atoms: list[gemmi.Atom]) -> Iterator[tuple[int, int]]:
    """Bonds within a group, by distance."""
    for a, first in enumerate(atoms):
        for b in range(a + 1, len(atoms)):
            reach = first.element.covalent_r + atoms[b].element.covalent_r + _BOND_TOLERANCE_A
            if first.pos.dist(atoms[b].pos) <= reach:
                yield a, b
