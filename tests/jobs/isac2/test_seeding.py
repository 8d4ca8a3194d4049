"""Random numbers of a run depend on the seed and the purpose alone."""

from __future__ import annotations

import torch

from jobs.isac2.seeding import derived_seed, generator


def test_that_the_same_purpose_gives_the_same_numbers_whatever_was_drawn_before() -> None:
    first = torch.rand(5, generator=generator(7, "angles", 1, 2))
    torch.rand(100, generator=generator(7, "angles", 1, 3))
    assert torch.equal(first, torch.rand(5, generator=generator(7, "angles", 1, 2)))


def test_that_seed_purpose_and_place_of_a_number_all_matter() -> None:
    seeds = {
        derived_seed(7, "a", 1, 2),
        derived_seed(8, "a", 1, 2),
        derived_seed(7, "b", 1, 2),
        derived_seed(7, "a", 2, 1),
        derived_seed(7, "a", 12),
        derived_seed(7, "a1", 2),
        derived_seed(7, "a", "1", 2),
    }
    assert len(seeds) == 7


def test_that_seeds_stay_what_they_were_in_older_runs() -> None:
    assert derived_seed(0, "references", 1, 1) == 675_564_226_440_062_660
