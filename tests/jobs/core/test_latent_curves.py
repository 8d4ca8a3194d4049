"""Curves that follow a bent band of particles."""

from __future__ import annotations

import numpy as np

from jobs.core.latent_curves import follow_particles


def test_that_the_curve_stays_on_a_parabola_where_a_straight_line_leaves_it(rng: np.random.Generator) -> None:
    x = rng.uniform(-2, 2, 3000)
    latent = np.column_stack([x, x**2, np.zeros_like(x)]) + rng.normal(0, 0.05, (3000, 3))
    at = np.linspace(-1.8, 1.8, 21)
    curve = follow_particles(x, latent, at)
    np.testing.assert_allclose(curve[:, 0], at, atol=0.03)
    np.testing.assert_allclose(curve[:, 1], at**2, atol=0.1)
    np.testing.assert_allclose(curve[:, 2], 0, atol=0.02)


def test_that_a_straight_band_gives_its_line_exactly_also_at_the_ends() -> None:
    x = np.linspace(0, 1, 50)
    latent = np.column_stack([3 * x - 1, -x])
    curve = follow_particles(x, latent, [0.0, 0.25, 1.0])
    np.testing.assert_allclose(curve, [[-1, 0], [-0.25, -0.25], [2, -1]], atol=1e-5)


def test_that_a_million_particles_give_what_their_groups_give(rng: np.random.Generator) -> None:
    x = rng.normal(size=1_000_000).astype(np.float32)
    latent = np.column_stack([x, np.sin(x)]).astype(np.float32)
    curve = follow_particles(x, latent, np.linspace(-2, 2, 9))
    # averaging over the neighbourhood flattens a sine of this length by less than this
    np.testing.assert_allclose(curve[:, 1], np.sin(np.linspace(-2, 2, 9)), atol=0.2)


def test_that_particles_without_a_place_are_left_aside() -> None:
    x = np.array([0.0, 1.0, np.nan, 2.0])
    latent = np.array([[0.0], [1.0], [900.0], [2.0]])
    np.testing.assert_allclose(follow_particles(x, latent, [1.0]), [[1.0]], atol=1e-5)
