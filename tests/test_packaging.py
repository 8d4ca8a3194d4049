"""What the distribution holds, needs and must not disturb."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from setuptools import find_packages

import app
import resources

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
TOP_LEVEL = ("app", "jobs", "widgets", "resources")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / ".ci" / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins), (
        "only name==version"
    )
    return {normalised(name): version for name, version in (pin.split("==") for pin in pins)}


def requirements() -> list[Requirement]:
    named = list(PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"]["optional-dependencies"].values():
        named += extra
    return [r for r in map(Requirement, named) if r.name != "heteroscope"]


def test_that_every_folder_with_python_files_is_a_package_of_the_distribution() -> None:
    include = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    packaged = set(find_packages(str(REPOSITORY), include=include))
    holding_code = {
        ".".join(file.parent.relative_to(REPOSITORY).parts)
        for top in TOP_LEVEL
        for file in (REPOSITORY / top).rglob("*.py")
    }
    assert packaged == holding_code
    assert {name.split(".")[0] for name in packaged} == set(TOP_LEVEL)


def test_that_every_file_of_resources_is_covered_by_the_package_data() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["resources"]
    folder = REPOSITORY / "resources"
    covered = {file for pattern in patterns for file in folder.glob(pattern)}
    present = {file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")}
    assert present == covered


def test_that_no_folder_below_tests_is_a_package_that_could_hide_one_of_ours() -> None:
    tests = REPOSITORY / "tests"
    packages = [file.parent.relative_to(tests).parts for file in tests.rglob("__init__.py")]
    # what pretends to be a job type lies deeper, under a name of its own
    assert [parts for parts in packages if len(parts) < 3 or parts[-1] in TOP_LEVEL] == []


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_that_a_top_level_name_means_our_folder_and_no_other_distribution(name: str) -> None:
    module = importlib.import_module(name)
    assert Path(str(module.__file__)).parent == REPOSITORY / name
    owners = set(importlib.metadata.packages_distributions().get(name, []))
    assert owners <= {"heteroscope"}


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_that_a_top_level_package_has_a_docstring_and_imports_without_work(name: str) -> None:
    assert importlib.import_module(name).__doc__


def test_that_a_worker_is_not_misled_by_folders_of_the_same_name(tmp_path: Path) -> None:
    for name in TOP_LEVEL:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    shown = subprocess.run(
        [sys.executable, "-P", "-c", "import jobs, app; print(jobs.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert shown.stdout.strip() == str(REPOSITORY / "jobs" / "__init__.py"), shown.stderr


def test_that_every_dependency_is_pinned_to_a_version_it_admits() -> None:
    pins = constraints()
    for requirement in requirements():
        version = pins.get(normalised(requirement.name))
        assert version is not None, f"{requirement.name} is not in .ci/constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"


def test_that_the_dependencies_of_dependencies_are_pinned_too() -> None:
    pins = constraints()
    waiting = [(r.name, tuple(r.extras)) for r in requirements() if "cupy" not in r.name]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    unpinned: set[str] = set()
    while waiting:
        name, extras = waiting.pop()
        if (normalised(name), extras) in seen:
            continue
        seen.add((normalised(name), extras))
        if normalised(name) not in pins:
            unpinned.add(normalised(name))
        try:
            further = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # a checking tool that is not installed where only the tests run
        for requirement in map(Requirement, further):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append((requirement.name, tuple(requirement.extras)))
    # a CUDA build of torch brings its own libraries, in versions which torch itself pins
    unpinned = {name for name in unpinned if not re.match(r"(nvidia|cuda|triton)", name)}
    assert unpinned == set()


def test_that_the_command_and_the_version_are_those_of_the_package() -> None:
    assert PROJECT["project"]["scripts"] == {
        "heteroscope": "app.__main__:main",
        "heteroscope_dynamight": "app.relion_executable:main",
        "heteroscope_relion_dynamight": "app.relion_executable:main",
    }
    assert callable(importlib.import_module("app.__main__").main)
    assert str(Version(app.__version__)) == app.__version__


@pytest.mark.parametrize("name", resources.icon_names())
def test_that_an_icon_is_a_drawing_that_follows_the_theme(name: str) -> None:
    root = ElementTree.fromstring(resources.icon(name).read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text
    if name != "heteroscope":  # the mark of the program has its own colours
        assert root.get("viewBox") == "0 0 24 24"
        assert root.get("stroke") == "currentColor"


def test_that_a_missing_icon_is_named_with_those_present() -> None:
    with pytest.raises(FileNotFoundError, match=r"no icon called 'rnu'.*\brun\b"):
        resources.icon("rnu")


def test_that_every_job_type_has_a_help_page_that_begins_with_a_title() -> None:
    registry = importlib.import_module("jobs.registry")
    for key in registry.JOB_TYPES:
        assert resources.help_page(key).read_text(encoding="utf-8").startswith("# ")
    assert "getting_started" in resources.help_pages()


def test_that_the_changelog_has_an_entry_for_the_coming_version() -> None:
    text = resources.changelog().read_text(encoding="utf-8")
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", text, re.MULTILINE)


def test_that_the_submission_template_holds_the_command_on_a_line_of_its_own() -> None:
    lines = resources.template("slurm.sh").read_text(encoding="utf-8").splitlines()
    assert lines.count("XXXcommandXXX") == 1
    assert {"#SBATCH --output=XXXoutfileXXX", "#SBATCH --error=XXXerrfileXXX"} <= set(lines)


def test_that_the_binding_of_qt_keeps_every_reference_to_none() -> None:
    # a release that lost one at each call ended the window after some thousand calls, on Python 3.11
    code = (
        "import sys; from PySide6.QtGui import QTransform; t = QTransform(); t.reset()\n"
        "before = sys.getrefcount(None)\n"
        "for _ in range(1000): t.reset()\n"
        "sys.exit(abs(sys.getrefcount(None) - before) > 100)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == 0
