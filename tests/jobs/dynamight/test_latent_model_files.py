"""The explorer while files come, change and vanish: snapshots of a running job, particle files, images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from jobs.core.compute import free_device
from jobs.core.errors import UserError
from jobs.dynamight import explorer_source
from jobs.dynamight.latent_model import DynaMightSource, source
from jobs.dynamight.latent_particles import ParticleFile
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.params import JOB_TYPE
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import write_checkpoint
from jobs.dynamight.training import Silent
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare


@pytest.fixture(scope="module")
def kept(prepare: Prepare, tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a job that has written three epochs and is not finished."""
    project = Path(shutil.copytree(tiny.folder, tmp_path_factory.mktemp("running") / "project"))
    prepared = prepare(project)
    prepared.training.initialise()
    for epoch in range(3):
        prepared.training.epoch(Silent())
        write_checkpoint(checkpoint_path(project / "job001", epoch), prepared, "particles.star")
    return project


@pytest.fixture
def project(kept: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(kept, tmp_path / "project"))


def _source(project: Path) -> DynaMightSource:
    return source(project / "job001", project)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# -------------------------------------------------------------------------------------------- snapshots


def test_that_the_job_type_names_its_explorer(project: Path) -> None:
    module, _, function = JOB_TYPE.explorer.partition(":")
    assert (module, function) == (explorer_source.__name__, explorer_source.source.__name__)


def test_that_snapshots_come_by_epoch_and_the_final_one_last(project: Path, trained: Prepared) -> None:
    explored = _source(project)
    folder = checkpoint_path(project / "job001", 0).parent
    (folder / ".003.pth.123.tmp").write_bytes(b"half")
    (folder / "notes.pth").write_bytes(b"not ours")
    assert [(s.label, s.epoch) for s in explored.snapshots()] == [(f"epoch {k}", k) for k in range(3)]
    write_checkpoint(checkpoint_path(project / "job001", 1000), trained, "particles.star")
    write_checkpoint(checkpoint_path(project / "job001", None), trained, "particles.star")
    epochs = [s.epoch for s in explored.snapshots()]
    assert epochs == [0, 1, 2, 1000, None]
    assert explored.snapshots()[-1].label == "final"
    assert explored.snapshots()[-1].path.is_file()


def test_that_the_newest_snapshot_is_opened_and_older_ones_can_be(project: Path) -> None:
    explored = _source(project)
    newest = explored.open(1).embedding
    opened = [explored.open(1, s.path).embedding for s in explored.snapshots()]
    assert np.array_equal(newest, opened[2])
    assert not np.array_equal(newest, opened[1])
    assert explored.open(0).half_set.tolist() == [0] * 20


def test_that_a_snapshot_written_again_is_read_again(project: Path, trained: Prepared) -> None:
    explored = _source(project)
    before = explored.open(1).embedding
    path = explored.snapshots()[-1].path
    write_checkpoint(path, trained, "particles.star")
    after = explored.open(1).embedding
    assert not np.array_equal(before, after)
    assert np.array_equal(after, trained.training.halves[0].latents.means.numpy())


def test_that_a_snapshot_half_written_is_passed_over(project: Path) -> None:
    explored = _source(project)
    whole = explored.snapshots()[1].path
    cut = explored.snapshots()[2].path
    _cut(cut)
    assert [s.epoch for s in explored.snapshots()] == [0, 1]
    assert np.array_equal(explored.open(2).embedding, explored.open(2, whole).embedding)
    with pytest.raises(UserError, match=r"002\.pth.*damaged"):
        explored.open(2, cut)


def test_that_a_snapshot_damaged_inside_is_passed_over_too(project: Path) -> None:
    explored = _source(project)
    path = explored.snapshots()[2].path
    # The archive's directory at the end is whole, what it points to is not.
    content = bytearray(path.read_bytes())
    content[:2000] = bytes(2000)
    path.write_bytes(bytes(content))
    opened = explored.open(1)
    assert np.array_equal(opened.embedding, explored.open(1, explored.snapshots()[1].path).embedding)


