"""What the head of a STAR file says is told beside the fields, and what does not suit it below them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.core.declaration import CheckContext
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.input_facts import captions, images_suit
from jobs.isac2.params import Isac2Options


def _write(folder: Path, **columns: Any) -> CheckContext:
    """A file of 90 images of 64 pixels of 2 Å."""
    optics = {"rlnOpticsGroup": [1], "rlnImagePixelSize": [2.0], "rlnImageSize": [64]}
    rows: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(90)],
        "rlnOpticsGroup": [1] * 90,
    }
    flipped = {"rlnCtfDataArePhaseFlipped": columns.pop("flipped")} if "flipped" in columns else {}
    tables = [
        StarTable.from_columns("optics", {**optics, **flipped}),
        StarTable.from_columns("particles", {**rows, **columns}),
    ]
    write_star_tables(folder / "particles.star", tables)
    return CheckContext(folder)


def _options(**values: Any) -> Isac2Options:
    return Isac2Options.model_validate({"fn_stack": "particles.star", **values})


def test_that_lengths_are_told_in_the_other_unit_and_groups_are_counted(tmp_path: Path) -> None:
    context = _write(tmp_path)
    said = captions(_options(radius=25.0, img_per_grp=30), context)
    assert said == {
        "radius": "px = 50 Å",
        "filament_width": "px",
        "angpix": "2 Å found",
        "target_radius": "averages of 1.72 Å per pixel",
        "img_per_grp": "90 images: 3 groups",
    }
    said = captions(_options(radius=50.0, length_unit="Å", angpix=2.5, filament_width=20.0), context)
    assert (said["radius"], said["filament_width"]) == ("Å = 20 px", "Å = 8 px") and "angpix" not in said
    # Of a file that is not there nothing is known but the unit of what is typed.
    said = captions(_options(fn_stack="gone.star", radius=25.0), context)
    assert said == {"radius": "px", "filament_width": "px"}


@pytest.mark.parametrize(
    ("columns", "values", "field", "severity"),
    [
        ({}, {"radius": 40.0}, "radius", "error"),
        ({}, {"radius": 65.0, "length_unit": "Å"}, "radius", "error"),
        ({}, {"radius": 25.0, "ctf": True}, "ctf", "error"),
        ({"rlnDefocusU": [9000.0] * 90}, {"radius": 25.0}, "ctf", "warning"),
        ({}, {"radius": 25.0, "filament_width": 9.0}, "filament_width", "error"),
        ({}, {"radius": 25.0, "img_per_grp": 46}, "img_per_grp", "error"),
    ],
)
def test_that_what_does_not_suit_the_images_is_said_at_its_field(
    columns: dict[str, Any], values: dict[str, Any], field: str, severity: str, tmp_path: Path
) -> None:
    (problem,) = images_suit(_options(**values), _write(tmp_path, **columns))
    assert (problem.field, problem.severity) == (field, severity)


@pytest.mark.parametrize("values", [{"ctf": True}, {"vpp": True}, {"flipped": [1]}])
def test_that_images_whose_ctf_is_taken_care_of_are_fine(values: dict[str, Any], tmp_path: Path) -> None:
    columns = {"flipped": values.pop("flipped")} if "flipped" in values else {}
    context = _write(tmp_path, rlnDefocusU=[9000.0] * 90, rlnAnglePsiPrior=[3.0] * 90, **columns)
    options = _options(radius=25.0, filament_width=9.0, img_per_grp=45, **values)
    assert images_suit(options, context) == []
