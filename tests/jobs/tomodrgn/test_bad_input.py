"""Bad input on the command line: one sentence with file, row and column, code 2, and nothing half-written."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from jobs.formats.mrc import write_stack
from jobs.formats.pickles import write_pickles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import commands
from tests.support.tilt_sets import FLAGS, write_relion5_project

Spoil = Callable[[Path], None]
STAR, STACK, OUT = "p.star", "data/p.mrcs", "out"
TINY = (
    "--zdim 2 --enc-dim-a 8 --out-dim-a 4 --enc-dim-b 8 --dec-dim 8 --dec-layers 1 -n 2 --gpu-id cpu "
    "--no-consensus"
)
TRAIN = f"train_vae {STAR} -o {OUT} {TINY}"
BACKPROJECT = f"backproject_voxel {STAR} -o {OUT}/map.mrc --gpu-id cpu"
SET = "Extract/job012/optimisation_set.star"


@pytest.fixture
def project(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, in_process: None) -> Path:
    """A folder with a good series of four particles of eight images each, to be spoilt."""
    folder = shared / "data" / "tomodrgn"
    text = (folder / "10076_classD_32_sim.star").read_text().splitlines()
    rows = [n for n, line in enumerate(text) if "@" in line]
    kept = text[: rows[0]] + [line.replace("10076_classD_32_sim", "p") for line in text[rows[0] : rows[32]]]
    (tmp_path / STAR).write_text("\n".join(kept) + "\n")
    particles = read_tilt_particles(folder / "10076_classD_32_sim.star", datadir=folder)
    (tmp_path / "data").mkdir()
    write_stack(tmp_path / STACK, ImageStacks(particles).read(np.arange(32)), 13.1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _images(folder: Path, change: Callable[[np.ndarray], np.ndarray | None]) -> None:
    images = ImageStacks(read_tilt_particles(folder / STAR)).read(np.arange(32))
    changed = change(images)
    write_stack(folder / STACK, images if changed is None else changed, 13.1)


def _cell(column: str, row: int, value: str) -> Spoil:
    def change(folder: Path) -> None:
        (table,) = read_star_tables(folder / STAR).values()
        values = [str(v) for v in table.text(column)]
        values[row] = value
        write_star_tables(folder / STAR, [table.with_columns({column: values})])

    return change


def _without(column: str) -> Spoil:
    def change(folder: Path) -> None:
        path = folder / STAR
        path.write_text(path.read_text().replace(f"_{column} ", "_rlnSomethingElse "))

    return change


def _nan(folder: Path) -> None:
    with (folder / STACK).open("r+b") as file:
        file.seek(1024 + 4 * (11 * 32 * 32 + 99))
        file.write(np.float32(np.nan).tobytes())


def _zero(images: np.ndarray) -> None:
    images[:] = 0


def _other_box(folder: Path) -> None:
    write_stack(folder / "data/large.mrcs", np.ones((1, 64, 64), np.float32), 13.1)
    _cell("rlnImageName", 20, "1@data/large.mrcs")(folder)


def _odd_box(folder: Path) -> None:
    _images(folder, lambda images: images[:, :31, :31].copy())


def _indices(*values: object) -> Spoil:
    return lambda folder: write_pickles(folder / "ind.pkl", np.array(values))


def _junk(name: str) -> Spoil:
    return lambda folder: (folder / name).write_bytes(b"\x80\x04\x95junk that is no pickle") and None


def _flags(folder: Path) -> None:
    flags = [f"[{','.join(map(str, f))}]" for f in FLAGS]
    flags[2] = "[0,1,1]"
    write_relion5_project(folder, {"rlnTomoVisibleFrames": flags})


def _tomogram(folder: Path) -> None:
    write_relion5_project(folder, {"rlnTomoName": ["TS_01", "TS_02", "TS_77", "TS_02"]})


def _missing_set_stack(folder: Path) -> None:
    write_relion5_project(folder)
    (folder / "Extract/job012/2_stack2d.mrcs").unlink()


def _nothing(folder: Path) -> None:
    """Leave everything as it is."""


ON_SET = TRAIN.replace(STAR, SET)
CASES: dict[str, tuple[Spoil, str, tuple[str, ...]]] = {
    "angle column": (_without("rlnAngleTilt"), TRAIN, ("p.star", "rlnAngleTilt")),
    "group column": (_without("rlnGroupName"), TRAIN, ("p.star", "rlnGroupName")),
    "no number": (_cell("rlnDefocusU", 4, "many"), TRAIN, ("p.star", "row 5", "rlnDefocusU is 'many'")),
    "nan angle": (_cell("rlnAnglePsi", 9, "nan"), TRAIN, ("p.star", "row 10", "rlnAnglePsi")),
    "section": (
        _cell("rlnImageName", 6, "99@data/p.mrcs"),
        TRAIN,
        ("p.star", "row 7", "rlnImageName", "image 99 is wanted", "only 32"),
    ),
    "pixel sizes": (
        _cell("rlnDetectorPixelSize", 12, "9.5"),
        TRAIN,
        ("p.star", "row 13", "9.5 Å, but 13.1 Å"),
    ),
    "boxes": (_other_box, TRAIN, ("p.star", "row 21", "64 pixels wide, but 32")),
    "odd box": (_odd_box, TRAIN, ("p.star", "31 pixels wide", "an even number")),
    "missing stack": (
        lambda f: (f / STACK).unlink(),
        TRAIN,
        ("p.star", "rlnImageName", "p.mrcs does not exist"),
    ),
    "cut stack": (
        lambda f: (f / STACK).write_bytes((f / STACK).read_bytes()[:60_000]) and None,
        TRAIN,
        ("p.star", "row 1", "p.mrcs is truncated"),
    ),
    "zeros": (lambda f: _images(f, _zero), TRAIN, ("p.star", "row 1", "p.mrcs are empty", "rlnImageName")),
    "zeros, map": (lambda f: _images(f, _zero), BACKPROJECT, ("p.star", "p.mrcs are empty")),
    "nan image": (_nan, TRAIN, ("p.star", "row 12", "image 12", "not finite")),
    "nan image, map": (_nan, BACKPROJECT, ("p.star", "row 12", "not finite")),
    "off by one": (
        _indices(0, 1, 2, 4),
        f"{TRAIN} --ind ind.pkl",
        ("ind.pkl", "entry 4 is 4", "only 0 to 3"),
    ),
    "index twice": (_indices(0, 1, 1), f"{TRAIN} --ind ind.pkl", ("ind.pkl", "entry 3 is 1", "already")),
    "image index": (
        _indices(31, 32),
        f"{TRAIN} --ind-imgs ind.pkl",
        ("ind.pkl", "entry 2 is 32", "32 images"),
    ),
    "junk index": (_junk("ind.pkl"), f"{TRAIN} --ind ind.pkl", ("ind.pkl",)),
    "no index": (_nothing, f"{TRAIN} --ind ind.pkl", ("ind.pkl", "does not exist")),
    "junk star": (_junk(STAR), TRAIN, ("p.star",)),
    "no star": (lambda f: (f / STAR).unlink(), TRAIN, ("p.star", "does not exist")),
    "no zdim": (_nothing, TRAIN.replace("--zdim 2", ""), ("dimension of the latent space",)),
    "other source": (_nothing, f"{TRAIN} --source-software nextpyp", ("nextpyp", "looks like warp")),
    "other source, map": (_nothing, f"{BACKPROJECT} --source-software relion", ("p.star", "looks like warp")),
    "dose": (_without("rlnCtfBfactor"), f"{TRAIN} --recon-dose-weight", ("dose", "rlnCtfBfactor")),
    "junk weights": (_junk("w.pkl"), f"{TRAIN} --load w.pkl", ("w.pkl",)),
    "no weights": (_nothing, f"eval_vol -w w.pkl -o {OUT}", ("w.pkl", "do not exist")),
    "map's name": (_nothing, BACKPROJECT.replace("map.mrc", "map.map"), ("map.map", ".mrc")),
    "one particle": (_indices(1), f"{BACKPROJECT} --ind ind.pkl", ("p.star", "two particles")),
    "one particle, training": (_indices(1), f"{TRAIN} --ind ind.pkl", ("p.star", "one particle", "--ind")),
    "no option": (_nothing, f"{TRAIN} --helpp", ("no option --helpp",)),
    "other field": (_nothing, f"{TRAIN} --sample-ntilts 9", ("--sample-ntilts: 9 images", "more than 8")),
    "overdose": (
        _nothing,
        f"{TRAIN} --dose-override 1e9 --recon-dose-weight --l-dose-mask",
        ("p.star", "nothing is left of image 1 of p.mrcs", "--dose-override"),
    ),
    "half a defocus": (
        lambda folder: write_relion5_project(folder, tilts={"rlnDefocusU": None}) and None,
        ON_SET,
        ("TS_01.star", "rlnDefocusU"),
    ),
    "flags": (_flags, ON_SET, ("particles.star", "row 3", "rlnTomoVisibleFrames")),
    "tomogram": (_tomogram, ON_SET, ("row 3", "TS_77", "rlnTomoName")),
    "set's stack": (_missing_set_stack, ON_SET, ("particles.star", "row 3", "2_stack2d.mrcs does not exist")),
}


@pytest.mark.parametrize("case", CASES)
def test_that_bad_input_ends_in_a_sentence_and_code_2(
    case: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil, words, told = CASES[case]
    spoil(project)
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*") if path.is_file()}
    assert commands.main(words.split()) == 2
    err = capfd.readouterr().err
    assert "Traceback" not in err
    (sentence,) = (line for line in err.splitlines() if line.startswith("ERROR: "))
    for part in told:
        assert part in sentence
    left = {p.name for p in (project / OUT).rglob("*")} if (project / OUT).exists() else set()
    record = {"RELION_JOB_EXIT_FAILURE", "options.001.json", "outcome.001.json", "metrics.jsonl"}
    assert left <= {*record, "RELION_OUTPUT_NODES.star"}
    assert before.items() <= {p: p.stat().st_mtime_ns for p in project.rglob("*") if p.is_file()}.items()


def test_that_what_is_not_as_asked_is_said_and_done_without(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = TRAIN.replace("-n 2", "-n 1").replace("--gpu-id cpu", "--gpu-id 99")
    assert commands.main([*words.split(), "--resume", "--use-first-nptcls", "9"]) == 0
    out, err = capfd.readouterr()
    assert "Warning: there is no checkpoint in this folder yet: the training begins anew." in out
    assert "No GPU here: computed on the processor (GPU 99 was asked for)." in out
    assert "There are only 4 particles, not 9: all are kept." in out
    assert "There are only 4 particles, not 9; all are used." in err
    assert commands.main(words.replace("99", "x").split()) == 2
    assert "'x' is not the number of a GPU" in capfd.readouterr().err


def test_that_empty_images_among_others_are_left_out_and_said(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def some(images: np.ndarray) -> None:
        images[[3, 8, 9, 10, 11, 12, 13, 14, 15]] = 0  # one of the first particle, all of the second

    _images(project, some)
    assert commands.main(TRAIN.split()) == 0
    out = capfd.readouterr().out
    assert "9 of 32 images that were looked at are empty" in out
    assert "with them 1 particles" in out
    used = read_tilt_particles(project / OUT / "p_tomodrgn_preprocessed.star", require_images=False)
    assert used.counts.tolist() == [7, 8, 8]


def test_that_a_training_that_diverges_stops_at_its_last_good_epoch(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(TRAIN.split()) == 0
    good = (project / OUT / "weights.1.pkl").read_bytes()
    capfd.readouterr()
    words = TRAIN.replace("-n 2", "-n 9").split()
    assert commands.main([*words, "--resume", "--lr", "1e30"]) == 2
    err = capfd.readouterr().err
    assert "Traceback" not in err and "not numbers any more" in err
    told = re.search(r"went back to the checkpoint of epoch (\d+)", err)
    assert told is not None and "smaller learning rate" in err
    assert (project / OUT / "weights.1.pkl").read_bytes() == good
    assert (project / OUT / f"weights.{int(told[1]) - 1}.pkl").exists()
    assert not (project / OUT / f"weights.{told[1]}.pkl").exists()


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("words", "n_bytes", "told"),
    [
        (TRAIN, 20_000, "weights.0.pkl: the checkpoint could not be written"),
        (f"{TRAIN} --lazy", 40_000, "the image cache"),
        (BACKPROJECT, 50_000, "could not be written"),
        (f"downsample {STAR} -d 16 -o {OUT}/small.mrcs", 20_000, "could not be written"),
        (f"filter_star {STAR} -o {OUT}.star --ind ind.pkl", 2_000, "could not be written"),
    ],
)
def test_that_a_full_disk_is_told_and_leaves_no_part_of_a_file(
    words: str, n_bytes: int, told: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_pickles(project / "ind.pkl", np.arange(3))
    before = set(project.iterdir())
    with room_for(n_bytes):
        code = commands.main(words.split())
    err = capfd.readouterr().err
    assert "Traceback" not in err
    assert told in err
    assert code == 2
    new = [p for top in set(project.iterdir()) - before for p in (top, *top.rglob("*")) if p.is_file()]
    assert not [
        p for p in new if p.suffix in (".tmp", ".mrc", ".mrcs", ".pkl", ".f16") and p.name != "config.pkl"
    ]
