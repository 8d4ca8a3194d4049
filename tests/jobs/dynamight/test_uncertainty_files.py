"""Predicted errors in the files of a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import FormatError
from jobs.dynamight.outputs import PARTICLES, checkpoint_path, write_particles
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import TrainedModel, load_model, write_checkpoint
from jobs.dynamight.uncertainty import gaussian_errors, particle_errors
from jobs.dynamight.uncertainty_files import GAUSSIANS, particle_columns, write_errors
from jobs.formats.points import read_points
from jobs.formats.star import read_star_tables
from jobs.maths.coordinates import chimerax_to_centred


@pytest.fixture(scope="module")
def model(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    path = checkpoint_path(tmp_path_factory.mktemp("errors") / "job001", None)
    write_checkpoint(path, trained, "particles.star")
    return load_model(path)


def test_that_files_say_what_was_computed(model: TrainedModel, trained: Prepared, tmp_path: Path) -> None:
    job = tmp_path / "job001"
    assert write_errors(job, model) == [job / GAUSSIANS]
    write_particles(job, trained)
    before = read_star_tables(job / PARTICLES)["particles"]
    assert write_errors(job, model) == [job / GAUSSIANS, job / PARTICLES]
    first = {path: path.read_bytes() for path in (job / GAUSSIANS, job / PARTICLES)}
    table = read_star_tables(job / GAUSSIANS)["gaussians"]
    assert table.floats("hsErrorAngst") == pytest.approx(gaussian_errors(model), rel=1e-4, abs=1e-5)
    ends = [table.floats(name) for name in ("hsErrorLowAngst", "hsErrorHighAngst")]
    assert np.sqrt(ends[0] * ends[1]) == pytest.approx(table.floats("hsErrorAngst"), abs=1e-4)
    assert ends[1] / ends[0] == pytest.approx(1.246, rel=1e-3)
    assert (table.floats("hsRmsDisplacementAngst") > 0).all()
    assert (table.floats("hsHalfDifferenceAngst") > 0).all()
    frame, xyz = model.frame, torch.from_numpy(read_points(job / GAUSSIANS).xyz_a)
    centred = chimerax_to_centred(xyz, frame.box, frame.voxel_size_a, frame.origin_a)
    assert centred.numpy() == pytest.approx(model.halves[0].model.positions.numpy(), abs=1e-3)
    after = read_star_tables(job / PARTICLES)["particles"]
    assert after.columns == (*before.columns, "hsHalfDifferenceAngst", "hsErrorAngst")
    for name, values in particle_columns(model).items():
        assert after.floats(name) == pytest.approx(values, rel=1e-4, abs=1e-5)
    for half in (1, 2):
        rows = model.halves[half - 1].rows
        expected = particle_errors(model, half, rows)
        assert after.floats("hsErrorAngst")[rows] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    # Written again, nothing changes.
    write_errors(job, model)
    assert {path: path.read_bytes() for path in first} == first


def test_that_a_foreign_particle_file_is_left_alone(
    model: TrainedModel, trained: Prepared, tmp_path: Path
) -> None:
    job = tmp_path / "job001"
    write_particles(job, trained)
    tables = read_star_tables(job / PARTICLES)
    text = (job / PARTICLES).read_text().replace("hsHalfSet", "hsOther")
    (job / PARTICLES).write_text(text)
    with pytest.raises(FormatError, match=f"{tables['particles'].n_rows} particles"):
        write_errors(job, model)
    assert (job / PARTICLES).read_text() == text
