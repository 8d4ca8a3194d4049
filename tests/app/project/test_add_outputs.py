"""Results that are written after a job was started: entered in the graph, and offered to new jobs."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from app.project.project import Project
from jobs.core.declaration import specs
from jobs.core.errors import UserError
from jobs.dynamight.params import JOB_TYPE
from tests.app.project.conftest import PARTICLES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.project_graph import ProjectGraph

JOB = "DynaMight/job003/"
SUBSET = "subsets/subset_1_half1.star"


def write(project: Project, inside: str = SUBSET) -> Path:
    path = project.path / JOB / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("data_particles\n")
    return path


@pytest.mark.parametrize("given", [SUBSET, JOB + SUBSET])
def test_that_a_subset_is_an_output_of_its_job_afterwards(chain: Project, given: str) -> None:
    write(chain)
    process = chain.add_outputs(JOB.rstrip("/"), [(given, PARTICLES)])
    assert (process.name, process.status) == (JOB, "Succeeded")
    again = Project.open(chain.path)
    assert [(node.name, node.label) for node in again.job_outputs(JOB)] == [(JOB + SUBSET, PARTICLES)]
    # RELION's windows look again, and its Browse buttons offer the file
    assert (chain.path / ".pipeline_has_changed").exists()
    assert (chain.path / ".Nodes/ParticleGroupMetadata" / JOB / SUBSET).exists()
    assert JOB + SUBSET in (chain.path / JOB / "job_pipeline.star").read_text()


def test_that_a_new_dynamight_job_is_offered_the_subset_and_can_read_it(chain: Project) -> None:
    write(chain)
    chain.add_outputs(JOB, [(SUBSET, PARTICLES)])
    wanted = next(d for d in specs(JOB_TYPE.options) if d.name == "fn_star").node_labels
    assert JOB + SUBSET in [node.name for node in chain.nodes_for(wanted)]
    new = chain.new_job("DynaMight", "dynamight", inputs=[(JOB + SUBSET, PARTICLES)])
    assert [producer.name for producer in chain.producers(new.name)] == [JOB]
    assert chain.dependants(JOB) == [new.name]


def test_that_the_pipeliner_still_reads_the_project(chain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write(chain)
    chain.add_outputs(JOB, [(SUBSET, PARTICLES)])
    monkeypatch.chdir(chain.path)
    graph = ProjectGraph()
    (node,) = graph.find_process(JOB).output_nodes
    assert node.name == JOB + SUBSET
    assert node.type.lower() == PARTICLES.lower()
    record = ProjectGraph(name="job", pipeline_dir=chain.path / JOB)
    assert [n.name for n in record.process_list[0].output_nodes] == [JOB + SUBSET]


def test_that_the_job_may_be_running_and_its_own_results_come_on_top(chain: Project) -> None:
    chain.continue_job(JOB)
    write(chain)
    assert chain.add_outputs(JOB, [(SUBSET, PARTICLES)]).status == "Running"
    own = chain.path / JOB / "particles.star"
    own.write_text("")
    (chain.path / JOB / "RELION_OUTPUT_NODES.star").write_text(
        "\n# version 50001\n\ndata_output_nodes\n\nloop_ \n_rlnPipeLineNodeName #1 \n"
        f"_rlnPipeLineNodeTypeLabel #2 \n{JOB}particles.star {PARTICLES} \n \n"
    )
    (chain.path / JOB / "RELION_JOB_EXIT_SUCCESS").touch()
    chain.check_completion()
    assert [node.name for node in chain.job_outputs(JOB)] == [JOB + SUBSET, JOB + "particles.star"]


def test_that_entering_a_file_again_changes_nothing(chain: Project) -> None:
    write(chain)
    chain.add_outputs(JOB, [(SUBSET, PARTICLES)])
    before = (chain.path / "default_pipeline.star").read_bytes()
    chain.add_outputs(JOB, [(SUBSET, PARTICLES)])
    chain.add_outputs(JOB, [])
    assert (chain.path / "default_pipeline.star").read_bytes() == before


def test_that_what_another_program_changed_meanwhile_survives(chain: Project) -> None:
    other = Project.open(chain.path)
    other.set_alias("Refine3D/job002/", "theirs")
    write(chain)
    chain.add_outputs(JOB, [(SUBSET, PARTICLES)])
    assert chain.process("Refine3D/job002/").alias == "Refine3D/theirs/"


def test_that_a_file_that_is_missing_or_outside_enters_nothing(chain: Project) -> None:
    write(chain)
    before = (chain.path / "default_pipeline.star").read_bytes()
    for outputs in (
        [(SUBSET, PARTICLES), ("subsets/subset_9_half1.star", PARTICLES)],
        [("Import/job001/particles.star", PARTICLES)],
    ):
        with pytest.raises(UserError, match="does not exist"):
            chain.add_outputs(JOB, outputs)
    with pytest.raises(UserError, match="no job"):
        chain.add_outputs("DynaMight/job009/", [(SUBSET, PARTICLES)])
    assert (chain.path / "default_pipeline.star").read_bytes() == before
    assert chain.job_outputs(JOB) == []
    assert not (chain.path / ".relion_lock").exists()


def test_that_a_project_that_is_only_read_is_left_alone(chain: Project) -> None:
    write(chain)
    with pytest.raises(UserError, match="read-only"):
        Project.open(chain.path, readonly=True).add_outputs(JOB, [(SUBSET, PARTICLES)])
    assert Project.open(chain.path).job_outputs(JOB) == []
