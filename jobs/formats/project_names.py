"""Image names as the project sees them, so that the STAR file of one job can be the input of the next."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from jobs.formats.image_names import split_image_names
from jobs.formats.particle_set import ParticleSet

_IMAGE_NAME = "rlnImageName"


def named_from_project(particles: ParticleSet, project_dir: Path) -> ParticleSet:
    """Return the particles with image names relative to the project, where these lead to the same stacks.

    Images of a particle file may be named relative to its own folder. Copied into the folder of a job such
    names lead nowhere. Section numbers and all other columns stay as they are; so does the whole set when its
    names are right already, and every name whose stack is not found.
    """
    given, project = particles.project_dir.absolute(), project_dir.absolute()
    if given == project:
        return particles
    names = [str(name) for name in particles.image_name]
    split = split_image_names(names)
    paths = [_from_project(path, given, project) for path in split.paths]
    if paths == split.paths:
        return particles
    # what stands before the path, the number of the section, stays to the letter
    renamed = np.empty(len(names), dtype=object)
    for row, (name, stack) in enumerate(zip(names, split.stack.tolist(), strict=True)):
        renamed[row] = name.removesuffix(split.paths[stack]) + paths[stack]
    table = particles.table.with_columns({_IMAGE_NAME: renamed})
    return replace(
        particles,
        project_dir=project,
        image_name=renamed,
        stacks=[project / path for path in paths],
        tables={**particles.tables, particles.table_name: table},
    )


def _from_project(path: str, given: Path, project: Path) -> str:
    """Return a path relative to the project when it then leads to the same file, else the path as it is."""
    if Path(path).is_absolute():
        return path
    meant = given / path
    found = os.path.relpath(meant, project)
    try:
        return found if (project / found).samefile(meant) else path
    except OSError:
        return path
