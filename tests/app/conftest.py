"""The fake job type, and a project to run it in."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs import registry
from jobs.core.declaration import JobType
from tests.support.jobs import FAKE_JOBS, end_leftovers

if TYPE_CHECKING:
    from app.project.project import Project

# Once and for good: a path that is put back while another thread imports makes that skip an entry.
sys.path.append(str(FAKE_JOBS))


@pytest.fixture(autouse=True)
def own_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a machine to itself: what earlier projects still hold or wait for is not seen."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def fake_type(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobType]:
    """Make the fake job type known here and in every process that is started."""
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(FAKE_JOBS), known))))
    job_type: JobType = importlib.import_module("fake_job.params").JOB_TYPE
    monkeypatch.setitem(registry.JOB_TYPES, "fake", job_type)
    yield job_type
    for name in [name for name in sys.modules if name.partition(".")[0] == "fake_job"]:
        del sys.modules[name]


@pytest.fixture
def project(project_dir: Path, fake_type: JobType) -> Iterator[Project]:
    """Return a new project; what still runs in it at the end of the test is ended."""
    from app.project.project import Project

    yield Project.create(project_dir)
    end_leftovers(project_dir)
