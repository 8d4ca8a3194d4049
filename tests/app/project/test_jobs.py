"""New and continued jobs, and how they end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.project.graph import Node
from app.project.pipeline_star import parse_pipeline
from app.project.project import Project
from jobs.core.errors import UserError
from jobs.core.relion_star import Table, write_star
from tests.app.project.conftest import MAP, PARTICLES


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a project and what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def declare(project: Project, name: str, nodes: list[tuple[str, str]]) -> None:
    columns = ["rlnPipeLineNodeName", "rlnPipeLineNodeTypeLabel"]
    rows = [[name + path, label] for path, label in nodes]
    write_star(project.path / name / "RELION_OUTPUT_NODES.star", [Table("output_nodes", columns, rows, True)])


def test_that_a_new_job_leaves_everything_relion_looks_for(chain: Project) -> None:
    (chain.path / ".pipeline_has_changed").unlink()
    node = SimpleNamespace(path="result.mrc", label="DensityMap.mrc")
    job = chain.new_job("DynaMight", "dynamight", inputs=[("Refine3D/job002/map.mrc", MAP)], outputs=[node])
    folder = chain.path / job.name
    assert job.name == "DynaMight/job004/"
    assert (chain.path / ".pipeline_has_changed").read_bytes() == b""
    record = parse_pipeline((folder / "job_pipeline.star").read_text())
    assert record.counter == 2
    assert record.processes == [job]
    assert [node.name for node in record.inputs(job.name)] == ["Refine3D/job002/map.mrc"]
    assert [node.name for node in record.outputs(job.name)] == ["DynaMight/job004/result.mrc"]
    copy = folder / "default_pipeline.star"
    assert copy.read_bytes() == (chain.path / "default_pipeline.star").read_bytes()
    assert chain.pipeline.counter == 5


def test_that_numbers_grow_to_four_digits_and_are_never_used_again(project: Project) -> None:
    file = project.path / "default_pipeline.star"
    file.write_text(file.read_text().replace(" 1 ", " 999 "))
    first, second = (project.new_job("DynaMight", "dynamight", status="Scheduled") for _ in range(2))
    assert (first.name, second.name) == ("DynaMight/job999/", "DynaMight/job1000/")
    project.delete(second.name)
    assert project.new_job("Select", "relion.select").name == "Select/job1001/"


def test_that_a_number_found_in_any_directory_is_passed_over(project: Project) -> None:
    (project.path / "Refine3D/job001").mkdir(parents=True)
    (project.path / "Trash/Class3D/job002").mkdir(parents=True)
    assert project.new_job("DynaMight", "dynamight").name == "DynaMight/job003/"


def test_that_a_failure_while_preparing_leaves_the_project_as_it_was(chain: Project) -> None:
    before, counter = contents(chain.path), chain.pipeline.counter

    def fail(folder: Path, _name: str) -> None:
        (folder / "half").write_text("half")
        raise UserError("the map has another box")

    with pytest.raises(UserError, match="another box"):
        chain.new_job("Simulate", "relion.external.simulate", outputs=[("a.mrc", MAP)], prepare=fail)
    assert contents(chain.path) == before
    assert not (chain.path / "Simulate").exists()
    assert chain.pipeline.counter == counter
    assert chain.pipeline.node("a.mrc") is None
    assert chain.new_job("Simulate", "relion.external.simulate").number == counter


@pytest.mark.parametrize("bad", ["Refine3D/None/map.mrc", "", "  ", "a\nb.mrc"])
def test_that_paths_relion_would_garble_are_refused(chain: Project, bad: str) -> None:
    before = contents(chain.path)
    with pytest.raises(UserError):
        chain.new_job("DynaMight", "dynamight", inputs=[(bad, MAP)])
    assert contents(chain.path) == before


@pytest.mark.parametrize("bad", ["", ".hidden", "Trash", "a/b", "None", "two words"])
def test_that_a_directory_that_cannot_hold_jobs_is_refused(project: Project, bad: str) -> None:
    with pytest.raises(UserError):
        project.new_job(bad, "relion.external")
    assert project.pipeline.counter == 1


def test_that_an_input_first_seen_belongs_to_the_job_in_whose_directory_it_lies(chain: Project) -> None:
    name = "Refine3D/job002/run_data.star"
    chain.new_job("DynaMight", "dynamight", inputs=[(chain.path / name, PARTICLES)])
    assert chain.pipeline.producer(name) == "Refine3D/job002/"
    chain.new_job("DynaMight", "dynamight", inputs=[Node("./outside//x.star", PARTICLES)])
    assert chain.pipeline.producer("outside/x.star") == ""


def test_that_an_input_given_by_alias_is_kept_by_the_jobs_name(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "good map")
    job = chain.new_job("DynaMight", "dynamight", inputs=[("Refine3D/good_map/map.mrc", MAP)])
    assert [node.name for node in chain.job_inputs(job.name)] == ["Refine3D/job002/map.mrc"]
    assert [node.name for node in chain.job_inputs("DynaMight/job003/")] == ["Refine3D/job002/map.mrc"]


def test_that_continuing_clears_old_markers_and_keeps_number_alias_and_type(chain: Project) -> None:
    name = "DynaMight/job003/"
    chain.set_alias(name, "motions")
    (chain.path / name / "RELION_JOB_ABORT_NOW").touch()
    outputs = [("backprojection/map_half1.mrc", "DensityMap.mrc.relion.halfmap.dynamight")]
    job = chain.continue_job(name, outputs=outputs)
    assert job == (name, "DynaMight/motions/", "dynamight", "Running")
    assert list((chain.path / name).glob("RELION_JOB_*")) == []
    assert chain.pipeline.counter == 4
    assert chain.check_completion() == []
    assert [n.name for n in chain.job_outputs(name)] == [f"{name}backprojection/map_half1.mrc"]
    # what it read stays in its record, so that it can be brought back after a deletion
    record = parse_pipeline((chain.path / name / "job_pipeline.star").read_text())
    assert [n.name for n in record.inputs(name)] == ["Refine3D/job002/map.mrc"]


def test_that_a_running_job_is_not_started_twice(chain: Project) -> None:
    other = Project.open(chain.path)
    other.continue_job("DynaMight/job003/")
    with pytest.raises(UserError, match="is running"):
        chain.continue_job("DynaMight/job003/")


def test_that_a_failed_continuation_leaves_the_old_end(chain: Project) -> None:
    def fail(_folder: Path, _name: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="full"):
        chain.continue_job("DynaMight/job003/", prepare=fail)
    assert chain.process("DynaMight/job003").status == "Succeeded"
    assert (chain.path / "DynaMight/job003/RELION_JOB_EXIT_SUCCESS").exists()


@pytest.mark.parametrize(
    ("markers", "status"),
    [
        (["RELION_JOB_EXIT_SUCCESS"], "Succeeded"),
        (["RELION_JOB_EXIT_FAILURE"], "Failed"),
        (["RELION_JOB_EXIT_ABORTED"], "Aborted"),
        (["RELION_JOB_EXIT_ABORTED", "RELION_JOB_EXIT_FAILURE"], "Failed"),
        (["RELION_JOB_EXIT_ABORTED", "RELION_JOB_EXIT_SUCCESS"], "Succeeded"),
    ],
)
def test_that_a_marker_becomes_the_status_in_relions_order(
    project: Project, markers: list[str], status: str
) -> None:
    job = project.new_job("DynaMight", "dynamight")
    waiting = project.new_job("DynaMight", "dynamight", status="Scheduled")
    for marker in markers:
        (project.path / job.name / marker).touch()
        (project.path / waiting.name / marker).touch()
    assert [(p.name, p.status) for p in project.check_completion()] == [(job.name, status)]
    assert project.check_completion() == []
    assert project.process(waiting.name).status == "Scheduled"
    assert Project.open(project.path).process(job.name).status == status


def test_that_declared_results_enter_the_graph_on_success_only(project: Project) -> None:
    good, bad = (project.new_job("DynaMight", "dynamight") for _ in range(2))
    for job in (good, bad):
        declare(project, job.name, [("map.mrc", MAP), ("gone.mrc", MAP)])
        (project.path / job.name / "map.mrc").touch()
    (project.path / good.name / "RELION_JOB_EXIT_SUCCESS").touch()
    (project.path / bad.name / "RELION_JOB_EXIT_FAILURE").touch()
    project.check_completion()
    names = [f"{good.name}map.mrc", f"{good.name}gone.mrc"]
    assert [node.name for node in project.job_outputs(good.name)] == names
    assert project.job_outputs(bad.name) == []
    assert (project.path / ".Nodes/DensityMap" / names[0]).read_bytes() == b""
    assert not (project.path / ".Nodes/DensityMap" / names[1]).exists()


def test_that_two_programs_noticing_the_same_end_do_no_harm(project: Project) -> None:
    job = project.new_job("DynaMight", "dynamight")
    other = Project.open(project.path)
    declare(project, job.name, [("map.mrc", MAP)])
    (project.path / job.name / "RELION_JOB_EXIT_SUCCESS").touch()
    assert len(project.check_completion()) == 1
    before = (project.path / "default_pipeline.star").read_bytes()
    assert other.check_completion() == []
    assert (project.path / "default_pipeline.star").read_bytes() == before
    assert other.process(job.name).status == "Succeeded"


def test_that_a_damaged_list_of_results_does_not_keep_a_job_running(project: Project) -> None:
    job = project.new_job("DynaMight", "dynamight")
    (project.path / job.name / "RELION_OUTPUT_NODES.star").write_text("data_output_nodes\nloop_\n1 2\n")
    (project.path / job.name / "RELION_JOB_EXIT_SUCCESS").touch()
    assert [p.status for p in project.check_completion()] == ["Succeeded"]


def test_that_marking_as_finished_enters_what_exists_and_drops_what_does_not(project: Project) -> None:
    outputs = [("promised.mrc", MAP), ("needed.mrc", MAP)]
    job = project.new_job("DynaMight", "dynamight", outputs=outputs)
    project.new_job("Select", "relion.select", inputs=[(f"{job.name}needed.mrc", MAP)], status="Scheduled")
    declare(project, job.name, [("real.mrc", MAP)])
    (project.path / job.name / "real.mrc").touch()
    assert project.mark_finished(job.name).status == "Succeeded"
    # a scheduled job still waits for one of the two that are missing
    assert [n.name for n in project.job_outputs(job.name)] == [f"{job.name}needed.mrc", f"{job.name}real.mrc"]
    assert project.mark_failed(job.name).status == "Failed"


def test_that_the_graph_tells_who_made_and_who_uses_what(chain: Project) -> None:
    assert [p.name for p in chain.producers("Refine3D/job002/")] == ["Import/job001/"]
    assert [p.name for p in chain.consumers("Refine3D/job002")] == ["DynaMight/job003/"]
    assert chain.dependants("Import/job001/") == ["Refine3D/job002/", "DynaMight/job003/"]
    assert [n.name for n in chain.nodes_for(["DensityMap.mrc.halfmap"])] == ["Refine3D/job002/map.mrc"]
    assert [n.name for n in chain.nodes_for([PARTICLES])] == ["Import/job001/particles.star"]
    with pytest.raises(UserError, match="no job Nowhere/job009"):
        chain.process("Nowhere/job009/")
