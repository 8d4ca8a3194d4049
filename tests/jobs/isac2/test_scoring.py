from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.isac2 import scoring
from jobs.isac2.lattice import Lattice, windows
from jobs.isac2.scoring import MultiReference
from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar

BOX, RADIUS = 36, 13


def _picture(planar: Planar, seed: int = 0) -> Tensor:
    """Lopsided pictures ``(n, y, x)`` moved by transformations and sampled exactly."""
    generator = np.random.default_rng(seed)
    blobs = np.c_[
        generator.uniform(-7, 7, (7, 2)), generator.uniform(1.5, 2.5, 7), generator.uniform(0.4, 1, 7)
    ]
    axis = torch.arange(BOX, dtype=torch.float64) - BOX // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    back = planar.inverse()
    points = torch.stack((x, y), -1).reshape(-1, 1, 2)
    points = back.apply(points.expand(-1, len(planar), 2)).transpose(0, 1)
    parts = [
        a * torch.exp(-((points[..., 0] - u) ** 2 + (points[..., 1] - v) ** 2) / (2 * s**2))
        for u, v, s, a in blobs
    ]
    return torch.stack(parts).sum(0).view(len(planar), BOX, BOX).float()


def _poses(n: int, shift: float, seed: int = 1) -> Planar:
    """Transformations whose inverses bring images back that lie off-centre by whole pixels."""
    generator = torch.Generator().manual_seed(seed)
    offset = (shift * (2 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 1)).round()
    return Planar.from_offset(
        360 * torch.rand(n, generator=generator, dtype=torch.float64),
        offset,
        torch.rand(n, generator=generator) < 0.5,
    )


@pytest.fixture(scope="module")
def engine() -> MultiReference:
    return MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1))


def _polar(image: np.ndarray, x0: float, y0: float, grid: PolarGrid) -> list[np.ndarray]:
    rings = []
    image = np.pad(image, 1, mode="edge")  # rings may touch the edge
    x0, y0 = x0 + 1, y0 + 1
    for n, r in zip(grid.n_samples, grid.radii.tolist(), strict=True):
        theta = 2 * np.pi * np.arange(n) / n
        x, y = BOX // 2 + x0 + r * np.sin(theta), BOX // 2 + y0 + r * np.cos(theta)
        i, j = np.floor(x).astype(int), np.floor(y).astype(int)
        u, v = x - i, y - j
        low = image[j, i] * (1 - u) + image[j, i + 1] * u
        high = image[j + 1, i] * (1 - u) + image[j + 1, i + 1] * u
        rings.append(low * (1 - v) + high * v)
    return rings


def _kept(grid: PolarGrid) -> set[tuple[int, int]]:
    limit = {
        n: max(k for k, m in zip(grid.limits, grid.n_samples, strict=True) if m == n) for n in grid.n_samples
    }
    rows = zip(grid.row_m.tolist(), grid.row_ring.tolist(), strict=True)
    return {(m, r) for m, r in rows if m <= limit[grid.n_samples[r]]}


