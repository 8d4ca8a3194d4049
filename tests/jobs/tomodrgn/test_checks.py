"""What is said of the options of a job while somebody types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.declaration import CheckContext
from jobs.tomodrgn.input_facts import tilt_facts
from jobs.tomodrgn.params import JOB_TYPE, TomoDrgnOptions


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
