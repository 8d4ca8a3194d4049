"""Numbers of command lines that are out of their range: told with the option, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.tomodrgn import commands

TRAIN = "train_vae p.star -o out --zdim 2"
BACKPROJECT = "backproject_voxel p.star -o out/map.mrc"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"{TRAIN} -b -3", "-b: -3 was found, at least 1"),
        (f"{TRAIN} -n 0", "-n: 0 was found, at least 1"),
        (f"{TRAIN} --lr -1", "--lr: -1 was found, at least"),
        (f"{TRAIN} --dec-layers -1", "--dec-layers: -1 was found, at least 0"),
        (f"{TRAIN} --zdim 100000", "--zdim: 100000 was found, at most"),
        (f"{TRAIN} --white --dark", "--dark: not allowed with argument --white"),
        ("eval_vol -w w.pkl -o out -z", "-z needs a value"),
        ("eval_vol -w w.pkl -o out -z 0 nan", "-z: 'nan' was found, a number"),
        ("eval_vol -w w.pkl -o out -d 15", "-d: 15 was found, an even number"),
        ("eval_vol -w w.pkl -o out --lowpass 0", "--lowpass: 0 was found, more than 0"),
        ("eval_vol -w w.pkl -o out --Apix -1", "--Apix: -1 was found, more than 0"),
        ("eval_vol -w w.pkl -o out -b 0", "-b: 0 was found, at least 1"),
        (f"{BACKPROJECT} --lowpass nan", "--lowpass: 'nan' was found, a number"),
        (f"{BACKPROJECT} --use-first-nptcls 0", "--use-first-nptcls: 0 was found, at least 1, or -1"),
        (f"{BACKPROJECT} --dose-override -2", "--dose-override: -2 was found, at least 0"),
        ("downsample p.star -o s.mrcs -d 16 -b 0", "-b: 0 was found, at least 1"),
        ("downsample p.star -o s.mrcs -d 2.5", "'2.5' was found, a whole number"),
        ("analyze out --ksample 0", "--ksample: 0 was found, at least 1"),
        ("pc_traversal z.pkl -o out --lim 5 101", "--lim: 101 was found, at most 100"),
        ("convergence_vae out --n-bins 0", "--n-bins: 0 was found, at least 1"),
    ],
)
def test_that_a_number_out_of_range_is_told_with_its_option(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert commands.main(words.split()) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert told in sentence
    assert not list(tmp_path.iterdir())
