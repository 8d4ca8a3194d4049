"""How long a project of 10,000 jobs takes to open and to look at again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.project.project import Project
from tests.benchmarks.figures import Figures

N_JOBS = 10_000
N_RUNNING = 20


@pytest.fixture(scope="module")
def large_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of alternating jobs, each with two outputs, of which the next uses one."""
    folder = tmp_path_factory.mktemp("large")
    processes, nodes, inputs, outputs = [], [], [], []
    for number in range(1, N_JOBS + 1):
        kind = ("Refine3D", "relion.refine3d") if number % 2 else ("Class3D", "relion.class3d")
        name = f"{kind[0]}/job{number:03d}/"
        status = "Running" if number > N_JOBS - N_RUNNING else "Succeeded"
        processes.append(f"{name} None {kind[1]} {status}")
        nodes.append(f"{name}run_data.star ParticleGroupMetadata.star.relion 1")
        nodes.append(f"{name}run_class001.mrc DensityMap.mrc.relion 1")
        outputs += [f"{name} {name}run_data.star", f"{name} {name}run_class001.mrc"]
        if number > 1:
            before = ("Refine3D", "Class3D")[number % 2]
            inputs.append(f"{before}/job{number - 1:03d}/run_data.star {name}")
        (folder / name).mkdir(parents=True)
    blocks = [
        ("processes", ("ProcessName", "ProcessAlias", "ProcessTypeLabel", "ProcessStatusLabel"), processes),
        ("nodes", ("NodeName", "NodeTypeLabel", "NodeTypeLabelDepth"), nodes),
        ("input_edges", ("EdgeFromNode", "EdgeProcess"), inputs),
        ("output_edges", ("EdgeProcess", "EdgeToNode"), outputs),
    ]
    text = f"# version 50001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter {N_JOBS + 1}\n"
    for block, columns, rows in blocks:
        header = "\n".join(f"_rlnPipeLine{column} #{i}" for i, column in enumerate(columns, start=1))
        text += f"\n\n# version 50001\n\ndata_pipeline_{block}\n\nloop_\n{header}\n" + "\n".join(rows) + "\n"
    (folder / "default_pipeline.star").write_text(text)
    (folder / ".Nodes").mkdir()
    (folder / ".gui_projectdir").touch()
    return folder


def test_that_a_large_project_opens_in_less_than_a_second(
    large_project: Path, figures: Figures, best: Callable[..., float]
) -> None:
    opened = Project.open(large_project)
    assert len(opened.pipeline.processes) == N_JOBS
    seconds = best(lambda: Project.open(large_project))
    figures.add("project", "open 10,000 jobs", seconds, "s", "< 1 s")
    size_mb = (large_project / "default_pipeline.star").stat().st_size / 1e6
    figures.add("project", "read the pipeline file", size_mb / seconds, "MB/s")
    assert seconds < 2.0


def test_that_looking_again_at_a_large_project_is_not_noticed(
    large_project: Path, figures: Figures, best: Callable[..., float]
) -> None:
    project = Project.open(large_project)
    unchanged = best(project.refresh, repeats=20)
    checked = best(project.check_completion, repeats=10)
    figures.add("project", "refresh, nothing changed", unchanged * 1000, "ms", "< 20 ms")
    figures.add("project", f"look at {N_RUNNING} running jobs", checked * 1000, "ms", "< 20 ms")

    pipeline = large_project / "default_pipeline.star"

    versions = [pipeline.read_text()]
    versions.append(
        versions[0].replace("job001/ None relion.refine3d Succeeded", "job001/ None relion.refine3d Failed")
    )
    times = []
    for repeat in range(1, 5):
        pipeline.write_text(versions[repeat % 2])
        os.utime(pipeline, ns=(time.time_ns(), time.time_ns() + repeat))
        start = time.perf_counter()
        assert project.refresh()
        times.append(time.perf_counter() - start)
    reread = min(times)
    figures.add("project", "refresh after a change by others / nothing changed", reread / unchanged)
    assert unchanged < 0.1


def test_that_a_new_job_in_a_large_project_takes_less_than_a_second(
    large_project: Path, figures: Figures, best: Callable[..., float]
) -> None:
    project = Project.open(large_project)
    seconds = best(lambda: project.new_job("DynaMight", "dynamight"))
    figures.add("project", "enter a new job among 10,000", seconds, "s")
    assert seconds < 5.0
