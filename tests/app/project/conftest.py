"""A small project with a chain of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.project.project import Project

PARTICLES = "ParticleGroupMetadata.star.relion"
MAP = "DensityMap.mrc.relion"


@pytest.fixture
def project(project_dir: Path) -> Project:
    """An empty project."""
    return Project.create(project_dir)


@pytest.fixture
def chain(project: Project) -> Project:
    """Import, refinement of its particles, and a DynaMight job on the result; all have succeeded."""

    def make(file: str, folder: Path) -> None:
        (folder / file).write_text(file)

    steps = [
        ("Import", "relion.import.other", [], [("particles.star", PARTICLES)]),
        ("Refine3D", "relion.refine3d", [("Import/job001/particles.star", PARTICLES)], [("map.mrc", MAP)]),
        ("DynaMight", "dynamight", [("Refine3D/job002/map.mrc", MAP)], []),
    ]
    for directory, label, inputs, outputs in steps:

        def prepare(folder: Path, name: str, outputs: list[tuple[str, str]] = outputs) -> None:
            for file, _ in outputs:
                make(file, folder)

        job = project.new_job(directory, label, inputs=inputs, outputs=outputs, prepare=prepare)
        (project.path / job.name / "RELION_JOB_EXIT_SUCCESS").touch()
        project.check_completion()
    return project
