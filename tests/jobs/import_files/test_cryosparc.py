"""Particles of cryoSPARC become those of RELION: poses by known rotations and by what they reconstruct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from jobs.formats.cryosparc_particles import rotation_vectors_to_euler
from jobs.formats.mrc import read_map, write_stack
from jobs.formats.particles import ParticleSet, read_particles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.maths.backproject import Backprojector
from jobs.maths.coordinates import origin_to_shift
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from tests.support.shared import shared_dir

N, BOX, PIXEL_A = 300, 32, 5.0
Import = Callable[..., Any]


def reconstruct(p: ParticleSet) -> np.ndarray:
    """Ordinary reconstruction with the poses, origins and CTF of a particle set."""
    box, pixel = int(p.box[0]), float(p.pixel_size_a[0])
    sums = Backprojector(box)
    images = torch.from_numpy(ImageStacks(p).read(np.arange(p.n)))
    shifts = origin_to_shift(torch.from_numpy(p.origin_a), pixel).float()
    rotations = euler_to_matrix(torch.from_numpy(p.euler_deg)).float()
    sums.add(image_to_rfft(images), ctf_rfft(from_particles(p), box, pixel), rotations, shifts)
    found: np.ndarray = sums.reconstruct(0.1).numpy()
    return found


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.fixture
def refinement(tmp_path: Path) -> tuple[Path, Path]:
    """A moving molecule off its centre, as RELION and as cryoSPARC hold it; both particle files."""
    spec = replace(recipe("R1"), n_images=N, box=BOX, pixel_size_a=PIXEL_A, snr=1.0, shift_px=3.0)
    made = simulate(spec, tmp_path / "relion")
    p = read_particles(made.particles, made.folder)
    root = tmp_path / "CS-project"
    (root / "J3" / "extract").mkdir(parents=True)
    (root / "J9").mkdir()
    images = ImageStacks(p).read(np.arange(N))
    for k in range(2):
        part = images[k * N // 2 : (k + 1) * N // 2]
        write_stack(root / "J3" / "extract" / f"{10**14 + k}_mic{k}_particles.mrc", part, PIXEL_A)
    matrices = euler_to_matrix(torch.from_numpy(p.euler_deg)).double().numpy()
    stack = np.arange(N) * 2 // N
    uid = np.arange(N, dtype=np.uint64) * np.uint64(3) + np.uint64(2**63 + 5)
    poses = {
        "uid": uid,
        "alignments3D/split": (p.half - 1).astype("<u4"),
        "alignments3D/shift": (p.origin_a / PIXEL_A).astype("<f4"),
        # cryoSPARC's vector turns the other way than RELION's matrix
        "alignments3D/pose": Rotation.from_matrix(matrices.transpose(0, 2, 1)).as_rotvec().astype("<f4"),
        "alignments3D/psize_A": np.full(N, PIXEL_A, "<f4"),
    }
    passed = {
        "uid": uid[::-1],  # another order: rows are joined by uid
        "blob/path": np.array([f"J3/extract/{10**14 + k}_mic{k}_particles.mrc" for k in stack[::-1]], "S80"),
        "blob/idx": (np.arange(N) % (N // 2))[::-1].astype("<u4"),
        "blob/shape": np.full((N, 2), BOX, "<u4"),
        "blob/psize_A": np.full(N, PIXEL_A, "<f4"),
        "blob/sign": np.ones(N, "<f4"),
        "ctf/accel_kv": p.voltage_kv.astype("<f4"),
        "ctf/cs_mm": p.spherical_aberration_mm.astype("<f4"),
        "ctf/amp_contrast": p.amplitude_contrast.astype("<f4"),
        "ctf/df1_A": p.defocus_u_a[::-1].astype("<f4"),
        "ctf/df2_A": p.defocus_v_a[::-1].astype("<f4"),
        "ctf/df_angle_rad": np.deg2rad(p.defocus_angle_deg)[::-1].astype("<f4"),
        "ctf/phase_shift_rad": np.zeros(N, "<f4"),
        "location/micrograph_path": np.array([f"J2/mic{k}.mrc" for k in stack[::-1]], "S40"),
        "location/center_x_frac": np.full(N, 0.25, "<f4"),
        "location/center_y_frac": np.full(N, 0.75, "<f4"),
        "location/micrograph_shape": np.tile(np.array([[4000, 6000]], "<u4"), (N, 1)),
    }
    path = root / "J9" / "cryosparc_P1_J9_003_particles.cs"
    write_cs(path, poses)
    write_cs(root / "J9" / "cryosparc_P1_J9_passthrough_particles.cs", passed)
    return made.particles, path


def write_cs(path: Path, columns: dict[str, np.ndarray]) -> None:
    rows = np.zeros(N, [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    with path.open("wb") as file:
        np.save(file, rows)


@pytest.mark.parametrize(
    ("vector", "euler"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, np.pi / 2), (0, 0, 90)),  # about the beam: psi alone
        ((0, np.pi / 2, 0), (0, 90, 0)),  # about y: tilt alone
        ((np.pi / 2, 0, 0), (-90, 90, 90)),
        ((0, np.pi, 0), (0, 180, 0)),
    ],
)
def test_that_rotation_vectors_become_the_angles_that_relion_gives_the_same_view(
    vector: tuple[float, ...], euler: tuple[float, ...]
) -> None:
    found = rotation_vectors_to_euler(np.array([vector], float))
    same = euler_to_matrix(torch.from_numpy(found)).numpy()
    wanted = euler_to_matrix(torch.tensor([euler], dtype=torch.float64)).numpy()
    np.testing.assert_allclose(same, wanted, atol=1e-9)
    np.testing.assert_allclose(same[0].T, Rotation.from_rotvec(vector).as_matrix(), atol=1e-9)


def test_that_particles_of_cryosparc_reconstruct_what_those_of_relion_do(
    refinement: tuple[Path, Path], project: Path, run_import: Import
) -> None:
    relion, cs = refinement
    done = run_import(cs, fn_source_project=str(cs.parents[1]))
    star = done.folder / "cryosparc_P1_J9_003_particles.star"
    p = read_particles(star, project)
    known = read_particles(relion, relion.parent)
    consensus = read_map(relion.parent / "consensus.mrc").data
    assert correlation(reconstruct(p), consensus) > 0.999
    assert correlation(reconstruct(replace(p, origin_a=-p.origin_a)), consensus) < 0.95
    mirrored = replace(p, euler_deg=p.euler_deg * np.array([1.0, 1.0, -1.0]))
    assert correlation(reconstruct(mirrored), consensus) < 0.9
    assert p.half.tolist() == known.half.tolist()
    np.testing.assert_allclose(p.defocus_u_a, known.defocus_u_a, rtol=1e-6)
    table = read_star_tables(star)["particles"]
    assert table.text("rlnImageName")[0].startswith("000001@Import/job001/images/J3/extract/")
    assert table.text("rlnImageName")[0].endswith("_mic0_particles.mrcs")
    assert table.floats("rlnCoordinateX")[0] == 1500
    assert table.floats("rlnCoordinateY")[0] == 3000
    assert done.entries[0]["micrographs"] == 2
    assert "2 image stacks linked into Import/job001/images" in done.log


def test_that_files_that_cryosparc_exported_are_imported_with_what_they_say(
    project: Path, run_import: Import
) -> None:
    source = shared_dir() / "data" / "cryosparc" / "empiar_10076_7.cs"
    done = run_import(source)
    p = read_particles(done.folder / "empiar_10076_7.star", project, require_poses=False)
    assert (p.n, int(p.box[0])) == (7, 320)
    assert p.pixel_size_a[0] == pytest.approx(1.31, abs=1e-4)
    assert (done.folder / "images" / "empiar_10076_7.mrcs").is_symlink()
    assert "dark on light ground" in done.log
    assert "no alignments in 3D" in done.log
