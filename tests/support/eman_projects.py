"""Builds EMAN2 projects from the known map, in the layout that EMAN2 writes, by h5py alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from jobs.maths import conventions3d as conventions
from tests.support.tomography_projects import Placed, density

SIDE = 20
_FIELDS = [f"{row}{column}" for row in range(3) for column in range(4)]


def write_stack(
    path: Path, volumes: Sequence[npt.NDArray[np.float32]], pixel_a: float = 8.0, bits: int = 0
) -> None:
    """Write volumes `[z, y, x]`; with ``bits`` as whole numbers with their range beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        images = file.create_group("MDF/images")
        images.attrs.create("imageid_max", len(volumes) - 1, dtype="i4")
        for i, volume in enumerate(volumes):
            group = images.create_group(str(i))
            low, high = float(volume.min()), float(volume.max())
            if bits:
                kind = np.uint8 if bits <= 8 else np.uint16
                raw = np.round((volume - low) / (high - low) * (2**bits - 1)).astype(kind)
                group.create_dataset("image", data=raw, chunks=volume.shape, compression="gzip")
                group.attrs.create("EMAN.stored_renderbits", bits, dtype="i4")
                group.attrs.create("EMAN.stored_rendermin", low, dtype="f4")
                group.attrs.create("EMAN.stored_rendermax", high, dtype="f4")
            else:
                group.create_dataset("image", data=volume)
            for axis, n in zip("zyx", volume.shape, strict=True):
                group.attrs.create(f"EMAN.n{axis}", n, dtype="i4")
                group.attrs.create(f"EMAN.apix_{axis}", pixel_a, dtype="f4")
            group.attrs.create("EMAN.class_ptcl_src", np.bytes_("particles/a.hdf"))
            group.attrs.create("EMAN.ptcl_source_coord", np.array([i, 2.0, -3.0], "f4"))
            identity = np.zeros((), [(name, "f4") for name in _FIELDS])
            for name in ("00", "11", "22"):
                identity[name] = 1
            group.attrs.create("EMAN.xform.align3d", identity)


def write_list(
    path: Path, rows: Sequence[tuple[int, str]], notes: Sequence[str] = (), old: bool = False
) -> None:
    """Write a ``.lst``: records padded to one length (``#LSX``), or as before (``#LST``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{i}\t{name}" for i, name in rows]
    lines = [f"{line}\t{note}" for line, note in zip(lines, notes, strict=True)] if notes else lines
    if old:
        path.write_text("#LST\n" + "".join(line + "\n" for line in lines))
        return
    length = max(map(len, lines)) + 4
    body = "".join(line.ljust(length - 1) + "\n" for line in lines)
    path.write_text(f"#LSX\n# This file is in fast LST format.\n# {length}\n{body}")


def write_info(path: Path, tilts: npt.ArrayLike) -> None:
    """Write ``info/<base>_info.json`` of an aligned tilt series."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [[0.5, -1.25, 84.5, float(t), 0.25] for t in np.asarray(tilts, float)]
    values = {
        "apix_unbin": 4.0,
        "boxes_3d": [[10, -20, 5, "manual", 0.0, 0], [1, 2, 3, "auto", 1.0, 1]],
        "class_list": {"0": {"boxsize": SIDE, "name": "ribo"}, "1": {"boxsize": 32, "name": "other"}},
        "tlt_params": rows,
    }
    path.write_text(json.dumps(values, indent=0, sort_keys=True))


def transform_value(matrix: npt.ArrayLike, as_text: bool = False) -> dict[str, Any]:
    """Return a transformation as JSON has it, the matrix as a list or (since 2021) as text."""
    numbers = [float(v) for v in np.asarray(matrix).reshape(-1)]
    text = "[" + ",".join(f"{v:.12g}" for v in numbers) + "]"
    return {"__class__": "Transform", "matrix": text if as_text else numbers}


def write_parameters(path: Path, entries: Mapping[str, Any]) -> None:
    """Write ``particle_parms_XX.json``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=0, sort_keys=True))


def eman2_project(folder: Path, each: int = 4, seed: int = 11, bits: int = 0) -> list[Placed]:
    """Write a project of two stacks and a refinement of both; return what is in them.

    The list ``sets/ribo.lst`` names the particles of both stacks, those of the second backwards and without
    its first. All orientations come with a translation.
    """
    generator = np.random.default_rng(seed)
    rows: list[tuple[int, str]] = []
    entries: dict[str, Any] = {}
    placed = []
    for k, base in enumerate(("tomo1", "tomo2")):
        stack = f"particles3d/{base}__ribo.hdf"
        rotation = conventions.dynamo_to_matrix(
            generator.uniform((-180, 10, -180), (180, 170, 180), (each, 3))
        )
        shift = generator.uniform(1.5, 3, (each, 3)) * generator.choice([-1, 1], (each, 3))
        volumes = [density((SIDE,) * 3, [SIDE // 2] * 3, m, d) for m, d in zip(rotation, shift, strict=True)]
        write_stack(folder / stack, volumes, bits=bits)
        write_info(folder / "info" / f"{base}_info.json", np.arange(-50 - k, 51, 3))
        transforms = conventions.matrix_to_eman2(rotation, shift)
        listed = list(range(each)) if k == 0 else list(range(each - 1, 0, -1))
        for i in listed:
            entries[f"('sets/ribo.lst', {len(rows)})"] = {
                "xform.align3d": transform_value(transforms[i]),
                "xform.start": [transform_value(np.eye(3, 4))],
                "score": -0.25 - 0.01 * i,
            }
            rows.append((i, stack))
        placed.append(Placed(base, np.full((each, 3), SIDE // 2.0)[listed], rotation[listed], shift[listed]))
    write_list(folder / "sets" / "ribo.lst", rows)
    write_parameters(folder / "spt_00" / "particle_parms_01.json", entries)
    return placed
