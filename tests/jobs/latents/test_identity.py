"""Latent files of every program, and which place belongs to which particle."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.cryosparc import read_cs, write_cs
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.latents.identity import match
from jobs.latents.latent_files import read_latents
from jobs.latents.particle_images import ForeignParticles, read_foreign_particles
from tests.support.particle_files import N, image_names, write_particles

Z = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)


@pytest.fixture
def particles(tmp_path) -> ForeignParticles:
    optics = {"rlnDefocusV": np.full(N, 10000.0), "rlnDefocusAngle": np.zeros(N)}
    path = write_particles(tmp_path / "particles.star", columns=optics)
    return read_foreign_particles(path, tmp_path, images=False)


def pickled(path: Path, *objects: object) -> Path:
    with path.open("wb") as file:
        for item in objects:
            pickle.dump(item, file)
    return path


def test_that_places_and_variances_of_cryodrgn_are_read_and_follow_the_order(tmp_path, particles):
    table = read_latents(pickled(tmp_path / "z.7.pkl", Z, Z - 5))
    np.testing.assert_array_equal(table.values, Z)
    np.testing.assert_array_equal(table.log_variance, Z - 5)
    found = match(table, particles)
    np.testing.assert_array_equal(found.particle, np.arange(N))
    assert "in the same order" in found.sentence


def test_that_the_particles_that_a_training_took_are_found_by_its_config(tmp_path, particles):
    taken = np.array([2, 3, 5, 11])
    pickled(tmp_path / "ind.pkl", taken)
    (tmp_path / "config.yaml").write_text(
        "cmd:\n- cryodrgn\ndataset_args:\n  datadir: null\n  ind: ind.pkl\n  particles: p.star\nseed: 1\n"
    )
    table = read_latents(pickled(tmp_path / "z.pkl", Z[:4]))
    found = match(table, particles)
    np.testing.assert_array_equal(found.particle, taken)
    assert "4 of 12 particles" in found.sentence and "--ind" in found.sentence


def test_that_the_config_of_tomodrgn_may_hold_the_numbers_themselves(tmp_path, particles):
    parts = {"starfile_args": {"ind_ptcls": np.array([7, 1])}, "dataset_args": {}}
    config = pickled(tmp_path / "config.pkl", parts)
    found = match(read_latents(pickled(tmp_path / "z.pkl", Z[:2])), particles, config)
    np.testing.assert_array_equal(found.particle, [1, 7])
    np.testing.assert_array_equal(found.latent, [1, 0])


def test_that_an_order_that_the_config_states_counts_where_numbers_fit(tmp_path, particles):
    order = np.roll(np.arange(N), 1)
    config = pickled(tmp_path / "config.pkl", {"dataset_args": {"ind": order}})
    found = match(read_latents(pickled(tmp_path / "z.pkl", Z)), particles, config)
    np.testing.assert_array_equal(order[found.latent], found.particle)


def test_that_a_count_that_does_not_fit_is_refused_with_both_numbers(tmp_path, particles):
    table = read_latents(pickled(tmp_path / "z.pkl", Z[:-1]))
    with pytest.raises(UserError, match=r"11 particles, and 12 particles in .*particles.star.*--ind"):
        match(table, particles)


def test_that_an_index_file_that_is_gone_is_named(tmp_path, particles):
    (tmp_path / "config.yaml").write_text("dataset_args:\n  ind: /elsewhere/good.pkl\n")
    table = read_latents(pickled(tmp_path / "z.pkl", Z[:4]))
    with pytest.raises(UserError, match=r"good\.pkl names .*no such file"):
        match(table, particles)


class Harm:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))


def test_that_a_pickle_that_wants_to_run_something_is_refused(tmp_path):
    with pytest.raises(FormatError, match="nothing of it was run"):
        read_latents(pickled(tmp_path / "z.pkl", Harm()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((Z, Z[:, :2]), "log-variances"),
        ((Z, Z, Z), "one or two arrays, this one 3"),
        ((np.zeros((2, 3, 4)),), "one row of coordinates"),
        ((["a"],), "no array of numbers"),
        ((np.full((4, 2), np.nan),), "no coordinates"),
        (({"weights": 1},), "no latent coordinates"),
    ],
)
def test_that_pickles_of_another_form_are_refused(tmp_path, content, words):
    with pytest.raises(FormatError, match=words):
        read_latents(pickled(tmp_path / "z.pkl", *content))


def test_that_embeddings_of_recovar_are_read_and_missing_rows_left_out(tmp_path, particles):
    four = np.hstack((Z, Z[:, :1]))
    four[3] = np.nan
    path = pickled(tmp_path / "embeddings.pkl", {"latent_coords": {2: Z[:, :2], 4: four, "4_noreg": four}})
    table = read_latents(path)
    assert table.program == "RECOVAR" and table.values.shape == (N, 4)
    assert "called 4" in table.notes[0]
    found = match(table, particles)
    assert 3 not in found.particle and len(found.particle) == N - 1
    assert "1 without a place" in found.sentence
    assert read_latents(path, "2:").values.shape == (N, 2)
    assert read_latents(path, "4: 1-2").values.shape == (N, 2)
    with pytest.raises(UserError, match="no latent space 10"):
        read_latents(path, "10:")
    np.save(tmp_path / "latent_coords.npy", four)
    np.testing.assert_array_equal(read_latents(tmp_path / "latent_coords.npy").values, four)


def test_that_rows_in_the_order_of_half_sets_are_refused(tmp_path):
    pickled(tmp_path / "params.pkl", {"volume_shape": (8, 8, 8)})
    path = pickled(tmp_path / "embeddings.pkl", {"zs": {4: Z}})
    with pytest.raises(UserError, match="ordered by half-set"):
        read_latents(path)


@pytest.fixture
def components(shared, tmp_path) -> tuple[Path, Path]:
    """Particles of cryoSPARC, and a shuffled file of some of them with components."""
    source = shared / "data/cryosparc/cryosparc_P12_J24_001_particles.cs"
    rows = read_cs(source)
    chosen = np.random.default_rng(0).permutation(len(rows))[:50]
    kinds = [("uid", "<u8"), ("components_mode_0/value", "<f4"), ("components_mode_1/value", "<f4")]
    table = np.zeros(50, kinds)
    table["uid"] = rows["uid"][chosen]
    table["components_mode_0/value"] = chosen
    table["components_mode_1/value"] = -chosen.astype(np.float32)
    write_cs(tmp_path / "components.cs", table)
    return source, tmp_path / "components.cs"


@pytest.mark.reference
def test_that_components_of_cryosparc_find_their_particles_by_uid(components, tmp_path):
    source, path = components
    found = match(table := read_latents(path), read_foreign_particles(source, tmp_path, images=False))
    assert table.columns == ("components_mode_0", "components_mode_1")
    np.testing.assert_array_equal(table.values[found.latent, 0], found.particle)
    assert "uid" in found.sentence
    assert read_latents(path, "2").columns == ("components_mode_1",)


@pytest.mark.reference
def test_that_components_find_particles_of_a_star_file_by_image_names(components, tmp_path):
    source, path = components
    everything = read_foreign_particles(source, tmp_path, images=False)
    everything.content.write(tmp_path / "all.star")
    rows = read_cs(path)
    full = read_cs(source)
    order = rows["components_mode_0/value"].astype(int)
    kinds = [("blob/path", full.dtype["blob/path"]), ("blob/idx", "<u4"), ("components_mode_0/value", "<f4")]
    table = np.zeros(len(rows), kinds)
    for name in ("blob/path", "blob/idx"):
        table[name] = full[name][order]
    table["components_mode_0/value"] = order
    write_cs(tmp_path / "named.cs", table)
    latents = read_latents(tmp_path / "named.cs")
    found = match(latents, read_foreign_particles(tmp_path / "all.star", tmp_path, images=False))
    np.testing.assert_array_equal(latents.values[found.latent, 0], found.particle)
    assert "names of images" in found.sentence


@pytest.mark.reference
def test_that_components_of_other_particles_are_refused(components, shared, tmp_path):
    other = shared / "data/cryosparc/cryosparc_J2_particles_exported.cs"
    particles = ForeignParticles(
        read_foreign_particles(components[0], tmp_path, images=False).content.select(np.arange(10))
    )
    with pytest.raises(UserError, match="not in the particle file"):
        match(read_latents(components[1]), particles)
    with pytest.raises(FormatError, match="no components"):
        read_latents(other)


@pytest.mark.parametrize("ending", ["csv", "txt", "star"])
def test_that_tables_find_their_particles_by_name_in_any_order(tmp_path, particles, ending):
    order = np.random.default_rng(1).permutation(N)
    names = [image_names()[i] for i in order]
    path = tmp_path / f"latent.{ending}"
    if ending == "star":
        columns = {"rlnImageName": names, "rlnDefocusU": order * 1.0, "myX": order + 0.5, "myY": order - 0.5}
        write_star_tables(path, {"particles": StarTable.from_columns("particles", columns)})
    else:
        gap = "," if ending == "csv" else "  "
        lines = [gap.join(("image_name", "myX", "myY"))]
        lines += [gap.join((n, str(i + 0.5), str(i - 0.5))) for n, i in zip(names, order, strict=True)]
        path.write_text("\n".join(lines) + "\n")
    table = read_latents(path)
    assert table.columns == ("myX", "myY")
    found = match(table, particles)
    np.testing.assert_array_equal(table.values[found.latent, 0], found.particle + 0.5)
    assert read_latents(path, "myY").values[:, 0].tolist() == (order - 0.5).tolist()
    with pytest.raises(UserError, match="no column myZ"):
        read_latents(path, "myZ")


def test_that_names_of_other_particles_are_refused(tmp_path, particles):
    lines = ["image_name,x", *(f"{k + 1:06d}@Other/stack.mrcs,{k}" for k in range(N))]
    (tmp_path / "z.csv").write_text("\n".join(lines))
    with pytest.raises(UserError, match="other particles: 000001@Other"):
        match(read_latents(tmp_path / "z.csv"), particles)


def test_that_a_particle_with_two_places_is_refused(tmp_path, particles):
    names = [image_names()[0], *image_names()[:3]]
    (tmp_path / "z.csv").write_text("\n".join(["image_name,x", *(f"{n},{k}" for k, n in enumerate(names))]))
    with pytest.raises(UserError, match="1 particles have two latent places"):
        match(read_latents(tmp_path / "z.csv"), particles)


@pytest.mark.parametrize(("text", "words"), [("4", "coordinates 1 to 3"), ("1,1", "twice"), ("0", "1 to 3")])
def test_that_coordinates_that_are_not_there_are_refused(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read_latents(pickled(tmp_path / "z.pkl", Z), text)
