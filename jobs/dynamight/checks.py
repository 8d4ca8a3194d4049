"""Cheap checks of a DynaMight job across its fields, run while somebody types.

Only the heads of files are read (a megabyte of STAR text, a kilobyte of a map), once per version of the
file. What needs all particles, such as a NaN pose in row 90,000, is found by the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import FormatError, Problem
from jobs.core.options import gpu_words
from jobs.dynamight.input_facts import (
    ParticleFacts,
    find_stack,
    highest_density,
    particle_facts,
    volume_header,
)

if TYPE_CHECKING:
    from jobs.dynamight.params import DynaMightOptions
    from jobs.formats.mrc_header import MapHeader

T = TypeVar("T")

CHECKPOINTS = "forward_deformations/checkpoints"
FINAL_CHECKPOINT = f"{CHECKPOINTS}/checkpoint_final.pth"

#: Relative difference of pixel sizes that is taken for rounding, and that which is surely wrong.
_PIXEL_ROUNDING, _PIXEL_WRONG = 1e-3, 1e-2
_POSES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


def check_inputs(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check particles, map and mask against each other."""
    if context.is_continue:
        return _check_inputs_still_there(options, context)
    star = context.resolve(options.fn_star)
    problems: list[Problem] = []
    facts = None
    if options.fn_star and star.is_file():
        facts = _try(lambda: particle_facts(star), "fn_star", problems)
    box, pixel_a = 0, 0.0
    if facts is not None:
        box, pixel_a = _check_particles(facts, star, options, context, problems)
    _check_map(options, context, box, pixel_a, problems)
    if options.mask_file and context.resolve(options.mask_file).is_file():
        path = context.resolve(options.mask_file)
        header = _try(lambda: volume_header(path), "mask_file", problems)
        if header is not None:
            _compare_grid(header, "mask_file", options.mask_file, box, pixel_a, problems)
    if options.particle_diameter and box and pixel_a and options.particle_diameter > box * pixel_a:
        problems.append(
            Problem(
                f"Particle diameter is {options.particle_diameter:g} Å, but the box is only "
                f"{box * pixel_a:.4g} Å wide",
                field="particle_diameter",
                hint="Give a smaller diameter, or leave the field empty",
            )
        )
    return problems


def _try(read: Callable[[], T], field: str, problems: list[Problem]) -> T | None:
    try:
        return read()
    except FormatError as error:
        problems.append(Problem(str(error), field=field))
    except OSError as error:
        problems.append(Problem(f"{error.filename}: {error.strerror}", field=field))
    return None


