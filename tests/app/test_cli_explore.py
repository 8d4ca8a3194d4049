"""The command ``states``: what it writes, from a model with a known answer."""

from __future__ import annotations

import csv
import dataclasses
import sys
import types
from collections.abc import Callable
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest
import starfile

from app import __main__ as door
from app.project.project import Project
from jobs import registry
from jobs.core.job_star import JobStar, write_job_star
from tests.support.explored import STEP_A, BlobModel, BlobSource
from tests.support.models import write_peptide
from tests.support.particle_files import write_particles

Call = Callable[..., tuple[int, str, str]]
JOB = "DynaMight/job001"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], explored: Project) -> Call:
    """Give a command about the job; returns exit code, standard output and standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        given = ["states", JOB, *(str(word) for word in words), "--project", str(explored.path)]
        code = door.main(given)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def explored(project_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a finished job whose latent space is that of the blobs."""
    module = types.ModuleType("blobs_of_tests")
    module.source = lambda job_dir, project_dir: BlobSource(path=job_dir)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blobs_of_tests", module)
    job_type = dataclasses.replace(registry.JOB_TYPES["dynamight"], explorer="blobs_of_tests:source")
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", job_type)
    project = Project.create(project_dir)
    names = [str(n) for half in (1, 2) for n in BlobModel(half=half).metadata["image_name"]]
    write_particles(project_dir / "Extract/job000/particles.star", names)

    def prepare(folder: Path, _name: str) -> None:
        values = {"fn_star": "Extract/job000/particles.star", "fn_map": "map.mrc"}
        write_job_star(folder / "job.star", JobStar("dynamight", is_continue=False, values=values))

    job = project.new_job("DynaMight", "dynamight", prepare=prepare)
    project.mark_finished(job.name)
    return project


def volume(path: str | Path) -> np.ndarray:
    with mrcfile.open(path) as file:
        return np.asarray(file.data).copy()


def centre_x(data: np.ndarray) -> float:
    """Place of the moving blob along x in Å; the other, of the same mass, rests at -12 Å."""
    profile = data.sum((0, 1))
    return float(2 * 4 * (profile * (np.arange(24) - 12)).sum() / profile.sum() + 12)


# --------------------------------------------------------------------------------------------------- maps


def test_that_the_map_of_a_particle_is_the_one_of_its_state(call: Call, explored: Project) -> None:
    code, out, _ = call("map", "--particle", "8@Extract/job001/stack.mrcs")
    assert code == 0
    assert out.strip() == str(explored.path / JOB / "maps/map001_half1.mrc")
    model = BlobModel()
    np.testing.assert_array_equal(volume(out.strip()), model.decode(model.embedding[7]))


def test_that_a_state_is_given_by_numbers_a_component_or_as_the_consensus(call: Call) -> None:
    model = BlobModel()
    paths = []
    for words in (
        ("--latent", "-0.5,0.1,0,0"),
        ("--component", 1, "--at", "-0.5"),
        ("--component", 1, "--at", "95%"),
        ("--consensus",),
    ):
        code, out, err = call("map", *words)
        assert code == 0, err
        paths.append(out.strip())
    np.testing.assert_array_equal(volume(paths[0]), model.decode(np.array([-0.5, 0.1, 0, 0], np.float32)))
    np.testing.assert_array_equal(volume(paths[3]), model.decode(None))
    # the first component is nearly the first coordinate, whose sign it may turn
    low, high = centre_x(volume(paths[1])), centre_x(volume(paths[2]))
    assert abs(high - low) == pytest.approx(STEP_A * (0.5 + 1.645), abs=1.5)


def test_that_the_half_set_is_chosen_and_stands_in_the_name(call: Call) -> None:
    code, out, _ = call("map", "--particle", "000003@Extract/job002/stack.mrcs", "--half", 2)
    assert code == 0 and out.strip().endswith("maps/map001_half2.mrc")
    code, _, err = call("map", "--particle", "000003@Extract/job002/stack.mrcs")
    assert code == 2 and "is no particle of half-set 1. Another half-set can be chosen with --half" in err


# ------------------------------------------------------------------------------------------------- movies


def test_that_a_movie_along_a_component_moves_the_blob_and_the_atoms_all_the_way(
    call: Call, explored: Project, tmp_path: Path
) -> None:
    atoms = write_peptide(tmp_path / "in.pdb")
    code, out, err = call("movie", "--component", 1, "--frames", 9, "--atoms", atoms)
    assert code == 0, err
    folder = Path(out.strip())
    assert folder == explored.path / JOB / "movies/movie01_half1"
    assert len(list(folder.glob("volume*.mrc"))) == 9
    z = BlobModel().embedding[:, 0]
    expected = STEP_A * (np.percentile(z, 98) - np.percentile(z, 2))
    ends = [centre_x(volume(folder / name)) for name in ("volume000.mrc", "volume008.mrc")]
    assert abs(ends[1] - ends[0]) == pytest.approx(expected, rel=0.15)
    models = gemmi.read_structure(str(folder / "model.pdb"))
    places = [max(site.atom.pos.x for site in models[k].all()) for k in (0, 8)]
    assert abs(places[1] - places[0]) == pytest.approx(expected, rel=0.05)
    assert "along component 1" in (folder / "movie.cxc").read_text()


