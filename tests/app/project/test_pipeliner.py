"""The CCP-EM pipeliner, an independent program, reads what we write; we read what it writes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from app.project.project import Project
from jobs.core.job_star import JobStar, read_job_star, write_job_star
from tests.app.project.conftest import MAP

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.process import Process as TheirProcess
    from pipeliner.project_graph import ProjectGraph, additional_job_conversions
    from pipeliner.starfile_handler import JobStar as TheirJobStar

# No quotation mark: the pipeliner does not know the bell by which RELION marks one inside a value.
OPTIONS = {"fn_star": "Refine3D/job002/a b.star", "fn_map": "", "do_inverse": "No", "other_args": "--x 1"}


@pytest.fixture
def theirs(chain: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The chain of jobs; the pipeliner works in the current directory."""
    monkeypatch.chdir(chain.path)
    return chain


def seen(graph: Any) -> dict[str, Any]:
    """Return what the pipeliner knows in our terms."""
    return {
        "counter": graph.job_counter,
        "processes": [(p.name, p.alias or "", p.type, p.status) for p in graph.process_list],
        "nodes": [n.name for n in graph.node_list],
        "inputs": {p.name: [n.name for n in p.input_nodes] for p in graph.process_list},
        "outputs": {p.name: [n.name for n in p.output_nodes] for p in graph.process_list},
    }


def known(project: Project) -> dict[str, Any]:
    pipeline = project.pipeline
    names = [process.name for process in pipeline.processes]
    return {
        "counter": pipeline.counter,
        # some of RELION's labels have shorter names there
        "processes": [
            (p.name, p.alias, additional_job_conversions(p.type_label), p.status) for p in pipeline.processes
        ],
        "nodes": [node.name for node in pipeline.nodes],
        "inputs": {name: [node.name for node in pipeline.inputs(name)] for name in names},
        "outputs": {name: [node.name for node in pipeline.outputs(name)] for name in names},
    }


def test_that_the_pipeliner_reads_a_new_project(project_dir: Path) -> None:
    Project.create(project_dir)
    graph = ProjectGraph(pipeline_dir=project_dir)
    assert (graph.job_counter, graph.process_list, graph.node_list) == (1, [], [])


def test_that_the_pipeliner_reads_our_project_after_every_kind_of_change(theirs: Project) -> None:
    changes = [
        lambda: theirs.set_alias("Refine3D/job002/", "best map"),
        lambda: theirs.new_job(
            "Simulate", "relion.external.simulate", inputs=[("a b.mrc", MAP)], outputs=[("sim.mrc", MAP)]
        ),
        lambda: theirs.mark_failed("Simulate/job004/"),
        lambda: theirs.continue_job("DynaMight/job003/", outputs=[("backprojection/map_half1.mrc", MAP)]),
        lambda: theirs.mark_finished("DynaMight/job003/"),
        lambda: theirs.delete("Refine3D/job002/"),
        lambda: theirs.undelete("Trash/Refine3D/job002"),
        lambda: theirs.delete("Import/job001/"),
    ]
    for change in changes:
        change()
        assert seen(ProjectGraph()) == known(theirs)


def test_that_the_record_of_one_job_is_a_pipeline_to_them(theirs: Project) -> None:
    graph = ProjectGraph(name="job", pipeline_dir=theirs.path / "DynaMight/job003")
    assert [p.name for p in graph.process_list] == ["DynaMight/job003/"]
    assert [n.name for n in graph.process_list[0].input_nodes] == ["Refine3D/job002/map.mrc"]


def test_that_we_read_what_the_pipeliner_writes_and_it_reads_ours_again(theirs: Project) -> None:
    with ProjectGraph(read_only=False) as graph:
        (theirs.path / "AutoPick/job004").mkdir(parents=True)
        graph.add_process(
            TheirProcess("AutoPick/job004/", "relion.autopick.log", "Running"), do_overwrite=False
        )
        graph.update_status(graph.find_process("DynaMight/job003/"), "Failed")
        expected = seen(graph)
    assert theirs.refresh()
    assert known(theirs) == expected
    assert theirs.process("DynaMight/job003/").status == "Failed"
    job = theirs.new_job("DynaMight", "dynamight", inputs=[("Refine3D/job002/map.mrc", MAP)])
    assert job.number == 5
    assert seen(ProjectGraph()) == known(theirs)


def test_that_settings_of_a_job_are_the_same_to_both(tmp_path: Path) -> None:
    path = tmp_path / "job.star"
    write_job_star(path, JobStar("dynamight", is_continue=True, values=OPTIONS))
    options = TheirJobStar(str(path)).all_options_as_dict()
    assert options["_rlnJobTypeLabel"] == "dynamight"
    assert options["_rlnJobIsContinue"] == "1"
    assert {name: options[name] for name in OPTIONS} == OPTIONS
    TheirJobStar(str(path)).write(str(tmp_path / "theirs.star"))
    again = read_job_star(tmp_path / "theirs.star")
    assert (again.label, again.values) == ("dynamight", OPTIONS)
