"""Several programs at once on one project: no job is lost, no number is shared."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from app.project.lock import break_lock, lock_info
from app.project.project import LockedError, Project
from tests.support import lock_holders

N_PROGRAMS, N_JOBS = 4, 15


def numbers(folder: Path) -> list[int]:
    found = [re.fullmatch(r".*/job(\d+)", str(path)) for path in folder.glob("*/job*")]
    return sorted(int(match[1]) for match in found if match and not Path(match[0]).is_symlink())


def test_that_four_programs_add_jobs_without_losing_or_sharing_any(project: Project) -> None:
    names = [chr(ord("A") + at) for at in range(N_PROGRAMS)]
    programs = [lock_holders.start(lock_holders.ADD_JOBS, project.path, who, str(N_JOBS)) for who in names]
    for program in programs:
        lock_holders.let_go(program)
    for program in programs:
        assert "done" in lock_holders.finish(program)
    project.refresh()
    expected = list(range(1, N_PROGRAMS * N_JOBS + 1))
    assert sorted(process.number for process in project.pipeline.processes) == expected
    assert numbers(project.path) == expected
    assert project.pipeline.counter == expected[-1] + 1
    for process in project.pipeline.processes:
        who, _, name = (project.path / process.name / "made_by.txt").read_text().split()
        assert name == process.name
        assert process.type_label == f"relion.external.{who}"
        assert [node.name for node in project.job_outputs(process.name)] == [f"{process.name}result.mrc"]
    # each third job of each program has left its marker, and somebody has entered it
    assert len(project.pipeline.with_status("Succeeded")) == N_PROGRAMS * 5
    assert sum(bool(process.alias) for process in project.pipeline.processes) == N_PROGRAMS * 3
    assert lock_info(project.path) is None


def test_that_the_ccpem_pipeliner_and_we_share_a_project(project: Project) -> None:
    project.new_job("DynaMight", "dynamight")
    ours = lock_holders.start(lock_holders.ADD_JOBS, project.path, "Ours", "5")
    theirs = lock_holders.start(lock_holders.ADD_JOBS_PIPELINER, project.path, "Theirs", "5")
    for program in (ours, theirs):
        lock_holders.let_go(program)
    for program in (ours, theirs):
        lock_holders.finish(program)
    project.refresh()
    assert sorted(process.number for process in project.pipeline.processes) == list(range(1, 12))
    assert project.pipeline.counter == 12
    assert numbers(project.path) == list(range(1, 12))


def test_that_a_program_killed_while_it_holds_the_lock_loses_nothing(project: Project) -> None:
    first = project.new_job("DynaMight", "dynamight")
    victim = lock_holders.start(lock_holders.DIE_IN_CHANGE, project.path)
    lock_holders.kill(victim)
    # it died between making its directory and entering the job
    assert (project.path / "DynaMight/job002").is_dir()
    with pytest.raises(LockedError, match=f"process {victim.pid} on .*no longer runs") as caught:
        project.set_status(first.name, "Failed")
    assert project.process(first.name).status == "Running"
    assert break_lock(project.path, caught.value.info) is not None
    # the number of the dead program's directory is not used again
    assert project.new_job("Simulate", "relion.external.simulate").name == "Simulate/job003/"
    assert [process.number for process in project.pipeline.processes] == [1, 3]
    assert Project.open(project.path).pipeline.counter == 4


def test_that_a_reader_never_sees_a_half_written_file(project: Project) -> None:
    writer = lock_holders.start(lock_holders.ADD_JOBS, project.path, "W", "10")
    reader = Project.open(project.path, readonly=True)
    lock_holders.let_go(writer)
    seen = [0]
    while writer.poll() is None:
        reader.refresh()
        seen.append(len(reader.pipeline.processes))
    lock_holders.finish(writer)
    reader.refresh()
    assert seen == sorted(seen)
    assert len(reader.pipeline.processes) == 10


def test_that_a_file_being_written_in_place_under_a_lock_is_waited_for(project: Project) -> None:
    job = project.new_job("DynaMight", "dynamight")
    file = project.path / "default_pipeline.star"
    whole = file.read_text().replace("   Running", "Succeeded")
    (project.path / ".relion_lock").mkdir()
    with file.open("r+") as stream:
        stream.write(whole[: len(whole) // 2])
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())
        assert not project.refresh()
        assert project.process(job.name).status == "Running"
        stream.write(whole[len(whole) // 2 :])
    (project.path / ".relion_lock").rmdir()
    assert project.refresh()
    assert project.process(job.name).status == "Succeeded"
