"""Movies on the disk: frames, states, script and moved models, read back by other libraries."""

from __future__ import annotations

import csv
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest

from jobs.core.errors import AbortRequested, UserError
from jobs.explore.moved_models import pdb_misfit
from jobs.explore.movies import read_states, save_movie
from tests.support.explored import STEP_A, BlobModel
from tests.support.models import write_peptide

STATES = np.stack([np.array([x, 0.1, -0.2, 0.3], np.float32) for x in np.linspace(-2, 2, 5)])


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def coordinates(path: Path) -> list[np.ndarray]:
    return [
        np.array([site.atom.pos.tolist() for site in model.all()])
        for model in gemmi.read_structure(str(path))
    ]


def test_that_a_movie_has_one_map_per_state_and_each_is_the_decoded_one(tmp_path: Path) -> None:
    model = BlobModel()
    model.origin_a = (1.0, 2.0, 3.0)
    folder, notes = save_movie(tmp_path, 1, model, STATES)
    assert folder == tmp_path / "movies" / "movie01_half1"
    assert names(folder) == ["movie.cxc", "states.csv", *(f"volume00{k}.mrc" for k in range(5))]
    assert notes == []
    for k, z in enumerate(STATES):
        with mrcfile.open(folder / f"volume00{k}.mrc") as file:
            np.testing.assert_array_equal(file.data, model.decode(z))
            assert file.voxel_size.x == pytest.approx(4.0)
            assert float(file.header.origin.z) == pytest.approx(3.0)


