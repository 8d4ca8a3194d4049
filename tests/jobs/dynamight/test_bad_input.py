"""Bad input on the command line: a sentence with file, row and column; nothing lost or half-written."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app import __main__ as door
from app.project.project import Project
from app.runner.outcome import outcome_of
from jobs.core.errors import UserError
from jobs.dynamight.training import Silent
from jobs.formats.mrc import read_map, write_map, write_stack
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare
from tests.support.jobs import end_leftovers, exit_markers, wait_for_end

Spoil = Callable[[Path], None]


@pytest.fixture
def project(own: Path) -> Iterator[Path]:
    """A project with good data, to be spoilt."""
    Project.create(own)
    yield own
    end_leftovers(own)


def _edit_particles(folder: Path, change: Callable[[list[str], list[list[str]]], None]) -> None:
    """Change header lines and rows (as words) of the particle table."""
    lines = (folder / "particles.star").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if "@" in line)
    end = next((n for n in range(start, len(lines)) if "@" not in lines[n]), len(lines))
    head, rows = lines[:start], [line.split() for line in lines[start:end]]
    change(head, rows)
    text = [*head, *(" ".join(row) for row in rows), *lines[end:]]
    (folder / "particles.star").write_text("\n".join(text) + "\n")


def _column(head: list[str], label: str) -> int:
    line = next(line for line in head if line.startswith(f"_{label} "))
    return int(line.split("#")[1]) - 1


def _without_stack(folder: Path) -> None:
    (folder / "particles.mrcs").unlink()


def _cut_stack(folder: Path) -> None:
    content = (folder / "particles.mrcs").read_bytes()
    (folder / "particles.mrcs").write_bytes(content[: len(content) // 2])


def _small_map(folder: Path) -> None:
    write_map(folder / "consensus.mrc", np.ones((24, 24, 24), np.float32), 6.0)


def _wrong_voxel(folder: Path) -> None:
    write_map(folder / "consensus.mrc", read_map(folder / "consensus.mrc").data, 5.5)


def _cut_map(folder: Path) -> None:
    content = (folder / "consensus.mrc").read_bytes()
    (folder / "consensus.mrc").write_bytes(content[:-40_000])


def _without_angles(folder: Path) -> None:
    text = (folder / "particles.star").read_text()
    (folder / "particles.star").write_text(text.replace("_rlnAngleTilt", "_rlnSomething"))


def _nan_angle(folder: Path) -> None:
    def change(head: list[str], rows: list[list[str]]) -> None:
        rows[122][_column(head, "rlnAngleTilt")] = "nan"

    _edit_particles(folder, change)


def _section_too_far(folder: Path) -> None:
    def change(head: list[str], rows: list[list[str]]) -> None:
        rows[57][_column(head, "rlnImageName")] = "000201@particles.mrcs"

    _edit_particles(folder, change)


def _no_particles(folder: Path) -> None:
    _edit_particles(folder, lambda head, rows: rows.clear())


def _one_particle(folder: Path) -> None:
    def change(head: list[str], rows: list[list[str]]) -> None:
        del rows[1:]

    _edit_particles(folder, change)


def _five_particles(folder: Path) -> None:
    def change(head: list[str], rows: list[list[str]]) -> None:
        del rows[5:]

    _edit_particles(folder, change)


def _odd_box(folder: Path) -> None:
    write_stack(folder / "particles.mrcs", iter([np.zeros((200, 33, 33), np.float32)]), 6.0)
    text = (folder / "particles.star").read_text()
    changed = re.sub(r"(?m)^(.*\S\s+)32(\s.*)?$", lambda m: m[0].replace(" 32", " 33"), text)
    assert changed != text
    (folder / "particles.star").write_text(changed)


def _not_a_star_file(folder: Path) -> None:
    (folder / "particles.star").write_bytes(bytes(range(256)) * 40)


def _inverted(folder: Path) -> None:
    content = bytearray((folder / "particles.mrcs").read_bytes())
    extended = struct.unpack_from("<i", content, 92)[0]
    pixels = np.frombuffer(content, np.float32, offset=1024 + extended)
    (folder / "particles.mrcs").write_bytes(bytes(content[: 1024 + extended]) + (-pixels).tobytes())


def _run(folder: Path, *words: str) -> int:
    options = ["--fn_star", "particles.star", "--fn_map", "consensus.mrc", "--nr_gaussians", "60", "--quiet"]
    gpu = [] if "--gpu_id" in words else ["--gpu_id", "cpu"]
    return door.main(["run", "dynamight", "--project", str(folder), *options, *gpu, *words])


def _sentence(printed: str) -> str:
    """The line that says what is wrong (a second may say what follows from it)."""
    assert "Traceback" not in printed
    lines = [line for line in printed.splitlines() if line.strip()]
    found = [line for line in lines if line.startswith(("heteroscope:", "ERROR:"))]
    assert 1 <= len(found) <= 2, printed
    return found[0]


# ---------------------------------------------------------------------- refused before there is a job

AT_THE_DOOR = {
    "missing stack": (_without_stack, [], ["particles.mrcs", "does not exist"]),
    "box of the map": (_small_map, [], ["consensus.mrc", "24", "32"]),
    "pixel size of the map": (_wrong_voxel, [], ["consensus.mrc", "5.5 Å", "6 Å"]),
    "map cut off": (_cut_map, [], ["consensus.mrc", "cut off"]),
    "missing column": (_without_angles, [], ["particles.star", "rlnAngleTilt"]),
    "no particles": (_no_particles, [], ["particles.star", "empty"]),
    "one particle": (_one_particle, [], ["particles.star", "1 particle"]),
    "odd box": (_odd_box, [], ["particles.star", "33", "even"]),
    "no STAR file": (_not_a_star_file, [], ["particles.star"]),
    "no GPU number": (lambda folder: None, ["--gpu_id", "0;x"], ["0;x", "GPU"]),
    "no such file": (lambda folder: None, ["--fn_map", "no.mrc"], ["no.mrc", "does not exist"]),
    "threshold": (lambda folder: None, ["--initial_threshold", "1e9"], ["1e+09", "consensus.mrc"]),
}


@pytest.mark.parametrize("case", AT_THE_DOOR)
def test_that_bad_input_is_refused_in_a_sentence_before_there_is_a_job(
    case: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, words, said = AT_THE_DOOR[case]
    spoil(project)
    before = {path: path.read_bytes() for path in project.glob("*") if path.is_file()}
    code = _run(project, *words)
    sentence = _sentence(capsys.readouterr().err)
    assert code == 2
    for word in said:
        assert word in sentence
    assert {path: path.read_bytes() for path in project.glob("*") if path.is_file()} == before
    assert not (project / "DynaMight").exists()
    assert Project.open(project).pipeline.processes == []


# ----------------------------------------------------------------- found when everything has been read

IN_THE_WORKER = {
    "NaN pose": (_nan_angle, ["particles.star", "row 123", "rlnAngleTilt"]),
    "truncated stack": (_cut_stack, ["particles.mrcs", "truncated", "410,112 are there"]),
    "inverted contrast": (_inverted, ["contrast", "inverted"]),
}


@pytest.fixture(scope="module")
def failed(tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Projects of those cases after the end of their jobs, which run side by side."""
    projects: dict[str, Path] = {}
    try:
        for case, (spoil, _) in IN_THE_WORKER.items():
            project = Path(shutil.copytree(tiny.folder, tmp_path_factory.mktemp("failed") / "project"))
            projects[case] = project
            Project.create(project)
            spoil(project)
            assert _run(project, "--detach") == 0
        for project in projects.values():
            wait_for_end(project / "DynaMight" / "job001", 60)
        yield projects
    finally:
        for project in projects.values():
            end_leftovers(project)


