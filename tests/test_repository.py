"""Left-overs and habits that must not enter the repository."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
OWN_ROOMS = ("app", "jobs", "widgets", "resources", "tests")
THIS_FILE = Path(__file__).resolve()


def kept_files() -> list[Path]:
    """Return the files that git keeps or would keep; without git, those of our rooms."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        files = [REPOSITORY / name for name in listed.stdout.splitlines()]
    else:
        files = [file for room in OWN_ROOMS for file in (REPOSITORY / room).rglob("*")]
    return sorted(
        f for f in files if f.is_file() and "__pycache__" not in f.parts and f.resolve() != THIS_FILE
    )


def python_files() -> list[Path]:
    return [file for file in kept_files() if file.suffix == ".py"]


def is_test(file: Path) -> bool:
    return file.relative_to(REPOSITORY).parts[0] == "tests"


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a small binary file of test data
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(pattern, line):
                found.append(f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()}")
    return found


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Return every call with the dotted name it is made by (empty where that is an expression)."""
    return [
        (ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else "", node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("an unfinished place", r"\b(TODO|FIXME|HACK)\b"),
        ("a conflict of merging", r"^(<{7}|>{7}) "),
        ("a folder of one machine", r"(?<![\w.])/(work|home|Users|root|opt/wheels|opt/pypi)/\w"),
        ("a forgotten debugger", r"\b(breakpoint\(\)|pdb\.set_trace)"),
    ],
)
def test_that_no_file_holds(what: str, pattern: str) -> None:
    assert lines_with(pattern, kept_files()) == [], f"{what} stands in the repository"


def test_that_nothing_is_run_through_a_shell() -> None:
    found = []
    for file in python_files():
        for name, call in calls(ast.parse(file.read_text(encoding="utf-8"))):
            if is_true(keyword(call, "shell")) or name in ("os.system", "os.popen"):
                found.append(f"{file.relative_to(REPOSITORY)}:{call.lineno}")
    assert found == []


def test_that_yaml_and_checkpoints_can_not_run_code() -> None:
    found = []
    for file in python_files():
        for name, call in calls(ast.parse(file.read_text(encoding="utf-8"))):
            unsafe_yaml = name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load")
            unsafe_torch = name == "torch.load" and not is_true(keyword(call, "weights_only"))
            runs_code = name in ("pickle.load", "pickle.loads", "eval", "exec") and not is_test(file)
            if unsafe_yaml or unsafe_torch or runs_code:
                found.append(f"{file.relative_to(REPOSITORY)}:{call.lineno}: {name}")
            allowed = keyword(call, "allow_pickle")
            if allowed is not None and is_true(allowed):
                found.append(f"{file.relative_to(REPOSITORY)}:{call.lineno}: allow_pickle=True")
    assert found == []


def test_that_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(REPOSITORY))
        for file in python_files()
        if file.relative_to(REPOSITORY).parts[0] in OWN_ROOMS[:4]
        and not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_that_no_module_is_called_by_a_name_that_says_nothing() -> None:
    nothing = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py", "new.py"}
    assert [str(f.relative_to(REPOSITORY)) for f in python_files() if f.name in nothing] == []


def test_that_no_test_is_switched_off_for_good() -> None:
    tests = [file for file in python_files() if is_test(file)]
    assert lines_with(r"@pytest\.mark\.(skip|xfail)\b", tests) == []


def test_that_files_are_small_enough_to_live_in_a_repository() -> None:
    large = [f"{f.relative_to(REPOSITORY)}" for f in kept_files() if f.stat().st_size > 1_000_000]
    assert large == []


def test_that_data_of_other_programs_are_read_in_place_and_not_copied() -> None:
    foreign = {".mrc", ".mrcs", ".map", ".pth", ".ckpt", ".cs", ".rec", ".hdf"}
    assert [str(f.relative_to(REPOSITORY)) for f in kept_files() if f.suffix in foreign] == []


def test_that_the_developers_part_of_the_readme_fits_on_a_page() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## For developers") :]
    assert len(part.splitlines()) <= 60


def test_that_every_local_link_of_the_documents_leads_somewhere() -> None:
    for document in [file for file in kept_files() if file.suffix == ".md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} points to {target}"