def test_that_the_table_holds_the_states_exactly_and_can_be_read_again(tmp_path: Path) -> None:
    plane = STATES[:, :2] * 3
    folder, _ = save_movie(tmp_path, 1, BlobModel(), STATES, plane=plane)
    with (folder / "states.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["frame", "z1", "z2", "z3", "z4", "x", "y"]
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([[float(r["x"]), float(r["y"])] for r in rows], plane, rtol=1e-6)
    np.testing.assert_array_equal(read_states(folder / "states.csv", 4), STATES)


def test_that_more_than_a_thousand_frames_are_named_with_enough_digits(tmp_path: Path) -> None:
    model = BlobModel(box=4)
    folder, _ = save_movie(tmp_path, 1, model, np.zeros((1001, 4), np.float32))
    volumes = [name for name in names(folder) if name.endswith(".mrc")]
    assert volumes[0] == "volume0000.mrc" and volumes[-1] == "volume1000.mrc" and len(volumes) == 1001


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_that_model_k_has_moved_as_the_state_of_frame_k_says_and_nothing_else_changed(
    tmp_path: Path, ending: str
) -> None:
    source = write_peptide(tmp_path / f"in{ending}")
    folder, notes = save_movie(tmp_path, 1, BlobModel(), STATES, atoms=source)
    assert notes == []
    before = gemmi.read_structure(str(source))
    rest = coordinates(source)[0]
    moving = rest[:, 0] > 48
    assert moving.sum() == 15
    for file in ("model.cif", "model.pdb"):
        after = gemmi.read_structure(str(folder / file))
        assert len(after) == 5
        assert [after[k].num for k in range(5)] == [1, 2, 3, 4, 5]
        for model, points, z in zip(after, coordinates(folder / file), STATES, strict=True):
            expected = rest + np.outer(moving, [z[0] * STEP_A, 0, 0])
            np.testing.assert_allclose(points, expected, atol=6e-4)
            for old, new in zip(before[0].all(), model.all(), strict=True):
                assert (new.chain.name, str(new.residue.seqid), new.residue.name, new.atom.name) == (
                    old.chain.name,
                    str(old.residue.seqid),
                    old.residue.name,
                    old.atom.name,
                )
                assert new.atom.occ == pytest.approx(old.atom.occ, abs=1e-6)
                assert new.atom.b_iso == pytest.approx(old.atom.b_iso, abs=1e-4)
                assert new.atom.element == old.atom.element
        assert after.cell.parameters == pytest.approx(before.cell.parameters)


def test_that_other_records_of_a_model_survive(tmp_path: Path) -> None:
    pdb = write_peptide(tmp_path / "in.pdb")
    pdb.write_text(
        "REMARK   3 REFINED BY HAND\n"
        + pdb.read_text().replace("END    ", "CONECT    1    2\nMASTER        0    0\nEND    ")
    )
    folder, _ = save_movie(tmp_path, 1, BlobModel(), STATES, atoms=pdb)
    lines = (folder / "model.pdb").read_text().splitlines()
    assert lines[0] == "REMARK   3 REFINED BY HAND"
    assert lines[-2:] == ["CONECT    1    2", "END"]
    assert not any(line.startswith("MASTER") for line in lines)
    assert sum(line.startswith("TER") for line in lines) == 2 * 5
    cif = write_peptide(tmp_path / "in.cif")
    cif.write_text(cif.read_text() + "\n_my_category.my_item 'kept as it is'\n")
    folder, _ = save_movie(tmp_path, 1, BlobModel(), STATES, atoms=cif)
    block = gemmi.cif.read(str(folder / "model.cif")).sole_block()
    assert block.find_value("_my_category.my_item") == "'kept as it is'"
    ids = list(block.find_values("_atom_site.id"))
    assert len(set(ids)) == len(ids) == 150
    assert ids[:30] == [str(k + 1) for k in range(30)]


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_that_names_with_a_prime_and_other_locations_survive(tmp_path: Path, ending: str) -> None:
    structure = gemmi.read_structure(str(write_peptide(tmp_path / "in.pdb")))
    atoms = structure[0][0][0]
    atoms[3].name = "O5'"
    atoms[4].altloc, atoms[4].charge = "B", -1
    source = tmp_path / f"changed{ending}"
    if ending == ".cif":
        structure.make_mmcif_document().write_file(str(source))
    else:
        structure.write_pdb(str(source))
    folder, _ = save_movie(tmp_path, 1, BlobModel(), STATES, atoms=source)
    for file in ("model.cif", "model.pdb"):
        for model in gemmi.read_structure(str(folder / file)):
            again = model[0][0]
            assert again[3].name == "O5'"
            assert (again[4].altloc, again[4].charge) == ("B", -1)


def test_that_atoms_which_readers_sort_by_chain_move_in_the_order_of_the_file(tmp_path: Path) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    lines = source.read_text().splitlines()
    water = "HETATM   33  O   HOH A 101      70.000  48.000  48.000  1.00 30.00           O"
    source.write_text("\n".join([*lines[:-1], water, "END", ""]))
    folder, _ = save_movie(tmp_path, 1, BlobModel(), STATES[:1], atoms=source)
    written = [line for line in (folder / "model.pdb").read_text().splitlines() if line.startswith("HETATM")]
    assert written == ["HETATM   33  O   HOH A 101      60.000  48.000  48.000  1.00 30.00           O"]
    after = gemmi.read_structure(str(folder / "model.cif"))
    (place,) = [site.atom.pos.x for site in after[0].all() if site.residue.name == "HOH"]
    assert place == pytest.approx(60.0)


def test_that_what_does_not_fit_a_pdb_file_is_written_as_mmcif_only_and_said(tmp_path: Path) -> None:
    source = write_peptide(tmp_path / "in.cif", chains=("AA", "BB"))
    folder, notes = save_movie(tmp_path, 1, BlobModel(), STATES, atoms=source)
    assert "model.cif" in names(folder) and "model.pdb" not in names(folder)
    assert notes == [
        "The atomic model was written as mmCIF only: "
        "a PDB file names chains by one letter, and there is a chain AA."
    ]
    assert f"# {notes[0]}" in (folder / "movie.cxc").read_text().splitlines()
    assert len(gemmi.read_structure(str(folder / "model.cif"))) == 5


def test_that_the_limits_of_a_pdb_file_are_known(tmp_path: Path) -> None:
    structure = gemmi.read_structure(str(write_peptide(tmp_path / "a.pdb")))
    points = np.zeros((30, 3))
    assert pdb_misfit(structure, points, 9998) == ""
    assert "9998 models at most" in pdb_misfit(structure, points, 9999)
    structure[0][0][0].name = "ALAN"
    assert "residues by three letters" in pdb_misfit(structure, points, 5)
    structure[0][0][0].name, structure[0][0][0].seqid.num = "ALA", 10_000
    assert "residues up to 9999" in pdb_misfit(structure, points, 5)
    structure[0][0][0].seqid.num = 1
    points[3, 0] = 10_000.0
    assert "8 columns" in pdb_misfit(structure, points, 5)


def test_that_atoms_which_leave_the_columns_of_a_pdb_file_on_the_way_end_it(tmp_path: Path) -> None:
    far = np.array([[0.0, 0, 0, 0], [3000.0, 0, 0, 0]], np.float32)
    folder, notes = save_movie(tmp_path, 1, BlobModel(), far, atoms=write_peptide(tmp_path / "in.pdb"))
    assert "model.pdb" not in names(folder) and "8 columns" in notes[0]
    assert coordinates(folder / "model.cif")[1][:, 0].max() > 15_000


def test_that_giving_up_leaves_nothing_and_every_frame_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    source = write_peptide(tmp_path / "in.pdb")
    with pytest.raises(AbortRequested):
        save_movie(
            tmp_path,
            1,
            BlobModel(),
            STATES,
            atoms=source,
            progress=lambda done, of, _text: told.append((done, of)),
            cancelled=lambda: len(told) >= 3,
        )
    assert told == [(0, 5), (1, 5), (2, 5)]
    assert names(tmp_path) == ["in.pdb"]
    told.clear()
    save_movie(tmp_path, 1, BlobModel(), STATES, progress=lambda done, of, _text: told.append((done, of)))
    assert told == [(k, 5) for k in range(6)]


def test_that_a_movie_which_the_disk_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    model = BlobModel()
    model.box = 100_000
    with pytest.raises(UserError, match=r"5 maps of 100000³ voxels need 20000000\.0 GB, but"):
        save_movie(tmp_path, 1, model, STATES)
    assert model.decoded == [] and names(tmp_path) == []


def test_that_movies_are_numbered_per_half_set(tmp_path: Path) -> None:
    model = BlobModel(box=4)
    folders = [save_movie(tmp_path, half, model, STATES)[0].name for half in (1, 1, 2, 0, 1)]
    assert folders == ["movie01_half1", "movie02_half1", "movie01_half2", "movie01_half0", "movie03_half1"]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (np.zeros((0, 4)), "no states"),
        (np.zeros((3, 2)), "2 coordinates, but the model has 4"),
        (np.full((2, 4), np.nan), "state 0 of the trajectory is not finite"),
    ],
)
def test_that_states_which_do_not_suit_the_model_are_refused(
    tmp_path: Path, states: np.ndarray, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        save_movie(tmp_path, 1, BlobModel(), states)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,z1\n0,1\n", "lacks the column z2"),
        ("z1,z2\n", "holds no states"),
        ("z1,z2\n1,2\n1,much\n", "row 2: z2 is 'much'"),
        ("", "lacks the column z1, z2"),
    ],
)
def test_that_a_table_of_states_that_is_wrong_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "states.csv"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_states(path, 2)
    assert said in str(error.value)
