"""What ``heteroscope isac2`` says of a mistake in its command line."""

from __future__ import annotations

import pytest

from jobs.isac2.commands import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("s.star out --radus=29", "heteroscope isac2 has no option --radus. Did you mean --radius?"),
        ("s.star out --skip-prealigment", "Did you mean --skip-prealignment?"),
        ("s.star out --radius wide", "--radius: 'wide' was found, a number was expected"),
        ("s.star out --target-radius", "--target-radius needs a value"),
        ("s.star out --target_radius", "--target_radius needs a value"),
        ("s.star out --VPP more --radius=3", "does not expect 'more'"),
        ("substack run", "heteroscope isac2 substack needs OUTPUT"),
        ("substack run out --clases 3", "substack has no option --clases. Did you mean --classes?"),
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
