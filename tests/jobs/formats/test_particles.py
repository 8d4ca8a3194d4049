from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.particles import read_particles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from tests.support.shared import shared_dir

STAR = shared_dir() / "data" / "star"
TOMODRGN = shared_dir() / "data" / "tomodrgn"
MakeParticles = Callable[..., Path]


def old_star(path: Path, **changes: object) -> Path:
    """Write a RELION 3.0 file of four particles: no optics, no version, origins in pixels."""
    columns: dict[str, object] = {
        "rlnImageName": [f"{i + 1}@Extract/job002/a.mrcs" for i in range(4)],
        "rlnMagnification": np.full(4, 40000.0),
        "rlnDetectorPixelSize": np.full(4, 5.0),
        "rlnVoltage": np.array([300.0, 200.0, 300.0, 200.0]),
        "rlnSphericalAberration": np.full(4, 2.7),
        "rlnAmplitudeContrast": np.full(4, 0.1),
        "rlnDefocusU": np.full(4, 12000.0),
        "rlnDefocusV": np.full(4, 11000.0),
        "rlnDefocusAngle": np.full(4, 30.0),
        "rlnAngleRot": np.zeros(4),
        "rlnAngleTilt": np.zeros(4),
        "rlnAnglePsi": np.zeros(4),
        "rlnOriginX": np.array([1.0, 2.0, 3.0, 4.0]),
        "rlnOriginY": np.array([0.0, -1.0, 0.0, 0.5]),
    }
    columns.update(changes)
    kept = {name: values for name, values in columns.items() if values is not None}
    write_star_tables(path, [StarTable.from_columns("images", kept, version=None)])  # type: ignore[arg-type]
    return path


def test_that_a_relion_31_set_has_the_values_of_its_file(star_path: Path, tmp_path: Path) -> None:
    p = read_particles(star_path)
    assert p.n == 12
    assert p.project_dir == tmp_path
    assert [s.name for s in p.stacks] == ["a.mrcs", "b.mrcs"]
    assert p.stack.tolist() == [0] * 7 + [1] * 5
    assert p.section.tolist() == [*range(7), *range(5)]
    assert p.image_name[8] == "000002@Extract/job002/b.mrcs"
    assert p.box.tolist() == [8]
    np.testing.assert_array_equal(p.pixel_size_a, np.full(12, 1.5))
    np.testing.assert_array_equal(p.euler_deg[3], [30.0, 15.0, -21.0])
    np.testing.assert_array_equal(p.origin_a[4], [1.0, -2.0])
    np.testing.assert_array_equal(p.half[:4], [1, 2, 1, 2])
    np.testing.assert_array_equal(p.defocus_u_a, 10000.0 + np.arange(12))
    np.testing.assert_array_equal(p.mag_matrix, np.broadcast_to(np.eye(2), (12, 2, 2)))
    assert p.ctf_known.all()
    assert not p.ctf_premultiplied.any()
    assert (p.ctf_scalefactor == 1).all()
    assert (p.ctf_bfactor == 0).all()
    assert p.odd_zernike == [None]
    assert p.warnings == ()


@pytest.mark.reference
def test_that_six_optics_groups_of_another_program_give_each_particle_its_own_optics() -> None:
    p = read_particles(STAR / "relion31.6opticsgroups.star", require_images=False)
    assert p.n == 139
    assert p.box.tolist() == [196] * 6
    assert p.optics_group_names[3] == "opticsGroup1"
    by_group = {0: 1.25, 1: 1.24, 2: 1.25, 3: 1.25, 4: 1.24, 5: 1.25}
    np.testing.assert_array_equal(p.pixel_size_a, [by_group[g] for g in p.optics_group])
    fourth = np.flatnonzero(p.optics_group == 3)
    assert (p.spherical_aberration_mm[fourth] == 2.6).all()
    assert (np.delete(p.spherical_aberration_mm, fourth) == 2.7).all()
    second = np.flatnonzero(p.optics_group == 1)[0]
    np.testing.assert_array_equal(p.beam_tilt_mrad[second], [0.003119, 0.358234])
    np.testing.assert_array_equal(p.mag_matrix[second], [[0.993895, 0.010413], [0.008515, 0.994730]])
    odd, even = p.odd_zernike[1], p.even_zernike[1]
    assert odd is not None
    assert even is not None
    assert odd.shape == (6,)
    assert even.shape == (9,)
    assert odd[0] == 0.344534641293


