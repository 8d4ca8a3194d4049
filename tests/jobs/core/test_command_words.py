"""Mistakes on a command line are told in one sentence that names the option."""

from __future__ import annotations

import pytest

from jobs.core.additional import read_additional
from jobs.core.command_words import CommandParser, did_you_mean
from jobs.core.errors import UserError
from jobs.core.running import RunningOptions


def parser() -> CommandParser:
    made = CommandParser(prog="heteroscope fake", allow_abbrev=False)
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    train = commands.add_parser("train_vae")
    train.add_argument("-o", "--outdir", required=True)
    train.add_argument("--n", "--number", type=int)
    train.add_argument("--pair", nargs=2)
    train.add_argument("--kind", choices=("even", "odd"))
    commands.add_parser("train_nn")
    return made


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "heteroscope fake needs a command. See heteroscope fake --help."),
        ("train_va", "heteroscope fake has no command 'train_va'. Did you mean train_vae?"),
        ("dream", "heteroscope fake has no command 'dream'. There are train_vae, train_nn."),
        ("train_vae", "heteroscope fake train_vae needs --outdir. See heteroscope fake train_vae --help."),
        ("train_vae -o", "-o needs a value. See heteroscope fake train_vae --help."),
        ("train_vae -o o --pair 1", "--pair needs 2 values. See heteroscope fake train_vae --help."),
        (
            "train_vae -o o --n three",
            "--n: 'three' was found, a whole number was expected. See heteroscope fake train_vae --help.",
        ),
        (
            "train_vae -o o --kind ood",
            "--kind: 'ood' was found, one of even, odd was expected. Did you mean odd?",
        ),
    ],
)
def test_that_a_mistake_is_one_sentence_and_what_to_do(words: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        parser().parse_args(words.split())
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("word", "meant"), [("--nr_thread", "--nr_threads"), ("--nr-thread", "--nr-threads")]
)
def test_that_a_suggestion_has_the_signs_of_the_word(word: str, meant: str) -> None:
    assert did_you_mean(word, ["--nr_threads", "--nr-threads", "--do_queue"]) == f"Did you mean {meant}?"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("--nr_threads 'two", "No closing quotation"),
        ("--nr_thread 2", r"--nr_thread 2 is not known. Did you mean --nr_threads\?"),
        ("--nr_threads two", "'two' was found, a whole number was expected"),
    ],
)
def test_that_additional_arguments_that_cannot_be_read_are_refused(text: str, told: str) -> None:
    with pytest.raises(UserError, match=f"Additional arguments: .*{told}"):
        read_additional(RunningOptions, text)
    assert read_additional(RunningOptions, "  ") is None
    given = read_additional(RunningOptions, "--nr_threads 3")
    assert given is not None and given.nr_threads == 3
