"""Options in RELION's words: what is accepted, refused, kept aside."""

from __future__ import annotations

import argparse

import pytest

from jobs.core.declaration import (
    JobOptions,
    Kind,
    RunningOptions,
    add_arguments,
    from_arguments,
    from_values,
    option,
    spec,
    specs,
    to_values,
)


class Options(JobOptions):
    """One option of each kind."""

    fn_in: str = option("", label="In:", help="Input.", tab="I/O", kind=Kind.FILE)
    level: float | None = option(None, label="Level:", help="Level.", tab="I/O", kind=Kind.NUMBER, minimum=-5)
    count: int = option(
        3,
        label="Count:",
        help="Count.",
        tab="I/O",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=9,
        cli=("--n-items",),
    )
    factor: float = option(1.0, label="Factor:", help="Factor.", tab="I/O", kind=Kind.NUMBER)
    fast: bool = option(False, label="Fast?", help="Fast.", tab="I/O", kind=Kind.YESNO, cli=("--quick",))
    mode: str = option("a", label="Mode:", help="Mode.", tab="I/O", kind=Kind.CHOICE, choices=("a", "b"))
    hidden: int = option(
        7, label="Hidden:", help="Hidden.", tab="More", kind=Kind.INTEGER, in_job_star=False,
        cli=("--n-items",), cli_task="second",
    )  # fmt: skip


def parse(*words: str, task: str = "") -> Options:
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    add_arguments(parser, Options, task=task)
    return from_arguments(Options, parser.parse_args(words))


def test_that_values_are_written_in_the_words_of_relion() -> None:
    values = to_values(Options(level=0.015, fast=True, factor=1e-5, fn_in="a b.star"))
    assert values == {
        "fn_in": "a b.star",
        "level": "0.015",
        "count": "3",
        "factor": "1e-05",
        "fast": "Yes",
        "mode": "a",
    }
    assert to_values(Options())["level"] == ""
    assert to_values(Options())["factor"] == "1"


def test_that_private_options_stay_out_of_job_star() -> None:
    assert "hidden" not in to_values(Options())
    assert to_values(Options(), everything=True)["hidden"] == "7"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("count", "many", "'many' was found, a whole number was expected"),
        ("count", "2.5", "a whole number was expected"),
        ("count", "0", "at least 1 was expected"),
        ("count", "10", "at most 9 was expected"),
        ("count", "", "the field is empty"),
        ("factor", "nan", "a number was expected"),
        ("level", "-6", "at least -5 was expected"),
        ("fast", "perhaps", "Yes or No was expected"),
        ("mode", "c", "one of a, b was expected"),
    ],
)
def test_that_an_unusable_value_is_reported_at_its_field_and_the_default_kept(
    name: str, text: str, words: str
) -> None:
    options, problems = from_values(Options, {name: text, "fn_in": "x.star"})
    assert [problem.field for problem in problems] == [name]
    assert words in problems[0].message
    assert spec(Options, name).label.rstrip(":") in problems[0].message
    assert options == Options(fn_in="x.star")


def test_that_whole_numbers_are_read_in_every_spelling_relion_uses() -> None:
    options, problems = from_values(Options, {"count": " 5.000000 ", "fast": "true", "level": ""})
    assert not problems
    assert (options.count, options.fast, options.level) == (5, True, None)


def test_that_scheme_variables_are_accepted_in_every_field_and_given_back() -> None:
    given = {name: f"$${name}_variable" for name in to_values(Options())}
    options, problems = from_values(Options, given)
    assert not problems
    assert to_values(options) == given
    assert options.count == 3


def test_that_unknown_options_are_kept_aside() -> None:
    options, problems = from_values(Options, {"do_helix": "Yes", "count": "4"})
    assert not problems
    assert options.unknown_values == {"do_helix": "Yes"}
    assert options.count == 4


def test_that_options_are_frozen_complete_and_checked() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Options().count = 4
    with pytest.raises(ValueError, match="extra"):
        Options(cuont=4)
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Options(count=0)
    with pytest.raises(ValueError, match="greater than or equal to -5"):
        Options(level=-6)
    with pytest.raises(ValueError, match="expected one of a, b"):
        Options(mode="c")
    assert Options(level=None).level is None


def test_that_the_command_line_knows_both_spellings_and_those_of_the_original() -> None:
    assert parse("--fn-in", "a.star", "--count", "4") == parse("--fn_in=a.star", "--n-items", "4")
    assert parse("--fast").fast
    assert parse("--fast", "Yes").fast
    assert not parse("--fast", "No").fast
    assert parse("--quick").fast
    assert not parse("--no-quick").fast
    assert parse("--level", "-1.5").level == -1.5


def test_that_a_task_decides_whom_a_shared_spelling_of_the_original_means() -> None:
    assert parse("--n-items", "5") == Options(count=5)
    assert parse("--n-items", "5", task="second") == Options(hidden=5)


def test_that_a_wrong_word_on_the_command_line_says_what_was_expected() -> None:
    with pytest.raises(argparse.ArgumentError, match=r"'4\.5' was found, a whole number was expected"):
        parse("--count", "4.5")


def test_that_defaults_of_the_running_tab_follow_the_environment_of_relion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = [declared.name for declared in specs(RunningOptions)]
    assert plain == [
        "nr_threads", "do_queue", "queuename", "qsub", "qsubscript", "min_dedicated", "other_args",
    ]  # fmt: skip
    assert RunningOptions().qsub == "sbatch"
    assert RunningOptions().queuename == "openmpi"
    for name, value in {
        "RELION_QSUB_NRTHREADS": "6",
        "RELION_THREAD_MAX": "48",
        "RELION_QUEUE_USE": "TRUE",
        "RELION_QUEUE_NAME": "gpu",
        "RELION_QSUB_COMMAND": "qsub",
        "RELION_QSUB_TEMPLATE": "/site/queue.csh",
        "RELION_QSUB_EXTRA1": "Hours:",
        "RELION_QSUB_EXTRA1_DEFAULT": "24",
        "RELION_QSUB_EXTRA3": "not reached, the count is 2",
        "RELION_MINIMUM_DEDICATED": "24",
        "RELION_ALLOW_CHANGE_MINIMUM_DEDICATED": "0",
    }.items():
        monkeypatch.setenv(name, value)
    options = RunningOptions()
    assert to_values(options) == {
        "nr_threads": "6",
        "do_queue": "Yes",
        "queuename": "gpu",
        "qsub": "qsub",
        "qsub_extra1": "24",
        "qsubscript": "/site/queue.csh",
        "min_dedicated": "24",
        "other_args": "",
    }
    assert spec(RunningOptions, "nr_threads").high == 48
    assert spec(RunningOptions, "qsub_extra1").label == "Hours:"
    monkeypatch.setenv("RELION_QSUB_EXTRA_COUNT", "7")
    monkeypatch.setenv("RELION_QSUB_EXTRA7", "Cards:")
    monkeypatch.setenv("RELION_QSUB_EXTRA7_HELP", "How many graphics cards.")
    assert spec(RunningOptions, "qsub_extra7").help == "How many graphics cards."
    assert "qsub_extra3" in to_values(RunningOptions()) and "qsub_extra2" not in to_values(RunningOptions())
    # types without MPI have no such field, whatever the site's default is
    monkeypatch.setenv("RELION_QSUB_NRMPI", "5")
    assert "nr_mpi" not in to_values(RunningOptions())
    assert spec(RunningOptions, "min_dedicated").enabled == "never"
