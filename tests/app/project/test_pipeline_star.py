"""The pipeline file: exactly RELION's form, order and preservation, and reading only what changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.project.graph import Node, Process
from app.project.pipeline_star import Pipeline, format_pipeline, parse_pipeline, update_pipeline
from app.project.project import Project
from jobs.core.errors import FormatError
from tests.support.projects import make_big_project

RELION5 = """
# version 50001

data_pipeline_general

_rlnPipeLineJobCounter                       3
 

# version 50001

data_pipeline_processes

loop_ 
_rlnPipeLineProcessName #1 
_rlnPipeLineProcessAlias #2 
_rlnPipeLineProcessTypeLabel #3 
_rlnPipeLineProcessStatusLabel #4 
Import/job001/ Import/all_movies/ relion.import.movies  Succeeded 
MotionCorr/job002/       None relion.motioncorr.own    Running 
 

# version 50001

data_pipeline_nodes

loop_ 
_rlnPipeLineNodeName #1 
_rlnPipeLineNodeTypeLabel #2 
_rlnPipeLineNodeTypeLabelDepth #3 
Import/job001/movies.star MicrographMovieGroupMetadata.star.relion            1 
MotionCorr/job002/corrected.star MicrographGroupMetadata.star.relion            1 
 

# version 50001

data_pipeline_input_edges

loop_ 
_rlnPipeLineEdgeFromNode #1 
_rlnPipeLineEdgeProcess #2 
Import/job001/movies.star MotionCorr/job002/ 
 

# version 50001

data_pipeline_output_edges

loop_ 
_rlnPipeLineEdgeProcess #1 
_rlnPipeLineEdgeToNode #2 
Import/job001/ Import/job001/movies.star 
MotionCorr/job002/ MotionCorr/job002/corrected.star 
 
