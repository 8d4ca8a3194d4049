"""Running import jobs in a project, and what they leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.project.project import Project
from jobs.core.context import WorkerContext
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.import_files.params import JOB_TYPE
from jobs.import_files.run import run


@dataclass(frozen=True)
class Done:
    """An import job that ended."""

    folder: Path
    entries: list[dict[str, Any]]
    nodes: dict[str, str]
    log: str


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    Project.create(path)
    return path


@pytest.fixture
def run_import(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Do the work of an import job; returns what it left."""
    number = 0

    def importing(*files: Path | str, **options: Any) -> Done:
        nonlocal number
        number += 1
        folder = JobFolder(project, f"Import/job{number:03d}/")
        folder.path.mkdir(parents=True)
        context = WorkerContext(
            options=JOB_TYPE.options(fn_in_other="; ".join(map(str, files)), **options),
            folder=folder,
            project_dir=project,
            task=JOB_TYPE.main_task,
            run=1,
            seed=0,
            device="cpu",
            metrics=MetricsWriter(folder.metrics, 1, "import"),
        )
        capsys.readouterr()
        try:
            run(context)
        finally:
            context.metrics.close()
        entries = json.loads((folder.path / "imported.json").read_text())
        return Done(folder.path, entries, dict(context.outputs), capsys.readouterr().out)

    return importing