def test_that_a_movie_leads_through_particles_and_can_be_written_again_from_its_table(call: Call) -> None:
    names = [f"{k:06d}@Extract/job001/stack.mrcs" for k in (1, 5, 9)]
    folder = Path(call("movie", "--through", ",".join(names), "--frames", 12)[1].strip())
    with (folder / "states.csv").open() as file:
        rows = np.array([[float(row[f"z{k}"]) for k in (1, 2, 3, 4)] for row in csv.DictReader(file)])
    assert rows.shape == (12, 4)
    for particle in BlobModel().embedding[[0, 4, 8]]:
        assert np.abs(rows - particle).max(axis=1).min() < 1e-6
    again = Path(call("movie", "--path", folder / "states.csv")[1].strip())
    assert (again / "states.csv").read_text() == (folder / "states.csv").read_text()
    assert (again / "volume005.mrc").read_bytes() == (folder / "volume005.mrc").read_bytes()


def test_that_a_movie_along_crowded_regions_starts_and_ends_at_particles(call: Call) -> None:
    names = [f"{k:06d}@Extract/job001/stack.mrcs" for k in (1, 9)]
    code, out, err = call("movie", "--dense", "--through", ",".join(names), "--frames", 6)
    assert code == 0, err
    ends = [volume(Path(out.strip()) / name) for name in ("volume000.mrc", "volume005.mrc")]
    model = BlobModel()
    for data, row in zip(ends, (0, 8), strict=True):
        np.testing.assert_allclose(data, model.decode(model.embedding[row]), atol=1e-4)
    assert call("movie", "--dense", "--frames", 3)[0] == 0


# ------------------------------------------------------------------------------------------------ subsets


def test_that_a_subset_holds_the_particles_that_meet_all_conditions(call: Call, explored: Project) -> None:
    code, out, err = call("subset", "--where", "rlnDefocusU > 15000", "--where", "rlnClassNumber = 2")
    assert code == 0, err
    model = BlobModel()
    mask = (model.metadata["rlnDefocusU"] > 15000) & (model.metadata["rlnClassNumber"] == 2)
    assert f"{mask.sum()} of 400 particles are chosen" in err
    written = starfile.read(out.strip())["particles"]
    assert written["rlnImageName"].tolist() == model.metadata["image_name"][mask].tolist()
    assert explored.job_outputs(JOB) == []


def test_that_conditions_clusters_and_lists_are_joined_by_or_and_turned_round(
    call: Call, tmp_path: Path
) -> None:
    names = BlobModel().metadata["image_name"]
    listed = tmp_path / "names.txt"
    listed.write_text("\n".join(names[:3]))
    sizes = []
    for words in (
        ("--names", listed),
        ("--names", listed, "--invert"),
        ("--names", listed, "--where", "z1 > 0", "--any"),
        *(("--inside-cluster", k, "--clusters", 3) for k in (1, 2, 3)),
    ):
        code, out, err = call("subset", *words)
        assert code == 0, err
        sizes.append(len(starfile.read(out.strip())["particles"]))
    z = BlobModel().embedding[:, 0]
    assert sizes[:3] == [3, 397, int(((z > 0) | (np.arange(400) < 3)).sum())]
    assert sum(sizes[3:]) == 400 and sizes[3] >= sizes[4] >= sizes[5] > 0


def test_that_a_registered_subset_can_be_the_input_of_a_new_job(call: Call, explored: Project) -> None:
    code, out, err = call("subset", "--where", "amount > 5", "--register")
    assert code == 0, err
    again = Project.open(explored.path)
    (node,) = again.job_outputs(JOB)
    assert str(explored.path / node.name) == out.strip()
    assert node in again.nodes_for(["ParticleGroupMetadata.star.relion"])


def test_that_a_subset_is_written_for_cryosparc_and_as_rows(call: Call, tmp_path: Path) -> None:
    rows = np.zeros(400, [("blob/path", "S40"), ("blob/idx", "<u4"), ("value", "<f8")])
    rows["blob/path"], rows["blob/idx"] = b"J1/extract/stack.mrc", np.arange(400)
    rows["value"] = np.arange(400)
    cs = tmp_path / "particles.cs"
    with cs.open("wb") as file:
        np.save(file, rows)
    chosen = np.flatnonzero(BlobModel().embedding[:, 0] > 1)
    code, out, err = call("subset", "--where", "z1 > 1", "--cs", cs)
    assert code == 0, err
    assert np.load(out.strip(), allow_pickle=False)["value"].tolist() == chosen.tolist()
    code, out, err = call("subset", "--where", "z1 > 1", "--indices")
    assert code == 0, err
    assert np.load(Path(out.strip()).with_suffix(".npy"), allow_pickle=False).tolist() == chosen.tolist()