"""  # noqa: W291, W293 - the blanks at the ends of lines are RELION's

WITH_UNKNOWN = RELION5.replace(
    "_rlnPipeLineProcessStatusLabel #4 \n", "_rlnPipeLineProcessStatusLabel #4 \n_rlnFutureColumn #5 \n"
)
WITH_UNKNOWN = WITH_UNKNOWN.replace("Succeeded \n", "Succeeded 17 \n").replace("Running \n", "Running 18 \n")
WITH_UNKNOWN += "\n# version 50001\n\ndata_someone_elses\n\n_theirLabel value\n \n"


def test_that_a_file_of_relion_is_read_completely() -> None:
    pipeline = parse_pipeline(RELION5)
    assert pipeline.counter == 3
    assert pipeline.processes == [
        Process("Import/job001/", "Import/all_movies/", "relion.import.movies", "Succeeded"),
        Process("MotionCorr/job002/", "", "relion.motioncorr.own", "Running"),
    ]
    assert [p.number for p in pipeline.processes] == [1, 2]
    assert pipeline.processes[0].short_alias == "all_movies"
    assert pipeline.nodes[1] == Node(
        "MotionCorr/job002/corrected.star", "MicrographGroupMetadata.star.relion", 1
    )
    assert pipeline.producers_of("MotionCorr/job002/") == ["Import/job001/"]
    assert pipeline.consumers_of("Import/job001/") == ["MotionCorr/job002/"]
    assert [p.name for p in pipeline.running()] == ["MotionCorr/job002/"]


def test_that_reading_and_writing_changes_no_row() -> None:
    again = format_pipeline(parse_pipeline(RELION5))
    assert again.split() == RELION5.split()
    rows = [line for line in RELION5.split("\n") if line.startswith(("Import", "Motion"))]
    assert [line for line in again.split("\n") if line.startswith(("Import", "Motion"))] == rows


def test_that_unknown_columns_and_tables_survive_every_change() -> None:
    pipeline = parse_pipeline(WITH_UNKNOWN)
    pipeline.change_process("MotionCorr/job002/", status="Succeeded")
    pipeline.add_process(Process("DynaMight/job003/", "", "dynamight", "Running"))
    text = format_pipeline(pipeline)
    assert re.search(r"MotionCorr/job002/ +None relion\.motioncorr\.own +Succeeded +18 \n", text)
    assert re.search(r'DynaMight/job003/ +None +dynamight +Running +"" \n', text)
    assert "data_someone_elses" in text
    assert "_theirLabel" in text
    assert parse_pipeline(text).processes == pipeline.processes


def test_that_rows_are_appended_and_never_reordered() -> None:
    pipeline = parse_pipeline(RELION5)
    pipeline.add_process(Process("AAA/job003/", "", "relion.external", "Running"))
    pipeline.add_output("AAA/job003/", Node("AAA/job003/a.mrc", "DensityMap.mrc"))
    again = parse_pipeline(format_pipeline(pipeline))
    assert [p.name for p in again.processes] == ["Import/job001/", "MotionCorr/job002/", "AAA/job003/"]
    assert again.nodes[-1].name == "AAA/job003/a.mrc"


def test_that_an_empty_project_has_no_empty_loop() -> None:
    text = format_pipeline(Pipeline())
    assert "loop_" not in text
    assert re.findall(r"data_\S+", text) == ["data_pipeline_general"]
    assert parse_pipeline(text).counter == 1


def test_that_a_missing_depth_column_counts_as_one_and_is_written() -> None:
    text = RELION5.replace("_rlnPipeLineNodeTypeLabelDepth #3 \n", "").replace("            1 \n", "\n")
    pipeline = parse_pipeline(text)
    assert {node.depth for node in pipeline.nodes} == {1}
    assert "_rlnPipeLineNodeTypeLabelDepth #3" in format_pipeline(pipeline)


def test_that_columns_in_another_order_are_understood() -> None:
    head = "_rlnPipeLineProcessName #1 \n_rlnPipeLineProcessAlias #2 \n"
    swapped = "_rlnPipeLineProcessAlias #1 \n_rlnPipeLineProcessName #2 \n"
    text = RELION5.replace(head, swapped)
    text = text.replace("Import/job001/ Import/all_movies/", "Import/all_movies/ Import/job001/")
    text = text.replace("MotionCorr/job002/       None", "None MotionCorr/job002/")
    assert parse_pipeline(text).processes == parse_pipeline(RELION5).processes


def test_that_other_programs_statuses_are_kept_but_never_written_by_us() -> None:
    pipeline = parse_pipeline(RELION5.replace("   Running", "    Queued"))
    assert pipeline.process("MotionCorr/job002")[3] == "Queued"  # type: ignore[index]
    assert "Queued" in format_pipeline(pipeline)
    with pytest.raises(ValueError, match="no status RELION knows"):
        pipeline.change_process("MotionCorr/job002/", status="Finished")
    with pytest.raises(ValueError, match="no status RELION knows"):
        pipeline.add_process(Process("A/job003/", "", "x", "Queued"))


def test_that_a_node_has_one_producer_and_each_edge_stands_once() -> None:
    pipeline = parse_pipeline(RELION5)
    node = Node("Import/job001/movies.star", "MicrographMovieGroupMetadata.star.relion")
    assert not pipeline.add_output("MotionCorr/job002/", node)
    pipeline.add_input(node, "MotionCorr/job002/")
    assert pipeline.input_edges == [("Import/job001/movies.star", "MotionCorr/job002/")]
    assert pipeline.producer(node.name) == "Import/job001/"


def test_that_removing_a_job_takes_its_results_and_edges_along() -> None:
    pipeline = parse_pipeline(RELION5)
    pipeline.remove_processes(["MotionCorr/job002/"])
    again = parse_pipeline(format_pipeline(pipeline))
    assert [p.name for p in again.processes] == ["Import/job001/"]
    assert [n.name for n in again.nodes] == ["Import/job001/movies.star"]
    assert again.input_edges == []
    assert again.output_edges == [("Import/job001/", "Import/job001/movies.star")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table data_pipeline_general"),
        ("hello", "no table data_pipeline_general"),
        ("data_pipeline_general\n\n_rlnPipeLineJobCounter x\n \n", "counter is x"),
        ("data_pipeline_general\n\n_rlnOther 1\n \n", "counter is missing"),
        (RELION5[:400], "middle|values"),
        (RELION5[: RELION5.index("MotionCorr/job002/corrected")], "middle"),
        (RELION5.replace("   Running", ""), "4 columns, but this row has 3"),
        (RELION5.replace("_rlnPipeLineProcessStatusLabel", "_rlnOther"), "lacks the column"),
    ],
)
def test_that_damage_is_noticed(text: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        parse_pipeline(text, "default_pipeline.star")


def test_that_a_wrong_row_is_named_by_its_line() -> None:
    with pytest.raises(FormatError) as caught:
        parse_pipeline(RELION5.replace("   Running", ""), "default_pipeline.star")
    assert caught.value.row == 1 + RELION5.split("\n").index(
        "MotionCorr/job002/       None relion.motioncorr.own    Running "
    )


def changes_of(pipeline: Pipeline) -> list[str]:
    """Return the file after each of the changes that another program may make."""
    texts = []
    pipeline.change_process("Extract/job003/", status="Failed")
    texts.append(format_pipeline(pipeline))
    pipeline.add_process(Process("DynaMight/job041/", "", "dynamight", "Running"))
    pipeline.add_input(Node("Refine3D/job004/run_data.star", ""), "DynaMight/job041/")
    pipeline.add_output("DynaMight/job041/", Node("DynaMight/job041/a.mrc", "DensityMap.mrc", 2))
    pipeline.counter = 42
    texts.append(format_pipeline(pipeline))
    pipeline.change_process("DynaMight/job041/", status="Succeeded", alias="DynaMight/best/")
    texts.append(format_pipeline(pipeline))
    pipeline.add_output("DynaMight/job041/", Node("DynaMight/job041/with blank.mrc", "DensityMap.mrc"))
    texts.append(format_pipeline(pipeline))
    pipeline.remove_processes(["Extract/job003/", "DynaMight/job041/"])
    texts.append(format_pipeline(pipeline))
    pipeline.remove_processes([p.name for p in pipeline.processes])
    texts.append(format_pipeline(pipeline))
    return texts


def test_that_reading_only_what_changed_equals_reading_everything(tmp_path: Path) -> None:
    text = make_big_project(tmp_path, 40).read_text()
    followed, writer = parse_pipeline(text), parse_pipeline(text)
    assert followed.inputs("Refine3D/job004/")
    for newer in changes_of(writer):
        update_pipeline(followed, newer)
        fresh = parse_pipeline(newer)
        for name in ("counter", "processes", "nodes", "input_edges", "output_edges"):
            assert getattr(followed, name) == getattr(fresh, name)
        assert format_pipeline(followed) == format_pipeline(fresh)
        for process in fresh.processes:
            assert followed.inputs(process.name) == fresh.inputs(process.name)
            assert followed.outputs(process.name) == fresh.outputs(process.name)
            assert followed.process(process.name) == process
        assert followed.running() == fresh.running()


def test_that_a_change_that_cannot_be_read_leaves_the_graph_as_it_was() -> None:
    pipeline = parse_pipeline(RELION5)
    with pytest.raises(FormatError):
        update_pipeline(pipeline, RELION5.replace("relion.motioncorr.own", "").replace("job001/movies", "x"))
    assert format_pipeline(pipeline).split() == RELION5.split()


def test_that_a_change_of_one_letter_of_equal_length_is_noticed_at_once(project: Project) -> None:
    job = project.new_job("DynaMight", "dynamight")
    file = project.path / "default_pipeline.star"
    project.refresh()
    # RELION writes in place: same inode, same size, and the time may be of the same clock tick
    file.write_text(file.read_text().replace("   Running", "   Aborted"))
    assert project.refresh()
    assert project.process(job.name).status == "Aborted"
    assert not project.refresh()
