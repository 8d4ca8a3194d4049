"""A small training from options to files, and what is done with the folder afterwards."""

from __future__ import annotations

import pickle
import re
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import commands, eval_vol, task_filter, train
from jobs.tomodrgn.explorer_source import source
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.outputs import epoch_line, latent_path, read_latent
from jobs.tomodrgn.tidying import find_files
from tests.jobs.tomodrgn.conftest import context_of, small_options

pytestmark = pytest.mark.usefixtures("any_device")

_EPOCH = re.compile(
    r"# =====> Epoch: (\d+) Average gen loss = ([\d.]+), KLD = ([\d.]+), total loss = ([\d.]+); "
    r"Finished in (\d+):(\d\d):(\d\d\.\d+)"
)


def test_that_a_training_leaves_the_files_that_users_know(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    wanted = {f"{stem}.{e}.pkl" for stem in ("weights", "z") for e in (0, 1)}
    wanted |= {"weights.pkl", "z.pkl", "config.pkl", "run.log"}
    assert wanted | {"10076_both_32_sim_tomodrgn_preprocessed.star"} <= names
    epochs = _EPOCH.findall((trained / "run.log").read_text())
    assert [int(line[0]) for line in epochs] == [1, 2]
    with (trained / "z.pkl").open("rb") as file:
        mean, log_variance = pickle.load(file), pickle.load(file)
        assert not file.read()
    assert mean.dtype == log_variance.dtype == np.float32
    assert mean.shape == log_variance.shape == (16, 3)
    state = torch.load(trained / "weights.pkl", weights_only=True)
    assert state["epoch"] == 1 and "model_state_dict" in state
    again = read_tilt_particles(
        trained / "10076_both_32_sim_tomodrgn_preprocessed.star", require_images=False
    )
    assert again.n == 16 and "UnfilteredParticleInds" in again.table


def test_that_the_line_of_an_epoch_is_that_which_scripts_look_for() -> None:
    found = _EPOCH.fullmatch(epoch_line(0, 0.9, 3.5, 0.91, 3723.25))
    assert found is not None
    assert found.groups() == ("1", "0.900000", "3.500000", "0.910000", "1", "02", "03.250000")


def test_that_more_epochs_go_on_where_the_training_ended(trained: Path, tmp_path: Path, shared: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(trained.parents[1], project)
    before = read_latent(latent_path(trained, 1))[0]
    context = context_of(
        project, "TomoDRGN/job001/", small_options(shared, n_epochs=3, do_more_epochs=True), "more"
    )
    train.run(context)
    context.metrics.close()
    folder = open_folder(context.folder.path)
    assert folder.epochs == [0, 1, 2]
    np.testing.assert_array_equal(folder.latent(1)[0], before)
    straight = context_of(project, "TomoDRGN/job002/", small_options(shared, n_epochs=3))
    train.run(straight)
    straight.metrics.close()
    np.testing.assert_allclose(folder.latent()[0], open_folder(straight.folder.path).latent()[0], atol=1e-5)


def test_that_a_model_without_latent_space_writes_its_volume(tmp_path: Path, shared: Path) -> None:
    options = small_options(shared, model_kind="train_nn", zdim=None, n_epochs=1)
    context = context_of(tmp_path, "TomoDRGN/job001/", options)
    train.run(context)
    context.metrics.close()
    job = context.folder.path
    with mrcfile.open(job / "reconstruct.mrc") as map_file:
        assert map_file.data.shape == (32, 32, 32)
        assert float(map_file.voxel_size.x) == pytest.approx(13.1, abs=1e-3)
    assert (job / "reconstruct.0.mrc").exists() and not (job / "z.pkl").exists()
    folder = open_folder(job)
    assert (folder.config.kind, folder.config.zdim) == ("train_nn", 0)
    assert eval_vol.places_of(eval_vol.VolumeOrder(), folder, None) is None
    assert commands.main(["eval_vol", str(job / "weights.pkl"), "-o", str(tmp_path / "v")]) == 0
    with mrcfile.open(tmp_path / "v" / "vol_000.mrc") as decoded, mrcfile.open(job / "reconstruct.mrc") as m:
        np.testing.assert_allclose(decoded.data, m.data, atol=1e-4 * float(np.abs(m.data).max()))


def test_that_a_split_of_images_writes_places_of_both_parts(tmp_path: Path, shared: Path) -> None:
    options = small_options(shared, fraction_train=0.5, n_epochs=1)
    context = context_of(tmp_path, "TomoDRGN/job001/", options)
    train.run(context)
    context.metrics.close()
    job = context.folder.path
    taught, held_back = (read_latent(latent_path(job, 0, part))[0] for part in ("train", "test"))
    assert taught.shape == held_back.shape == (16, 3)
    assert not np.array_equal(taught, held_back)


def test_that_volumes_have_the_pixel_size_of_their_box(trained: Path, tmp_path: Path) -> None:
    words = ["--z-start", "0", "0", "0", "--z-end", "1", "0", "2", "-n", "3", "-d", "16", "--prefix", "v"]
    out = tmp_path / "vols"
    assert commands.main(["eval_vol", "-w", str(trained / "weights.pkl"), "-o", str(out), *words]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["v000.mrc", "v001.mrc", "v002.mrc", "z_values.txt"]
    np.testing.assert_allclose(np.loadtxt(out / "z_values.txt"), [[0, 0, 0], [0.5, 0, 1], [1, 0, 2]])
    with mrcfile.open(out / "v001.mrc") as volume:
        assert volume.data.shape == (16, 16, 16)
        assert float(volume.voxel_size.x) == pytest.approx(26.2, abs=1e-3)


def test_that_flipped_inverted_volumes_are_the_mirrored_negative(trained: Path, tmp_path: Path) -> None:
    maps = []
    for name, more in (("a", []), ("b", ["--flip", "--invert", "--Apix", "5"])):
        words = [
            "eval_vol",
            str(trained / "weights.1.pkl"),
            "-o",
            str(tmp_path / name),
            "-z",
            "1",
            "-1",
            "0.5",
        ]
        assert commands.main([*words, *more]) == 0
        with mrcfile.open(tmp_path / name / "vol_000.mrc") as volume:
            maps.append(volume.data.copy())
            voxel = float(volume.voxel_size.x)
    assert voxel == pytest.approx(5.0)
    mirrored = -np.roll(maps[0][::-1], 1, axis=0)
    np.testing.assert_allclose(maps[1], mirrored, atol=1e-5 * np.abs(maps[0]).max())


def test_that_places_of_another_dimension_are_refused(trained: Path) -> None:
    with pytest.raises(UserError, match="3 latent dimensions"):
        eval_vol.places_of(eval_vol.VolumeOrder(z=(1.0, 2.0)), open_folder(trained), None)


def test_that_images_embedded_again_lie_where_the_training_left_them(trained: Path, tmp_path: Path) -> None:
    star = trained / "10076_both_32_sim_tomodrgn_preprocessed.star"
    words = ["eval_images", str(star), "-w", str(trained / "weights.pkl"), "--out-z", str(tmp_path / "z.pkl")]
    assert commands.main([*words, "-c", str(trained / "config.pkl"), "--gpu-id", "cpu"]) == 0
    found, expected = read_latent(tmp_path / "z.pkl"), read_latent(trained / "z.pkl")
    np.testing.assert_allclose(found[0], expected[0], atol=2e-3 * np.abs(expected[0]).max())
    assert (tmp_path / star.name.replace(".star", "_tomodrgn_preprocessed.star")).exists()


def test_that_a_selection_is_written_as_a_task(trained: Path, tmp_path: Path, shared: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(trained.parents[1], project)
    (project / "ind.txt").write_text("0 3 5")
    options = small_options(shared, do_filter=True, fn_filter_ind="ind.txt", filter_export="warp")
    context = context_of(project, "TomoDRGN/job001/", options, "filter")
    task_filter.run(context)
    context.metrics.close()
    (folder,) = context.folder.path.glob("selection.*")
    written = read_tilt_particles(folder / "particles.star", require_images=False)
    everyone = open_folder(context.folder.path).particles()
    assert written.particle_name.tolist() == everyone.particle_name[[0, 3, 5]].tolist()
    assert read_tilt_particles(folder / "particles_warp.star").n == 3


def test_that_tidying_spares_epochs_with_an_analysis_and_looks_no_further(
    trained: Path, tmp_path: Path
) -> None:
    job, elsewhere = tmp_path / "job", tmp_path / "elsewhere"
    shutil.copytree(trained, job)
    for epoch in (9, 12):
        shutil.copy(job / "weights.0.pkl", job / f"weights.{epoch}.pkl")
        shutil.copy(job / "z.0.pkl", job / f"z.{epoch}.train.pkl")
    (job / "analyze.9").mkdir()
    (job / "analyze.9" / "vol_000.mrc").touch()
    elsewhere.mkdir()
    (elsewhere / "precious.mrc").touch()
    (job / "link").symlink_to(elsewhere)
    gone = {str(p.relative_to(job)) for p in find_files(job, weights=True, places=True, volumes=True)}
    expected = {f"weights.{e}.pkl" for e in (0, 1, 12)} | {"z.0.pkl", "z.1.pkl", "z.12.train.pkl"}
    assert gone == expected | {"analyze.9/vol_000.mrc"}
    assert commands.main(["cleanup", str(job), "--weights", "--test"]) == 0
    assert (job / "weights.0.pkl").exists()
    assert commands.main(["cleanup", str(job), "--weights", "--zfiles", "--volumes"]) == 0
    assert sorted(p.name for p in job.glob("weights*.pkl")) == ["weights.9.pkl", "weights.pkl"]
    assert (elsewhere / "precious.mrc").exists() and (job / "z.pkl").exists()


def test_that_an_unfinished_training_keeps_what_it_can_go_on_from(trained: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    shutil.copytree(trained, job)
    (job / "weights.pkl").unlink()
    assert [p.name for p in find_files(job, weights=True, places=False, volumes=False)] == ["weights.0.pkl"]


def test_that_the_explorer_finds_states_columns_and_volumes(trained: Path) -> None:
    found = source(trained, trained.parents[1])
    assert [s.epoch for s in found.snapshots()] == [0, 1, None]
    assert tuple(found.half_sets) == (0,)
    model = found.open(0, found.snapshots()[0].path)
    np.testing.assert_array_equal(model.embedding, read_latent(trained / "z.0.pkl")[0])
    names = list(model.metadata)
    assert names[0] == "image_name"
    assert model.metadata["image_name"][0] == "000_000000"
    assert model.metadata["n_tilts"].tolist() == [8] * 16
    # The first exposure of each particle is the one that has seen least dose.
    np.testing.assert_allclose(model.metadata["rlnCtfBfactor"], -8.0)
    assert model.abilities == {"particle_view"}
    whole, small = model.decode(model.embedding[2]), model.decode(model.embedding[2], 16)
    assert whole.shape == (32, 32, 32) and small.shape == (16, 16, 16)
    assert model.voxel_size_a == pytest.approx(13.1)
    with pytest.raises(ValueError, match="3 finite coordinates"):
        model.decode(np.zeros(2, np.float32))