@pytest.mark.reference
def test_that_a_real_file_with_its_stack_reads_images() -> None:
    p = read_particles(STAR / "relion31.star")
    assert p.stacks == [STAR / "relion31.mrcs"]
    images = ImageStacks(p).read([4, 0])
    raw = np.fromfile(STAR / "relion31.mrcs", np.float32, offset=1024).reshape(5, 256, 256)
    np.testing.assert_array_equal(images, raw[[4, 0]])
    assert (p.origin_a != 0).any()


@pytest.mark.reference
def test_that_relion_30_optics_become_groups_and_origins_become_angstroms() -> None:
    p = read_particles(STAR / "sample_particles_relion30.star", require_images=False)
    table = p.table
    assert p.table_name == "model_class_1"
    pixel = 10000 * 5.0 / 37369.207031
    np.testing.assert_allclose(p.pixel_size_a, pixel, rtol=1e-12)
    np.testing.assert_allclose(p.origin_a[:, 0], table.floats("rlnOriginX") * pixel, rtol=1e-12)
    assert set(p.voltage_kv[p.optics_group == 0]) == {300.0}
    assert set(p.voltage_kv[p.optics_group == 1]) == {200.0}
    assert p.box.tolist() == [0, 0]


@pytest.mark.reference
def test_that_every_shared_particle_file_reads_or_is_refused_with_the_reason() -> None:
    expected = {
        "FinalRefinement-OriginalParticles-PfCRT.star": "lacks the column rlnAmplitudeContrast",
        "relion31.6opticsgroups.star": "0003_shiny.mrcs does not exist",
        "relion31.star": "",
        "relion5.star": "toy_images_a.mrcs does not exist",
        "sample_particles_relion30.star": "sample.mrcs does not exist",
        "sample_particles_relion31.star": "sample.mrcs does not exist",
        "sta_testing.star": "ribo_it09_bin1_1.82A.mrcs does not exist",
        "toy_projections.star": "lacks the columns rlnDetectorPixelSize with rlnMagnification",
    }
    assert {p.name for p in STAR.glob("*.star")} == set(expected)
    for name, reason in expected.items():
        if not reason:
            assert read_particles(STAR / name).n > 0
            continue
        with pytest.raises(FormatError) as caught:
            read_particles(STAR / name)
        assert reason in str(caught.value)
        assert name in str(caught.value)
    counts = {}
    for name in expected:
        p = read_particles(
            STAR / name, require_images=False, require_poses=False, permissive=True, pixel_size_a=2.0
        )
        counts[name] = p.n
    assert counts["sta_testing.star"] == 219
    assert counts["toy_projections.star"] == 1000
    assert counts["FinalRefinement-OriginalParticles-PfCRT.star"] == 5


