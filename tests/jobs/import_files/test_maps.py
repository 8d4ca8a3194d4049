"""Maps, masks, half-maps, models and optimisation sets get the labels under which RELION offers them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.declaration import CheckContext
from jobs.core.errors import FormatError
from jobs.core.figures import Figure
from jobs.formats.mrc import read_map, read_map_header, write_map
from jobs.import_files.params import JOB_TYPE
from jobs.import_files.words import MASK, OPTIMISATION_SET

Import = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Maps of other programs."""
    place = tmp_path / "maps"
    place.mkdir()
    grid = np.mgrid[:16, :16, :16] - 8
    blob = np.exp(-(grid**2).sum(0) / 20).astype(np.float32)
    write_map(place / "density.map", blob, 1.2, (1.2, 0.0, 0.0))
    write_map(place / "cryosparc_P1_J9_map_half_A.mrc", blob, 1.2)
    write_map(place / "cryosparc_P1_J9_map_half_B.mrc", blob, 1.2)
    write_map(place / "around.mrc", (blob > 0.3).astype(np.float32), 1.2)
    (place / "model.pdb").write_text(
        "ATOM      1  CA  ALA A   1       1.000   2.000   3.000  1.00  0.00           C  \nEND\n"
    )
    return place


def test_that_each_file_becomes_what_its_content_says(folder: Path, run_import: Import) -> None:
    done = run_import(f"{folder}/*.mrc", folder / "density.map", folder / "model.pdb")
    assert done.nodes == {
        "around.mrc": "Mask3D.mrc",
        "cryosparc_P1_J9_map_half1_unfil.mrc": "DensityMap.mrc.halfmap",
        "cryosparc_P1_J9_map_half2_unfil.mrc": "DensityMap.mrc.halfmap",
        "density.mrc": "DensityMap.mrc",
        "model.pdb": "AtomCoords.pdb",
    }
    assert all((done.folder / name).is_symlink() for name in done.nodes)
    assert "mask of 16³ voxels of 1.2 Å" in done.log
    figure = Figure.from_json((done.folder / "snapshots" / "maps.json").read_text())
    assert [series.name.split()[0] for series in figure.series] == ["mask", "half-map", "half-map", "map"]
    assert [fact.title for fact in figure.facts][-1] == "Atomic model"
    assert figure.voxel_size_a == 1.2


def test_that_a_pixel_size_is_written_into_a_copy_and_never_into_the_original(
    folder: Path, run_import: Import
) -> None:
    before = (folder / "density.map").read_bytes()
    done = run_import(folder / "density.map", angpix_override=2.4)
    assert (folder / "density.map").read_bytes() == before
    header = read_map_header(done.folder / "density.mrc")
    assert header.voxel_size_a == pytest.approx(2.4)
    assert header.origin_a[0] == pytest.approx(2.4)
    same = read_map(done.folder / "density.mrc").data
    np.testing.assert_array_equal(same, read_map(folder / "density.map").data)


def test_that_a_map_is_no_mask_and_a_slab_no_map(folder: Path, run_import: Import) -> None:
    write_map(folder / "levels.mrc", np.full((8, 8, 8), 5.0, np.float32), 1.0)
    with pytest.raises(FormatError, match="values from 5 to 5 were found, but a mask has values between"):
        run_import(folder / "levels.mrc", node_type=MASK)
    write_map(folder / "slab.mrc", np.ones((4, 8, 8), np.float32), 1.0)
    with pytest.raises(FormatError, match="8 × 8 × 4 voxels, but a cube is expected"):
        run_import(folder / "slab.mrc")


def test_that_an_odd_box_and_a_missing_pixel_size_are_told(folder: Path, run_import: Import) -> None:
    write_map(folder / "odd.mrc", np.ones((7, 7, 7), np.float32), 0.0)
    done = run_import(folder / "odd.mrc")
    assert "The box of 7 voxels is odd" in done.log
    assert "no pixel size" in done.log


def test_that_an_optimisation_set_is_a_node_whose_files_are_found(
    tmp_path: Path, project: Path, run_import: Import
) -> None:
    other = tmp_path / "tomo"
    (other / "Extract" / "job005").mkdir(parents=True)
    (other / "Extract" / "job005" / "particles.star").write_text("data_particles\n")
    (other / "optimisation_set.star").write_text(
        "\n# version 50001\n\ndata_\n\n_rlnTomoParticlesFile Extract/job005/particles.star\n"
        "_rlnTomoTomogramsFile Tomograms/job001/tomograms.star\n\n"
    )
    done = run_import(other / "optimisation_set.star")
    assert done.nodes == {"optimisation_set.star": "TomoOptimisationSet.star.relion"}
    text = (done.folder / "optimisation_set.star").read_text()
    assert str((other / "Extract/job005/particles.star").resolve()) in text
    assert "1 of its 2 files were not found: Tomograms/job001/tomograms.star" in done.log
    assert json.loads((done.folder / "imported.json").read_text())[0]["missing"] == 1


@pytest.mark.parametrize(
    ("name", "node_type", "said"),
    [
        ("images.mrcs", "Automatic", "is a stack of images, which says nothing of its particles"),
        ("density.map", OPTIMISATION_SET, "cannot be imported as"),
        ("paper.docx", "Automatic", "cannot be imported as 'Automatic'"),
    ],
)
def test_that_the_form_says_what_can_not_be_imported(
    folder: Path, name: str, node_type: str, said: str
) -> None:
    (folder / name).touch()
    options = JOB_TYPE.options(fn_in_other=str(folder / name), node_type=node_type)
    problems = JOB_TYPE.problems(options, CheckContext(folder))
    assert [said in problem.message for problem in problems if problem.field == "fn_in_other"] == [True]


def test_that_each_of_several_missing_files_is_named(folder: Path) -> None:
    options = JOB_TYPE.options(fn_in_other="gone.mrc; density.map; lost.mrc; *.pdb")
    problems = JOB_TYPE.problems(options, CheckContext(folder))
    told = [problem.message for problem in problems if "does not exist" in problem.message]
    assert ["gone.mrc" in told[0], "lost.mrc" in told[1], len(told)] == [True, True, 2]
