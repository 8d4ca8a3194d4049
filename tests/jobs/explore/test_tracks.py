"""Series of states without a window: known lines in latent space."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.tracks import along_component, along_rows, principal, state_along, through


@pytest.fixture
def latent(rng: np.random.Generator) -> np.ndarray:
    """A cloud that is longest along (1, 1, 0) and does not vary along (0, 0, 1)."""
    along, across = rng.normal(size=(2, 4000, 1)) * [[[3.0]], [[1.0]]]
    return along * [1, 1, 0] / np.sqrt(2) + across * [1, -1, 0] / np.sqrt(2) + [5.0, -2.0, 1.0]


def test_that_a_movie_runs_along_the_longest_direction_between_the_percentiles(latent: np.ndarray) -> None:
    states = along_component(latent, 1, 11, straight=True)
    assert states.shape == (11, 3) and states.dtype == np.float32
    steps = np.diff(states, axis=0)
    np.testing.assert_allclose(steps, np.tile(steps[0], (10, 1)), atol=1e-5)
    direction = steps[0] / np.linalg.norm(steps[0])
    np.testing.assert_allclose(direction, [np.sqrt(0.5), np.sqrt(0.5), 0], atol=0.03)
    # the 2nd and 98th percentile of a normal distribution lie 2.05 standard deviations from its mean
    assert np.linalg.norm(states[-1] - states[0]) == pytest.approx(2 * 2.054 * 3, rel=0.06)
    np.testing.assert_allclose(states.mean(0), latent.mean(0), atol=0.15)


def test_that_a_movie_follows_a_bent_band_of_particles(rng: np.random.Generator) -> None:
    x = rng.uniform(-3, 3, 4000)
    bent = np.column_stack([x, 0.3 * x**2, np.zeros_like(x)]) + rng.normal(0, 0.05, (4000, 3))
    states = along_component(bent, 1, 21)
    np.testing.assert_allclose(states[:, 1], 0.3 * states[:, 0] ** 2, atol=0.1)
    straight = along_component(bent, 1, 21, straight=True)
    assert np.abs(straight[:, 1] - 0.3 * straight[:, 0] ** 2).max() > 1


def test_that_a_place_along_a_component_is_a_distance_or_a_percentile(latent: np.ndarray) -> None:
    np.testing.assert_allclose(state_along(latent, 1, "0"), latent.mean(0), atol=1e-5)
    axis = principal(latent).axes[0]
    assert (state_along(latent, 1, "-1.5") - latent.mean(0)) @ axis == pytest.approx(-1.5, abs=1e-5)
    np.testing.assert_allclose(
        state_along(latent, 1, "98%"), along_component(latent, 1, 5, straight=True)[-1], atol=1e-5
    )


def test_that_states_are_met_exactly_and_steps_are_nearly_equal() -> None:
    met = np.array([[0.0, 0], [3, 0], [3, 1]])
    states = through(met, 9)
    assert len(states) == 9
    for state in met:
        assert (states == state.astype(np.float32)).all(1).any()
    np.testing.assert_allclose(np.linalg.norm(np.diff(states, axis=0), axis=1), 0.5, atol=1e-6)
    # a state given twice in a row is met once
    assert np.array_equal(through(met[[0, 0, 1, 1, 2]], 9), states)


def test_that_a_path_of_particles_keeps_its_ends_and_loses_its_jitter(rng: np.random.Generator) -> None:
    t = np.linspace(0, np.pi, 200)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    noisy = circle + rng.normal(scale=0.02, size=circle.shape)
    states = along_rows(noisy, range(200), 30)
    np.testing.assert_allclose(states[[0, -1]], noisy[[0, -1]], atol=1e-5)
    radius = np.linalg.norm(states, axis=1)
    assert np.abs(radius - 1).max() < 0.05
    step = np.linalg.norm(np.diff(states, axis=0), axis=1)
    assert step.max() / step.min() < 1.05


def test_that_what_cannot_be_a_movie_is_refused(latent: np.ndarray) -> None:
    with pytest.raises(UserError, match="no component 4: there are 3"):
        along_component(latent, 4)
    with pytest.raises(UserError, match="same value along component 3"):
        along_component(np.round(latent) * [1, 1, 0], 3)
    with pytest.raises(UserError, match="two different states"):
        through(np.ones((3, 2)))
    with pytest.raises(UserError, match="2 frames are too few to meet 3 states"):
        through(np.eye(3), 2)
    with pytest.raises(UserError, match="has no length"):
        along_rows(np.ones((5, 2)), range(5))
    for text in ("much", "101%", "nan"):
        with pytest.raises(UserError, match="percentile such as 95%"):
            state_along(latent, 1, text)
