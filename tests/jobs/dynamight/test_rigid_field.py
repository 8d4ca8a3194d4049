"""Rigid bodies: their motion, its mean, the way back, and the masks that tell who belongs where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.dynamight.field import FieldShape
from jobs.dynamight.inverse_field import InverseField
from jobs.dynamight.model import Frame, GaussianModel
from jobs.dynamight.params import DynaMightOptions
from jobs.dynamight.rigid_field import PER_BODY, RigidBodies, RigidField
from jobs.dynamight.rigid_folder import mask_files
from jobs.dynamight.rigid_masks import divide, find_pivot, read_bodies
from jobs.dynamight.rigid_options import check_rigid
from jobs.formats.mrc import read_map, write_map

BOX, VOXEL_A = 24, 4.0
FRAME = Frame(BOX, VOXEL_A)


def _slabs(edge: int = BOX // 2) -> list[np.ndarray]:
    """Two slabs of a box, below and above a plane of constant z; the rest is nobody's."""
    masks = [np.zeros((BOX, BOX, BOX), np.float32) for _ in range(2)]
    masks[0][6:edge, 6:18, 6:18] = 1
    masks[1][BOX // 2 : 18, 6:18, 6:18] = 1
    return masks


def _write(folder: Path, masks: dict[str, np.ndarray], voxel_a: float = VOXEL_A) -> Path:
    folder.mkdir(exist_ok=True)
    for name, mask in masks.items():
        write_map(folder / name, mask, voxel_a)
    return folder


def _points(n: int = 200, seed: int = 0) -> Tensor:
    """Points in the slabs, more than half a voxel from their borders."""
    points = torch.rand(n, 3, generator=torch.Generator().manual_seed(seed)) * 38 - 19
    return points[(points[:, 2] + 2).abs() > 3]


def _read(path: Path) -> Tensor:
    return torch.from_numpy(read_map(path).data)


def _bodies(folder: Path, points: Tensor) -> RigidBodies:
    files = {f"mask_body{n}.mrc": mask for n, mask in enumerate(_slabs(), 1)}
    return read_bodies(_write(folder, files), points, FRAME, _read, lambda text: None)


@pytest.fixture
def model(tmp_path: Path) -> GaussianModel:
    points = _points()
    bodies = _bodies(tmp_path / "masks", points)
    shape = FieldShape(3, PER_BODY * bodies.n, 8, 1, 1, 1.0, 100.0)
    generator = torch.Generator().manual_seed(1)
    made = GaussianModel(points, torch.ones(1) * 4, shape, FRAME, generator, bodies=bodies)
    with torch.no_grad():
        # Not about zero: there is a mean to take off.
        made.field.linear_coefficients.bias.copy_(0.7 * torch.randn(12, generator=generator))
    return made.requires_grad_(False)


def _field(model: GaussianModel) -> RigidField:
    assert isinstance(model.field, RigidField)
    return model.field


def _states(n: int = 40) -> Tensor:
    return 0.5 * torch.randn(n, 3, generator=torch.Generator().manual_seed(2))


# --------------------------------------------------------------------------------------------- the field


def test_that_distances_within_a_body_are_conserved_and_between_bodies_are_not(model: GaussianModel) -> None:
    points = model.positions
    moved = points + model.displacement(_states(), points)
    body = _field(model).body_of(points)
    assert set(body.tolist()) == {1, 2}
    before, after = torch.cdist(points.double(), points.double()), torch.cdist(moved.double(), moved.double())
    same = body[:, None] == body
    assert float((after - before).abs()[:, same].max()) < 1e-3
    assert float((after - before).abs()[:, ~same].max()) > 1
    assert float((moved - points).norm(dim=2).max()) > 3


def test_that_displacements_are_the_motion_of_each_body(model: GaussianModel) -> None:
    points, states = model.positions, _states(5)
    motion = _field(model).motion(states)
    found = model.displacement(states, points)
    for row in range(5):
        for n, point in enumerate(points[:30]):
            own = int(_field(model).body_of(point[None])) - 1
            pivot = motion.pivots_a[own]
            expected = motion.rotations[row, own] @ (point - pivot) + pivot + motion.shifts_a[row, own]
            torch.testing.assert_close(point + found[row, n], expected, rtol=0, atol=1e-4)
    determinants = torch.linalg.det(motion.rotations)
    torch.testing.assert_close(determinants, torch.ones_like(determinants), rtol=0, atol=1e-5)


def test_that_what_is_outside_every_body_stands_still(model: GaussianModel) -> None:
    far = torch.tensor([[46.0, 46.0, 46.0], [-47.0, 0.0, 0.0], [500.0, 0.0, 0.0]])
    assert float(model.displacement(_states(), far).abs().max()) == 0


def test_that_fixed_gaussians_beside_a_body_stay_fixed(tmp_path: Path) -> None:
    beside = torch.tensor([[0.0, 0.0, 30.0], [4.0, 4.0, 34.0]])
    points = torch.cat((_points(), beside))
    said: list[str] = []
    files = {f"mask_body{n}.mrc": mask for n, mask in enumerate(_slabs(), 1)}
    bodies = read_bodies(_write(tmp_path / "m", files), points, FRAME, _read, said.append)
    field = RigidField(
        FieldShape(3, PER_BODY * 2, 8, 1, 1, 1.0, 100.0), torch.Generator().manual_seed(0), bodies
    )
    assert not field.basis(beside).any()
    assert any("2 of" in text and "stay where they are" in text for text in said)


def test_that_taking_the_mean_off_moves_nothing_and_leaves_no_mean(model: GaussianModel) -> None:
    states = _states()
    before = model.positions + model.displacement(states, model.positions)
    body = _field(model).body_of(model.positions)
    for rate in (0.5, 1.0, 1.0, 1.0):
        model.recentre(states, rate)
    after = model.positions + model.displacement(states, model.positions)
    stayed = _field(model).body_of(model.positions) == body
    assert float(stayed.float().mean()) > 0.9
    torch.testing.assert_close(after[:, stayed], before[:, stayed], rtol=0, atol=2e-3)
    motion = _field(model).motion(states)
    mean = motion.rotations.mean(0)
    torch.testing.assert_close(mean, mean.transpose(1, 2), rtol=0, atol=1e-4)
    assert float(motion.shifts_a.mean(0).abs().max()) < 1e-3


def test_that_the_way_back_is_exact_in_bodies_and_says_where_there_is_none(model: GaussianModel) -> None:
    states, points = _states(), model.positions
    moved = points + model.displacement(states, points)
    found = InverseField(model, 8.0).invert(states, moved)
    unique = ~found.folded()
    assert float(unique.float().mean()) > 0.5
    assert float((found.points_a - points).norm(dim=2)[unique].max()) < 0.05
    # Where both bodies have gone to the same place, both ways back are right, and it is said.
    assert not bool(unique.all())


# ---------------------------------------------------------------------------------------------- the masks


def test_that_masks_are_found_in_natural_order_and_other_files_left_aside(tmp_path: Path) -> None:
    names = ("mask_body10.mrc", "mask_body2.mrc", "Mask_body1.MRC", "map.mrc", "mask.txt")
    for name in names:
        (tmp_path / name).touch()
    files, remarks = mask_files(tmp_path)
    assert [path.name for path in files][-2:] == ["mask_body2.mrc", "mask_body10.mrc"]
    assert len(files) == 3
    assert remarks == []


def test_that_of_hard_and_smooth_masks_of_a_body_the_hard_one_is_taken(tmp_path: Path) -> None:
    for name in ("mask_body1.mrc", "smooth_mask_body1.mrc", "mask_body2.mrc", "smooth_mask_body3.mrc"):
        (tmp_path / name).touch()
    files, remarks = mask_files(tmp_path)
    assert {path.name for path in files} == {"mask_body1.mrc", "mask_body2.mrc", "smooth_mask_body3.mrc"}
    assert "smooth_mask_body1.mrc" in remarks[0]


def test_that_overlaps_are_divided_and_told(tmp_path: Path) -> None:
    masks = _slabs(edge=BOX // 2 + 2)
    labels, said = divide(masks, ("a_mask.mrc", "b_mask.mrc"), tmp_path)
    both = (masks[0] > 0) & (masks[1] > 0)
    assert both.sum() == 2 * 12 * 12
    assert (labels[both] > 0).all()
    # Ties go to the nearer undisputed part: half of the two planes to each.
    assert (labels[BOX // 2, 6:18, 6:18] == 1).all()
    assert (labels[BOX // 2 + 1, 6:18, 6:18] == 2).all()
    assert "a_mask.mrc and b_mask.mrc overlap in 288 voxels: 144" in said[0]


def test_that_the_higher_mask_wins(tmp_path: Path) -> None:
    low, high = np.full((8, 8, 8), 0.6, np.float32), np.zeros((8, 8, 8), np.float32)
    high[:4] = 0.9
    labels, _ = divide([low, high], ("a", "b"), tmp_path)
    assert (labels[:4] == 2).all()
    assert (labels[4:] == 1).all()


def test_that_a_body_turns_about_its_interface_or_its_centre() -> None:
    below = np.stack(np.meshgrid(*[np.arange(-10, 11, 5.0)] * 2, [-20.0, -10.0, 0.0]), -1).reshape(-1, 3)
    above = below * np.array((1, 1, -1)) + np.array((0, 0, 4))
    pivot, why = find_pivot(below, above)
    assert "interface" in why
    assert np.allclose(pivot, (0, 0, 2))
    pivot, why = find_pivot(below, above + np.array((0, 0, 100)))
    assert "centre of mass" in why
    assert np.allclose(pivot, (0, 0, -10))


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({}, "no masks of rigid bodies"),
        ({"map.mrc": np.ones((BOX, BOX, BOX), np.float32)}, "no masks of rigid bodies"),
        (
            {"mask1.mrc": _slabs()[0], "mask2.mrc": _slabs()[0] * 0 + np.eye(BOX, dtype=np.float32)[0]},
            "Gauss",
        ),
        ({"mask1.mrc": _slabs()[0], "mask2.mrc": _slabs()[0]}, "no voxel of its own"),
    ],
    ids=["empty folder", "no mask in the name", "no Gaussian in it", "twice the same"],
)
def test_that_unusable_masks_are_refused_by_name(
    masks: dict[str, np.ndarray], words: str, tmp_path: Path
) -> None:
    points = _points()
    folder = _write(tmp_path / "masks", masks)
    with pytest.raises(UserError, match=words) as caught:
        read_bodies(folder, points, FRAME, _read, lambda text: None)
    assert str(folder) in str(caught.value)


def test_that_the_form_refuses_an_empty_folder_and_two_kinds_of_masks(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    options = DynaMightOptions(deformation_masks="masks", mask_file="mask.mrc")
    problems = check_rigid(options, CheckContext(tmp_path))
    assert [p.field for p in problems] == ["deformation_masks", "mask_file"]
    assert check_rigid(DynaMightOptions(), CheckContext(tmp_path)) == []