def _brute_force(
    image: np.ndarray, reference: np.ndarray, start: tuple[int, int], grid: PolarGrid
) -> np.ndarray:
    """Correlations ``(mirror, lattice point, angle)``, one after another."""
    yy, xx = np.mgrid[:BOX, :BOX] - BOX // 2
    reference = reference - reference[xx**2 + yy**2 <= RADIUS**2].mean()
    kept = _kept(grid)
    weights = grid.radii.numpy() / grid.radii.numpy().sum()
    f = [np.fft.fft(ring) / len(ring) for ring in _polar(reference, 0, 0, grid)]
    angles = 2 * np.pi * np.arange(256) / 256
    out = np.full((2, 9, 256), -np.inf)
    for point, (dy, dx) in enumerate((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
        if max(abs(start[0] + dx), abs(start[1] + dy)) > BOX // 2 - 1 - RADIUS:
            continue
        rings = _polar(image, start[0] + dx, start[1] + dy, grid)
        mean = sum(w * ring.mean() for w, ring in zip(weights, rings, strict=True))
        power = sum(w * ((ring - mean) ** 2).mean() for w, ring in zip(weights, rings, strict=True))
        g = [np.fft.fft((ring - mean) / np.sqrt(power)) / len(ring) for ring in rings]
        for mirror in (0, 1):
            total = np.zeros(256)
            for m, r in kept:
                left = np.conj(f[r][m]) if mirror else f[r][m]
                term = weights[r] * left * np.conj(g[r][m]) * np.exp(1j * m * angles)
                total += (1 if m == 0 else 2) * term.real
            out[mirror, point] = total
    return out


def test_that_scores_and_places_are_those_of_brute_force(engine: MultiReference) -> None:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(5, BOX, BOX, generator=generator)
    averages = torch.randn(3, BOX, BOX, generator=generator) + 0.5
    offsets = torch.tensor([[0.0, 0.0], [2.4, -1.6], [4.0, 4.0], [-3.9, 0.2], [99.0, -99.0]])
    starts = [(0, 0), (2, -2), (4, 4), (-4, 0), (4, -4)]
    references = engine.references(averages)
    table = engine.best(images, offsets, references)
    assert [tuple(row) for row in table.starts.tolist()] == starts
    for i in range(5):
        for k in range(3):
            truth = _brute_force(images[i].numpy(), averages[k].numpy(), starts[i], engine.grid)
            assert math.isclose(float(table.scores[i, k]), truth.max(), rel_tol=2e-5, abs_tol=2e-5)
            mirror, point, angle = np.unravel_index(truth.argmax(), truth.shape)
            assert int(table.places[i, k]) == 2 * point + mirror
            labels = torch.full((5,), k)
            found = engine.align(images, references, table, labels)[i]
            assert bool(found.mirror) == bool(mirror)
            difference = (float(found.alpha_deg) - angle * 360 / 256 + 180) % 360 - 180
            assert abs(difference) < 3 * 360 / 256


def test_that_single_images_are_turned_and_centred_onto_their_reference(engine: MultiReference) -> None:
    truth = _poses(60, 1.0)
    images = _picture(truth.inverse())
    average = _picture(Planar.identity(1, dtype=torch.float64))
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(4))
    images = images + noise * images.std() / 10**0.5  # SNR 10
    found, scores = engine.align_to(images, torch.zeros(60, 2), average[0])
    error = torch.remainder(found.alpha_deg - truth.alpha_deg + 180, 360) - 180
    assert bool((found.mirror == truth.mirror).all())
    assert torch.allclose(found.pre_rotation_offset(), truth.pre_rotation_offset(), atol=1e-6)
    assert float(error.abs().median()) < 0.7 and float(error.square().mean().sqrt()) < 0.7
    assert scores.shape == (60,) and float(scores.min()) > 0


def test_that_half_pixels_are_found_with_half_a_pixel_as_step() -> None:
    engine = MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1, ts=0.5))
    truth = _poses(20, 2.0, seed=5)
    truth = Planar.from_offset(truth.alpha_deg, truth.pre_rotation_offset() / 2, truth.mirror)
    average = _picture(Planar.identity(1, dtype=torch.float64))[0]
    found, _ = engine.align_to(_picture(truth.inverse()), torch.zeros(20, 2), average)
    assert torch.allclose(found.pre_rotation_offset(), truth.pre_rotation_offset(), atol=1e-6)
    assert bool((found.mirror == truth.mirror).all())
    error = torch.remainder(found.alpha_deg - truth.alpha_deg + 180, 360) - 180
    assert float(error.abs().max()) < 1.5


def test_that_the_search_goes_on_from_where_the_centre_was_found(engine: MultiReference) -> None:
    truth = _poses(20, 4.0, seed=7)
    images = _picture(truth.inverse())
    average = _picture(Planar.identity(1, dtype=torch.float64))[0]
    near = truth.pre_rotation_offset() + 0.9
    found, _ = engine.align_to(images, near, average)
    assert torch.allclose(found.pre_rotation_offset(), truth.pre_rotation_offset(), atol=1e-6)