@pytest.mark.parametrize("case", IN_THE_WORKER)
def test_that_bad_input_found_by_the_worker_ends_in_a_failed_job_and_a_sentence(
    case: str, failed: dict[str, Path]
) -> None:
    project, said = failed[case], IN_THE_WORKER[case][1]
    job = project / "DynaMight" / "job001"
    outcome = outcome_of(job)
    assert outcome.code == 2
    assert exit_markers(job) == ["FAILURE"]
    sentence = _sentence((job / "run.err").read_text())
    for word in said:
        assert word in sentence
        assert word in outcome.sentence
    assert not (job / "forward_deformations").exists()
    assert not list(job.rglob("*.tmp"))
    opened = Project.open(project)
    opened.check_completion()
    (process,) = opened.pipeline.processes
    assert process.status == "Failed"


# --------------------------------------------------------------------------- the same from the library


def _odd_map(folder: Path) -> None:
    _odd_box(folder)
    write_map(folder / "consensus.mrc", np.ones((33, 33, 33), np.float32), 6.0)


def _mask_of_nothing(folder: Path) -> None:
    write_map(folder / "mask.mrc", np.zeros((32, 32, 32), np.float32), 6.0)


def _mask_of_a_corner(folder: Path) -> None:
    mask = np.zeros((32, 32, 32), np.float32)
    mask[:3, :3, :3] = 1
    write_map(folder / "mask.mrc", mask, 6.0)


