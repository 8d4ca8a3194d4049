"""Who may import whom, checked by import-linter and once more in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
WINDOW = ("PySide6", "shiboken6", "qtpy", "napari", "pyqtgraph", "vispy", "superqt")


def modules_below(folder: str, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    names = []
    for file in sorted((REPOSITORY / folder).rglob("*.py")):
        parts = file.relative_to(REPOSITORY).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not name.endswith("__main__") and not name.startswith(leave_out):
            names.append(name)
    return names


def modules_loaded_by(names: list[str]) -> set[str]:
    """Import `names` in a fresh interpreter and return the top-level names of all modules loaded then."""
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print('\\n'.join(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_that_the_import_contracts_are_kept() -> None:
    pytest.importorskip("importlinter", reason="import-linter belongs to the extra dev")
    code = (
        "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run(['--no-logo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("contract", ["No Qt outside", "The program knows job types only"])
def test_that_no_door_of_the_command_line_is_missing_from_a_contract(contract: str) -> None:
    content = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = content["tool"]["importlinter"]["contracts"]
    (found,) = [entry for entry in contracts if entry["name"].startswith(contract)]
    doors = {f"app.{file.stem}" for file in (REPOSITORY / "app").glob("cli*.py")}
    assert "app.cli_queue" in doors
    assert doors <= set(found["source_modules"])


def test_that_jobs_load_no_part_of_a_window() -> None:
    assert modules_loaded_by(modules_below("jobs")).isdisjoint(WINDOW)


def test_that_project_runner_and_command_line_load_no_part_of_a_window() -> None:
    names = [*modules_below("app", leave_out=("app.gui",)), "resources"]
    assert {"app.cli", "app.settings"} <= set(names)
    assert modules_loaded_by(names).isdisjoint(WINDOW)


def test_that_describing_jobs_loads_neither_torch_nor_a_window() -> None:
    describing = ["jobs.registry", "jobs.core.declaration", "jobs.core.job_star", "jobs.core.folder"]
    assert modules_loaded_by(describing).isdisjoint({"torch", "numba", *WINDOW})


def test_that_reading_files_and_projects_loads_no_torch() -> None:
    names = modules_below("jobs/formats") + modules_below("app/project")
    assert "torch" not in modules_loaded_by(names)


def test_that_asking_for_the_version_of_the_command_loads_neither_torch_nor_a_window() -> None:
    assert modules_loaded_by(["app.__main__", "app.cli"]).isdisjoint({"torch", *WINDOW})


def test_that_widgets_load_no_torch() -> None:
    assert "torch" not in modules_loaded_by(modules_below("widgets"))
