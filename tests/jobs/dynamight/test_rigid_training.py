"""Trainings of rigid bodies: the hinge is found, bodies stay rigid, a resumed training ends the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.checkpoint import save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight.rigid_field import RigidField
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import checkpoint_state, load_model, read_state, restore
from jobs.dynamight.training import Silent
from jobs.formats.mrc import write_map
from jobs.maths.masks import mask_from_points
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import BOX, PIXEL_A, prepare_in


@pytest.fixture(scope="module")
def masks(tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks of both chains: of the moving one at all angles, as its density is spread in the consensus."""
    truth = tiny.truth
    beads = torch.from_numpy(truth.beads_a)
    moving = torch.from_numpy(truth.domain > 0)
    chain = beads[moving]
    turns = torch.linspace(-30.0, 30.0, 7, dtype=torch.float64)
    swept = chain + truth.motions[0].displace(chain, torch.ones(len(chain), dtype=torch.float64), turns)
    folder = tmp_path_factory.mktemp("masks")
    for number, points in enumerate((beads[~moving], swept.reshape(-1, 3)), 1):
        mask = mask_from_points(points, BOX, PIXEL_A, 9.0, 6.0)
        write_map(folder / f"mask_body{number}.mrc", mask.numpy(), PIXEL_A)
    return folder


def _prepare(tiny: Simulation, masks: Path, **changes: Any) -> Prepared:
    return prepare_in(tiny.folder, files={"body_masks": masks}, **changes)


@pytest.fixture(scope="module")
def rigid(tiny: Simulation, masks: Path) -> Prepared:
    """A finished training, to be looked at but not changed."""
    prepared = _prepare(tiny, masks, n_epochs=20, batch_size=25, consensus_update_decay=1.0)
    prepared.training.initialise()
    prepared.training.run(Silent())
    return prepared


def _field(prepared: Prepared, half: int = 0) -> RigidField:
    field = prepared.training.halves[half].model.field
    assert isinstance(field, RigidField)
    return field


def test_that_the_hinge_is_found_as_a_turn_of_one_body(rigid: Prepared, tiny: Simulation) -> None:
    for number, half in enumerate(rigid.training.halves):
        with torch.no_grad():
            motion = _field(rigid, number).motion(half.latents.means)
        relative = motion.rotations[:, 0].transpose(1, 2) @ motion.rotations[:, 1]
        about_y = torch.atan2(relative[:, 0, 2] - relative[:, 2, 0], relative[:, 0, 0] + relative[:, 2, 2])
        true = tiny.truth.theta[half.rows.numpy(), 0]
        assert np.corrcoef(about_y.numpy(), true)[0, 1] > 0.7


def test_that_bodies_stay_rigid_through_a_training(rigid: Prepared) -> None:
    half = rigid.training.halves[0]
    points = half.model.positions.detach()
    with torch.no_grad():
        moved = points + half.model.displacement(half.latents.means[:20], points)
    body = _field(rigid).body_of(points)
    for number in (1, 2):
        own = body == number
        before = torch.cdist(points[own].double(), points[own].double())
        after = torch.cdist(moved[:, own].double(), moved[:, own].double())
        assert float((after - before).abs().max()) < 1e-3
    fixed = body == 0
    assert torch.equal(moved[:, fixed], points[fixed].expand(20, -1, -1))


def _everything(value: Any, name: str = "") -> dict[str, Tensor]:
    if isinstance(value, Tensor):
        return {name: value.detach().clone()}
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[str, Tensor] = {}
    for key, item in pairs:
        found |= _everything(item, f"{name}.{key}")
    return found


def test_that_a_resumed_training_of_bodies_ends_in_the_same_bits(
    tiny: Simulation, masks: Path, tmp_path: Path
) -> None:
    whole = _prepare(tiny, masks, n_epochs=2)
    whole.training.initialise()
    for _ in range(2):
        whole.training.epoch(Silent())
    path = tmp_path / "001.pth"
    save_checkpoint(path, checkpoint_state(whole, "particles.star", None))
    resumed = _prepare(tiny, masks, n_epochs=2)
    restore(resumed, read_state(path), path)
    for prepared in (whole, resumed):
        prepared.training.run(Silent())
    one, two = (_everything(p.training.state_dict()["halves"]) for p in (whole, resumed))
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_that_a_model_read_from_a_checkpoint_moves_as_the_one_trained(
    rigid: Prepared, tiny: Simulation, tmp_path: Path
) -> None:
    path = tmp_path / "final.pth"
    save_checkpoint(path, checkpoint_state(rigid, "particles.star", None))
    found = load_model(path)
    for own, read in zip(rigid.training.halves, found.halves, strict=True):
        assert isinstance(read.model.field, RigidField)
        assert read.model.field.names == ("mask_body1.mrc", "mask_body2.mrc")
        points = own.model.positions.detach()
        with torch.no_grad():
            expected = own.model.displacement(own.latents.means[:5], points)
        assert torch.equal(read.model.displacement(read.means[:5], points), expected)
    smooth = prepare_in(tiny.folder, n_epochs=9)
    with pytest.raises(UserError, match="rigid bodies was"):
        restore(smooth, read_state(path), path)


def test_that_a_mask_of_another_box_is_refused_by_name(tiny: Simulation, tmp_path: Path) -> None:
    write_map(tmp_path / "mask_1.mrc", np.ones((16, 16, 16), np.float32), PIXEL_A)
    with pytest.raises(UserError, match="16 x 16 x 16") as caught:
        _prepare(tiny, tmp_path)
    assert "mask_1.mrc" in str(caught.value)
    write_map(tmp_path / "mask_1.mrc", np.ones((BOX, BOX, BOX), np.float32), 2 * PIXEL_A)
    with pytest.raises(UserError, match="voxels of 12"):
        _prepare(tiny, tmp_path)
