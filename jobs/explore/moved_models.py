"""Atomic models that follow a trajectory: one model per state, all else as in the file they came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.core.latent import ExploredModel
from jobs.explore.atoms import first_model, inside_box, positions, to_centred
from jobs.formats.files import read_whole
from jobs.formats.structures import is_mmcif, read_structure

Floats = NDArray[np.float64]

_MOST_PDB_ATOMS = 99_999
_MOST_PDB_MODELS = 9_998
_LOWEST_PDB_A, _HIGHEST_PDB_A = -999.999, 9999.999
# Coordinates of a file are written to a thousandth of an Å, so its own rows are found within this.
_SAME_PLACE_A = 2e-3
_ATOM_RECORDS = ("ATOM  ", "HETATM")
_RECORDS_OF_MODELS = ("ATOM  ", "HETATM", "ANISOU", "SIGATM", "SIGUIJ", "TER   ", "MODEL ", "ENDMDL")
# They count records, which are different ones now.
_COUNTING_RECORDS = ("MASTER", "NUMMDL", "END   ")


class MovedModels:
    """Writes ``model.cif`` and, when it fits, ``model.pdb`` of one atomic model in many states.

    Parameters
    ----------
    source
        Atomic model, in the frame in which ChimeraX shows the consensus map; its first model is moved.
    model
        Tells how points move.

    Attributes
    ----------
    files
        Names of the files, after :meth:`open_in`.
    notes
        Sentences for the user: why there is no PDB file.

    Raises
    ------
    UserError
        When the file cannot be read, or none of its atoms lies in the box.
    """

    def __init__(self, source: Path, model: ExploredModel) -> None:
        self._source, self._model = source, model
        self._structure = read_structure(source)
        first = first_model(self._structure, source)
        while len(self._structure) > 1:
            del self._structure[1]
        self.points_a: Floats = positions(first, source)
        self._centred = to_centred(self.points_a, model).astype(np.float32)
        inside_box(self._centred, model, source)
        self._streams: list[_PdbStream | _CifStream] = []
        self.notes: list[str] = []
        self.files: list[str] = []

    def open_in(self, folder: Path, stem: str, n_frames: int, *, pdb: bool = True) -> Self:
        """Begin ``stem.cif`` and, if wanted, ``stem.pdb`` for this many states; use as a context."""
        self._streams = [_CifStream(folder / f"{stem}.cif", self._source, self._structure, self.points_a)]
        why_not = pdb_misfit(self._structure, self.points_a, n_frames) if pdb else ""
        if why_not:
            self.notes.append(f"The atomic model was written as mmCIF only: {why_not}.")
        elif pdb:
            self._streams.append(
                _PdbStream(folder / f"{stem}.pdb", self._source, self._structure, self.points_a)
            )
        self.files = [stream.path.name for stream in self._streams]
        return self

    def positions_at(self, z: NDArray[np.floating] | None) -> Floats:
        """Return where atoms ``(N, 3)`` are in a state (None: the consensus), in the frame of the file."""
        if z is None:
            return self.points_a
        moved = self._model.displace(np.asarray(z, np.float32), self._centred)
        # added to what the file says, so that an atom which does not move keeps its coordinates exactly
        return self.points_a + (np.asarray(moved, np.float64) - self._centred)

    def write(self, z: NDArray[np.floating] | None) -> None:
        """Write the model of the next state."""
        self.write_points(self.positions_at(z))

    def write_points(self, points: Floats) -> None:
        """Write the next model with its atoms at these places ``(N, 3)``, in the frame of the file."""
        if not np.isfinite(points).all():
            raise UserError("the motion of the atomic model is not finite", path=self._source)
        for stream in list(self._streams):
            if isinstance(stream, _PdbStream) and not _fits_pdb(points):
                stream.close()
                stream.path.unlink()
                self._streams.remove(stream)
                self.files.remove(stream.path.name)
                self.notes.append(
                    "The atomic model was written as mmCIF only: its coordinates need more than 8 columns."
                )
            else:
                stream.write(points)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for stream in self._streams:
            stream.close()


def pdb_misfit(structure: gemmi.Structure, points_a: Floats, n_frames: int) -> str:
    """Return why this many models of a structure cannot be a PDB file, in words; empty when they can."""
    first = structure[0]
    atoms = first.count_atom_sites()
    if atoms > _MOST_PDB_ATOMS:
        return f"a PDB file holds {_MOST_PDB_ATOMS} atoms at most, and there are {atoms}"
    if n_frames > _MOST_PDB_MODELS:
        return f"a PDB file holds {_MOST_PDB_MODELS} models at most, and there are {n_frames}"
    for chain in first:
        if len(chain.name) > 1:
            return f"a PDB file names chains by one letter, and there is a chain {chain.name}"
        for residue in chain:
            if len(residue.name) > 3:
                return f"a PDB file names residues by three letters, and there is {residue.name}"
            if not -999 <= (residue.seqid.num or 0) <= 9999:
                return f"a PDB file numbers residues up to 9999, and there is {residue.seqid}"
    return "" if _fits_pdb(points_a) else "its coordinates need more than 8 columns"


class _CifStream:
    """An mmCIF file that grows by one model at a time."""

    def __init__(self, path: Path, source: Path, structure: gemmi.Structure, points_a: Floats) -> None:
        self.path = path
        block = _cif_block(source, structure)
        table = block.find_mmcif_category("_atom_site.")
        tags = [tag.partition(".")[2] for tag in table.tags]
        cells = np.array([list(row) for row in table], object)
        if "pdbx_PDB_model_num" in tags:
            number = cells[:, tags.index("pdbx_PDB_model_num")]
            cells = cells[number == number[0]]
        axes = [tags.index(f"Cartn_{axis}") for axis in "xyz"]
        own = cells[:, axes].astype(np.float64)
        self._index = _places(own, points_a, source)
        given = cells[:, tags.index("id")] if "id" in tags else np.arange(1, len(cells) + 1).astype(object)
        numbered = all(str(text).isdigit() for text in given)
        self._ids = given.astype(np.int64) if numbered else np.arange(1, len(cells) + 1)
        special = {"group_PDB", "id", "pdbx_PDB_model_num", *(f"Cartn_{axis}" for axis in "xyz")}
        others = [i for i, tag in enumerate(tags) if tag not in special]
        before = [i for i in others if i < axes[0]]
        after = [i for i in others if i > axes[0]]
        group = cells[:, tags.index("group_PDB")] if "group_PDB" in tags else ["ATOM"] * len(cells)
        self._group = list(group)
        self._before = [" ".join(row) for row in cells[:, before]]
        self._after = [" ".join(row) for row in cells[:, after]]
        order = ["group_PDB", "id", *(tags[i] for i in before), "Cartn_x", "Cartn_y", "Cartn_z"]
        order += [*(tags[i] for i in after), "pdbx_PDB_model_num"]
        table.erase()
        self._frame = 0
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._file.write(f"data_{block.name}\n")
        self._file.write(_block_text(block))
        self._file.write("loop_\n" + "".join(f"_atom_site.{tag}\n" for tag in order))

    def write(self, points_a: Floats) -> None:
        """Write the next model."""
        ids = self._ids + self._frame * int(self._ids.max())
        self._frame += 1
        rows = zip(
            self._group,
            ids.tolist(),
            self._before,
            points_a[self._index].tolist(),
            self._after,
            strict=True,
        )
        self._file.writelines(
            f"{group} {number} {before} {x:.3f} {y:.3f} {z:.3f} {after} {self._frame}\n"
            for group, number, before, (x, y, z), after in rows
        )

    def close(self) -> None:
        """End the file."""
        if not self._file.closed:
            self._file.write("#\n")
            self._file.close()


class _PdbStream:
    """A PDB file that grows by one model at a time."""

    def __init__(self, path: Path, source: Path, structure: gemmi.Structure, points_a: Floats) -> None:
        self.path = path
        head, body, self._tail = _pdb_parts(_pdb_lines(source, structure))
        at = [i for i, line in enumerate(body) if line.startswith(_ATOM_RECORDS)]
        own = np.array([[float(body[i][c : c + 8]) for c in (30, 38, 46)] for i in at])
        self._index = _places(own, points_a, source)
        # what stands left and right of the coordinates; nothing right of a record that has none
        self._body = [
            (line[:30], line[54:]) if line.startswith(_ATOM_RECORDS) else (line, None) for line in body
        ]
        self._frame = 0
        self._file: TextIO = path.open("w", encoding="ascii", errors="replace", newline="\n")
        self._file.writelines(f"{line}\n" for line in head)

    def write(self, points_a: Floats) -> None:
        """Write the next model."""
        self._frame += 1
        self._file.write(f"MODEL     {self._frame:4d}\n")
        places = iter(points_a[self._index].tolist())
        for left, right in self._body:
            if right is None:
                self._file.write(f"{left}\n")
            else:
                x, y, z = next(places)
                self._file.write(f"{left}{x:8.3f}{y:8.3f}{z:8.3f}{right}\n")
        self._file.write("ENDMDL\n")

    def close(self) -> None:
        """End the file."""
        if not self._file.closed:
            self._file.writelines(f"{line}\n" for line in [*self._tail, "END"])
            self._file.close()


def _places(own_a: Floats, points_a: Floats, source: Path) -> NDArray[np.int64]:
    """Tell which atom each row of a file is; readers group rows by chain, so the order may differ."""
    apart, index = cKDTree(points_a).query(own_a)
    if len(own_a) != len(points_a) or np.max(apart) > _SAME_PLACE_A:
        raise UserError(
            "the rows of the atomic model cannot be told apart",
            path=source,
            hint="Save it once more with ChimeraX or Coot, then try again.",
        )
    return np.asarray(index, np.int64)


def _cif_block(source: Path, structure: gemmi.Structure) -> gemmi.cif.Block:
    if is_mmcif(source):
        return gemmi.cif.read_string(read_whole(source).decode("utf-8", "replace")).sole_block()
    copy = structure.clone()
    copy.setup_entities()
    copy.assign_label_seq_id()
    return copy.make_mmcif_document().sole_block()


def _block_text(block: gemmi.cif.Block) -> str:
    """Return the text of a block without its heading."""
    text = block.as_string()
    return text.partition("\n")[2].strip("\n") + "\n#\n"


def _pdb_lines(source: Path, structure: gemmi.Structure) -> Sequence[str]:
    if is_mmcif(source):
        return structure.make_pdb_string().splitlines()
    return read_whole(source).decode("utf-8", "replace").encode("ascii", "replace").decode().splitlines()


def _pdb_parts(lines: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Take apart what stands before the first model, the model itself, and what stands after all models."""
    kinds = [line[:6].ljust(6) for line in lines]
    of_models = [i for i, kind in enumerate(kinds) if kind in _RECORDS_OF_MODELS]
    ends = [i for i, kind in enumerate(kinds) if kind == "ENDMDL"]
    end = ends[0] if ends else of_models[-1] + 1
    body = [lines[i] for i in of_models if i < end and kinds[i] != "MODEL "]
    around = [i for i, kind in enumerate(kinds) if kind not in _COUNTING_RECORDS and lines[i].strip()]
    head = [lines[i] for i in around if i < of_models[0]]
    return head, body, [lines[i] for i in around if i > of_models[-1]]


def _fits_pdb(points_a: Floats) -> bool:
    return bool(points_a.min() >= _LOWEST_PDB_A and points_a.max() <= _HIGHEST_PDB_A)
