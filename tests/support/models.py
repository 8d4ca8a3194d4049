"""A small atomic model: two chains of three alanines with true distances."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

_N, _CA, _C = (0.0, 0.0, 0.0), (1.458, 0.0, 0.0), (2.009, 1.42, 0.0)


def write_peptide(
    path: Path, *, centre: NDArray[np.floating] | None = None, chains: tuple[str, str] = ("A", "B")
) -> Path:
    """Write two extended chains of alanine, 20 Å apart along x, as PDB or mmCIF by the ending of `path`.

    Parameters
    ----------
    path
        Target.
    centre
        Middle of both chains, (x, y, z) in Å as ChimeraX sees them; (48, 48, 48) without it.
    chains
        Names of the chains; the second lies at larger x.

    Returns
    -------
    Path
        `path`.
    """
    residue = np.array([_N, _CA, _C, (1.25, 2.39, 0.0), (1.99, -0.77, -1.2)])
    step = np.array([3.33, 1.55, 0.0])  # puts the next N at 1.33 Å from C
    middle = np.array([48.0, 48.0, 48.0]) if centre is None else np.asarray(centre, float)
    structure = gemmi.Structure()
    structure.name = "PEPT"
    structure.cell = gemmi.UnitCell(96.0, 97.0, 98.0, 90, 90, 90)
    structure.spacegroup_hm = "P 1"
    model = gemmi.Model(1)
    serial = 0
    for number, name in enumerate(chains):
        chain = gemmi.Chain(name)
        for k in range(3):
            made = gemmi.Residue()
            made.name, made.seqid, made.entity_type = "ALA", gemmi.SeqId(str(k + 1)), gemmi.EntityType.Polymer
            for j, (atom_name, element) in enumerate(
                (("N", "N"), ("CA", "C"), ("C", "C"), ("O", "O"), ("CB", "C"))
            ):
                serial += 1
                atom = gemmi.Atom()
                atom.name, atom.element, atom.serial = atom_name, gemmi.Element(element), serial
                place = middle + (-10.0 + 20 * number, 0, 0) + residue[j] + (k - 1) * step
                atom.pos = gemmi.Position(*place)
                atom.b_iso, atom.occ = 10.0 + serial, 0.5 + 0.01 * serial
                made.add_atom(atom)
            chain.add_residue(made)
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    if path.suffix == ".cif":
        structure.make_mmcif_document().write_file(str(path))
    else:
        structure.write_pdb(str(path))
    return path
