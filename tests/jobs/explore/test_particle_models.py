"""Atomic models of particles, read back by another library, from a model with a known answer."""

from __future__ import annotations

import csv
from pathlib import Path

import gemmi
import numpy as np
import pytest
import starfile

from jobs.core.errors import AbortRequested, UserError
from jobs.explore.particle_lists import wanted_names
from jobs.explore.particle_models import check_number, save_particle_models, states_of
from tests.support.explored import STEP_A, BlobModel
from tests.support.models import write_peptide
from tests.support.particle_files import write_particles

MODELS = {1: BlobModel(half=1), 2: BlobModel(half=2)}
NAMES = [
    "3@Extract/job001/stack.mrcs",
    "000008@Extract/job002/stack.mrcs",
    "000001@Extract/job001/stack.mrcs",
]
ROWS = [(1, 2), (2, 7), (1, 0)]


def coordinates(model: gemmi.Model) -> np.ndarray:
    return np.array([site.atom.pos.tolist() for site in model.all()])


def expected(rest: np.ndarray, half: int, row: int) -> np.ndarray:
    """The chain at x > 48 Å moves with the first coordinate of the particle's own half-set."""
    return rest + np.outer(rest[:, 0] > 48, [MODELS[half].embedding[row, 0] * STEP_A, 0, 0])


@pytest.mark.parametrize("one_file", [False, True])
def test_that_each_particle_has_the_model_of_its_state_in_its_half_set(
    tmp_path: Path, one_file: bool
) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    rest = coordinates(gemmi.read_structure(str(source))[0])
    particles = states_of(NAMES, MODELS)
    folder, notes = save_particle_models(tmp_path, MODELS, particles, source, one_file=one_file)
    assert folder == tmp_path / "models" / "models01_half12" and notes == []
    table = starfile.read(folder / "models.star")
    assert table["rlnImageName"].tolist() == NAMES and table["hsHalfSet"].tolist() == [1, 2, 1]
    kinds = ("model.cif", "model.pdb") if one_file else ("particle0000.cif",)
    assert sorted(p.name for p in folder.iterdir() if p.suffix in (".cif", ".pdb"))[: len(kinds)] == list(
        kinds
    )
    for k, (half, row) in enumerate(ROWS):
        moved = expected(rest, half, row)
        structure = gemmi.read_structure(str(folder / table["hsModelFile"][k]))
        assert len(structure) == (3 if one_file else 1)
        np.testing.assert_allclose(coordinates(structure[table["hsModelNumber"][k] - 1]), moved, atol=6e-4)
        latent = [table[f"hsLatent{d + 1}"][k] for d in range(4)]
        np.testing.assert_array_equal(np.array(latent, np.float32), MODELS[half].embedding[row])
        rms = np.sqrt(((moved - rest) ** 2).sum(1).mean())
        assert table["hsAtomRmsDisplacementAngst"][k] == pytest.approx(rms, abs=2e-4)
    if one_file:
        assert [len(gemmi.read_structure(str(folder / kind))) for kind in kinds] == [3, 3]
    with (folder / "models.csv").open() as file:
        assert [row["rlnImageName"] for row in csv.DictReader(file)] == NAMES
    script = (folder / "models.cxc").read_text()
    assert ("open model.cif coordsets true" if one_file else "open particle0002.cif\n") in script


def test_that_a_list_is_a_star_file_names_rows_or_numbers(tmp_path: Path) -> None:
    names = [f"{k + 1:06d}@s.mrcs" for k in range(9)]
    star = write_particles(tmp_path / "all.star", names)
    subset = write_particles(tmp_path / "subset.star", [names[6], names[2]])
    (tmp_path / "names.txt").write_text("# row, particle\n6 7@s.mrcs\n2 000003@s.mrcs\n6 7@s.mrcs\n")
    (tmp_path / "rows.txt").write_text("# rows\n6\n2\n")
    np.save(tmp_path / "rows.npy", np.array([6, 2]))

    def read(text: str | Path) -> list[str]:
        return wanted_names(str(text), lambda: star)

    assert read(subset) == read(tmp_path / "rows.txt") == read(tmp_path / "rows.npy") == [names[6], names[2]]
    # Each particle once, however often and in whatever spelling it is listed.
    assert read(tmp_path / "names.txt") == ["7@s.mrcs", names[2]]
    assert read("0,3-5") == [names[k] for k in (0, 3, 4, 5)]
    with pytest.raises(UserError, match="row 9 is asked for, but the particle file has 9 particles"):
        read("8-9")
    with pytest.raises(UserError, match="no such list"):
        read("missing.star")


def test_that_more_models_than_meant_are_refused_in_words() -> None:
    check_number(1000)
    with pytest.raises(UserError, match=r"1,001 particles are chosen.*1,000 are written at most"):
        check_number(1001)
    with pytest.raises(UserError, match="no particles are chosen"):
        check_number(0)


def test_that_particles_of_another_half_set_are_named() -> None:
    with pytest.raises(UserError, match=r"1 of 3 particles are not in half-set 1, such as 000008@"):
        states_of(NAMES, {1: MODELS[1]})


def test_that_giving_up_leaves_nothing(tmp_path: Path) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    told: list[int] = []
    with pytest.raises(AbortRequested):
        save_particle_models(
            tmp_path,
            MODELS,
            states_of(NAMES, MODELS),
            source,
            progress=lambda done, of, text: told.append(done),
            cancelled=lambda: len(told) > 1,
        )
    assert told == [0, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["in.pdb"]
