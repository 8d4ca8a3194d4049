"""Particles of cryoSPARC in RELION's terms: poses, shifts, CTF, contrast, passthrough files, image names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.errors import FormatError, UserError
from jobs.formats.cryosparc import read_cs, rows_of
from jobs.formats.cryosparc_particles import rotation_vectors_to_euler
from jobs.formats.mrc import write_stack
from jobs.formats.particles import ParticleSet, read_particles
from jobs.formats.stacks import ImageStacks
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.rotations import axis_angle_to_matrix, euler_to_matrix, random_rotations
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Simulation, simulate

N, BOX, PIXEL_A = 24, 32, 5.0


@pytest.fixture(scope="module")
def molecule(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Images of a rigid molecule that lies up to four pixels off their centres."""
    spec = replace(recipe("R2"), n_images=N, box=BOX, pixel_size_a=PIXEL_A, snr=5.0, shift_px=4.0)
    return simulate(replace(spec, astigmatism_a=2000.0), tmp_path_factory.mktemp("cs") / "relion")


def rotation_vectors(matrices: torch.Tensor) -> np.ndarray:
    """Axis times angle of right-handed rotations, found by the eigenvector that does not turn."""
    out = []
    for matrix in matrices.double().numpy():
        values, vectors = np.linalg.eig(matrix)
        axis = np.real(vectors[:, np.argmin(np.abs(values - 1))])
        side = np.cross(axis, [1.0, 0, 0] if abs(axis[0]) < 0.9 else [0, 1.0, 0])
        side /= np.linalg.norm(side)
        turned = matrix @ side
        out.append(axis * np.arctan2(np.cross(side, turned) @ axis, side @ turned))
    return np.array(out)


def cs_rows(p: ParticleSet, **changes: Any) -> np.ndarray:
    """What cryoSPARC would hold of particles of RELION; groups of columns are left out by ``without``."""
    without = changes.pop("without", ())
    matrices = euler_to_matrix(torch.from_numpy(p.euler_deg))
    columns: dict[str, np.ndarray] = {
        "uid": np.arange(p.n, dtype=np.uint64) * np.uint64(7) + np.uint64(2**63 + 11),
        "blob/path": np.array([f">J1/imported/{p.stacks[i].stem}.mrc".encode() for i in p.stack], "S90"),
        "blob/idx": p.section.astype("<u4"),
        "blob/shape": np.full((p.n, 2), BOX, "<u4"),
        "blob/psize_A": p.pixel_size_a.astype("<f4"),
        "blob/sign": np.ones(p.n, "<f4"),
        "ctf/exp_group_id": np.full(p.n, 7, "<u4"),
        "ctf/accel_kv": p.voltage_kv.astype("<f4"),
        "ctf/cs_mm": p.spherical_aberration_mm.astype("<f4"),
        "ctf/amp_contrast": p.amplitude_contrast.astype("<f4"),
        "ctf/df1_A": p.defocus_u_a.astype("<f4"),
        "ctf/df2_A": p.defocus_v_a.astype("<f4"),
        "ctf/df_angle_rad": np.deg2rad(p.defocus_angle_deg).astype("<f4"),
        "ctf/phase_shift_rad": np.zeros(p.n, "<f4"),
        "alignments3D/split": (p.half - 1).astype("<u4"),
        "alignments3D/shift": (p.origin_a / 2.5).astype("<f4"),
        "alignments3D/pose": rotation_vectors(matrices.transpose(1, 2)).astype("<f4"),
        "alignments3D/psize_A": np.full(p.n, 2.5, "<f4"),
    }
    columns.update({name.replace("__", "/"): np.asarray(values) for name, values in changes.items()})
    kept = {k: v for k, v in columns.items() if k.partition("/")[0] not in without and k not in without}
    rows = np.zeros(p.n, [(name, v.dtype, v.shape[1:]) for name, v in kept.items()])
    for name, values in kept.items():
        rows[name] = values
    return rows


def project(molecule: Simulation, folder: Path, rows: np.ndarray, *, factor: float = 1.0) -> Path:
    """A project of cryoSPARC with these particles; returns the ``.cs`` file of the refinement."""
    p = read_particles(molecule.particles, molecule.folder)
    (folder / "J1" / "imported").mkdir(parents=True, exist_ok=True)
    (folder / "J5").mkdir(exist_ok=True)
    for stack in p.stacks:
        images = ImageStacks(p).read(np.flatnonzero(p.stack == p.stacks.index(stack)))
        write_stack(folder / "J1" / "imported" / f"{stack.stem}.mrc", factor * images, PIXEL_A)
    path = folder / "J5" / "cryosparc_P3_J5_004_particles.cs"
    np.save(path.with_suffix(".npy"), rows)
    return path.with_suffix(".npy").rename(path)


