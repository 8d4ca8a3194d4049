"""Options of simulated particles in few views, and the specification that they describe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.declaration import JobOptions, Kind, option
from jobs.core.errors import UserError

if TYPE_CHECKING:
    from jobs.simulate.class_specification import ClassSpec
    from jobs.simulate.params import SimulateOptions

_MAP_ENDINGS = (".mrc", ".map")


class ClassOptions(JobOptions):
    """Tab Views: particles that are seen in a few directions only. Empty numbers follow the recipe."""

    nr_views: int | None = option(
        None,
        tab="Views",
        kind=Kind.INTEGER,
        enabled="new",
        label="Number of views (optional):",
        help="For R5: directions of view, spread evenly over the half sphere. Empty: 20.",
        minimum=1,
        cli=("--n-views",),
    )
    noise_fraction: float | None = option(
        None,
        tab="Views",
        kind=Kind.NUMBER,
        enabled="new",
        label="Noise images per particle (optional):",
        help="For R5: images of nothing but noise are added, so many for every image of the molecule. Empty: "
        "0.15.",
        minimum=0,
    )
    mirrored_fraction: float | None = option(
        None,
        tab="Views",
        kind=Kind.NUMBER,
        enabled="new",
        label="Share seen from behind (optional):",
        help="For R5: share of the images of each view that show it from the opposite side, hence mirrored. "
        "Empty: 0.5.",
        minimum=0,
        maximum=1,
    )
    do_ctf: bool = option(
        True,
        tab="Views",
        kind=Kind.YESNO,
        enabled="new",
        label="Apply a CTF?",
        help="For R5. No: images as if the microscope were perfect, and no defocus in the STAR file.",
    )


def class_specification(
    options: SimulateOptions, project_dir: Path, seed: int | None = None
) -> ClassSpec | None:
    """Turn options into the specification of particles in few views, None when they ask for other data.

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
    from jobs.simulate.class_specification import CLASS_RECIPES, ClassSpec

    if options.fn_spec:
        path = project_dir / options.fn_spec
        try:
            text = path.read_text()
            return ClassSpec.from_json(text) if "class_views" in json.loads(text) else None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"not the record of a simulation ({error})", path=path, hint="Choose a simulation.json."
            ) from error
    if options.recipe not in CLASS_RECIPES:
        return None
    base = CLASS_RECIPES[options.recipe]
    if options.fn_structure:
        base = _of_structure(base, options, project_dir / options.fn_structure)
    if options.gaussian_width is not None:
        base = base.with_changes(structure=replace(base.structure, sigma_a=options.gaussian_width))
    given: dict[str, Any] = {
        "n_views": options.nr_views,
        "n_images": options.nr_images,
        "noise_fraction": options.noise_fraction,
        "mirrored_fraction": options.mirrored_fraction,
        "box": options.box_size,
        "pixel_size_a": options.angpix,
        "snr": options.snr,
        "defocus_low_a": options.defocus_low,
        "defocus_high_a": options.defocus_high,
        "astigmatism_a": options.astigmatism,
        "shift_px": options.shift,
    }
    return base.with_changes(
        voltage_kv=options.kv,
        spherical_aberration_mm=options.cs,
        amplitude_contrast=options.q0,
        phase_shift_deg=options.phase_shift,
        has_ctf=options.do_ctf,
        seed=options.seed if seed is None else seed,
        **{name: value for name, value in given.items() if value is not None},
    )


def _of_structure(base: ClassSpec, options: SimulateOptions, path: Path) -> ClassSpec:
    """The recipe with another object: a map keeps its voxels, a model gets a box that holds it."""
    from jobs.simulate.choices import structure_box

    box, pixel = structure_box(path, options.voxel_size)
    if path.suffix.lower() in _MAP_ENDINGS and options.angpix not in (None, pixel):
        raise UserError(
            f"images of a map have its voxel size, {pixel:g} Å, not {options.angpix:g} Å",
            column="angpix",
            hint="Leave the pixel size empty, or give the voxel size of the map.",
        )
    structure = replace(
        base.structure,
        chains=(),
        path=str(path),
        sigma_a=None,
        threshold=options.map_threshold,
        voxel_size_a=options.voxel_size,
    )
    return base.with_changes(structure=structure, box=box, pixel_size_a=pixel)
