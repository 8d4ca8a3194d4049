"""What is chosen of a tilt-series set is what was meant, and every loss is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_selection import Choice, choose, labelled
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.tilt_files import write_series


@pytest.fixture
def particles(tmp_path: Path) -> TiltParticles:
    """Three particles of 4, 2 and 3 images."""
    return read_tilt_particles(write_series(tmp_path))


def test_that_no_choice_is_everything(particles: TiltParticles) -> None:
    chosen = choose(particles, Choice())
    assert list(chosen.particle_name) == list(particles.particle_name)
    assert chosen.n_images == 9


def test_that_uneven_particles_lose_nothing_and_it_is_said(particles: TiltParticles) -> None:
    chosen = choose(particles, Choice(first_ntilts=3))
    assert chosen.counts.tolist() == [3, 2, 3]
    assert any("1 of 3 particles have fewer than 3 images (the fewest 2)" in w for w in chosen.warnings)
    assert not any("fewer" in w for w in choose(particles, Choice(first_ntilts=2)).warnings)


def test_that_images_are_counted_by_rows_and_particles_by_the_whole_file(particles: TiltParticles) -> None:
    rows = np.array([1, 4, 2, 5])  # particle 1 whole, two images of particle 2; particle 0 goes
    chosen = choose(particles, Choice(images=rows, particles=np.array([0, 2])))
    assert list(chosen.particle_name) == ["TS_1_000002"]
    assert chosen.original.tolist() == [2]
    assert chosen.counts.tolist() == [2]
    assert any("1 of 3 particles have none of the chosen images" in w for w in chosen.warnings)


def test_that_sorting_decides_what_survives_and_not_the_order(tmp_path: Path) -> None:
    dose = np.array([9.0, 3, 9, 6, 6, 6, 3, 3, 12])  # particle 0 has 9, 6, 3, 12 in the order of the file
    particles = read_tilt_particles(write_series(tmp_path, {"rlnCtfBfactor": -4 * dose}))
    chosen = choose(particles, Choice(sort="dose_ascending", first_ntilts=2))
    assert chosen.dose.tolist() == [6, 3, 3, 6, 6, 3]
    chosen = choose(particles, Choice(first_ntilts=2))
    assert chosen.dose.tolist() == [9, 6, 3, 6, 9, 6]


def test_that_a_random_order_is_that_of_its_seed(particles: TiltParticles) -> None:
    def drawn(seed: int) -> list[int]:
        return choose(particles, Choice(sort="random", first_ntilts=1, seed=seed)).section.tolist()

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(s)) for s in range(20)}) > 3


def test_that_the_first_particles_are_those_that_are_left(particles: TiltParticles) -> None:
    chosen = choose(particles, Choice(particles=np.array([2, 1]), first_nptcls=1))
    assert list(chosen.particle_name) == ["TS_0_000001"]
    assert any("only 3" in w for w in choose(particles, Choice(first_nptcls=5)).warnings)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice(sort="by_size"), "not one of"),
        (Choice(first_ntilts=0), "a number from 1"),
        (Choice(images=np.array([], np.int64)), "no particle is left"),
    ],
)
def test_that_impossible_choices_are_refused(particles: TiltParticles, choice: Choice, said: str) -> None:
    with pytest.raises(UserError, match=said):
        choose(particles, choice)


def test_that_dose_must_be_known_to_sort_by_it(tmp_path: Path) -> None:
    particles = read_tilt_particles(write_series(tmp_path, {"rlnCtfBfactor": None}))
    with pytest.raises(UserError, match="does not state"):
        choose(particles, Choice(sort="dose_ascending", first_ntilts=1))


def test_that_labels_are_chosen_by_value(particles: TiltParticles) -> None:
    assert labelled(np.array([0, 1, 2, 1]), ["1"]).tolist() == [1, 3]
    assert labelled(np.array([0.0, 1.5]), [1.5]).tolist() == [1]
    assert labelled(np.array(["a", "b"], object), ["a"]).tolist() == [0]
    with pytest.raises(UserError, match=r"label 7 \(there are 0, 1\)"):
        labelled(np.array([0, 1]), [7])
