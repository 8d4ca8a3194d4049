"""Optimisation sets are written again and into RELION 5's own form without losing what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_export_sets import write_optimisation_set, write_relion5_set
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_sets import read_optimisation_set
from tests.support.shared import shared_dir
from tests.support.tilt_sets import write_relion5_project

_WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"


@pytest.fixture
def warptools() -> TiltParticles:
    """The set of others."""
    return read_optimisation_set(shared_dir() / "data" / "tomodrgn" / _WARPTOOLS)


def _assert_same(read: TiltParticles, wanted: TiltParticles) -> None:
    assert list(read.particle_name) == list(wanted.particle_name)
    assert (read.frame == wanted.frame).all() and (read.half == wanted.half).all()
    np.testing.assert_allclose(read.rotation, wanted.rotation, atol=1e-5)
    np.testing.assert_allclose(read.defocus_u_a, wanted.defocus_u_a, atol=0.1)
    np.testing.assert_allclose(read.defocus_v_a, wanted.defocus_v_a, atol=0.1)
    np.testing.assert_allclose(read.origin_a, wanted.origin_a, atol=1e-4)
    np.testing.assert_array_equal(read.dose, wanted.dose)
    np.testing.assert_array_equal(read.tilt_weight, wanted.tilt_weight)
    every = np.arange(wanted.n_images)
    np.testing.assert_array_equal(ImageStacks(read).read(every), ImageStacks(wanted).read(every))


def test_that_a_selection_of_warptools_keeps_identities_and_blanks_dropped_frames(
    warptools: TiltParticles, tmp_path: Path
) -> None:
    keep = np.ones(warptools.n_images, bool)
    keep[[5, 100]] = False
    chosen = warptools.select_images(keep).select([0, 2, 39])
    written = write_optimisation_set(chosen, tmp_path / "mine_optimisation_set.star")
    assert [p.name for p in written] == ["mine_optimisation_set.star", "mine.star", "mine_tomograms.star"]
    read = read_optimisation_set(written[0], warptools.project_dir)
    _assert_same(read, chosen)
    flags = read.table.vectors("rlnTomoVisibleFrames")
    assert [int(f.sum()) for f in flags] == chosen.counts.tolist() == [33, 33, 37]
    assert {v for f in flags for v in f.tolist()} == {0.0, 1.0}
    before = warptools.further["tomograms"][1]
    for name, table in read_star_tables(written[2]).items():
        assert table.rows() == before[name].rows()


def test_that_a_compact_stack_is_cut_anew_when_a_particle_loses_frames(tmp_path: Path) -> None:
    particles = read_optimisation_set(write_relion5_project(tmp_path))
    keep = np.ones(particles.n_images, bool)
    keep[1] = False
    chosen = particles.select_images(keep)
    (tmp_path / "Select").mkdir()
    written = write_optimisation_set(chosen, tmp_path / "Select" / "x_optimisation_set.star")
    read = read_optimisation_set(written[0], tmp_path)
    _assert_same(read, chosen)
    assert list(read.table.text("someoneElsesColumn")) == ["a", "b", "c d", "e"]
    name = read_star_tables(written[0])[""].text("rlnTomoParticlesFile")[0]
    assert name == "Select/x.star"


@pytest.mark.parametrize("native", [False, True])
def test_that_a_native_relion_5_set_reads_back_as_it_was(
    warptools: TiltParticles, tmp_path: Path, native: bool
) -> None:
    particles = read_optimisation_set(write_relion5_project(tmp_path / "p")) if native else warptools
    export = write_relion5_set(particles, tmp_path / "out")
    read = read_optimisation_set(export.optimisation_set)
    assert read.flavour == "relion5" and read.warnings == ()
    assert read.ctf_premultiplied == particles.ctf_premultiplied
    _assert_same(read, particles)
    np.testing.assert_allclose(read.coordinate_a, particles.coordinate_a, atol=1e-6)
    np.testing.assert_allclose(read.tilt_deg, particles.tilt_deg, atol=1e-9)
    if native:
        assert list(read.table.text("someoneElsesColumn")) == ["a", "b", "c d", "e"]


def _as_series(particles: TiltParticles) -> TiltParticles:
    """Forget everything but what an image series says."""
    tomograms = particles.further.copy()
    del tomograms["tomograms"]
    return replace(
        particles,
        flavour="warp",
        further=tomograms,
        tilt_deg=np.abs(particles.tilt_deg),
        dose_weighted=False,
    )


def test_that_tilts_are_recovered_from_the_poses_of_an_image_series(tmp_path: Path) -> None:
    flat = {"rlnTomoXTilt": np.zeros(5), "rlnTomoZRot": np.full(5, 85.0)}
    flat |= {"rlnTomoYTilt": np.array([-30.0, -15, 0, 15, 30])}
    flags = ["[1,1,1,1,1]", "[1,1,1,1,1]", "[0,1,1,1,0]", "[1,1,0,0,0]"]
    path = write_relion5_project(tmp_path, {"rlnTomoVisibleFrames": flags}, flat, all_frames=True)
    particles = read_optimisation_set(path)
    export = write_relion5_set(_as_series(particles), tmp_path / "out")
    read = read_optimisation_set(export.optimisation_set)
    assert not read.dose_weighted
    order = np.argsort(particles.dose + 1000 * particles.particle, kind="stable")
    again = np.argsort(read.dose + 1000 * read.particle, kind="stable")
    np.testing.assert_allclose(read.rotation[again], particles.rotation[order], atol=1e-5)
    np.testing.assert_allclose(read.defocus_u_a[again], particles.defocus_u_a[order], atol=0.1)
    np.testing.assert_allclose(read.origin_a[again], particles.origin_a[order], atol=1e-4)
    np.testing.assert_allclose(np.abs(read.tilt_deg[again]), np.abs(particles.tilt_deg[order]), atol=1e-4)


def test_that_images_turned_each_by_itself_are_refused_with_the_angle(tmp_path: Path) -> None:
    particles = _as_series(read_optimisation_set(write_relion5_project(tmp_path, all_frames=True)))
    turned = particles.rotation.copy()
    turned[1] = turned[1] @ np.array([[0.99, -0.141067, 0], [0.141067, 0.99, 0], [0, 0, 1]], np.float32)
    with pytest.raises(UserError, match="cannot be written as a RELION 5 set"):
        write_relion5_set(replace(particles, rotation=turned), tmp_path / "out")
