"""Builds projects as ETSimulations leaves them, from the known map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from jobs.maths import conventions3d as conventions
from tests.support import eman_projects as eman
from tests.support.imod_files import write_tilt_angles
from tests.support.tomography_projects import SIZE, Placed, density, random_places, write_reconstruction

PIXEL_NM = 0.5
BINNING = 2
_QUARTER = conventions.about("z", 90.0)


def simulated_project(root: Path, name: str = "sim", each: int = 4, seed: int = 41) -> list[Placed]:
    """Write metadata, IMOD reconstructions at binning 2 and EMAN2 stacks of two series; return all places.

    Positions and matrices are those in the reconstructions, which stand turned by 90° about z.
    """
    generator = np.random.default_rng(seed)
    placed, series = [], []
    for k in range(2):
        base = f"{name}_{k}"
        angles = generator.uniform((-180, 10, -180), (180, 170, 180), (each, 3))
        # the particle is the reference turned by these angles, and the reconstruction turned once more
        rotation = np.swapaxes(_QUARTER @ conventions.zxz_to_rotation(angles), 1, 2)
        position = random_places(seed + k, each)
        nanometres = (position - np.array(SIZE) / 2) * BINNING * PIXEL_NM @ _QUARTER
        series.append(
            {
                "output": f"{base}.mrc",
                "global_stack_no": k,
                "apix": PIXEL_NM,
                "orientations": angles.tolist(),
                "positions": nanometres.tolist(),
            }
        )
        folder = root / "processed_data" / "IMOD" / base
        folder.mkdir(parents=True)
        voxel = PIXEL_NM * BINNING * 10
        write_reconstruction(
            folder / f"{base}_full_bin{BINNING}.mrc", density(SIZE, position, rotation), voxel
        )
        write_tilt_angles(folder / f"{base}.tlt", np.arange(-60 + k, 61, 3))
        slicer = conventions.matrix_to_slicer(rotation, "z")
        np.savetxt(folder / f"{name}_slicerAngles.csv", slicer, delimiter=",", fmt="%.6f")
        top = root / "processed_data" / "EMAN2"
        centre = [eman.SIDE // 2] * 3
        eman.write_stack(
            top / "particles3d" / f"{base}__{name}.hdf",
            [density((eman.SIDE,) * 3, centre, m) for m in rotation],
        )
        eman.write_info(top / "info" / f"{base}_info.json", np.arange(-60 + k, 61, 3))
        placed.append(Placed(base, position, rotation, np.zeros((each, 3))))
    (root / "sim_metadata.json").write_text(json.dumps(series))
    write_imod_info(root, "imod-wbp", BINNING)
    return placed


def write_imod_info(root: Path, method: str, binning: int | None, convention: str = "new") -> None:
    """Write ``imod_info.json``; None for no binning writes ``null``."""
    options = {
        "reconstruction_method": method,
        "binvol": None if binning is None else {"binning": binning},
        "filename_convention": convention,
    }
    path = root / "processed_data" / "imod_info.json"
    path.write_text(json.dumps({"name": "imod", "args": options}))