def _check_inputs_still_there(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Report inputs that have gone since the job was made (their fields are greyed now)."""
    return [
        Problem(
            f"{path} was used for this job and does not exist any more",
            field=field,
            hint="Put it back, or start a new job",
        )
        for field, path in (("fn_star", options.fn_star), ("mask_file", options.mask_file))
        if path and not context.resolve(path).is_file()
    ]


def _check_particles(
    facts: ParticleFacts,
    star: Path,
    options: DynaMightOptions,
    context: CheckContext,
    problems: list[Problem],
) -> tuple[int, float]:
    """Check the particle file and return box (px) and pixel size (Å), 0 where they are not known."""

    def report(message: str, hint: str = "", warning: bool = False) -> None:
        text = f"{options.fn_star}: {message}"
        problems.append(Problem(text, "fn_star", hint, "warning" if warning else "error"))

    missing = [label for label in _POSES if label not in facts.columns]
    if missing:
        report(
            f"the particle table has no column {', '.join(missing)}, so the particles have no poses",
            "Choose the particles of a 3D refinement, such as run_data.star",
        )
    known = set(facts.columns)
    shifts = [
        f"rlnOrigin{axis}Angst" for axis in "XY" if not known & {f"rlnOrigin{axis}Angst", f"rlnOrigin{axis}"}
    ]
    if shifts:
        report(f"there is no column {', '.join(shifts)}; these shifts count as 0", warning=True)
    _check_ctf(facts, report)
    if facts.n_particles < 2:
        report("there is only 1 particle, two half-sets need at least 2", "Choose a larger set")
    boxes = set(facts.boxes)
    stack = find_stack(facts.stack, star, context.project_dir)
    if stack is None:
        report(
            f"the first image is in {facts.stack}, which does not exist in the project",
            f"Put the stack into {context.project_dir}, or make a link to its folder",
        )
    else:
        header = _try(lambda: volume_header(stack), "fn_star", problems)
        if header is not None:
            _, rows, columns = header.shape
            if rows != columns:
                report(f"the images in {facts.stack} are {columns} x {rows} pixels, not square")
            elif facts.boxes and columns not in boxes:
                report(
                    f"rlnImageSize is {facts.boxes[0]}, but the images in {facts.stack} are {columns} pixels "
                    "wide",
                    "Extract the particles again, or correct the optics table",
                )
            boxes = boxes or {columns}
    if len(boxes) > 1:
        text = " and ".join(str(box) for box in sorted(boxes))
        report(f"the optics groups have boxes of {text} pixels", "Extract all particles with one box size")
    elif any(box % 2 for box in boxes):
        report(f"the box is {next(iter(boxes))} pixels, an even number is needed", "Extract with an even box")
    if not facts.pixel_sizes_a:
        report("the pixel size is not given (rlnImagePixelSize)", "Choose a file with an optics table")
    box = next(iter(boxes)) if len(boxes) == 1 else 0
    sizes = facts.pixel_sizes_a or (0.0,)
    if max(sizes) > min(sizes) * (1 + _PIXEL_WRONG):
        report(
            f"the optics groups have pixel sizes of {min(sizes):.4g} to {max(sizes):.4g} Å; the images are "
            "compared as if they had that of the map",
            "Extract all particles with one pixel size for the best result",
            warning=True,
        )
        return box, 0.0  # which of them the map may have is found by the worker
    return box, sizes[0]


def _check_ctf(facts: ParticleFacts, report: Callable[..., None]) -> None:
    """Say that images without any CTF are taken as they are, and refuse those with part of one."""
    # see input_facts: the readers load numpy
    from jobs.formats.optics import lacking_ctf, without_ctf

    known = facts.columns.__contains__
    if without := without_ctf(known):
        hint = "Choose particles with CTF values unless the images are corrected"
        report(without.rstrip("."), hint, warning=True)
    elif absent := lacking_ctf(known):
        report(
            f"the particle and optics tables lack {', '.join(absent)} of the CTF",
            "Choose the particles of a 3D refinement, such as run_data.star, which have all of them",
        )


def _check_map(
    options: DynaMightOptions,
    context: CheckContext,
    box: int,
    pixel_a: float,
    problems: list[Problem],
) -> None:
    if not options.fn_map:
        problems.append(
            Problem(
                "Consensus map is empty; the Gaussians will start from a reconstruction of the particles",
                field="fn_map",
                hint="Choose the map of the refinement if there is one",
                severity="warning",
            )
        )
        return
    path = context.resolve(options.fn_map)
    if not path.is_file():
        return
    header = _try(lambda: volume_header(path), "fn_map", problems)
    if header is None:
        return
    _compare_grid(header, "fn_map", options.fn_map, box, pixel_a, problems)
    highest = highest_density(header)
    if options.initial_threshold is not None and highest is not None and options.initial_threshold >= highest:
        problems.append(
            Problem(
                f"Initial map threshold is {options.initial_threshold:g}, but the highest density of "
                f"{options.fn_map} is {highest:.4g}",
                field="initial_threshold",
                hint="Give a lower level, or leave the field empty",
            )
        )


def _compare_grid(
    header: MapHeader, field: str, name: str, box: int, pixel_a: float, problems: list[Problem]
) -> None:
    """Check that a volume is a cube with the box and the pixel size of the particles."""

    def report(message: str, hint: str = "", warning: bool = False) -> None:
        problems.append(Problem(f"{name}: {message}", field, hint, "warning" if warning else "error"))

    sections, rows, columns = header.shape
    if not sections == rows == columns:
        report(f"the volume is {columns} x {rows} x {sections} voxels, a cube was expected")
        return
    if header.sections_present < sections:
        report(f"the file is cut off after {header.sections_present} of {sections} sections", "Copy it again")
    if box and columns != box:
        report(
            f"the box is {columns} voxels, but that of the particles is {box} pixels",
            "Choose the map of the same refinement",
        )
    elif columns % 2:
        report(f"the box is {columns} voxels, an even number is needed", "Choose a map with an even box")
    if not pixel_a:
        return
    if not header.voxel_size_a:
        report(f"the header gives no pixel size; {pixel_a:g} Å, that of the particles, is used", warning=True)
        return
    difference = abs(header.voxel_size_a / pixel_a - 1)
    if difference > _PIXEL_ROUNDING:
        report(
            f"the pixel size is {header.voxel_size_a:.4g} Å, but that of the particles is {pixel_a:.4g} Å",
            "Choose the map of the same refinement, or correct the pixel size in its header",
            warning=difference <= _PIXEL_WRONG,
        )


def check_gpu(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check that GPUs are named by their numbers, each once."""
    text = options.gpu_id.strip()
    words = gpu_words(text)
    numbers = all(word.isdecimal() for word in words)
    if text.lower() in ("cpu", "auto", "any") or "gpu_id" in options.scheme_variables:
        return []
    if numbers and len({int(word) for word in words}) == len(words):
        return []
    return [
        Problem(
            f"Which (single) GPU to use: '{text}' "
            + ("names a GPU twice" if numbers else "was found, the number of a GPU was expected"),
            field="gpu_id",
            hint="Give a number such as 0, several for the training such as 0,1, or cpu",
        )
    ]


def check_epochs(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check that something is left to train after the warm-up."""
    if context.is_continue or options.n_warmup_epochs < options.n_epochs:
        return []
    return [
        Problem(
            f"Warm-up epochs is {options.n_warmup_epochs}, but training ends after {options.n_epochs}",
            field="n_warmup_epochs",
            hint="Nothing would move; use fewer warm-up epochs or more training epochs",
        )
    ]


def check_checkpoint(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check that a continued job has the model its task works with."""
    switches = ("do_visualize", "do_inverse", "do_reconstruct", "do_masks", "do_rigid_transforms")
    chosen = [name for name in switches if getattr(options, name)]
    if not context.is_continue or context.job_dir is None or len(chosen) != 1 or options.fn_checkpoint:
        return []
    if (context.job_dir / FINAL_CHECKPOINT).is_file():
        return []
    some = any((context.job_dir / CHECKPOINTS).glob("*.pth"))
    if some and chosen == ["do_visualize"]:
        return []
    hint = (
        "Choose one of its earlier checkpoints, or resume the training by setting all tasks to No"
        if some
        else "Train first: set all tasks to No to resume, or start a new job"
    )
    return [Problem(f"This job has no {FINAL_CHECKPOINT}; its training did not end", "fn_checkpoint", hint)]


CHECKS: tuple[Check, ...] = (check_inputs, check_gpu, check_epochs, check_checkpoint)
