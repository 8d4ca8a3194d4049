"""Rules of a job type that do not depend on which one it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.common_checks import field_problems
from jobs.core.declaration import CheckContext, JobOptions, JobType, Kind, NodeSpec, Task, option
from jobs.core.errors import Problem, UserError
from jobs.core.options import OptionSpec


class Options(JobOptions):
    fn_in: str = option(
        "", label="In:", help="I.", tab="I/O", kind=Kind.INPUT_NODE, enabled="new", required=True,
        node_labels=("ParticleGroupMetadata.star.relion",),
    )  # fmt: skip
    folder: str = option("", label="Folder:", help="F.", tab="I/O", kind=Kind.FOLDER)
    do_more: bool = option(
        False, label="Do more?", help="D.", tab="Tasks", kind=Kind.YESNO, enabled="continue"
    )
    name: str = option(
        "", label="Name:", help="N.", tab="Tasks", kind=Kind.TEXT, when="do_more", required=True
    )


def reject_blue(options: Options, context: CheckContext) -> list[Problem]:
    return [Problem("blue is not allowed", field="name")] if options.name == "blue" else []


TYPE = JobType(
    key="demo",
    label="relion.external.demo",
    directory="Demo",
    title="Demo",
    summary="A demonstration.",
    options=Options,
    module="jobs.demo",
    tasks=(
        Task("main", "Main work", switch=None, worker="jobs.demo.main:run"),
        Task(
            "more",
            "More work",
            switch="do_more",
            worker="jobs.demo.more:run",
            outputs=(NodeSpec("map.mrc", "DensityMap.mrc"),),
            requires=("result.star", "models/*.pth"),
        ),
    ),
    checks=(reject_blue,),
)


def fields(options: Options, context: CheckContext) -> list[str | None]:
    return [problem.field for problem in TYPE.problems(options, context)]


def test_that_only_active_fields_are_checked(tmp_path: Path) -> None:
    assert fields(Options(), CheckContext(tmp_path)) == ["fn_in"]
    continued = CheckContext(tmp_path, is_continue=True, job_dir=tmp_path)
    assert fields(Options(do_more=True, name="x", fn_in="gone"), continued) == ["do_more", "do_more"]
    assert fields(Options(do_more=True), continued)[0] == "name"


def test_that_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    context = CheckContext(tmp_path)
    assert fields(Options(fn_in="file", folder="folder"), context) == []
    wrong = TYPE.problems(Options(fn_in="folder", folder="file"), context)
    assert [problem.message for problem in wrong] == [
        "In: folder is not a file",
        "Folder: file is not a folder",
    ]
    [gone] = TYPE.problems(Options(fn_in="missing/p.star"), context)
    assert gone.sentence == (
        "In: missing/p.star does not exist. Choose an existing file; paths are relative to the project "
        f"{tmp_path}."
    )


def test_that_a_task_needs_its_earlier_results(tmp_path: Path) -> None:
    context = CheckContext(tmp_path, is_continue=True, job_dir=tmp_path)
    options = Options(do_more=True, name="red")
    assert [problem.message for problem in TYPE.problems(options, context)] == [
        "More work needs result.star of this job, which does not exist",
        "More work needs models/*.pth of this job, which does not exist",
    ]
    (tmp_path / "result.star").touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/final.pth").touch()
    assert TYPE.problems(options, context) == []


def test_that_own_checks_of_the_type_run_too(tmp_path: Path) -> None:
    (tmp_path / "p.star").touch()
    problems = TYPE.problems(Options(fn_in="p.star", name="blue"), CheckContext(tmp_path))
    assert problems == [Problem("blue is not allowed", field="name")]


def test_that_a_job_without_unfinished_work_needs_a_task_on_continue(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"A task must be chosen.*Set one of 'Do more\?' to Yes"):
        TYPE.task_for(Options(), True, tmp_path)
    assert TYPE.task_for(Options(do_more=True), True).name == "more"
    assert TYPE.task_for(Options(do_more=True), False).name == "main"


def test_that_a_scheme_variable_counts_as_filled_in(tmp_path: Path) -> None:
    from jobs.core.declaration import from_values

    options, _ = from_values(Options, {"fn_in": "$$particles"})
    assert TYPE.problems(options, CheckContext(tmp_path)) == []
    assert TYPE.input_nodes(options) == []


def test_that_an_error_names_file_row_and_column_once() -> None:
    error = UserError("the angle is nan", path="a/p.star", row=7, column="rlnAngleRot", hint="Remove it")
    assert str(error) == "a/p.star, row 7, column rlnAngleRot: the angle is nan. Remove it."
    assert str(UserError("a/p.star does not exist", path="a/p.star")) == "a/p.star does not exist"
    assert str(UserError("no place is known")) == "no place is known"


def test_that_a_new_job_is_rehearsed_when_it_is_asked_to_be(tmp_path: Path) -> None:
    rehearsal = Task("look", "Dry run", switch="do_more", worker="jobs.demo.look:run", at_start=True)
    declared = replace(TYPE, tasks=(rehearsal, TYPE.tasks[0]))
    assert declared.rehearsals == (rehearsal,) and declared.main_task.name == "main"
    assert declared.task_for(Options(do_more=True), False) is rehearsal
    assert declared.task_for(Options(), False).name == "main"
    assert TYPE.task_for(Options(do_more=True), False).name == "main", "only on Continue!"


def test_that_nothing_is_asked_of_fields_that_mean_nothing_now(tmp_path: Path) -> None:
    class Chosen(JobOptions):
        kind: str = option("a", label="Kind:", help="K.", tab="I/O", kind=Kind.CHOICE, choices=("a", "b"))
        fn_b: str = option(
            "", label="B:", help="B.", tab="I/O", kind=Kind.FILE, required=True,
            shown=lambda options: options.kind == "b",
        )  # fmt: skip

    declared = replace(TYPE, options=Chosen, tasks=TYPE.tasks[:1], checks=())
    context = CheckContext(tmp_path)
    assert declared.problems(Chosen(), context) == []
    assert [problem.field for problem in declared.problems(Chosen(kind="b"), context)] == ["fn_b"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.FILE, "A is empty, a file is needed. Choose one."),
        (Kind.FOLDER, "A is empty, a folder is needed. Choose one."),
        (Kind.NUMBER, "A is empty, a number is needed. Give one."),
        (Kind.TEXT, "A is empty, a value is needed. Give one."),
    ],
)
def test_that_an_empty_field_asks_for_what_it_holds(tmp_path: Path, kind: Kind, told: str) -> None:
    declared = OptionSpec("fn_in", "A:", "H.", "I/O", kind, "", required=True)
    (problem,) = field_problems(declared, Options(), CheckContext(tmp_path))
    assert problem.sentence == told


def test_that_of_a_path_that_leads_nowhere_no_more_is_said(tmp_path: Path) -> None:
    def suspicious(options: Options, context: CheckContext) -> list[Problem]:
        return [Problem("it smells", field="fn_in"), Problem("it is late", field="name")]

    def said(path: str) -> list[str]:
        found = replace(TYPE, checks=(suspicious,)).problems(Options(fn_in=path), CheckContext(tmp_path))
        return [problem.message for problem in found]

    assert said(".") == ["In: . is not a file", "it is late"]
    (tmp_path / "a.star").touch()
    assert said("a.star") == ["it smells", "it is late"]
