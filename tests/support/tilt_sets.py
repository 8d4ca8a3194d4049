"""Native RELION 5 optimisation sets with stacks of noise, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

BOX, PIXEL_A, BINNED_A = 8, 1.5, 6.0
SIZE_PX = (400, 500, 200)
TILTS = 5
NAMES = ("TS_01/1", "TS_02/1", "TS_01/2", "TS_02/2")
FLAGS = ([1, 1, 0, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [1, 0, 0, 0, 0])
Changes = Mapping[str, Any]


def write_relion5_project(
    root: Path,
    particles: Changes | None = None,
    tilts: Changes | None = None,
    optics: Changes | None = None,
    *,
    all_frames: bool = False,
    trajectories: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write a project with interleaved tomograms; columns can be changed (None removes one).

    Parameters
    ----------
    root
        Project folder.
    particles, tilts, optics
        Changed columns of the tables.
    all_frames
        Stacks hold a section per tilt, not per visible frame.
    trajectories
        `(t, 3)` Å by particle name.
    """
    rng = np.random.default_rng(1)
    job = root / "Extract" / "job012"
    job.mkdir(parents=True, exist_ok=True)
    for name in ("TS_01", "TS_02"):
        base = {
            "rlnMicrographName": [f"{name}_{i}.mrc" for i in range(TILTS)],
            "rlnMicrographPreExposure": 3.0 * np.array([3, 1, 0, 2, 4]),
            "rlnTomoNominalStageTiltAngle": np.array([-30.0, -15, 0, 15, 30]),
            "rlnTomoXTilt": np.full(TILTS, 1.0 if name == "TS_01" else -2.0),
            "rlnTomoYTilt": np.array([-31.0, -16, -1, 14, 29]),
            "rlnTomoZRot": 85.0 + np.arange(TILTS),
            "rlnTomoXShiftAngst": np.arange(TILTS) * 4.0,
            "rlnTomoYShiftAngst": np.arange(TILTS) * -3.0,
            "rlnDefocusU": 30000.0 + 100 * np.arange(TILTS),
            "rlnDefocusV": 29000.0 + 100 * np.arange(TILTS),
            "rlnDefocusAngle": 10.0 * np.arange(TILTS),
        }
        write_star_tables(root / f"{name}.star", [StarTable.from_columns(name, _changed(base, tilts))])
    tomograms: dict[str, Any] = {
        "rlnTomoName": ["TS_01", "TS_02"],
        "rlnTomoTiltSeriesStarFile": ["TS_01.star", "TS_02.star"],
        "rlnVoltage": [300.0, 300.0],
        "rlnTomoHand": [1.0, -1.0],
        "rlnTomoTiltSeriesPixelSize": [PIXEL_A, PIXEL_A],
        **{f"rlnTomoSize{a}": [s, s] for a, s in zip("XYZ", SIZE_PX, strict=True)},
    }
    write_star_tables(job / "tomograms.star", [StarTable.from_columns("global", tomograms)])
    stacks = []
    for i, flags in enumerate(FLAGS):
        n = TILTS if all_frames else sum(flags)
        images = rng.normal(size=(n, BOX, BOX)).astype(np.float32)
        write_stack(job / f"{i}_stack2d.mrcs", images, BINNED_A, dtype=np.float16)
        stacks.append(f"Extract/job012/{i}_stack2d.mrcs")
    rows = {
        "rlnTomoName": [n.split("/")[0] for n in NAMES],
        "rlnTomoParticleName": list(NAMES),
        "rlnOpticsGroup": [1] * 4,
        "rlnImageName": stacks,
        "rlnTomoVisibleFrames": ["[" + ",".join(map(str, f)) + "]" for f in FLAGS],
        **{f"rlnCenteredCoordinate{a}Angst": rng.normal(size=4) * 80 for a in "XYZ"},
        **{f"rlnOrigin{a}Angst": rng.normal(size=4) * 5 for a in "XYZ"},
        **{f"rlnTomoSubtomogram{a}": rng.uniform(0, 170, 4) for a in ("Rot", "Tilt", "Psi")},
        **{f"rlnAngle{a}": rng.uniform(0, 170, 4) for a in ("Rot", "Tilt", "Psi")},
        "rlnRandomSubset": [1, 2, 2, 1],
        "someoneElsesColumn": ["a", "b", "c d", "e"],
    }
    group = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnSphericalAberration": [2.7],
        "rlnVoltage": [300.0],
        "rlnAmplitudeContrast": [0.07],
        "rlnImagePixelSize": [BINNED_A],
        "rlnImageSize": [BOX],
        "rlnImageDimensionality": [2],
        "rlnCtfDataAreCtfPremultiplied": [1],
    }
    general = StarTable.from_columns("general", {"rlnTomoSubTomosAre2DStacks": [1]}, is_loop=False)
    write_star_tables(
        job / "particles.star",
        [
            general,
            StarTable.from_columns("optics", _changed(group, optics)),
            StarTable.from_columns("particles", _changed(rows, particles)),
        ],
    )
    pairs = {
        "rlnTomoParticlesFile": ["Extract/job012/particles.star"],
        "rlnTomoTomogramsFile": ["Extract/job012/tomograms.star"],
    }
    if trajectories is not None:
        pairs["rlnTomoTrajectoriesFile"] = ["motion.star"]
        blocks = [
            StarTable.from_columns(name, {f"rlnOrigin{a}Angst": shift[:, i] for i, a in enumerate("XYZ")})
            for name, shift in trajectories.items()
        ]
        write_star_tables(root / "motion.star", blocks)
    path = job / "optimisation_set.star"
    write_star_tables(path, [StarTable.from_columns("", pairs, is_loop=False)])
    return path


def _changed(columns: dict[str, Any], changes: Changes | None) -> dict[str, Any]:
    merged = {**columns, **(changes or {})}
    return {name: values for name, values in merged.items() if values is not None}