def test_that_a_snapshot_that_vanished_is_named(project: Path) -> None:
    explored = _source(project)
    path = explored.snapshots()[0].path
    path.unlink()
    with pytest.raises(UserError, match=r"000\.pth.*does not exist any more"):
        explored.open(1, path)
    explored.open(1)


def test_that_a_job_without_snapshots_says_so(tmp_path: Path) -> None:
    explored = source(tmp_path / "job001", tmp_path)
    assert explored.snapshots() == []
    assert tuple(explored.half_sets) == (1, 2, 0)
    with pytest.raises(UserError, match="nothing to explore yet"):
        explored.open(1)


def test_that_half_set_0_needs_particles_held_out(prepare: Prepare, project: Path) -> None:
    prepared = prepare(validation_fraction=0.0)
    write_checkpoint(checkpoint_path(project / "job002", 4), prepared, "particles.star")
    explored = source(project / "job002", project)
    assert tuple(explored.half_sets) == (1, 2)
    with pytest.raises(UserError, match="no particles were held out"):
        explored.open(0)
    with pytest.raises(UserError, match="no half-set 3"):
        explored.open(3)


# -------------------------------------------------------------------------------------- particles, images


def test_that_columns_are_numbers_where_they_hold_only_numbers(project: Path) -> None:
    metadata = _source(project).open(1).metadata
    assert next(iter(metadata)) == "image_name"
    assert metadata["image_name"][0].endswith("@particles.mrcs")
    assert metadata["rlnOpticsGroup"].dtype == np.int64
    assert metadata["rlnDefocusU"].dtype == np.float64
    assert metadata["rlnImageName"].dtype == object
    assert all(values.shape == (100,) for values in metadata.values())
    assert "rlnDefocusU" in metadata
    assert "rlnNonsense" not in metadata
    with pytest.raises(KeyError):
        metadata["rlnNonsense"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], np.int64),
        (["1", "2.5", "3"], np.float64),
        (["1.0", "2.0", "3.0"], np.float64),
        (["1", "2", "three"], object),
        (["1", "nan", "3"], np.float64),
        (["99999999999999999999", "2", "3"], np.float64),
    ],
)
def test_that_kinds_of_columns_are_told_apart(cells: list[str], kind: type, tmp_path: Path) -> None:
    rows = "\n".join(f"{k + 1}@a.mrcs {cell}" for k, cell in enumerate(cells))
    path = tmp_path / "some.star"
    path.write_text(f"data_particles\n\nloop_\n_rlnImageName #1\n_some #2\n{rows}\n")
    columns = ParticleFile(path, tmp_path).columns(np.array([0, 1, 2]))
    assert columns["some"].dtype == kind


def test_that_particles_that_changed_since_are_refused(project: Path) -> None:
    explored = _source(project)
    explored.open(1)
    path = project / "particles.star"
    text = path.read_text().rstrip().splitlines()
    path.write_text("\n".join(text[:-1]) + "\n")
    with pytest.raises(UserError, match=r"particles\.star.*have changed since"):
        explored.open(1)
    path.write_text("\n".join(text) + "\n")
    explored.open(1)


def test_that_a_particle_file_that_is_gone_is_named(project: Path) -> None:
    explored = _source(project)
    (project / "particles.star").rename(project / "away.star")
    with pytest.raises(UserError, match=r"particles\.star.*is missing"):
        explored.open(1)


def test_that_without_images_all_but_the_view_of_a_particle_works(project: Path) -> None:
    (project / "particles.mrcs").unlink()
    opened = _source(project).open(0)
    state = opened.embedding[3]
    assert opened.decode(state).max() > 0
    assert opened.features().shape[0] == 20
    assert all(np.isfinite(values).all() for values in opened.measures.values())
    row = int(str(opened.metadata["image_name"][3]).split("@")[0])
    with pytest.raises(UserError, match=r"particles\.mrcs does not exist") as caught:
        opened.particle_view(3)
    assert caught.value.row == row


def test_that_a_device_is_chosen_that_is_there() -> None:
    import torch

    assert free_device() in (("cuda", "cpu") if torch.cuda.is_available() else ("cpu",))
