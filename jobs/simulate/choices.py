"""From the options of a simulation job to the specification of a data set."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.errors import UserError
from jobs.simulate.checks import parse_vector
from jobs.simulate.recipes import RECIPES, recipe
from jobs.simulate.specification import MotionSpec, RegionSpec, SimulationSpec, StructureSpec
from jobs.simulate.tilt_specification import TILT_RECIPES, TiltSpec

if TYPE_CHECKING:
    from jobs.simulate.params import SimulateOptions

_MODEL_ENDINGS = (".pdb", ".ent", ".cif", ".mmcif")
_MARGIN = 1.6  # box of an atomic model over its diameter: room for the CTF to spread the signal


def specification(options: SimulateOptions, project_dir: Path, seed: int | None = None) -> SimulationSpec:
    """Turn options into a specification.

    Parameters
    ----------
    options
        Options of a simulation job.
    project_dir
        Folder to which paths in them are relative.
    seed
        Seed instead of that of the options.

    Raises
    ------
    UserError
        When something does not fit together or a file is missing.
    """
    if options.fn_spec:
        return _read(project_dir / options.fn_spec)
    base = _custom(options, project_dir) if options.recipe == "custom" else recipe(options.recipe)
    structure = base.structure
    if options.gaussian_width is not None:
        structure = replace(structure, sigma_a=options.gaussian_width)
    given: dict[str, Any] = {
        "n_images": options.nr_images,
        "box": options.box_size,
        "pixel_size_a": options.angpix,
        "snr": options.snr,
        "defocus_low_a": options.defocus_low,
        "defocus_high_a": options.defocus_high,
        "astigmatism_a": options.astigmatism,
        "shift_px": options.shift,
    }
    return base.with_changes(
        structure=structure,
        pose_error_deg=options.pose_error,
        pose_error_px=options.origin_error,
        voltage_kv=options.kv,
        spherical_aberration_mm=options.cs,
        amplitude_contrast=options.q0,
        phase_shift_deg=options.phase_shift,
        bfactor_a2=options.bfactor,
        absent_fraction=options.absent_fraction,
        halves=options.do_halves,
        unit_noise=options.do_unit_noise,
        seed=options.seed if seed is None else seed,
        **{name: value for name, value in given.items() if value is not None},
    )


def tilt_specification(
    options: SimulateOptions, project_dir: Path, seed: int | None = None
) -> TiltSpec | None:
    """Turn options into the specification of tilt series, None when they ask for single particles."""
    if options.fn_spec:
        path = project_dir / options.fn_spec
        try:
            text = path.read_text()
            return TiltSpec.from_json(text) if "tilt_series" in json.loads(text) else None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise _not_a_record(path, error) from error
    if options.recipe not in TILT_RECIPES:
        return None
    base = TILT_RECIPES[options.recipe]
    given: dict[str, Any] = {
        "n_particles": options.nr_images,
        "box": options.box_size,
        "pixel_size_a": options.angpix,
        "snr": options.snr,
        "defocus_low_a": options.defocus_low,
        "defocus_high_a": options.defocus_high,
        "shift_px": options.shift,
    }
    return base.with_changes(
        voltage_kv=options.kv,
        spherical_aberration_mm=options.cs,
        amplitude_contrast=options.q0,
        seed=options.seed if seed is None else seed,
        **{name: value for name, value in given.items() if value is not None},
    )


def _not_a_record(path: Path, error: Exception) -> UserError:
    return UserError(f"not the record of a simulation ({error})", path=path, hint="Choose a simulation.json.")


def _read(path: Path) -> SimulationSpec:
    try:
        return SimulationSpec.from_json(path.read_text())
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _not_a_record(path, error) from error


def _custom(options: SimulateOptions, project_dir: Path) -> SimulationSpec:
    if not options.fn_structure:
        raise UserError(
            "custom data need a map or an atomic model",
            column="fn_structure",
            hint=f"Give one, or choose one of {', '.join(RECIPES)}.",
        )
    path = project_dir / options.fn_structure
    structure = StructureSpec(
        path=str(path), threshold=options.map_threshold, voxel_size_a=options.voxel_size
    )
    box, pixel = structure_box(path, options.voxel_size)
    motions = () if options.motion == "none" else (_motion(options),)
    return SimulationSpec(structure, motions, box=box, pixel_size_a=pixel, name="custom")


def _motion(options: SimulateOptions) -> MotionSpec:
    low, high, n = options.motion_low, options.motion_high, options.nr_states
    states = tuple(low + (high - low) * (i + 0.5 if n == 1 else i) / max(n - 1, 1) for i in range(n))
    try:
        normal = parse_vector(options.region_normal) or (0.0, 0.0, 1.0)
        point, axis = parse_vector(options.region_point), parse_vector(options.motion_axis)
        centre = parse_vector(options.motion_centre)
    except ValueError as error:
        raise UserError(str(error), hint="Write it as x,y,z, such as 0,0,1.") from None
    region = RegionSpec(
        options.region,  # type: ignore[arg-type]
        name=options.region_chains,
        point_a=point,
        normal=normal,
        radius_a=options.region_radius,
        softness_a=options.region_softness,
        fraction=options.region_fraction,
    )
    kind: Any = options.motion
    return MotionSpec(kind, low, high, region, axis=axis, centre_a=centre, states=states)


def structure_box(path: Path, voxel_size: float | None) -> tuple[int, float]:
    """Box and pixel size in Å of images that suit a map or an atomic model.

    Raises
    ------
    UserError
        When the file is missing or unreadable, or a map does not state its voxel size.
    """
    return _model_box(path) if path.suffix.lower() in _MODEL_ENDINGS else _map_box(path, voxel_size)


def _map_box(path: Path, voxel_size: float | None) -> tuple[int, float]:
    """Box and pixel size of images that suit a map: its own, made even."""
    from jobs.formats.mrc_header import read_map_header

    header = read_map_header(path)
    voxel = voxel_size or header.voxel_size_a
    if not voxel:
        raise UserError("the map's header has no voxel size", path=path, hint="Give it (--voxel_size).")
    side = max(header.shape)
    return side - side % 2, voxel


def _model_box(path: Path) -> tuple[int, float]:
    """Box and pixel size of images that suit an atomic model."""
    import gemmi

    if not path.is_file():
        raise UserError("the atomic model does not exist", path=path)
    try:
        bounds = gemmi.read_structure(str(path)).calculate_box()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"not a readable atomic model ({error})", path=path) from error
    size = bounds.get_size()
    diameter = math.sqrt(size.x**2 + size.y**2 + size.z**2)
    return max(32, 8 * math.ceil(_MARGIN * diameter / 3.0 / 8)), 3.0
