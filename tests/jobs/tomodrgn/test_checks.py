"""What is said of the options of a job while somebody types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.declaration import CheckContext, spec
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.tomodrgn.captions import captions
from jobs.tomodrgn.input_facts import tilt_facts
from jobs.tomodrgn.params import JOB_TYPE, TomoDrgnOptions
from tests.support.tilt_sets import write_relion5_project


def fields_at_fault(options: TomoDrgnOptions, context: CheckContext) -> set[str | None]:
    return {p.field for p in JOB_TYPE.problems(options, context) if p.severity == "error"}


@pytest.fixture
def good(shared: Path) -> dict[str, object]:
    """Options without fault."""
    folder = shared / "data" / "tomodrgn"
    return {"fn_star": str(folder / "10076_both_32_sim.star"), "datadir": str(folder), "zdim": 8}


def test_that_the_defaults_with_particles_and_a_dimension_are_fine(
    good: dict[str, object], tmp_path: Path
) -> None:
    assert fields_at_fault(TomoDrgnOptions(**good), CheckContext(tmp_path)) == set()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"zdim": None}, "zdim"),
        ({"beta": "c"}, "beta_control"),
        ({"beta": "fast"}, "beta"),
        ({"beta_control": 0.01}, "beta"),
        ({"source_software": "nextpyp"}, "source_software"),
        ({"source_software": "cistem"}, "source_software"),
        ({"use_first_ntilts": 11}, "use_first_ntilts"),
        ({"sample_ntilts": 11}, "sample_ntilts"),
        ({"enc_mask": 17}, "enc_mask"),
        ({"enc_mask": 0}, "enc_mask"),
        ({"use_first_nptcls": 0}, "use_first_nptcls"),
        ({"dose_override": 0.0, "recon_dose_weight": True}, "dose_override"),
        ({"window_r": 0.99, "window_r_outer": 0.9}, "window_r_outer"),
        ({"norm": "0 0"}, "norm"),
        ({"pooling_function": "set_encoder", "num_heads": 3}, "num_heads"),
        ({"load": "nowhere.pkl"}, "load"),
        ({"pe_dim": 1}, "pe_dim"),
    ],
)
def test_that_what_does_not_fit_is_marked_at_its_field_with_what_to_do(
    changed: dict[str, object], field: str, good: dict[str, object], tmp_path: Path
) -> None:
    options = TomoDrgnOptions(**{**good, **changed})
    problems = [p for p in JOB_TYPE.problems(options, CheckContext(tmp_path)) if p.severity == "error"]
    assert [p.field for p in problems] == [field]
    assert problems[0].hint


@pytest.mark.parametrize("pooling", ["concatenate", "mean"])
def test_that_every_pooling_takes_particles_with_fewer_tilts_and_says_so(
    pooling: str, good: dict[str, object], tmp_path: Path
) -> None:
    options = TomoDrgnOptions(**{**good, "sample_ntilts": 9, "pooling_function": pooling})
    (problem,) = JOB_TYPE.problems(options, CheckContext(tmp_path))
    assert (problem.severity, problem.field) == ("warning", "sample_ntilts")
    assert "8" in problem.sentence


def test_that_doses_are_needed_for_what_depends_on_them(shared: Path, tmp_path: Path) -> None:
    clean = str(shared / "data/tomodrgn/10076_both_32_clean.star")
    options = TomoDrgnOptions(fn_star=clean, zdim=8, recon_dose_weight=True, l_dose_mask=True)
    assert fields_at_fault(options, CheckContext(tmp_path)) == {"recon_dose_weight", "l_dose_mask"}
    given = options.model_copy(update={"dose_override": 2.0})
    assert fields_at_fault(given, CheckContext(tmp_path)) == set()


@pytest.mark.parametrize(
    ("column", "field", "words"),
    [
        ("rlnImageName", "fn_star", "no column rlnImageName"),
        ("rlnGroupName", "fn_star", "no column rlnGroupName"),
        ("rlnAnglePsi", "fn_star", "lacks the column rlnAnglePsi"),
        ("rlnDetectorPixelSize", "angpix", "does not say the pixel size"),
        ("rlnVoltage", "fn_star", "lacks the column rlnVoltage"),
    ],
)
def test_that_a_missing_column_is_told_once(
    good: dict[str, object], tmp_path: Path, column: str, field: str, words: str
) -> None:
    (table,) = read_star_tables(Path(str(good["fn_star"]))).values()
    write_star_tables(tmp_path / "p.star", [table.without_columns([column])])
    options = TomoDrgnOptions(**{**good, "fn_star": "p.star"})
    (problem,) = JOB_TYPE.problems(options, CheckContext(tmp_path))
    assert (problem.field, problem.severity) == (field, "error")
    assert words in problem.message


def test_that_a_missing_particle_file_of_a_set_is_told_once(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path)
    path.with_name("particles.star").unlink()
    options = TomoDrgnOptions(fn_star=str(path.relative_to(tmp_path)), zdim=8)
    (problem,) = JOB_TYPE.problems(options, CheckContext(tmp_path))
    assert problem.severity == "error" and "particles.star" in problem.message


def test_that_a_relion_5_set_without_visible_frames_names_the_column(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path, {"rlnTomoVisibleFrames": None})
    for name in ("optimisation_set.star", "particles.star"):
        star = str(path.with_name(name).relative_to(tmp_path))
        (problem,) = JOB_TYPE.problems(TomoDrgnOptions(fn_star=star, zdim=8), CheckContext(tmp_path))
        assert (problem.field, problem.severity) == ("fn_star", "error")
        assert "lacks the column rlnTomoVisibleFrames" in problem.message


def test_that_what_is_assumed_of_the_particles_is_a_warning(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path, optics={"rlnSphericalAberration": None})
    star = str(path.relative_to(tmp_path))
    options = TomoDrgnOptions(fn_star=star, zdim=8, use_first_nptcls=5)
    assumed, fewer = JOB_TYPE.problems(options, CheckContext(tmp_path))
    assert (assumed.severity, fewer.severity) == ("warning", "warning")
    assert "rlnSphericalAberration (2.7 mm is assumed)" in assumed.message
    assert fewer.field == "use_first_nptcls" and "only 4 particles, not 5" in fewer.message


def test_that_the_head_of_a_file_says_what_it_is(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    series = tilt_facts(folder / "10076_both_32_sim.star", tmp_path)
    assert (series.flavour, series.pixel_size_a, series.has_dose) == ("warp", 13.1, True)
    assert (series.n_images_least, series.n_images_most) == (8, 10)
    name = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"
    tomo = tilt_facts(folder / name, tmp_path)
    assert (tomo.flavour, tomo.box, tomo.pixel_size_a) == ("warptools", 32, 12.0)
    assert (tomo.n_images_least, tomo.n_images_most) == (34, 37)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"do_more_epochs": True, "n_epochs": 2}, "n_epochs"),
        ({"do_eval_vol": True, "z_value": "1 2"}, "z_value"),
        ({"do_eval_vol": True, "z_start": "1 2 3"}, "z_end"),
        ({"do_eval_vol": True, "z_value": "1 2 3", "z_start": "1 2 3", "z_end": "1 2 3"}, "z_value"),
        ({"do_eval_vol": True, "vol_downsample": 15}, "vol_downsample"),
        ({"do_eval_images": True, "model_kind": "train_nn"}, "do_eval_images"),
        ({"do_filter": True}, "fn_filter_ind"),
    ],
)
def test_that_tasks_of_a_trained_job_are_checked(
    changed: dict[str, object], field: str, good: dict[str, object], trained: Path
) -> None:
    context = CheckContext(trained.parents[1], is_continue=True, job_dir=trained)
    options = TomoDrgnOptions(**{**good, "zdim": 3, **changed})
    assert fields_at_fault(options, context) == {field}


def test_that_the_form_says_in_words_what_choices_mean_and_what_the_file_is(
    good: dict[str, object], tmp_path: Path
) -> None:
    said = captions(TomoDrgnOptions(**good), CheckContext(tmp_path))
    assert said["source_software"] == "Warp or M found"
    assert said["angpix"] == "13.1 Å found"
    for name in ("model_kind", "contrast"):
        for value in spec(TomoDrgnOptions, name).choices:
            assert captions(TomoDrgnOptions(**{name: value}), CheckContext(tmp_path))[name]
