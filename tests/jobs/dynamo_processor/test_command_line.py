"""What ``heteroscope dynamo`` says of a mistake in its command line."""

from __future__ import annotations

import pytest

from jobs.dynamo_processor.commands import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--progect_name x", "heteroscope dynamo has no option --progect_name. Did you mean --project_name?"),
        ("scan --progect-name x", "Did you mean --project-name?"),
        ("--entry first", "--entry: 'first' was found, a whole number was expected"),
        ("scan a.yaml b.yaml", "heteroscope dynamo does not expect 'b.yaml'"),
        ("--out", "--out needs a value"),
        ("to-warp", "heteroscope dynamo to-warp needs TABLE and --out"),
        ("to_relion a.tbl --out b.star --only-average", "Did you mean --only-averaged?"),
    ],
)
def test_that_a_mistake_is_told_by_the_option_as_typed_and_the_nearest_one(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("ERROR: ")
    assert said in printed.err
