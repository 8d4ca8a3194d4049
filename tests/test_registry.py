"""Every declared job type keeps the promises that form, command line and project rely on."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.declaration import (
    CheckContext,
    JobOptions,
    JobType,
    Kind,
    OptionSpec,
    add_arguments,
    from_arguments,
    from_values,
    specs,
    tabs,
    to_arguments,
    to_values,
)
from jobs.core.errors import UserError
from jobs.core.job_star import job_star_for, options_from_job_star, read_job_star, write_job_star
from jobs.registry import JOB_TYPES, by_label, job_type

every_type = pytest.mark.parametrize("declared_type", JOB_TYPES.values(), ids=JOB_TYPES.keys())


def other_value(declared: OptionSpec) -> Any:
    """A valid value that is not the default."""
    if declared.kind is Kind.YESNO:
        return not declared.default
    if declared.kind is Kind.CHOICE:
        return declared.choices[-1]
    if declared.kind in (Kind.INTEGER, Kind.NUMBER):
        value = (declared.default or declared.minimum or 0) + (declared.step or 1)
        if declared.maximum is not None and value > declared.maximum:
            value = declared.minimum or 0
        return int(value) if declared.kind is Kind.INTEGER else float(value)
    return {"gpu_id": "3"}.get(declared.name, "Some folder/with blanks.star")


def changed(declared_type: JobType) -> JobOptions:
    return declared_type.options(**{d.name: other_value(d) for d in specs(declared_type.options)})


@every_type
def test_that_defaults_are_valid_and_within_their_sliders(declared_type: JobType) -> None:
    options = declared_type.options()
    for declared in specs(declared_type.options):
        value = getattr(options, declared.name)
        assert value == declared.default
        if declared.low is not None and declared.high is not None and value is not None:
            assert declared.low <= value <= declared.high, declared.name
            assert declared.step, declared.name


@every_type
def test_that_every_option_explains_itself(declared_type: JobType) -> None:
    declared_options = specs(declared_type.options)
    names = [declared.name for declared in declared_options]
    assert len(set(names)) == len(names)
    for declared in declared_options:
        assert len(declared.help) > 10, declared.name
        assert declared.help.rstrip().endswith((".", "fields.", ")")), declared.name
        assert declared.label.endswith((":", "?")), declared.name
        assert declared.tab in tabs(declared_type.options)
    assert tabs(declared_type.options)[-1] == "Running"


@every_type
def test_that_dependencies_name_yes_no_options(declared_type: JobType) -> None:
    kinds = {declared.name: declared.kind for declared in specs(declared_type.options)}
    for declared in specs(declared_type.options):
        if declared.when:
            assert kinds[declared.when] is Kind.YESNO
        if declared.kind is Kind.INPUT_NODE:
            assert declared.node_labels, declared.name
        if declared.kind is Kind.CHOICE:
            assert declared.default in declared.choices
    for task in declared_type.tasks:
        if task.switch:
            assert kinds[task.switch] is Kind.YESNO
        assert task.viewer or task.worker.startswith(f"{declared_type.module}.")


@every_type
def test_that_a_field_follows_the_switch_it_depends_on(declared_type: JobType) -> None:
    base = declared_type.options()
    for declared in specs(declared_type.options):
        for is_continue in (False, True):
            expected = declared.enabled in ("always", "continue" if is_continue else "new")
            if not declared.when:
                means_something = declared_type.is_shown(declared, base)
                assert declared_type.is_enabled(declared, base, is_continue) is (expected and means_something)
                continue
            off = base.model_copy(update={declared.when: False})
            on = base.model_copy(update={declared.when: True})
            assert not declared_type.is_enabled(declared, off, is_continue)
            assert declared_type.is_enabled(declared, on, is_continue) is expected


@every_type
def test_that_every_option_survives_its_words(declared_type: JobType) -> None:
    options = changed(declared_type)
    again, problems = from_values(declared_type.options, to_values(options, everything=True))
    assert not problems
    assert again == options


@every_type
def test_that_every_option_survives_the_command_line(declared_type: JobType) -> None:
    options = changed(declared_type)
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, declared_type.options)
    words = to_arguments(options)
    assert len(words) == len(specs(declared_type.options))
    assert from_arguments(declared_type.options, parser.parse_args(words)) == options
    dashed = [f"--{w[2:].partition('=')[0].replace('_', '-')}={w.partition('=')[2]}" for w in words]
    assert from_arguments(declared_type.options, parser.parse_args(dashed)) == options
    assert from_arguments(declared_type.options, parser.parse_args([])) == declared_type.options()


@every_type
def test_that_the_help_of_the_command_line_can_be_printed(declared_type: JobType) -> None:
    for task in ("", *(task.name for task in declared_type.tasks)):
        parser = argparse.ArgumentParser(allow_abbrev=False)
        add_arguments(parser, declared_type.options, task=task)
        assert "--nr_threads" in parser.format_help()


@every_type
@pytest.mark.parametrize("is_continue", [False, True], ids=["new", "continued"])
def test_that_options_survive_a_job_star_in_the_style_of_relion(
    declared_type: JobType, is_continue: bool, tmp_path: Path
) -> None:
    known = {
        d.name: other_value(d)
        for d in specs(declared_type.options)
        if d.in_job_star and (d.tab == "Running" or d.kind is Kind.INPUT_NODE)
    }
    options = declared_type.options(**known)
    write_job_star(tmp_path / "job.star", job_star_for(declared_type, options, is_continue=is_continue))
    read = read_job_star(tmp_path / "job.star")
    assert by_label(read.label) is declared_type
    assert read.is_continue is is_continue
    again, problems = options_from_job_star(declared_type, read)
    assert not problems
    assert again == options


@every_type
def test_that_inputs_become_nodes_with_labels_relion_offers(declared_type: JobType) -> None:
    options = changed(declared_type)
    nodes = declared_type.input_nodes(options)
    assert len(nodes) == sum(d.kind is Kind.INPUT_NODE for d in specs(declared_type.options))
    families = ("ParticleGroupMetadata", "DensityMap", "Mask3D", "AtomCoords", "MicrographGroupMetadata")
    assert all(label.startswith(families) for _, label in nodes)
    assert declared_type.input_nodes(declared_type.options()) == []


@every_type
def test_that_missing_files_are_reported_at_their_fields(declared_type: JobType, tmp_path: Path) -> None:
    paths = [d for d in specs(declared_type.options) if d.is_path and d.enabled in ("always", "new")]
    options = declared_type.options(
        do_queue=True, **{d.name: "missing/file.star" for d in paths if d.when in ("", "do_queue")}
    )
    paths = [d for d in paths if declared_type.is_shown(d, options)]
    found = {problem.field: problem for problem in declared_type.problems(options, CheckContext(tmp_path))}
    for declared in paths:
        if declared.when in ("", "do_queue"):
            problem = found[declared.name]
            assert "missing/file.star" in problem.message
            assert "does not exist" in problem.message
            assert str(tmp_path) in problem.hint


@every_type
def test_that_a_new_job_does_the_main_task_whatever_the_switches_say(declared_type: JobType) -> None:
    # all but the switch of a dry run, which takes its place
    for rehearsal in declared_type.rehearsals:
        asked = declared_type.options(**{str(rehearsal.switch): True})
        assert declared_type.task_for(asked, is_continue=False) is rehearsal
    switches = {task.switch: True for task in declared_type.tasks if task.switch and not task.at_start}
    assert declared_type.task_for(declared_type.options(**switches), is_continue=False).switch is None


def test_that_labels_are_looked_up_as_relion_does() -> None:
    dynamight = JOB_TYPES["dynamight"]
    assert by_label("dynamight") is dynamight
    assert by_label("dynamight.explore") is dynamight
    assert by_label("relion.dynamight") is None
    assert by_label("relion.external.strange") is None
    assert by_label("relion.refine3d") is None


def test_that_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no job type 'dynamigth'.*dynamight"):
        job_type("dynamigth")


def test_that_keys_labels_and_directories_are_unique() -> None:
    for name in ("key", "label", "directory", "title"):
        values = [getattr(declared, name) for declared in JOB_TYPES.values()]
        assert len(set(values)) == len(values)
    # RELION has these two types itself
    own = [declared for declared in JOB_TYPES.values() if declared.key not in ("dynamight", "import")]
    assert all(declared.label == f"relion.external.{declared.key}" for declared in own)


def test_that_describing_jobs_loads_neither_torch_nor_qt_nor_numpy() -> None:
    program = "import sys, jobs.registry; print(*sys.modules)"
    root = Path(__file__).resolve().parents[1]
    result = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(root)},
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert not loaded & {"torch", "PySide6", "napari", "pyqtgraph", "numpy", "pandas"}


def test_that_a_switch_that_is_no_yes_no_option_is_a_mistake_of_the_developer() -> None:
    declared_type = JOB_TYPES["dynamight"]
    wrong = replace(declared_type.tasks[0], switch="nr_gaussians", name="wrong")
    with pytest.raises(TypeError, match="'nr_gaussians' is not a yes/no option"):
        replace(declared_type, tasks=(*declared_type.tasks, wrong))
