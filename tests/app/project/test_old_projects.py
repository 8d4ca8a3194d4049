"""Projects of RELION 3.0, 3.1 and 4: shown, upgraded only on request, with a copy kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.project.pipeline_star import parse_pipeline
from app.project.project import OldProject, Project
from app.project.upgrade import convert, new_label, old_version

#: As RELION 3.0 writes it; 3.1 adds the version line.
RELION3 = """
data_pipeline_general

_rlnPipeLineJobCounter                       5
 

data_pipeline_processes

loop_ 
_rlnPipeLineProcessName #1 
_rlnPipeLineProcessAlias #2 
_rlnPipeLineProcessType #3 
_rlnPipeLineProcessStatus #4 
Import/job001/       None            0            2 
Class2D/job002/ Class2D/first/            8            3 
Refine3D/job003/       None           10            0 
MovieRefine/job004/       None            6            4 
 

data_pipeline_nodes

loop_ 
_rlnPipeLineNodeName #1 
_rlnPipeLineNodeType #2 
Import/job001/particles.star            3 
Class2D/job002/run_it025_model.star            8 
Refine3D/job003/run_class001.mrc            6 
Refine3D/job003/run_half1_class001_unfil.mrc           10 
mask.mrc            7 
 

data_pipeline_input_edges

loop_ 
_rlnPipeLineEdgeFromNode #1 
_rlnPipeLineEdgeProcess #2 
Import/job001/particles.star Class2D/job002/ 
mask.mrc Refine3D/job003/ 
 

data_pipeline_output_edges

loop_ 
_rlnPipeLineEdgeProcess #1 
_rlnPipeLineEdgeToNode #2 
Import/job001/ Import/job001/particles.star 
Refine3D/job003/ Refine3D/job003/run_class001.mrc 
 
"""  # noqa: W291, W293
RELION31 = RELION3.replace("\ndata_", "\n# version 30001\n\ndata_")

RELION4 = """
# version 30001

data_pipeline_general

_rlnPipeLineJobCounter 3
 

# version 30001

data_pipeline_processes

loop_
_rlnPipeLineProcessName #1
_rlnPipeLineProcessAlias #2
_rlnPipeLineProcessTypeLabel #3
_rlnPipeLineProcessStatusLabel #4
Import/job001/ None relion.import.movies Succeeded
PseudoSubtomo/job002/ None relion.pseudosubtomo Running
 

# version 30001

data_pipeline_nodes

loop_
_rlnPipeLineNodeName #1
_rlnPipeLineNodeTypeLabel #2
Import/job001/movies.star MicrographMoviesData.star.relion
PseudoSubtomo/job002/particles.star ParticlesData.star.relion.tomo
PseudoSubtomo/job002/optimisation_set.star OptimisationSet.star.relion
 

# version 30001

data_pipeline_output_edges

loop_
_rlnPipeLineEdgeProcess #1
_rlnPipeLineEdgeToNode #2
Import/job001/ Import/job001/movies.star
 
"""  # noqa: W293


def write(folder: Path, text: str) -> Path:
    (folder / ".gui_projectdir").touch()
    (folder / "default_pipeline.star").write_text(text)
    return folder


VERSIONS = pytest.mark.parametrize(
    ("text", "version"), [(RELION3, "3.0"), (RELION31, "3.1"), (RELION4, "4")], ids=["3.0", "3.1", "4"]
)


@VERSIONS
def test_that_an_old_project_is_recognised_and_left_alone(project_dir: Path, text: str, version: str) -> None:
    write(project_dir, text)
    with pytest.raises(OldProject, match=f"RELION {version}") as caught:
        Project.open(project_dir)
    assert caught.value.version == version
    assert (project_dir / "default_pipeline.star").read_text() == text


@VERSIONS
def test_that_an_old_project_can_be_looked_at_without_a_change(
    project_dir: Path, text: str, version: str
) -> None:
    write(project_dir, text)
    before = {path.name: path.stat().st_mtime_ns for path in project_dir.iterdir()}
    project = Project.open(project_dir, readonly=True)
    assert project.old_version == version
    assert len(project.pipeline.processes) == text.count(" None ") + text.count("Class2D/first/")
    assert {path.name: path.stat().st_mtime_ns for path in project_dir.iterdir()} == before
    assert not project.refresh()


@VERSIONS
def test_that_an_upgrade_keeps_a_copy_and_gives_a_project_of_relion_5(
    project_dir: Path, text: str, version: str
) -> None:
    write(project_dir, text)
    shown = Project.open(project_dir, readonly=True).pipeline
    project = Project.open(project_dir, upgrade=True)
    copy = project_dir / f"default_pipeline.star.relion{version}"
    assert copy.read_text() == text
    assert old_version((project_dir / "default_pipeline.star").read_text()) == ""
    again = Project.open(project_dir)
    for pipeline in (project.pipeline, again.pipeline):
        assert pipeline.processes == shown.processes
        assert pipeline.nodes == shown.nodes
        assert pipeline.input_edges == shown.input_edges
        assert pipeline.output_edges == shown.output_edges
    assert again.new_job("DynaMight", "dynamight").number == shown.counter


def test_that_the_numbers_of_relion_3_become_the_words_of_relion_5() -> None:
    pipeline = parse_pipeline(convert(RELION3))
    assert [(p.type_label, p.status) for p in pipeline.processes] == [
        ("relion.import", "Succeeded"),
        ("relion.class2d", "Failed"),
        ("relion.refine3d", "Running"),
        ("MovieRefine", "Aborted"),
    ]
    assert pipeline.processes[1].alias == "Class2D/first/"
    first_parts = [node.label.partition(".")[0] for node in pipeline.nodes]
    assert first_parts == ["ParticleGroupMetadata", "ModelData", "DensityMap", "DensityMap", "Mask3D"]
    assert "halfmap" in pipeline.nodes[3].label


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ParticlesData.star.relion", "ParticleGroupMetadata.star.relion"),
        ("MicrographMoviesData.star.relion", "MicrographMovieGroupMetadata.star.relion"),
        ("MicrographsData.star.relion.ctf", "MicrographGroupMetadata.star.relion.ctf"),
        ("MicrographsCoords.star.relion", "MicrographCoordsGroup.star.relion"),
        ("OptimisationSet.star.relion", "TomoOptimisationSet.star.relion"),
        ("TomogramData.star.relion", "TomogramGroupMetadata.star.relion"),
        ("TrajectoryData.star.relion", "TomoTrajectoryData.star.relion"),
    ],
)
def test_that_relion_4_labels_are_converted_once(old: str, new: str) -> None:
    assert new_label(old) == new
    # RELION itself would make TomoTomoOptimisationSet of a file without version line
    assert new_label(new) == new


def test_that_a_second_upgrade_does_not_overwrite_the_first_copy(project_dir: Path) -> None:
    write(project_dir, RELION31)
    Project.open(project_dir, upgrade=True)
    write(project_dir, RELION31.replace("Class2D/first/", "Class2D/second/"))
    Project.open(project_dir, upgrade=True)
    assert (project_dir / "default_pipeline.star.relion3.1").read_text() == RELION31
    assert "Class2D/second/" in (project_dir / "default_pipeline.star.relion3.1_2").read_text()


def test_that_a_project_that_became_old_behind_our_back_is_not_written(project_dir: Path) -> None:
    project = Project.create(project_dir)
    write(project_dir, RELION31)
    with pytest.raises(OldProject):
        project.new_job("DynaMight", "dynamight")
    assert (project_dir / "default_pipeline.star").read_text() == RELION31
