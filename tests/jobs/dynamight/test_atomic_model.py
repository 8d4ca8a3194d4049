"""Trainings that begin with an atomic model, and are restrained by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.dynamight.atomic_graph import BIAS, length_error, model_graph, sampled
from jobs.dynamight.atomic_model import begin_with_model, check_fit, place_beads
from jobs.dynamight.atomic_options import check_atomic_model
from jobs.dynamight.geometry import length_change
from jobs.dynamight.half_training import Pass
from jobs.dynamight.model import Frame
from jobs.dynamight.params import DynaMightOptions
from jobs.dynamight.settings import TrainingSettings
from jobs.formats.mrc import read_map
from jobs.formats.residues import read_beads
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import BOX, PIXEL_A, Prepare

FRAME = Frame(BOX, PIXEL_A)


def write_trace(path: Path, simulation: Simulation, shift: float = 0.0) -> Path:
    """Write the beads of the hinge as the Cα trace of two chains."""
    middle = BOX // 2 * PIXEL_A
    lines = []
    moves = simulation.truth.domain > 0
    for name, chosen in (("A", ~moves), ("B", moves)):
        for n, bead in enumerate(simulation.truth.beads_a[chosen], 1):
            x, y, z = bead + middle + [shift, 0, 0]
            lines.append(
                f"ATOM  {n:5d}  CA  ALA {name}{n:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
            )
    path.write_text("\n".join([*lines, "END", ""]))
    return path


def test_that_there_is_one_gaussian_per_bead_and_it_lies_there(tmp_path: Path, tiny: Simulation) -> None:
    placed = place_beads(write_trace(tmp_path / "m.pdb", tiny), FRAME, 10000)
    np.testing.assert_allclose(placed.points_a.numpy(), tiny.truth.beads_a, atol=1e-3)
    assert placed.graph.n_bonds == 399 + 249
    assert any("650 Gaussians, one per bead" in note and "(10,000)" in note for note in placed.notes)


def test_that_fewer_gaussians_are_runs_of_beads_that_stay_within_a_chain(
    tmp_path: Path, tiny: Simulation
) -> None:
    placed = place_beads(write_trace(tmp_path / "m.pdb", tiny), FRAME, 65)
    runs = tiny.truth.beads_a.reshape(65, 10, 3).mean(1)
    np.testing.assert_allclose(placed.points_a.numpy(), runs, atol=1e-3)
    # 40 runs of the first chain in a row, 25 of the second, and nothing between the chains.
    assert placed.graph.n_bonds == 39 + 24
    assert [39, 40] not in placed.graph.edges.T.tolist()
    assert any("fewer than the 650 beads" in note for note in placed.notes)


def test_that_runs_share_out_any_number_of_gaussians(tmp_path: Path, tiny: Simulation) -> None:
    path = write_trace(tmp_path / "m.pdb", tiny)
    for n in (1, 2, 3, 64, 333, 649, 650):
        placed = place_beads(path, FRAME, n)
        assert len(placed.points_a) == n
        assert float(placed.electrons.sum()) == 650 * 6


def test_that_edges_hold_the_lengths_of_the_model(tmp_path: Path, tiny: Simulation) -> None:
    placed = place_beads(write_trace(tmp_path / "m.pdb", tiny), FRAME, 10000)
    first, second = placed.graph.edges
    beads = torch.from_numpy(tiny.truth.beads_a).float()
    lengths = (beads[first] - beads[second]).norm(dim=1)
    assert torch.allclose(lengths, placed.graph.lengths_a, atol=2e-3)
    bonds = second - first == 1
    assert torch.allclose(placed.graph.lengths_a[bonds], torch.tensor(3.8), atol=3e-3)
    # Neighbours along the chain within three residues and 8 Å, never between chains.
    assert int((second - first).max()) == 3 and float(lengths.max()) <= 8.0
    moves = torch.from_numpy(tiny.truth.domain > 0)
    assert bool((moves[first] == moves[second]).all())


def test_that_rigid_motion_costs_nothing_and_stretching_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "row.pdb"
    line = "ATOM  {0:5d}  CA  GLY A{0:4d}    {1:8.3f}   0.000   0.000  1.00  0.00           C"
    path.write_text("\n".join([*(line.format(k, 3.8 * k) for k in range(1, 6)), "END", ""]))
    beads = read_beads(path)
    graph = model_graph(beads, np.arange(5), beads.xyz_a)
    assert graph.edges.T.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [2, 4], [3, 4]]
    points = torch.from_numpy(beads.xyz_a)
    angle = 1.1
    turn = torch.tensor([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned, stretched = points @ turn.double().T - points, 0.1 * points
    basis = torch.stack((turned, stretched), dim=-1)
    lengths = graph.lengths_a.double()
    cost = length_error(torch.eye(2).double(), basis, points, graph)
    assert float(cost[0]) < 1e-9
    assert float(cost[1]) == pytest.approx(float(((0.1 * lengths) ** 2).mean()), rel=1e-5)
    # The consensus of the data's own lengths, as without a model, forgives a stretched consensus; this not.
    nothing = torch.zeros(1, 2).double()
    wide = 1.1 * points
    assert float(length_change(nothing, basis, wide, graph.edges)[0]) < 1e-9
    assert float(length_error(nothing, basis, wide, graph)[0]) == pytest.approx(float(cost[1]), rel=1e-5)


def test_that_a_random_part_of_the_edges_keeps_edge_and_length_together(
    tmp_path: Path, tiny: Simulation
) -> None:
    graph = place_beads(write_trace(tmp_path / "m.pdb", tiny), FRAME, 10000).graph
    known = dict(zip(map(tuple, graph.edges.T.tolist()), graph.lengths_a.tolist(), strict=True))
    part = sampled(graph, torch.Generator().manual_seed(1), 100)
    assert part.edges.shape == (2, 100)
    for edge, length in zip(part.edges.T.tolist(), part.lengths_a.tolist(), strict=True):
        assert known[tuple(edge)] == length


def test_that_the_fit_of_model_and_map_is_judged(tmp_path: Path, tiny: Simulation) -> None:
    volume = torch.from_numpy(read_map(tiny.folder / "consensus.mrc").data)
    said = []
    for shift in (0.0, 12.0):
        path = write_trace(tmp_path / "m.pdb", tiny, shift)
        said.append(check_fit(place_beads(path, FRAME, 650), volume, FRAME, path))
    assert said[0].startswith("The atomic model m.pdb fits the consensus map: their correlation is 0.9")
    assert said[1].startswith("Warning: the atomic model m.pdb fits the consensus map poorly")
    path = write_trace(tmp_path / "m.pdb", tiny, 60.0)
    with pytest.raises(UserError, match=r"does not fit the consensus map: their correlation is -?0\.\d\d"):
        check_fit(place_beads(path, FRAME, 650), volume, FRAME, path)


def test_that_a_part_outside_the_box_is_left_out_and_told(tmp_path: Path, tiny: Simulation) -> None:
    placed = place_beads(write_trace(tmp_path / "m.pdb", tiny, 90.0), FRAME, 650)
    inside = int((np.abs(tiny.truth.beads_a + np.array([90.0, 0, 0])) < 96).all(1).sum())
    assert len(placed.points_a) == inside < 650
    assert any(f"{650 - inside} of 650 beads" in note and "outside the box" in note for note in placed.notes)
    assert int(placed.graph.edges.max()) < inside


def test_that_the_log_begins_with_the_warning_about_bias(tmp_path: Path, tiny: Simulation) -> None:
    path = write_trace(tmp_path / "m.pdb", tiny)
    said: list[str] = []
    begin_with_model(path, FRAME, TrainingSettings(regularise_by_model=True), None, said.append)
    assert said[0] == f"Warning: {BIAS}"
    assert "Both half-sets share the model" in BIAS and "biased" in BIAS
    assert "648 bonds" in said[-1]
    said.clear()
    begin_with_model(path, FRAME, TrainingSettings(), None, said.append)
    assert not any("Warning" in line for line in said)


def test_that_the_form_warns_of_bias_and_wants_a_model(tmp_path: Path) -> None:
    context = CheckContext(tmp_path)
    assert check_atomic_model(DynaMightOptions(atomic_model="m.pdb"), context) == []
    (warning,) = check_atomic_model(DynaMightOptions(atomic_model="m.pdb", regularise_by_model=True), context)
    assert warning.severity == "warning" and "share the model" in warning.message
    (problem,) = check_atomic_model(DynaMightOptions(regularise_by_model=True), context)
    assert problem.severity == "error" and "none is given" in problem.message


def test_that_restrained_halves_share_beads_weights_and_bonds_and_hold_still_in_the_warm_up(
    prepare: Prepare, own: Path, tiny: Simulation
) -> None:
    write_trace(own / "m.pdb", tiny)
    prepared = prepare(own, files={"atomic_model": "m.pdb"}, n_gaussians=650, regularise_by_model=True)
    training = prepared.training
    training.initialise()
    first, second = training.halves
    assert first.graph is not None and second.graph is not None
    assert torch.equal(first.graph.edges, second.graph.edges)
    before = [half.model.positions.detach().clone() for half in training.halves]
    assert torch.equal(before[0], before[1])
    amplitudes = first.model.log_amplitudes.detach().clone()
    first.run_pass(Pass(training.boxes[0], move=False), training.noise, lambda: None)
    assert torch.equal(first.model.positions, before[0])
    assert not torch.equal(first.model.log_amplitudes, amplitudes)
    first.run_pass(Pass(training.boxes[0]), training.noise, lambda: None)
    assert not torch.equal(first.model.positions, before[0])
