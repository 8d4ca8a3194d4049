"""Checkpoints: what is in them, how they are read back, and which are refused with what words."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.checkpoint import save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight.encoder import Encoder, encode, group_points, teach_encoder
from jobs.dynamight.outputs import checkpoint_path, write_graph, write_particles, write_volumes
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import (
    all_latents,
    checkpoint_state,
    fingerprint,
    load_model,
    read_state,
    restore,
    write_checkpoint,
)
from jobs.formats.mrc import read_map
from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_tables
from jobs.simulate.score import rank_correlation
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare


@pytest.fixture(scope="module")
def encoders(trained: Prepared) -> tuple[Encoder, Encoder]:
    training = trained.training
    first, second = (teach_encoder(half, training.noise, training.boxes, 1) for half in training.halves)
    return first, second


@pytest.fixture(scope="module")
def checkpoint(
    trained: Prepared, encoders: tuple[Encoder, Encoder], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint_final.pth"
    write_checkpoint(path, trained, "particles.star", encoders)
    return path


# ------------------------------------------------------------------------------------------ checkpoints


def test_that_a_checkpoint_loads_without_running_code(checkpoint: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    assert state["format"] == "heteroscope.dynamight"
    assert state["training"]["settings"]["seed"] == 3
    assert state["star"] == "particles.star"
    assert not Path(state["star"]).is_absolute()


def test_that_a_model_read_back_gives_the_same_displacements(trained: Prepared, checkpoint: Path) -> None:
    model = load_model(checkpoint)
    points = 25 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    for half, read in zip(trained.training.halves, model.halves, strict=True):
        assert np.array_equal(read.rows, half.rows.numpy())
        assert torch.equal(read.means, half.latents.means)
        before = half.model.displacement(half.latents.means, points).detach()
        assert torch.equal(read.model.displacement(read.means, points), before)
        assert torch.equal(read.model.volume(), half.model.volume())


def test_that_the_half_sets_and_held_out_particles_are_remembered(
    trained: Prepared, checkpoint: Path
) -> None:
    model = load_model(checkpoint)
    assert np.array_equal(model.half, trained.split.half)
    assert np.array_equal(model.validation, trained.split.validation)
    assert model.frame == trained.frame


def test_that_encoders_read_back_give_the_same_states(
    trained: Prepared, checkpoint: Path, encoders: tuple[Encoder, Encoder]
) -> None:
    read = load_model(checkpoint).halves[0].encoder
    assert read is not None
    forces = torch.randn(5, len(encoders[0].mean), generator=torch.Generator().manual_seed(1))
    turns = trained.images.rotations[:5]
    assert torch.equal(read(forces, turns), encoders[0](forces, turns))


def test_that_checkpoints_of_unfinished_trainings_have_no_encoder(trained: Prepared, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "005.pth", trained, "particles.star")
    assert [half.encoder for half in load_model(tmp_path / "005.pth").halves] == [None, None]


def test_that_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist") as caught:
        read_state(tmp_path / "no.pth")
    assert "no.pth" in str(caught.value)


def _cut(path: Path, checkpoint: Path) -> None:
    path.write_bytes(checkpoint.read_bytes()[:5000])


def _empty(path: Path, _: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path, _: Path) -> None:
    path.write_text("this is no checkpoint\n")


def _flip(path: Path, checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("spoil", [_cut, _empty, _text, _flip])
def test_that_a_damaged_checkpoint_is_refused_in_words(
    spoil: object, checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "010.pth"
    spoil(path, checkpoint)  # type: ignore[operator]
    with pytest.raises(UserError, match="damaged or cut off") as caught:
        load_model(path)
    assert "010.pth" in str(caught.value)


def test_that_checkpoints_of_others_are_refused_in_words(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other.pth", {"encoder_half1": {}, "box": 64})
    with pytest.raises(UserError, match="not a checkpoint of this program"):
        read_state(tmp_path / "other.pth")
    # The original stores whole objects; loading them would run its code.
    torch.save({"encoder_half1": torch.nn.Linear(2, 2)}, tmp_path / "original.pth")
    with pytest.raises(UserError, match="another program"):
        read_state(tmp_path / "original.pth")
    (tmp_path / "pickle.pth").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UserError, match=r"pickle\.pth"):
        read_state(tmp_path / "pickle.pth")


def test_that_a_checkpoint_of_another_version_is_refused_in_words(trained: Prepared, tmp_path: Path) -> None:
    state = checkpoint_state(trained, "particles.star", None)
    save_checkpoint(tmp_path / "new.pth", {**state, "version": 99})
    with pytest.raises(UserError, match="version 99") as caught:
        read_state(tmp_path / "new.pth")
    assert "program that wrote it" in str(caught.value)


def test_that_changed_particles_are_noticed(prepare: Prepare, checkpoint: Path, own: Path) -> None:
    star = own / "particles.star"
    lines = star.read_text().splitlines()
    first, second = [number for number, line in enumerate(lines) if "@" in line][:2]
    lines[first], lines[second] = lines[second], lines[first]
    star.write_text("\n".join(lines) + "\n")
    changed = prepare(own)
    with pytest.raises(UserError, match="particles have changed") as caught:
        restore(changed, read_state(checkpoint), checkpoint)
    assert "particles.star" in str(caught.value)
    assert "start a new job" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_gaussians": 50}, "number of Gaussians was 60 and is 50"),
        ({"n_widths": 2}, "number of widths was 1 and is 2"),
        ({"n_latent": 4}, "n_latent was 3 and is 4"),
        ({"validation_fraction": 0.2}, "held out are others"),
        ({"files": {"mask": "mask.mrc"}}, "deformation mask was no and is yes"),
    ],
    ids=["Gaussians", "widths", "latent dimensions", "held out", "mask"],
)
def test_that_a_checkpoint_of_other_settings_is_refused_with_the_difference(
    change: dict[str, Any], said: str, prepare: Prepare, checkpoint: Path
) -> None:
    other = prepare(**change)
    with pytest.raises(UserError, match="does not belong to this training") as caught:
        restore(other, read_state(checkpoint), checkpoint)
    assert said in str(caught.value)
    assert "checkpoint_final.pth" in str(caught.value)


def test_that_the_fingerprint_is_that_of_the_images_in_their_order(trained: Prepared) -> None:
    particles = trained.particles
    same = particles.select(np.arange(particles.n))
    assert fingerprint(same) == fingerprint(particles)
    assert fingerprint(particles.select(np.arange(particles.n)[::-1])) != fingerprint(particles)
    assert fingerprint(particles.select(np.arange(particles.n - 1))) != fingerprint(particles)


# ---------------------------------------------------------------------------------------------- encoder


def test_that_the_encoder_tells_the_state_of_images_it_has_not_seen(
    trained: Prepared, encoders: tuple[Encoder, Encoder], tiny: Simulation
) -> None:
    training = trained.training
    found, true = [], []
    for half, encoder in zip(training.halves, encoders, strict=True):
        rows = half.rows[half.held_out]
        states = encode(encoder, half.model, trained.images, rows, training.noise)
        assert states.shape == (len(rows), 3)
        found.append(states[:, 0])
        true.append(half.latents.means[half.held_out, 0])
    agreement = rank_correlation(torch.cat(found).detach().numpy(), torch.cat(true).numpy())
    assert agreement > 0.5


def test_that_the_encoder_knows_the_posteriors_it_was_taught(
    trained: Prepared, encoders: tuple[Encoder, Encoder]
) -> None:
    half = trained.training.halves[0]
    rows = half.rows[half.training]
    states = encode(encoders[0], half.model, trained.images, rows, trained.training.noise).detach()
    target = half.latents.means[half.training]
    assert float(torch.corrcoef(torch.stack((states[:, 0], target[:, 0])))[0, 1]) > 0.9


def test_that_teaching_twice_gives_the_same_encoder(
    trained: Prepared, encoders: tuple[Encoder, Encoder]
) -> None:
    training = trained.training
    again = teach_encoder(training.halves[0], training.noise, training.boxes, 1)
    for name, value in encoders[0].state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_that_groups_are_compact_and_cover_all_points() -> None:
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 60
    group = group_points(points, 20)
    assert group.unique().tolist() == list(range(20))
    for number in range(20):
        members = points[group == number]
        assert float((members - members.mean(0)).norm(dim=1).max()) < 35
    few = group_points(points[:5], 20)
    assert sorted(few.tolist()) == [0, 1, 2, 3, 4]


# ---------------------------------------------------------------------------------------------- results


def test_that_the_particles_keep_every_column_and_get_ours(
    trained: Prepared, tiny: Simulation, tmp_path: Path
) -> None:
    write_particles(tmp_path, trained)
    written = read_star_tables(tmp_path / "forward_deformations" / "particles.star")
    given = read_star_tables(tiny.particles)
    assert list(written) == list(given)
    for name, table in given.items():
        for column in table.columns:
            assert list(written[name].text(column)) == list(table.text(column)), column
    table = written["particles"]
    new = [column for column in table.columns if column not in given["particles"].columns]
    assert new == [
        "hsLatent1",
        "hsLatent2",
        "hsLatent3",
        "hsHalfSet",
        "hsValidation",
        "hsRmsDisplacementAngst",
    ]
    latents = all_latents(trained.training.halves, trained.particles.n)
    for k in range(3):
        column = table.text(f"hsLatent{k + 1}").astype(float)
        assert np.allclose(column, latents[:, k], atol=1e-5)
    assert table.text("hsHalfSet").astype(int).tolist() == trained.split.half.tolist()
    half = trained.training.halves[0]
    with torch.no_grad():
        moved = half.model.displacement(half.latents.means, half.model.positions)
    rms = moved.square().sum(-1).mean(-1).sqrt().numpy()
    assert np.allclose(table.text("hsRmsDisplacementAngst").astype(float)[half.rows], rms, rtol=1e-3)


def test_that_the_particles_written_are_read_again_as_the_same_particles(
    trained: Prepared, tiny: Simulation, tmp_path: Path
) -> None:
    write_particles(tmp_path, trained)
    again = read_particles(tmp_path / "forward_deformations" / "particles.star", tiny.folder)
    assert fingerprint(again) == fingerprint(trained.particles)
    assert np.array_equal(again.euler_deg, trained.particles.euler_deg)


def test_that_volumes_and_masks_are_written_in_the_frame_of_the_map(
    trained: Prepared, tmp_path: Path
) -> None:
    write_volumes(tmp_path, trained, 19, masks=True)
    folder = tmp_path / "forward_deformations" / "volumes"
    assert sorted(path.name for path in folder.iterdir()) == [
        "mask_half1_019.mrc",
        "mask_half2_019.mrc",
        "volume_half1_019.mrc",
        "volume_half2_019.mrc",
    ]
    volume, mask = (read_map(folder / f"{kind}_half1_019.mrc") for kind in ("volume", "mask"))
    assert volume.data.shape == mask.data.shape == (32, 32, 32)
    assert volume.voxel_size_a == pytest.approx(6.0)
    # The mask reaches 8 Å beyond the centres of the Gaussians and then fades: most of the mass is inside.
    assert float((volume.data * mask.data).sum() / volume.data.sum()) > 0.8
    assert 0 <= mask.data.min() < mask.data.max() <= 1


def test_that_the_gaussians_are_written_where_chimerax_shows_the_map(
    trained: Prepared, tmp_path: Path
) -> None:
    write_graph(tmp_path, trained, 4)
    lines = (tmp_path / "forward_deformations" / "graphs" / "points004.xyz").read_text().splitlines()
    assert int(lines[0]) == len(lines) - 2 == 60
    points = np.array([line.split()[1:] for line in lines[2:]], dtype=float)
    expected = trained.training.halves[0].model.positions.detach().numpy() + 16 * 6.0
    assert np.allclose(points, expected, atol=1e-3)


def test_that_checkpoints_have_the_names_that_users_know(tmp_path: Path) -> None:
    names = [checkpoint_path(tmp_path, epoch).relative_to(tmp_path).as_posix() for epoch in (4, 1234, None)]
    assert names == [
        "forward_deformations/checkpoints/004.pth",
        "forward_deformations/checkpoints/1234.pth",
        "forward_deformations/checkpoints/checkpoint_final.pth",
    ]