def test_that_polar_images_are_normalised_only_when_asked() -> None:
    grid, lattice = PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 0)
    images = torch.randn(4, BOX, BOX, generator=torch.Generator().manual_seed(5))
    average = torch.randn(1, BOX, BOX, generator=torch.Generator().manual_seed(6))
    offsets = torch.zeros(4, 2)
    for normalise, factor in ((True, 1.0), (False, 3.0)):
        engine = MultiReference(grid, lattice, normalise)
        references = engine.references(average)
        plain = engine.best(images, offsets, references).scores
        larger = engine.best(3 * images, offsets, references).scores
        stronger = engine.best(images, offsets, 2 * references).scores
        assert torch.allclose(larger, factor * plain, rtol=1e-4)
        assert torch.allclose(stronger, 2 * plain, rtol=1e-5)


def test_that_angles_can_be_kept_to_multiples_of_a_step() -> None:
    engine = MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1), step_deg=90.0)
    truth = Planar.from_offset(
        torch.tensor([4.0, 94.0, 176.0, 275.0], dtype=torch.float64),
        torch.zeros(4, 2, dtype=torch.float64),
        torch.tensor([False, True, False, True]),
    )
    average = _picture(Planar.identity(1, dtype=torch.float64))[0]
    found, _ = engine.align_to(_picture(truth.inverse()), torch.zeros(4, 2), average)
    assert torch.allclose(found.alpha_deg, torch.tensor([0.0, 90.0, 180.0, 270.0], dtype=torch.float64))
    assert torch.equal(found.mirror, truth.mirror)


def test_that_references_without_detail_need_fewer_frequencies() -> None:
    grid, lattice = PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1)
    images = torch.randn(6, BOX, BOX, generator=torch.Generator().manual_seed(8))
    smooth = _picture(_poses(2, 0.0), seed=3)
    scores = []
    for frequency in (None, 0.25):
        engine = MultiReference(grid, lattice, frequency=frequency)
        scores.append(engine.best(images, torch.zeros(6, 2), engine.references(smooth)).scores)
    assert len(MultiReference(grid, lattice, frequency=0.25).correlator.bands) < len(grid.bands)
    assert torch.allclose(scores[0], scores[1], atol=0.03 * float(scores[0].max()))


def test_that_neither_threads_nor_how_many_images_are_given_at_once_change_a_bit(
    engine: MultiReference,
) -> None:
    generator = torch.Generator().manual_seed(9)
    block = scoring.BLOCK["cpu"]
    images = torch.randn(2 * block + 5, BOX, BOX, generator=generator)
    references = engine.references(torch.randn(5, BOX, BOX, generator=generator))
    offsets = torch.randn(len(images), 2, generator=generator)
    whole = engine.best(images, offsets, references)
    parts = [
        engine.best(images[a:b], offsets[a:b], references)
        for a, b in ((0, block), (block, 2 * block), (2 * block, len(images)))
    ]
    assert torch.equal(whole.scores, torch.cat([part.scores for part in parts]))
    assert torch.equal(whole.places, torch.cat([part.places for part in parts]))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        again = engine.best(images, offsets, references)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(whole.scores, again.scores) and torch.equal(whole.places, again.places)


def test_that_centres_beyond_the_limit_begin_at_it_or_at_the_centre() -> None:
    lattice = Lattice.square(76, 29, 1)
    assert lattice.limit == 8 and len(lattice) == 9
    offsets = torch.tensor([[9.2, 0.0], [7.6, -8.0]])
    assert lattice.starts(offsets).tolist() == [[8, 0], [8, -8]]
    assert lattice.starts(offsets, reset=True).tolist() == [[0, 0], [8, -8]]
    inside = lattice.inside(lattice.starts(offsets))
    assert inside[:, 0].sum() == 6 and inside[:, 1].sum() == 4


def test_that_lattices_have_the_points_of_range_and_step() -> None:
    assert Lattice.square(76, 29, 0).points.tolist() == [[0.0, 0.0]]
    assert len(Lattice.square(76, 29, 1, ts=0.5)) == 25
    assert Lattice.square(76, 29, 1, yr=0).points.tolist() == [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]


def test_that_windows_are_cut_about_their_pixels_and_go_on_at_the_edge() -> None:
    image = torch.arange(100.0).view(1, 10, 10).expand(2, 10, 10)
    cut = windows(image, torch.tensor([[1, -2], [5, 5]]), 1)
    assert torch.equal(cut[0], image[0, 2:5, 5:8])
    assert torch.equal(cut[1], torch.full((3, 3), 99.0))
