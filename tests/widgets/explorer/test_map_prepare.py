"""What is prepared for the screen: surfaces, points, colours and levels with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.exploring import Atoms
from tests.support.explored import STEP_A, BlobModel
from widgets.explorer import map_colours
from widgets.explorer.map_content import Picture, Request
from widgets.explorer.map_levels import difference_levels, levels_of
from widgets.explorer.map_maker import DISPLACEMENT, MapMaker
from widgets.explorer.map_options import POSITION, MapOptions
from widgets.explorer.map_prepare import Preparer, subtract
from widgets.explorer.map_recent import Recent
from widgets.explorer.map_state import MapState


@pytest.fixture
def model() -> BlobModel:
    """Two blobs; the second moves along x by 5 Å per unit."""
    return BlobModel(20, box=32, voxel_size_a=3.0)


def state_at(model: BlobModel, x: float, box: int = 32) -> MapState:
    return MapMaker(model).make(np.array([x, 0, 0, 0], np.float32), f"at {x:g}", largest=box)


def prepared(state: MapState, preparer: Preparer | None = None, **options: object) -> Picture:
    other = options.pop("other", None)
    consensus = options.pop("consensus", None)
    atoms = options.pop("atoms_model", None)
    choices = MapOptions(**options)  # type: ignore[arg-type]
    return (preparer or Preparer()).prepare(Request(1, state, consensus, other, atoms, choices))  # type: ignore[arg-type]


def test_that_the_surface_follows_the_moved_blob_and_points_lie_inside_it(model: BlobModel) -> None:
    picture = prepared(state_at(model, 2.0), representation="both", colour_by=DISPLACEMENT)
    vertices = picture.surfaces["veil"].mesh.vertices
    right = vertices[vertices[:, 2] > 5]
    np.testing.assert_allclose(right.mean(0), [0, 0, 12 + 2 * STEP_A], atol=0.6)
    points = picture.points["points"].places
    np.testing.assert_allclose(points[30:].mean(0), [0, 0, 12 + 2 * STEP_A], atol=1.5)
    assert picture.half_side_a == 48.0
    assert picture.hint == ""


def test_that_the_first_level_shows_the_blobs_and_not_the_empty_box(model: BlobModel) -> None:
    volume = model.decode(None)
    levels = levels_of(volume)
    inside = volume > levels.automatic
    assert 0.005 < inside.mean() < 0.12
    assert volume[inside].sum() > 0.5 * volume.sum()
    assert levels.level(levels.place(0.31)) == pytest.approx(0.31)
    assert levels.counts.sum() == (volume >= levels.lowest).sum()
    noisy = volume + np.random.default_rng(1).normal(scale=0.03, size=volume.shape).astype(np.float32)
    assert levels_of(noisy).automatic > 0.09
    assert levels_of(-np.ones((8, 8, 8))).highest == 1.0


def test_that_one_level_serves_all_maps_and_a_level_without_density_is_told(model: BlobModel) -> None:
    consensus = MapMaker(model).make(None, "Consensus")
    state = state_at(model, 1.0)
    picture = prepared(state, consensus=consensus, consensus_map=True)
    assert consensus.volume is not None
    assert picture.level == levels_of(consensus.volume).automatic
    assert {"map", "consensus"} == picture.surfaces.keys()
    empty = prepared(state, level=7.0)
    assert empty.surfaces["map"].mesh.is_empty
    assert "No density above 7" in empty.hint


def test_that_the_map_takes_the_colours_of_the_nearest_gaussians(model: BlobModel) -> None:
    picture = prepared(state_at(model, 2.0), colour_by=DISPLACEMENT, colour_map=True)
    content = picture.surfaces["map"]
    assert content.colours is not None
    ends = map_colours.of_values(np.array([0.0, 1.0]), 0.0, 1.0)
    left, right = content.mesh.vertices[:, 2] < -8, content.mesh.vertices[:, 2] > 16
    np.testing.assert_allclose(content.colours[left], np.broadcast_to(ends[0], (left.sum(), 3)), atol=0.02)
    np.testing.assert_allclose(content.colours[right], np.broadcast_to(ends[1], (right.sum(), 3)), atol=0.02)
    assert picture.key is not None
    assert (picture.key.low, picture.key.high) == (0.0, pytest.approx(10.0))


def test_that_colour_scales_only_grow_so_that_states_can_be_compared(model: BlobModel) -> None:
    preparer = Preparer()
    far = prepared(state_at(model, 2.0), preparer, representation="points", colour_by=DISPLACEMENT)
    near = prepared(state_at(model, 0.5), preparer, representation="points", colour_by=DISPLACEMENT)
    assert near.key == far.key
    preparer.gaussians.forget_scales()
    again = prepared(state_at(model, 0.5), preparer, representation="points", colour_by=DISPLACEMENT)
    assert again.key is not None
    assert again.key.high == pytest.approx(2.5)


def test_that_position_is_shown_as_red_green_and_blue(model: BlobModel) -> None:
    picture = prepared(state_at(model, 0.0), representation="points", colour_by=POSITION)
    places, colours = picture.points["points"].places, picture.points["points"].colours
    for axis, channel in ((2, 0), (1, 1), (0, 2)):
        order = np.argsort(places[:, axis])
        assert np.all(np.diff(colours[order, channel]) >= 0)


def test_that_arrows_lead_from_rest_to_the_moved_points_and_can_be_drawn_longer(model: BlobModel) -> None:
    state = state_at(model, 2.0)
    for scale in (1.0, 2.0):
        picture = prepared(state, arrows=True, arrow_scale=scale)
        assert picture.key is not None and picture.key.name == DISPLACEMENT
        mesh = picture.surfaces["arrows"].mesh
        # only the thirty points of the moving blob have arrows
        assert len(mesh.vertices) == 30 * 24
        each = mesh.vertices.reshape(30, 24, 3)
        length = each[:, :, 2].max(1) - each[:, :, 2].min(1)
        np.testing.assert_allclose(length, 10.0 * scale, atol=0.1)


def test_that_the_difference_has_density_where_it_came_and_where_it_went(model: BlobModel) -> None:
    here, there = state_at(model, 3.0), state_at(model, 0.0)
    picture = prepared(here, other=there, comparison="difference")
    gain, loss = (picture.surfaces[name].mesh.vertices for name in ("gain", "loss"))
    assert gain[:, 2].mean() == pytest.approx(12 + 15, abs=2)
    assert loss[:, 2].mean() == pytest.approx(12, abs=2)
    assert "map" not in picture.surfaces
    assert picture.differences is not None
    same = prepared(here, other=state_at(model, 3.0), comparison="difference", difference_level=0.1)
    assert "No difference" in same.hint


def test_that_maps_of_other_boxes_are_subtracted_at_the_same_places(model: BlobModel) -> None:
    fine, coarse = state_at(model, 1.0, 32), state_at(model, 1.0, 24)
    assert fine.volume is not None and coarse.volume is not None
    assert fine.volume.shape != coarse.volume.shape
    difference, voxel = subtract(fine, coarse)
    assert difference.shape == coarse.volume.shape
    assert voxel == coarse.voxel_size_a
    assert np.abs(difference).max() < 0.06
    back, _ = subtract(coarse, fine)
    np.testing.assert_allclose(back, -difference, atol=1e-6)
    assert difference_levels(difference).highest < 0.1


def test_that_surfaces_made_before_are_not_made_again_until_the_memory_is_full() -> None:
    recent, made = Recent(1.0), []
    first, second = np.zeros(3), np.ones(3)

    def make(name: str) -> object:
        return lambda: (made.append(name) or name, 600_000)

    assert recent.get([first], (1,), make("a")) == "a"  # type: ignore[arg-type]
    assert recent.get([first], (1,), make("b")) == "a"  # type: ignore[arg-type]
    assert recent.get([second], (1,), make("c")) == "c"  # type: ignore[arg-type]
    assert recent.get([first], (1,), make("d")) == "d"  # type: ignore[arg-type]
    assert made == ["a", "c", "d"]


def test_that_atoms_are_drawn_where_they_moved_with_their_bonds(model: BlobModel) -> None:
    atoms = Atoms(
        np.array([[10, 0, 0], [12, 0, 0], [14, 0, 0]], np.float32),
        np.array([[0, 1], [1, 2]]),
        np.array(["N", "C", "O"]),
        np.array(["A"] * 3),
        "model.cif",
    )
    maker = MapMaker(model)
    maker.atoms = atoms
    state = maker.make(np.array([2.0, 0, 0, 0], np.float32), "moved")
    picture = prepared(state, atoms_model=atoms)
    np.testing.assert_allclose(picture.points["atoms"].places[:, 2], [20, 22, 24])
    rods = picture.surfaces["bonds"]
    assert rods.mesh.vertices[:, 2].min() == pytest.approx(20, abs=0.5)
    assert rods.colours is not None
    blue, red = map_colours.of_elements(np.array(["N", "O"]), dark=False)
    np.testing.assert_allclose(rods.colours[rods.mesh.vertices[:, 2] < 20.5][0], blue)
    np.testing.assert_allclose(rods.colours[rods.mesh.vertices[:, 2] > 23.5][0], red)