LIBRARY = {
    "missing stack": (_without_stack, {}, ["particles.mrcs"]),
    "truncated stack": (_cut_stack, {}, ["particles.mrcs", "truncated", "410,112 are there"]),
    "section beyond the stack": (_section_too_far, {}, ["particles.star", "row 58", "201"]),
    "box of the map": (_small_map, {}, ["consensus.mrc", "24 x 24 x 24", "32"]),
    "pixel size of the map": (_wrong_voxel, {}, ["consensus.mrc", "5.5 Å", "6 Å"]),
    "missing column": (_without_angles, {}, ["particles.star", "rlnAngleTilt"]),
    "NaN pose": (_nan_angle, {}, ["particles.star", "row 123", "rlnAngleTilt"]),
    "no particles": (_no_particles, {}, ["particles.star"]),
    "one particle": (_one_particle, {}, ["1 particle"]),
    "five particles": (_five_particles, {}, ["5 particles are too few"]),
    "odd box": (_odd_map, {}, ["33", "even"]),
    "threshold above the map": (lambda f: None, {"threshold": 1e9}, ["consensus.mrc", "no voxel", "1e+09"]),
    "mask of nothing": (_mask_of_nothing, {"files": {"mask": "mask.mrc"}}, ["mask.mrc", "0.5"]),
    "mask beside the molecule": (
        _mask_of_a_corner,
        {"files": {"mask": "mask.mrc"}},
        ["mask.mrc", "none of the"],
    ),
    "missing map": (lambda f: None, {"files": {"map": "no.mrc"}}, ["no.mrc"]),
}


@pytest.mark.parametrize("case", LIBRARY)
def test_that_the_library_refuses_bad_input_in_the_same_words(case: str, own: Path, prepare: Prepare) -> None:
    spoil, changes, said = LIBRARY[case]
    spoil(own)
    with pytest.raises(UserError) as caught:
        prepare(own, **changes)
    for word in said:
        assert word in str(caught.value)


def test_that_a_model_beside_the_map_is_refused(own: Path, prepare: Prepare) -> None:
    line = "ATOM  {:5d}  CA  ALA A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00           C"
    atoms = [line.format(n, n, 900.0 + n, 900.0, 900.0) for n in range(1, 20)]
    (own / "far.pdb").write_text("\n".join([*atoms, "END", ""]))
    with pytest.raises(UserError, match="atoms lie in the box") as caught:
        prepare(own, files={"atomic_model": "far.pdb"})
    assert "far.pdb" in str(caught.value)


def test_that_numbers_out_of_range_end_the_training_with_the_half_set_named(
    prepare: Prepare,
) -> None:
    prepared = prepare()
    store = prepared.images._store
    assert store is not None
    store[0][prepared.training.halves[1].rows[:3]] = float("nan")
    with pytest.raises(UserError, match="half-set 2") as caught:
        prepared.training.epoch(Silent())
    assert "epoch 0" in str(caught.value)