def correlations(molecule: Simulation, p: ParticleSet) -> np.ndarray:
    """Correlation of each image with the projection of the true molecule that the particle set predicts."""
    truth = np.load(molecule.folder / "ground_truth.npz")
    points = torch.from_numpy(truth["beads_a"]).double()
    seen = torch.einsum("nij,pj->npi", euler_to_matrix(torch.from_numpy(p.euler_deg))[:, :2], points)
    at = (seen - torch.from_numpy(p.origin_a)[:, None]) / PIXEL_A
    axis = torch.arange(BOX, dtype=torch.float64) - BOX // 2
    x = torch.exp(-0.5 * (axis - at[..., :1]) ** 2)
    y = torch.exp(-0.5 * (axis - at[..., 1:]) ** 2)
    clean = torch.einsum("npy,npx->nyx", y, x).float()
    predicted = rfft_to_image(image_to_rfft(clean) * ctf_rfft(from_particles(p), BOX, PIXEL_A), BOX)
    images = torch.from_numpy(ImageStacks(p).read(np.arange(p.n)))
    pairs = zip(predicted.reshape(p.n, -1).numpy(), images.reshape(p.n, -1).numpy(), strict=True)
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in pairs])


def test_that_poses_of_cryosparc_predict_the_images_and_no_other_reading_of_them_does(
    molecule: Simulation, tmp_path: Path
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    p = read_particles(project(molecule, tmp_path, cs_rows(known)))
    assert correlations(molecule, p).mean() > 0.7
    assert correlations(molecule, replace(p, origin_a=-p.origin_a)).mean() < 0.4
    turned = torch.from_numpy(read_cs(p.path)["alignments3D/pose"].astype(float)).double()
    inverse = rotation_vectors_to_euler(-turned.numpy())
    assert correlations(molecule, replace(p, euler_deg=inverse)).mean() < 0.6
    assert np.allclose(
        euler_to_matrix(torch.from_numpy(p.euler_deg)),
        euler_to_matrix(torch.from_numpy(known.euler_deg)),
        atol=1e-5,
    )
    assert np.allclose(p.origin_a, known.origin_a, atol=1e-4)
    assert p.half.tolist() == known.half.tolist()
    assert p.pixel_size_a.tolist() == [PIXEL_A] * N and p.box.tolist() == [BOX]
    ours, theirs = (ctf_rfft(from_particles(q), BOX, PIXEL_A) for q in (p, known))
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_that_dark_particles_get_a_negative_ctf_and_are_predicted_as_well(
    molecule: Simulation, tmp_path: Path
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    rows = cs_rows(known, blob__sign=np.full(N, -1, "<f4"))
    p = read_particles(project(molecule, tmp_path, rows, factor=-1))
    assert correlations(molecule, p).mean() > 0.7
    assert any("24 of 24 particles are dark" in w for w in p.warnings)
    blind = project(molecule, tmp_path / "blind", cs_rows(known, blob__sign=-np.ones(N), without=("ctf",)))
    with pytest.raises(FormatError, match="no CTF that could say so"):
        read_particles(blind)


@pytest.mark.reference
def test_that_real_images_of_sign_minus_one_are_dark_in_the_middle(shared: Path) -> None:
    p = read_particles(shared / "data" / "cryosparc" / "empiar_10076_7.cs", require_poses=False)
    images = ImageStacks(p).read(np.arange(7))
    y, x = np.mgrid[:320, :320] - 160
    radius = np.hypot(y, x)
    middle = images[:, radius < 60].mean(axis=1) - images[:, radius > 130].mean(axis=1)
    assert (middle < -0.02).all() and (p.ctf_scalefactor == -1).all()
    assert (p.box, p.pixel_size_a[0], p.voltage_kv[0]) == (320, pytest.approx(1.31, abs=1e-3), 300.0)


@pytest.mark.reference
def test_that_poses_of_a_real_refinement_survive_as_rotations(shared: Path) -> None:
    path = shared / "data" / "cryosparc" / "cryosparc_P12_J24_001_particles.cs"
    p = read_particles(path, require_images=False)
    vectors = torch.from_numpy(read_cs(path)["alignments3D/pose"].astype(float)).double()
    back = euler_to_matrix(torch.from_numpy(p.euler_deg))
    assert torch.allclose(back, axis_angle_to_matrix(-vectors), atol=1e-6)
    assert sorted(set(p.half.tolist())) == [1, 2] and p.n == 2019


def test_that_every_rotation_vector_gives_the_transposed_rotation_also_at_the_poles() -> None:
    random = rotation_vectors(random_rotations(200, torch.Generator().manual_seed(1), torch.float64))
    poles = np.array([[0, 0, 0], [0, 0, 1.0], [np.pi, 0, 0], [0, np.pi, 0], [1e-9, 0, 0], [0, 0, -3.0]])
    vectors = np.concatenate([random, poles])
    matrices = euler_to_matrix(torch.from_numpy(rotation_vectors_to_euler(vectors)))
    expected = axis_angle_to_matrix(torch.from_numpy(vectors)).transpose(1, 2)
    assert float((matrices - expected).abs().max()) < 2e-6


def test_that_columns_in_passthrough_files_are_joined_by_uid(
    molecule: Simulation, tmp_path: Path, rng: np.random.Generator
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    whole = read_particles(project(molecule, tmp_path / "whole", cs_rows(known)))
    path = project(molecule, tmp_path / "parts", cs_rows(known, without=("ctf", "blob")))
    with pytest.raises(FormatError, match=r"lacks the columns blob/path, blob/idx, blob/psize_A"):
        read_particles(path)
    passed = cs_rows(known, without=("alignments3D",))[rng.permutation(N)]
    beside = path.with_name("P3_J5_passthrough_particles.npy")
    np.save(path.with_name("P3_J6_passthrough_particles.npy"), passed[:2])
    np.save(beside, passed[:-3])
    for file in path.parent.glob("*.npy"):
        file.rename(file.with_suffix(".cs"))
    with pytest.raises(FormatError, match="lacks 3 of the 24 particles"):
        read_particles(path)
    np.save(beside, passed)
    beside.rename(beside.with_suffix(".cs"))
    joined = read_particles(path)
    assert joined.image_name.tolist() == whole.image_name.tolist()
    assert np.array_equal(joined.defocus_u_a, whole.defocus_u_a)
    assert np.array_equal(joined.euler_deg, whole.euler_deg)


def test_that_the_written_star_file_is_complete_and_leads_from_another_project_to_the_images(
    molecule: Simulation, tmp_path: Path
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    path = project(molecule, tmp_path / "cryosparc", cs_rows(known))
    here = tmp_path / "relion"
    here.mkdir()
    p = read_particles(path, here)
    p.write(here / "particles.star", {"heteroscopeThing": np.arange(N)})
    again = read_particles(here / "particles.star", here)
    for name in ("euler_deg", "origin_a", "defocus_u_a", "defocus_angle_deg", "half", "ctf_scalefactor"):
        assert np.allclose(getattr(again, name), getattr(p, name), atol=1e-6), name
    assert np.array_equal(ImageStacks(again).read(np.arange(N)), ImageStacks(p).read(np.arange(N)))
    assert again.image_name.tolist() == read_particles(path, here, require_images=False).image_name.tolist()
    wanted = [3, 11, 20]
    assert rows_of(read_cs(path), again.image_name[wanted].tolist()).tolist() == wanted
    assert again.table.row(2)["ucsfUid"] == str(int(read_cs(path)["uid"][2]))


def test_that_exposure_groups_with_aberrations_become_optics_groups(
    molecule: Simulation, tmp_path: Path
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    group = np.arange(N) % 2
    tilt = np.stack([np.where(group, 2.7e7 * np.sin(5e-4), 0), np.zeros(N)], axis=1).astype("<f4")
    rows = cs_rows(
        known,
        ctf__exp_group_id=(9 - group).astype("<u4"),
        ctf__tilt_A=tilt,
        ctf__anisomag=np.tile(np.array([0.01, 0.002, 0.002, -0.01], "<f4"), (N, 1)),
        ctf__trefoil_A=np.ones((N, 2), "<f4"),
        ctf__phase_shift_rad=np.full(N, np.pi / 2, "<f4"),
        ctf__bfactor=np.full(N, 12, "<f4"),
    )
    p = read_particles(project(molecule, tmp_path, rows))
    assert p.optics_group.tolist() == group.tolist() and len(p.optics_group_names) == 2
    cs = p.spherical_aberration_mm[0]
    assert np.allclose(p.beam_tilt_mrad[:, 0], group * 0.5 * 2.7 / cs, rtol=1e-4)
    assert np.allclose(p.mag_matrix, [[1.01, 0.002], [0.002, 0.99]], atol=1e-6)
    assert np.allclose(p.phase_shift_deg, 90) and (p.ctf_bfactor == 12).all()
    assert any("trefoil" in w and "cannot be taken over" in w for w in p.warnings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": ("alignments3D",)}, "lacks the columns alignments3D/pose, alignments3D/shift"),
        ({"without": ("ctf/df2_A",)}, "lacks the column ctf/df2_A"),
        ({"alignments3D__pose": np.full((N, 3), np.nan)}, "alignments3D/pose is .*finite number is expected"),
        ({"alignments3D__pose": np.ones((N, 4))}, "3 numbers for each particle"),
        ({"blob__shape": np.tile([32, 30], (N, 1))}, "square images are expected"),
        ({"blob__shape": np.tile([64, 64], (N, 1))}, "64"),
    ],
)
def test_that_what_is_wrong_is_said_in_cryosparcs_words(
    molecule: Simulation, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    with pytest.raises(UserError, match=message):
        read_particles(project(molecule, tmp_path, cs_rows(known, **changes)))


def test_that_an_empty_file_is_refused(molecule: Simulation, tmp_path: Path) -> None:
    known = read_particles(molecule.particles, molecule.folder)
    path = project(molecule, tmp_path, cs_rows(known)[:0])
    with pytest.raises(FormatError, match="no particles"):
        read_particles(path)
