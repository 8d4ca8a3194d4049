"""Latent places of particles of tilt series: all images of near particles make a volume."""

from __future__ import annotations

import numpy as np
import pytest

from app.explorer_services import JobServices
from app.job_particles import particle_file_of
from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.formats.pickles import write_pickles
from jobs.latents.explorer_source import source
from jobs.latents.params import JOB_TYPE, LatentsOptions
from jobs.latents.particle_images import read_foreign_particles
from jobs.latents.sign import sign_of
from jobs.simulate.tilt_series import simulate_tilt_series
from jobs.simulate.tilt_specification import R4
from tests.jobs.latents.conftest import run_task


@pytest.fixture(scope="module")
def tilts(tmp_path_factory):
    """Two kinds of particles, whose kind is the latent place."""
    project = tmp_path_factory.mktemp("tilts")
    spec = R4.with_changes(n_particles=80, tilt_step_deg=12.0, snr=0.5, species=("A", "A+B"), invert=True)
    truth = simulate_tilt_series(spec, project / "Simulate/job001", image_prefix="Simulate/job001/")
    particles = read_foreign_particles(project / "Simulate/job001/particles.star", project, n_latent=80)
    place = {name: row for row, name in enumerate(truth.particle_name.tolist())}
    kind = truth.species[[place[str(name)] for name in particles.content.particle_name]]
    z = np.stack((kind * 2.0 - 1, np.random.default_rng(0).normal(size=80) * 0.1), 1).astype(np.float32)
    write_pickles(project / "z.pkl", z)
    return project, particles, kind


def options_of(**changed: object) -> LatentsOptions:
    values: dict[str, object] = {"fn_particles": "Simulate/job001/particles.star", "fn_latent": "z.pkl"}
    return LatentsOptions(**{**values, "nr_volumes": 2, "effective": 30, **changed})


def test_that_images_of_a_particle_are_taken_together(tilts):
    _, particles, _ = tilts
    assert particles.tilted and particles.n == 80
    rows = particles.images_of(np.array([3, 1]))
    counts = np.diff(particles.first)
    assert len(rows) == counts[3] + counts[1]
    assert rows[: counts[3]].tolist() == list(range(particles.first[3], particles.first[4]))


def test_that_a_job_opens_them_and_volumes_show_their_kind(tilts):
    project, particles, kind = tilts
    assert run_task(project, "Latents/job002/", options_of()) == 0
    model = source(project / "Latents/job002", project).open(0)
    made = [model.decode(model.embedding[np.flatnonzero(kind == k)].mean(0)) for k in (0, 1)]
    real = [read_map(project / f"Simulate/job001/species_{k + 1}.mrc").data for k in (0, 1)]
    for own, other in ((0, 1), (1, 0)):
        like = [np.corrcoef(made[own].ravel(), real[k].ravel())[0, 1] for k in (own, other)]
        assert like[0] > like[1] + 0.05
    assert model.metadata["n_tilts"].tolist() == np.diff(particles.first).tolist()
    assert next(iter(model.metadata)) == "image_name"


def test_that_the_sign_of_protein_is_found(tilts, tmp_path):
    _, dark, _ = tilts
    sign, sentence = sign_of(dark)
    assert sign == -1 and "dark" in sentence
    assert sign_of(dark, "white")[0] == 1
    spec = R4.with_changes(n_particles=40, tilt_step_deg=12.0, snr=0.5)
    simulate_tilt_series(spec, tmp_path / "white")
    white = read_foreign_particles(tmp_path / "white/particles.star", tmp_path / "white", n_latent=40)
    assert sign_of(white)[0] == 1


def test_that_changed_particles_are_noticed(tilts, tmp_path):
    project, _, _ = tilts
    assert run_task(project, "Latents/job003/", options_of(nr_volumes=0)) == 0
    facts = project / "Latents/job003/latents.json"
    facts.write_text(facts.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(UserError, match="no longer those"):
        source(project / "Latents/job003", project).open(0)
    with pytest.raises(UserError, match="nothing to explore yet"):
        source(tmp_path, project).open(0)


def test_that_a_wrong_number_ends_the_job_with_a_sentence(tilts, capfd):
    project, _, _ = tilts
    write_pickles(project / "short.pkl", np.zeros((79, 2), np.float32))
    assert run_task(project, "Latents/job004/", options_of(fn_latent="short.pkl")) != 0
    assert "79 particles" in capfd.readouterr().err
    assert not (project / "Latents/job004/latents.json").exists()


def test_that_the_explorer_opens_the_job_in_its_own_process(tilts):
    project, _, _ = tilts
    assert run_task(project, "Latents/job005/", options_of(nr_volumes=0)) == 0
    assert particle_file_of(project, "Latents/job005/", JOB_TYPE).name == "particles.star"
    services = JobServices(project, "Latents/job005/", JOB_TYPE)
    try:
        model = services.source.open(0)
        assert model.embedding.shape == (80, 2)
        volume = model.decode(model.embedding[0], 32)
        assert volume.shape == (32, 32, 32) and volume.std() > 0
    finally:
        services.close()