# --------------------------------------------------------------------------------------------- embeddings


def test_that_an_embedding_is_a_table_of_particles(call: Call, tmp_path: Path) -> None:
    out_file = tmp_path / "pca.csv"
    code, out, err = call("embedding", "--by-deformation", "--out", out_file)
    assert (code, out.strip()) == (0, str(out_file)), err
    with out_file.open() as file:
        rows = list(csv.reader(file))
    assert rows[0][:2] == ["image_name", "motion 1 (100 %)"]
    model = BlobModel()
    assert [row[0] for row in rows[1:]] == model.metadata["image_name"].tolist()
    place = np.array([float(row[1]) for row in rows[1:]])
    # distances are rms differences of displacement in Å
    spread = np.ptp(model.embedding[:, 0]) * STEP_A / np.sqrt(2)
    assert np.ptp(place) == pytest.approx(spread, rel=1e-4)


# ----------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["maps"], "There is no 'maps' of states. Did you mean map?"),
        (["map"], "One of --particle, --latent, --component, --consensus is needed"),
        (["map", "--consensus", "--component", "1"], "Only one of --particle"),
        (["map", "--latent", "1,2"], "2 coordinates, but the model has 4"),
        (["map", "--latent", "a,b"], "'a,b' is no list of numbers"),
        (["map", "--component", "9"], "there is no component 9: there are 4"),
        (["map", "--consensus", "--atoms", "none.pdb"], "none.pdb, column --atoms: the file does not exist"),
        (["movie"], "One of --component, --through, --path is needed"),
        (["movie", "--component", "1", "--frames", "1"], "two frames or more, not 1"),
        (["movie", "--component", "1", "--low", "90", "--high", "10"], "percentiles from 0 to 100"),
        (["movie", "--component", "1", "--frame", "9"], "Did you mean --frames?"),
        (["subset"], "One of --where, --inside-cluster, --names is needed"),
        (["subset", "--where", "amount > 1e9"], "no particles are selected"),
        (["subset", "--where", "amont > 1"], "Did you mean amount?"),
        (["subset", "--where", "z1 > 0", "--indices", "--register"], "--register is for RELION's subsets"),
        (["subset", "--inside-cluster", "6"], "a number from 1 to 5"),
        (["embedding", "--method", "umpa", "--out", "a.csv"], "Did you mean umap?"),
    ],
)
def test_that_a_mistake_is_one_sentence_and_leaves_nothing(
    call: Call, explored: Project, words: list[str], said: str
) -> None:
    before = sorted(explored.path.rglob("*"))
    code, out, err = call(*words)
    assert (code, out) == (2, ""), err
    assert said in err and "Traceback" not in err
    assert sorted(explored.path.rglob("*")) == before


def test_that_a_job_without_states_says_so(
    call: Call, explored: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = dataclasses.replace(registry.JOB_TYPES["dynamight"], explorer="")
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", plain)
    code, _, err = call("map", "--consensus")
    assert code == 2 and "has no latent space" in err


def test_that_every_part_has_help(call: Call) -> None:
    for what in ("map", "movie", "subset", "embedding"):
        code, out, _ = call(what, "--help")
        assert code == 0 and f"heteroscope states {JOB} {what}" in out


# ------------------------------------------------------------------------------------- models of particles


def test_that_models_of_a_saved_subset_follow_their_particles(
    call: Call, explored: Project, tmp_path: Path
) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    code, subset, err = call("subset", "--where", "z1 > 1.5")
    assert code == 0, err
    code, out, err = call("models", "--atoms", source, "--particles", subset.strip())
    assert code == 0, err
    table = starfile.read(Path(out.strip()) / "models.star")
    model = BlobModel()
    chosen = model.metadata["image_name"][model.embedding[:, 0] > 1.5]
    assert table["rlnImageName"].tolist() == chosen.tolist()
    assert all((Path(out.strip()) / name).is_file() for name in table["hsModelFile"])


def test_that_too_many_models_are_refused_with_the_way_to_have_them(call: Call, tmp_path: Path) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    code, _, err = call("models", "--atoms", source, "--particles", "0-7", "--most", 5)
    assert code != 0 and "8 particles are chosen" in err and "--most 8" in err
    code, out, err = call("models", "--atoms", source, "--particles", "399,400", "--one-file")
    assert code == 0, err
    assert starfile.read(Path(out.strip()) / "models.star")["hsHalfSet"].tolist() == [1, 2]