@pytest.mark.reference
def test_that_a_warp_style_file_reads_with_its_images(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(TOMODRGN)
    p = read_particles(TOMODRGN / "10076_both_32_sim.star", tmp_path)
    assert p.n == 1296
    assert len(p.stacks) == 2
    assert p.box.tolist() == [32]
    assert (p.pixel_size_a == 13.1).all()
    assert any("taken as Å per pixel" in w for w in p.warnings)
    assert ImageStacks(p).read([0, 1295]).std() > 0


@pytest.mark.reference
def test_that_images_without_ctf_columns_are_read_as_free_of_ctf(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(TOMODRGN)
    p = read_particles(TOMODRGN / "10076_classD_32_clean.star", tmp_path)
    assert not p.ctf_known.any()
    assert any("no CTF parameters" in w for w in p.warnings)


def test_that_images_found_by_the_project_folder_come_before_those_above_the_star_file(
    make_particles: MakeParticles, tmp_path_factory: pytest.TempPathFactory
) -> None:
    star = make_particles()
    other = tmp_path_factory.mktemp("other")
    (other / "Extract" / "job002").mkdir(parents=True)
    for name in ("a.mrcs", "b.mrcs"):
        target = other / "Extract" / "job002" / name
        target.write_bytes((star.parents[2] / "Extract" / "job002" / name).read_bytes())
    assert read_particles(star).project_dir == star.parents[2]
    assert read_particles(star, other).project_dir == other
    assert read_particles(star, other / "empty").project_dir == star.parents[2]


def test_that_a_selection_keeps_every_column_and_every_character(
    make_particles: MakeParticles, rng: np.random.Generator, tmp_path: Path
) -> None:
    star = make_particles({"rlnComment": ["two words"] * 11 + [""], "_private": np.arange(12)})
    p = read_particles(star)
    chosen = rng.permutation(12)[:7]
    q = p.select(chosen)
    q.write(tmp_path / "selected.star")
    again = read_particles(tmp_path / "selected.star", tmp_path)
    assert again.table.columns == p.table.columns
    assert [again.table.row(i) for i in range(7)] == [p.table.row(i) for i in chosen]
    assert again.tables["optics"].row(0) == p.tables["optics"].row(0)
    for name in ("euler_deg", "origin_a", "half", "section", "defocus_u_a", "mag_matrix", "image_name"):
        np.testing.assert_array_equal(getattr(again, name), getattr(p, name)[chosen])
        np.testing.assert_array_equal(getattr(q, name), getattr(p, name)[chosen])
    np.testing.assert_array_equal(ImageStacks(q).read(np.arange(7)), ImageStacks(p).read(chosen))


def test_that_a_boolean_mask_selects_as_its_indices_do(star_path: Path) -> None:
    p = read_particles(star_path)
    mask = p.half == 1
    assert p.select(mask).image_name.tolist() == p.select(np.flatnonzero(mask)).image_name.tolist()


def test_that_results_are_appended_as_columns_and_replaced_the_next_time(
    star_path: Path, tmp_path: Path
) -> None:
    p = read_particles(star_path)
    latent = np.linspace(-1, 1, 12, dtype=np.float32)
    p.write(tmp_path / "once.star", {"hsLatent0": latent, "hsHalf": p.half})
    once = read_particles(tmp_path / "once.star", tmp_path)
    assert once.table.columns == (*p.table.columns, "hsLatent0", "hsHalf")
    np.testing.assert_array_equal(once.table.floats("hsLatent0").astype(np.float32), latent)
    once.write(tmp_path / "twice.star", {"hsLatent0": -latent})
    twice = read_particles(tmp_path / "twice.star", tmp_path)
    assert twice.table.columns == once.table.columns
    np.testing.assert_array_equal(twice.table.floats("hsLatent0").astype(np.float32), -latent)
    assert [twice.table.row(i)["rlnImageName"] for i in range(12)] == p.image_name.tolist()


@pytest.mark.parametrize("name", ["rlnRandomSubset", "rlnLatent", "has blank", "a#b", ""])
def test_that_a_new_column_cannot_take_a_name_of_relion_or_break_the_table(
    star_path: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UserError, match="a new column cannot be called"):
        read_particles(star_path).write(tmp_path / "new.star", {name: np.zeros(12)})
    assert not (tmp_path / "new.star").exists()


@pytest.mark.reference
def test_that_a_written_set_with_optics_always_has_a_version_line_and_an_old_one_never(
    tmp_path: Path,
) -> None:
    modern = read_particles(STAR / "relion31.6opticsgroups.star", require_images=False)
    modern.write(tmp_path / "modern.star")
    assert {t.version for t in read_star_tables(tmp_path / "modern.star").values()} == {30001}
    old = read_particles(STAR / "sample_particles_relion30.star", require_images=False)
    old.write(tmp_path / "old.star")
    assert b"version" not in (tmp_path / "old.star").read_bytes()


def test_that_particles_are_found_by_stack_and_section_however_the_number_is_written(star_path: Path) -> None:
    p = read_particles(star_path)
    names = ["2@Extract/job002/b.mrcs", "0000001@Extract/job002/a.mrcs"]
    assert p.indices_of(names).tolist() == [8, 0]
    shuffled = p.select([8, 3, 0])
    assert shuffled.indices_of(names).tolist() == [0, 2]
    with pytest.raises(UserError, match=r"9@Extract/job002/b\.mrcs and 1 others is not in the file"):
        p.indices_of(["9@Extract/job002/b.mrcs", "1@x.mrcs"])


def test_that_duplicates_are_a_warning_and_cannot_be_told_apart_by_name(
    make_particles: MakeParticles,
) -> None:
    names = [f"{i + 1}@Extract/job002/a.mrcs" for i in (0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4)]
    p = read_particles(make_particles({"rlnImageName": names}))
    assert len(p.warnings) == 1
    assert "5 of 12 rows" in p.warnings[0]
    assert "1@Extract/job002/a.mrcs in row 8" in p.warnings[0]
    with pytest.raises(UserError, match="more than once"):
        p.indices_of(["1@Extract/job002/a.mrcs"])


def test_that_ctf_values_of_the_particle_win_over_those_of_its_group(make_particles: MakeParticles) -> None:
    star = make_particles(
        {"rlnPhaseShift": np.full(12, 90.0), "rlnVoltage": np.full(12, 200.0)},
        {"rlnCtfBfactor": [25.0], "rlnCtfScalefactor": [0.5], "rlnCtfDataAreCtfPremultiplied": [1]},
    )
    p = read_particles(star)
    assert (p.voltage_kv == 200).all()
    assert (p.phase_shift_deg == 90).all()
    assert (p.ctf_bfactor == 25).all()
    assert (p.ctf_scalefactor == 0.5).all()
    assert p.ctf_premultiplied.all()


def test_that_images_marked_as_corrected_get_no_ctf_and_the_user_is_told(
    make_particles: MakeParticles,
) -> None:
    p = read_particles(make_particles(None, {"rlnCtfDataAreCtfCorrected": [1]}))
    assert not p.ctf_known.any()
    assert "12 images are marked as CTF-corrected" in p.warnings[0]


def test_that_the_micrograph_pixel_size_stands_in_for_the_image_pixel_size_with_a_warning(
    make_particles: MakeParticles,
) -> None:
    p = read_particles(
        make_particles(None, {"rlnImagePixelSize": None, "rlnMicrographOriginalPixelSize": [0.83]})
    )
    assert (p.pixel_size_a == 0.83).all()
    assert "rlnMicrographOriginalPixelSize (0.83 Å) is taken" in p.warnings[0]


def test_that_a_box_that_is_not_stated_is_taken_from_the_images(make_particles: MakeParticles) -> None:
    star = make_particles(None, {"rlnImageSize": None})
    assert read_particles(star).box.tolist() == [8]
    assert read_particles(star, require_images=False).box.tolist() == [0]


def test_that_optics_groups_need_not_be_numbered_in_order(make_particles: MakeParticles) -> None:
    groups = {
        "rlnOpticsGroup": [7, 3],
        "rlnOpticsGroupName": ["seven", "three"],
        "rlnVoltage": [300.0, 200.0],
        "rlnSphericalAberration": [2.7, 2.7],
        "rlnAmplitudeContrast": [0.1, 0.1],
        "rlnImagePixelSize": [1.5, 1.5],
        "rlnImageSize": [8, 8],
        "rlnImageDimensionality": [2, 2],
    }
    p = read_particles(make_particles({"rlnOpticsGroup": [3] * 5 + [7] * 7}, groups))
    assert p.optics_group.tolist() == [1] * 5 + [0] * 7
    assert p.voltage_kv.tolist() == [200.0] * 5 + [300.0] * 7


def test_that_an_old_set_reads_with_images_and_groups_equal_optics(star_path: Path, tmp_path: Path) -> None:
    p = read_particles(old_star(tmp_path / "old.star"))
    assert p.optics_group.tolist() == [0, 1, 0, 1]
    assert p.optics_group_names == ["opticsGroup1", "opticsGroup2"]
    assert p.box.tolist() == [8, 8]
    np.testing.assert_allclose(p.pixel_size_a, 1.25)
    np.testing.assert_allclose(p.origin_a, [[1.25, 0], [2.5, -1.25], [3.75, 0], [5.0, 0.625]])


def test_that_a_single_image_may_be_named_without_a_number(
    star_path: Path, tmp_path: Path, images: np.ndarray
) -> None:
    from jobs.formats.mrc import write_stack

    for i in range(4):
        write_stack(tmp_path / f"single{i}.mrc", images[i : i + 1], 1.25)
    p = read_particles(old_star(tmp_path / "old.star", rlnImageName=[f"single{i}.mrc" for i in (2, 0, 3, 1)]))
    np.testing.assert_array_equal(ImageStacks(p).read(range(4)), images[[2, 0, 3, 1]])


def test_that_one_particle_is_a_set(star_path: Path, tmp_path: Path) -> None:
    read_particles(star_path).select([5]).write(tmp_path / "one.star")
    p = read_particles(tmp_path / "one.star")
    assert p.n == 1
    assert p.image_name.tolist() == ["000006@Extract/job002/a.mrcs"]
    assert ImageStacks(p).read([0]).shape == (1, 8, 8)


def test_that_the_rows_of_multi_body_refinement_follow_the_selection(star_path: Path, tmp_path: Path) -> None:
    tables = read_star_tables(star_path)
    names = {1: "images_body_1", 2: "images_body_2"}
    bodies = {n: StarTable.from_columns(n, {"rlnBody": 100 * b + np.arange(12)}) for b, n in names.items()}
    write_star_tables(star_path, {**tables, **bodies})
    read_particles(star_path).select([9, 2]).write(tmp_path / "out.star")
    again = read_star_tables(tmp_path / "out.star")
    assert again["images_body_2"].ints("rlnBody").tolist() == [209, 202]
    assert again["particles"].n_rows == 2
    assert again["optics"].n_rows == 1
