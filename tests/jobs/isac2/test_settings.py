"""What follows from the options of a classification."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.core.errors import UserError
from jobs.isac2.settings import IsacSettings

DEFAULT = IsacSettings(radius=58.0)


def test_that_the_working_box_follows_the_search_range() -> None:
    assert [replace(DEFAULT, xr=xr).box for xr in (0, 1, 3)] == [75, 76, 78]


def test_that_shrinking_maps_the_radius_onto_the_target_radius() -> None:
    assert DEFAULT.radius * DEFAULT.shrink == DEFAULT.target_radius
    assert DEFAULT.small_box(151) == 76


def test_that_an_offset_keeps_the_last_ring_inside() -> None:
    assert DEFAULT.offset_limit == 8


def test_that_the_default_ramp_has_six_passes_and_never_goes_beyond_its_end() -> None:
    assert DEFAULT.cutoffs == (0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
    assert replace(DEFAULT, fh=0.43).cutoffs[-1] == 0.4
    assert replace(DEFAULT, fl=0.3, fh=0.3).cutoffs == (0.3,)


def test_that_groups_not_asked_for_are_two_hundred_classes_of_at_least_fifty() -> None:
    assert DEFAULT.group_size(100_000) == 500
    assert DEFAULT.group_size(1_000) == 50
    assert DEFAULT.minimum_size(100_000) == 300
    assert replace(DEFAULT, img_per_grp=100).minimum_size(1_000) == 60


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radius": 101.0}, "does not fit into the box of 200"),
        ({"target_radius": 38}, "working box"),
        ({"ctf": True, "vpp": True}, "cannot be used together"),
        ({"img_per_grp": 501}, "do not make two groups"),
        ({"img_per_grp": 100, "minimum_grp_size": 100}, "more than 100"),
    ],
)
def test_that_impossible_settings_are_refused_in_words(change: dict[str, float], words: str) -> None:
    with pytest.raises(UserError, match=words):
        replace(DEFAULT, **change).check(1_000, 200)  # type: ignore[arg-type]


def test_that_possible_settings_pass() -> None:
    DEFAULT.check(1_000, 200)
