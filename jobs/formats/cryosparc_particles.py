"""Particles of cryoSPARC (``.cs``) as a particle set: the same numbers in RELION's conventions.

What the two programs mean, as far as public descriptions and converters agree (pyem, cryoDRGN, Specter), and
as the tests check by physics:

- ``alignments3D/pose`` is a rotation vector ``e``; RELION's matrix is the transpose of the right-handed
  rotation by it, ``A = exp(-[e]x)``.
- ``alignments3D/shift`` in pixels of ``alignments3D/psize_A`` has the sign of RELION's origin.
- ``blob/sign`` is -1 for dark particles on light ground; ``rlnCtfScalefactor`` carries it, so images stay as
  they are.
- ``ctf/tilt_A`` is the spherical aberration times the sine of the beam tilt; ``ctf/anisomag`` is the
  magnification matrix less the identity. Defoci are the same; angles and phase shifts are radians.
- ``ctf/trefoil_A``, ``ctf/tetra_A`` and ``ctf/shift_A`` are left out with a warning: descriptions of their
  signs contradict each other.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError
from jobs.formats.cryosparc import read_cs
from jobs.formats.cryosparc_fields import CsFields, cell_error, join_passthrough
from jobs.formats.image_names import find_project_root
from jobs.formats.particle_set import ParticleSet
from jobs.formats.star_table import FloatArray, StarTable

_BLOB = ("blob/path", "blob/idx", "blob/psize_A")
_POSE, _SHIFT = "alignments3D/pose", "alignments3D/shift"
_DEFOCUS = ("ctf/df1_A", "ctf/df2_A", "ctf/df_angle_rad")
_MICROSCOPE = {
    "rlnVoltage": "ctf/accel_kv",
    "rlnSphericalAberration": "ctf/cs_mm",
    "rlnAmplitudeContrast": "ctf/amp_contrast",
}
_LEFT_OUT = {
    "ctf/shift_A": "a shift",
    "ctf/trefoil_A": "trefoil",
    "ctf/tetra_A": "tetrafoil",
}
_MM_IN_A = 1e7
_GIMBAL = 1e-6  # sine of the tilt below which rot and psi are not told apart


def read_cs_particles(
    path: str | Path,
    project_dir: str | Path | None = None,
    *,
    require_images: bool = True,
    require_poses: bool = True,
    permissive: bool = False,
    pixel_size_a: float | None = None,
) -> ParticleSet:
    """Read particles of a refinement in cryoSPARC; the set writes itself as a STAR file of RELION.

    Parameters
    ----------
    path
        ``.cs`` file. What it lacks is taken from ``*_passthrough*.cs`` files beside it, joined by ``uid``.
    project_dir
        Folder of the project; images elsewhere (in cryoSPARC's own project) get absolute names, so that a
        STAR file written into the project leads to them.
    require_images, require_poses, permissive, pixel_size_a
        As in :func:`jobs.formats.particles.read_particles`.

    Raises
    ------
    FormatError
        When columns are missing (listed together), values are not finite, passthrough files do not hold all
        particles, and for all that is wrong with the images.
    """
    from jobs.formats.particles import particles_from_tables

    source = Path(path)
    root = None if project_dir is None else Path(project_dir)
    tables, warnings = cs_tables(join_passthrough(read_cs(source), source), root, require_poses=require_poses)
    particles = particles_from_tables(
        tables,
        source,
        root,
        require_images=require_images,
        require_poses=require_poses,
        permissive=permissive,
        pixel_size_a=pixel_size_a,
    )
    return replace(particles, warnings=(*particles.warnings, *warnings))


def cs_tables(
    fields: CsFields, project_dir: Path | None = None, *, require_poses: bool = True
) -> tuple[dict[str, StarTable], tuple[str, ...]]:
    """Return the tables ``optics`` and ``particles`` of RELION 3.1, and what to tell the user.

    Parameters
    ----------
    fields
        Columns of the particles, those of passthrough files included.
    project_dir
        See :func:`read_cs_particles`.
    require_poses
        Whether poses may be missing.
    """
    has_ctf = any(name.startswith("ctf/") for name in fields.names)
    wanted = [*_BLOB, *((_POSE, _SHIFT) if require_poses else ())]
    wanted += [*_MICROSCOPE.values(), *_DEFOCUS] if has_ctf else []
    fields.require(wanted)
    if not fields.n:
        raise FormatError("the file holds no particles", path=fields.path)
    optics, group = _optics(fields, has_ctf=has_ctf)
    names, stacks = _image_names(fields, project_dir)
    particles: dict[str, Any] = {"rlnImageName": names}
    micrographs = fields.texts("location/micrograph_path") if "location/micrograph_path" in fields else stacks
    particles["rlnMicrographName"] = [name.removeprefix(">") for name in micrographs]
    particles["rlnOpticsGroup"] = group
    particles.update(_ctf(fields, has_ctf=has_ctf))
    if _POSE in fields:
        particles.update(_poses(fields))
    particles.update(_half_sets(fields))
    if "uid" in fields:
        # As text: these numbers are beyond what a double can hold. The name is that of pyem.
        particles["ucsfUid"] = np.array([str(uid) for uid in fields["uid"].tolist()], object)
    tables = {
        "optics": StarTable.from_columns("optics", optics),
        "particles": StarTable.from_columns("particles", particles),
    }
    return tables, _warnings(fields, stacks, has_ctf=has_ctf)


def rotation_vectors_to_euler(vectors: FloatArray) -> FloatArray:
    """Turn cryoSPARC's ``alignments3D/pose`` ``(n, 3)`` into RELION's rot, tilt, psi ``(n, 3)`` in degrees.

    Where tilt is 0 or 180 only a combination of rot and psi is defined; rot is then 0.
    """
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = vectors.T / np.maximum(angle, np.finfo(float).tiny)
    sine, cosine = np.sin(angle), np.cos(angle)
    one = 1 - cosine
    # Of A = exp(-[e]x), what the angles need: its last row and column, and the left of the other two rows.
    a02, a12 = one * x * z - sine * y, one * y * z + sine * x
    a20, a21 = one * x * z + sine * y, one * y * z - sine * x
    a22 = cosine + one * z * z
    a00, a10 = cosine + one * x * x, one * x * y - sine * z
    across = np.hypot(a20, a21)
    pole = across < _GIMBAL
    sign = np.where(a22 < 0, -1.0, 1.0)
    rot = np.where(pole, 0.0, np.arctan2(a21, a20))
    psi = np.where(pole, np.arctan2(-sign * a10, sign * a00), np.arctan2(a12, -a02))
    return np.rad2deg(np.stack((rot, np.arctan2(across, a22), psi), axis=1))


def _poses(fields: CsFields) -> dict[str, FloatArray]:
    euler = rotation_vectors_to_euler(fields.numbers(_POSE, 3))
    pixel = fields.numbers("alignments3D/psize_A") if "alignments3D/psize_A" in fields else None
    if pixel is None:
        pixel = fields.numbers("blob/psize_A")
    columns = {f"rlnAngle{axis}": euler[:, i] for i, axis in enumerate(("Rot", "Tilt", "Psi"))}
    if _SHIFT in fields:
        origin = fields.numbers(_SHIFT, 2) * pixel[:, None]
        columns.update({"rlnOriginXAngst": origin[:, 0], "rlnOriginYAngst": origin[:, 1]})
    return columns


def _half_sets(fields: CsFields) -> dict[str, NDArray[np.int64]]:
    """Half-sets 1 and 2; nothing when all particles are in one, as after jobs without a split."""
    if "alignments3D/split" not in fields:
        return {}
    split = fields["alignments3D/split"].astype(np.int64)
    if len(np.unique(split)) < 2:
        return {}
    wrong = np.flatnonzero((split < 0) | (split > 1))
    if len(wrong):
        raise cell_error(fields, int(wrong[0]), "alignments3D/split", "0 or 1 is expected")
    return {"rlnRandomSubset": split + 1}


def _ctf(fields: CsFields, *, has_ctf: bool) -> dict[str, FloatArray]:
    columns: dict[str, FloatArray] = {}
    if has_ctf:
        u, v, angle = (fields.numbers(name) for name in _DEFOCUS)
        columns = {"rlnDefocusU": u, "rlnDefocusV": v, "rlnDefocusAngle": np.rad2deg(angle)}
        if "ctf/phase_shift_rad" in fields:
            columns["rlnPhaseShift"] = np.rad2deg(fields.numbers("ctf/phase_shift_rad"))
        if "ctf/bfactor" in fields:
            columns["rlnCtfBfactor"] = fields.numbers("ctf/bfactor")
    scale = np.ones(fields.n)
    if "ctf/scale" in fields:
        stated = fields.numbers("ctf/scale")
        scale = np.where(stated > 0, stated, 1.0)  # 0 where it was never set
    columns["rlnCtfScalefactor"] = scale * _sign(fields)
    return columns


def _sign(fields: CsFields) -> FloatArray:
    """Contrast of the images: 1 where particles are light, -1 where they are dark."""
    if "blob/sign" not in fields:
        return np.ones(fields.n)
    return np.where(fields.numbers("blob/sign") < 0, -1.0, 1.0)


def _optics(fields: CsFields, *, has_ctf: bool) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Optics table and group (from 1) per particle; a group shares everything that the table states."""
    values: dict[str, FloatArray] = {"rlnImagePixelSize": fields.numbers("blob/psize_A")}
    if "blob/shape" in fields:
        shape = fields.numbers("blob/shape", 2)
        wrong = np.flatnonzero(shape[:, 0] != shape[:, 1])
        if len(wrong):
            raise cell_error(fields, int(wrong[0]), "blob/shape", "square images are expected")
        values["rlnImageSize"] = shape[:, 1].astype(np.int64)
    if has_ctf:
        values.update({label: fields.numbers(name) for label, name in _MICROSCOPE.items()})
        values.update(_tilt(fields))
        values.update(_magnification(fields))
    exposure = fields.numbers("ctf/exp_group_id") if "ctf/exp_group_id" in fields else np.zeros(fields.n)
    table = np.stack([exposure, *(v.astype(np.float64) for v in values.values())], axis=1)
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # in order of first appearance
    rows = np.sort(first)
    count = len(first)
    optics: dict[str, Any] = {
        "rlnOpticsGroup": np.arange(1, count + 1),
        "rlnOpticsGroupName": [f"opticsGroup{i + 1}" for i in range(count)],
        "rlnImageDimensionality": np.full(count, 2),
    }
    optics.update({label: column[rows] for label, column in values.items()})
    return optics, order[inverse.ravel()] + 1


def _tilt(fields: CsFields) -> dict[str, FloatArray]:
    """Beam tilt in mrad, when there is any."""
    if "ctf/tilt_A" not in fields:
        return {}
    tilt = fields.numbers("ctf/tilt_A", 2)
    if not tilt.any():
        return {}
    aberration = fields.numbers("ctf/cs_mm")[:, None] * _MM_IN_A
    if (aberration <= 0).any():
        row = int(np.flatnonzero(aberration <= 0)[0])
        raise cell_error(fields, row, "ctf/cs_mm", "beam tilt needs a spherical aberration of more than 0")
    mrad = np.arcsin(np.clip(tilt / aberration, -1, 1)) * 1e3
    return {"rlnBeamTiltX": mrad[:, 0], "rlnBeamTiltY": mrad[:, 1]}


def _magnification(fields: CsFields) -> dict[str, FloatArray]:
    """Anisotropic magnification, when there is any."""
    if "ctf/anisomag" not in fields:
        return {}
    matrix = fields.numbers("ctf/anisomag", 4)
    if not matrix.any():
        return {}
    labels = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
    return {label: matrix[:, i] + (i in (0, 3)) for i, label in enumerate(labels)}


def _image_names(fields: CsFields, project_dir: Path | None) -> tuple[list[str], list[str]]:
    """Image names, and the path of each image's stack without a mark of linked files."""
    stacks = [name.removeprefix(">") for name in fields.texts("blob/path")]
    first = stacks[0]
    where = find_project_root(fields.path, first, project_dir)
    prefix = ""
    if where is not None and project_dir is not None and where != project_dir.absolute():
        here = project_dir.absolute()
        prefix = f"{where.relative_to(here) if where.is_relative_to(here) else where}/"
    numbers = (fields["blob/idx"].astype(np.int64) + 1).tolist()
    placed = {name: name if name.startswith("/") else prefix + name for name in set(stacks)}
    return [f"{n:06d}@{placed[name]}" for n, name in zip(numbers, stacks, strict=True)], stacks


def _warnings(fields: CsFields, stacks: list[str], *, has_ctf: bool) -> tuple[str, ...]:
    found = []
    ignored = [what for name, what in _LEFT_OUT.items() if name in fields and fields[name].any()]
    if ignored:
        found.append(
            f"The CTF refinement in cryoSPARC found {', '.join(ignored)}, which cannot be taken over: fit "
            "higher-order aberrations in RELION (CtfRefine) if they matter."
        )
    dark = int(np.count_nonzero(_sign(fields) < 0))
    if dark:
        found.append(
            f"{dark:,} of {fields.n:,} particles are dark on light ground; their CTF is negated "
            "(rlnCtfScalefactor), the images stay as they are."
        )
        if not has_ctf:
            raise FormatError(
                "the particles are dark on light ground, but the file has no CTF that could say so",
                path=fields.path,
                column="blob/sign",
                hint="Put the passthrough file of the job, which holds the CTF, beside it.",
            )
    single = sum(name.endswith(".mrc") for name in set(stacks))
    if single:
        found.append(
            f"{single} stacks end in .mrc: this program reads them, RELION wants links to them that end in "
            ".mrcs."
        )
    return tuple(found)
