"""Lengths beside the fields of the form."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.declaration import CheckContext
from jobs.dynamo_processor.captions import captions
from jobs.dynamo_processor.config_form import read_settings
from jobs.dynamo_processor.params import DynamoOptions
from tests.support.tomography_projects import imod_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with tomograms of 10 Å per voxel."""
    folder = tmp_path_factory.mktemp("project")
    imod_project(folder / "IMOD", 2)
    return folder


def test_that_fourier_pixels_are_lengths_of_the_box_of_the_tomograms_that_were_found(project: Path) -> None:
    options = DynamoOptions(
        imod_dir="IMOD", dir_contains="TS", box_size=64, low_r1=16, high_r1=0, dim_r1=32, lim_r1="4 4 2",
        nr_rounds=3, low_later="20; 32",
    )  # fmt: skip
    said = captions(options, CheckContext(project))
    # box × voxel size / frequency
    assert said["low_r1"] == "40 Å" and said["low_later"] == "32; 20 Å"
    assert said["high_r1"] == "∞ Å"
    assert said["lim_r1"] == "40×40×20 Å" and said["dim_r1"] == "20 Å/px"
    assert said["box_size"] == "640 Å" and said["apix"] == "10 Å found"


def test_that_a_pixel_size_in_the_form_takes_the_place_of_what_was_found(project: Path) -> None:
    said = captions(DynamoOptions(imod_dir="IMOD", apix=2.5, box_size=64, low_r1=16), CheckContext(project))
    assert said["low_r1"] == "10 Å" and "apix" not in said


def test_that_nothing_is_said_while_the_voxel_size_is_unknown_or_a_round_can_not_be_read(
    project: Path,
) -> None:
    assert captions(DynamoOptions(imod_dir="nowhere"), CheckContext(project)) == {}
    said = captions(DynamoOptions(apix=10.0, low_r1=1, lim_r1="far"), CheckContext(project))
    assert said == {"box_size": "640 Å"}


def test_that_paths_of_a_configuration_file_lead_from_the_project_or_from_the_file(
    project: Path, tmp_path: Path
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("processors:\n- name: dynamo\n  args: {imod_dir: IMOD, eman2_dir: there, low_r3: 7}\n")
    (tmp_path / "there").mkdir()
    values, remarks = read_settings(path, project)
    assert values["imod_dir"] == "IMOD" and values["eman2_dir"] == str(tmp_path / "there")
    assert values["nr_rounds"] == "3" and values["low_later"] == "18; 7" and remarks == []
