"""Deleting with everything that depends on it, and bringing it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.project import trash
from app.project.pipeline_star import format_pipeline, parse_pipeline
from app.project.project import Project
from jobs.core.errors import UserError
from tests.app.project.conftest import MAP, PARTICLES


def state(project: Project) -> dict[str, set[object]]:
    graph = parse_pipeline((project.path / "default_pipeline.star").read_text())
    return {
        "processes": set(graph.processes),
        "nodes": set(graph.nodes),
        "inputs": set(graph.input_edges),
        "outputs": set(graph.output_edges),
    }


def test_that_deleting_takes_all_dependants_along(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    assert chain.delete("Refine3D/job002/") == ["Refine3D/job002/", "DynaMight/job003/"]
    assert [p.name for p in chain.pipeline.processes] == ["Import/job001/"]
    assert [n.name for n in chain.pipeline.nodes] == ["Import/job001/particles.star"]
    assert chain.pipeline.counter == 4
    for name in ("Refine3D/job002", "DynaMight/job003"):
        assert not (chain.path / name).exists()
        assert (chain.path / "Trash" / name).is_dir()
    assert (chain.path / "Trash/Refine3D/job002/map.mrc").read_text() == "map.mrc"
    assert not (chain.path / "Refine3D/best").is_symlink()
    assert list((chain.path / ".Nodes").rglob("map.mrc")) == []
    record = parse_pipeline((chain.path / "Trash/Refine3D/job002/deleted_pipeline.star").read_text())
    assert [p.name for p in record.processes] == ["Refine3D/job002/", "DynaMight/job003/"]
    assert record.input_edges[-1] == ("Refine3D/job002/map.mrc", "DynaMight/job003/")


@pytest.mark.parametrize("chosen", ["", "deleted_pipeline.star"])
def test_that_undeleting_brings_back_exactly_what_was_there(chain: Project, chosen: str) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    before = state(chain)
    chain.delete("Refine3D/job002/")
    back = chain.undelete(Path("Trash/Refine3D/job002", chosen))
    assert back == ["Refine3D/job002/", "DynaMight/job003/"]
    assert state(chain) == before
    assert (chain.path / "Refine3D/best/map.mrc").read_text() == "map.mrc"
    assert (chain.path / ".Nodes/DensityMap/Refine3D/best/map.mrc").exists()
    assert chain.trash_entries() == []
    assert chain.pipeline.counter == 4


def test_that_jobs_deleted_together_can_come_back_one_by_one(chain: Project) -> None:
    before = state(chain)
    chain.delete("Refine3D/job002/")
    assert chain.undelete(chain.path / "Trash/DynaMight/job003") == ["DynaMight/job003/"]
    assert chain.undelete(chain.path / "Trash/Refine3D/job002") == ["Refine3D/job002/"]
    assert state(chain) == before
    assert [p.name for p in chain.producers("DynaMight/job003/")] == ["Refine3D/job002/"]


def test_that_relions_own_record_of_a_job_will_do(chain: Project) -> None:
    before = state(chain)
    chain.delete("DynaMight/job003/")
    (chain.path / "Trash/DynaMight/job003/deleted_pipeline.star").unlink()
    chain.undelete(chain.path / "Trash/DynaMight/job003/job_pipeline.star")
    # the record was made while the job ran, and nothing runs in the trash
    assert chain.process("DynaMight/job003/").status == "Failed"
    chain.set_status("DynaMight/job003/", "Succeeded")
    assert state(chain) == before


def test_that_an_alias_given_to_another_job_meanwhile_is_not_taken_back(chain: Project) -> None:
    chain.set_alias("DynaMight/job003/", "motion")
    chain.delete("DynaMight/job003/")
    chain.new_job("DynaMight", "dynamight", alias="motion")
    chain.undelete("Trash/DynaMight/job003")
    assert chain.process("DynaMight/job003/").alias == ""
    assert chain.process("DynaMight/motion/").name == "DynaMight/job004/"


def test_that_a_running_job_is_not_deleted(chain: Project) -> None:
    chain.continue_job("DynaMight/job003/")
    before = state(chain)
    with pytest.raises(UserError, match="DynaMight/job003/ is running"):
        chain.delete("Import/job001/")
    assert state(chain) == before
    assert (chain.path / "Import/job001").is_dir()


def test_that_a_directory_that_cannot_be_moved_keeps_everything(
    chain: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, text = state(chain), format_pipeline(chain.pipeline)
    real = trash._move

    def move(source: Path, target: Path) -> None:
        if source == chain.path / "DynaMight/job003":
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(trash, "_move", move)
    with pytest.raises(UserError, match="nothing was deleted"):
        chain.delete("Refine3D/job002/")
    assert state(chain) == before
    assert format_pipeline(chain.pipeline) == text
    assert (chain.path / "Refine3D/job002/map.mrc").exists()
    assert (chain.path / ".Nodes/DensityMap/Refine3D/job002/map.mrc").exists()


def test_that_an_older_job_in_the_trash_is_not_lost(chain: Project) -> None:
    (chain.path / "Trash/DynaMight/job003").mkdir(parents=True)
    (chain.path / "Trash/DynaMight/job003/old.txt").write_text("old")
    chain.delete("DynaMight/job003/")
    assert (chain.path / "Trash/DynaMight/job003.1/old.txt").read_text() == "old"
    assert (chain.path / "Trash/DynaMight/job003/job_pipeline.star").exists()


def test_that_the_trash_tells_what_can_return(chain: Project) -> None:
    chain.delete("DynaMight/job003/")
    # files that RELION cleaned away from a job that is still there are no deleted job
    (chain.path / "Trash/Refine3D/job002").mkdir(parents=True)
    entries = chain.trash_entries()
    assert [(entry.name, entry.can_return) for entry in entries] == [("DynaMight/job003/", True)]


def test_that_a_job_whose_name_is_taken_is_not_brought_back(chain: Project) -> None:
    chain.delete("DynaMight/job003/")
    (chain.path / "DynaMight/job003").mkdir(parents=True)
    with pytest.raises(UserError, match="already; nothing was brought back"):
        chain.undelete("Trash/DynaMight/job003")
    assert (chain.path / "Trash/DynaMight/job003").is_dir()


def test_that_only_the_trash_can_be_undeleted(chain: Project) -> None:
    with pytest.raises(UserError, match="not a deleted job"):
        chain.undelete("Refine3D/job002")
    (chain.path / "Trash/Refine3D/job009").mkdir(parents=True)
    with pytest.raises(UserError, match="no record"):
        chain.undelete("Trash/Refine3D/job009")


def test_that_emptying_the_trash_removes_it(chain: Project) -> None:
    chain.delete("Refine3D/job002/")
    assert chain.empty_trash() == 2
    assert not (chain.path / "Trash").exists()
    assert chain.empty_trash() == 0
    assert chain.new_job("Refine3D", "relion.refine3d", inputs=[("x.mrc", MAP)]).number == 4


def test_that_overwriting_moves_one_job_to_the_trash_and_keeps_its_number_and_users(chain: Project) -> None:
    chain.set_alias("Refine3D/job002/", "best")
    inputs = [("Import/job001/particles.star", PARTICLES)]
    job = chain.new_job(
        "Refine3D", "relion.refine3d", inputs=inputs, outputs=[("map.mrc", MAP)], replaces="Refine3D/best"
    )
    assert (job.name, job.alias, job.status) == ("Refine3D/job002/", "", "Running")
    assert chain.pipeline.counter == 4
    assert (chain.path / "Trash/Refine3D/job002/map.mrc").exists()
    assert not (chain.path / "Refine3D/job002/map.mrc").exists()
    assert [p.name for p in chain.consumers(job.name)] == ["DynaMight/job003/"]
    assert [n.name for n in chain.job_outputs(job.name)] == ["Refine3D/job002/map.mrc"]
    assert chain.new_job("DynaMight", "dynamight").number == 4


def test_that_a_failed_overwriting_leaves_the_old_job(chain: Project) -> None:
    def fail(_folder: Path, _name: str) -> None:
        raise OSError(28, "No space left on device")

    chain.set_alias("Refine3D/job002/", "best")
    before = state(chain)
    with pytest.raises(UserError, match="full"):
        chain.new_job("Refine3D", "relion.refine3d", prepare=fail, replaces="Refine3D/job002/")
    with pytest.raises(UserError, match="lies in DynaMight"):
        chain.new_job("DynaMight", "dynamight", replaces="Refine3D/job002/")
    assert state(chain) == before
    assert (chain.path / "Refine3D/best/map.mrc").read_text() == "map.mrc"
