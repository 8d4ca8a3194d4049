"""The task of full-size averages: made from the images as they are, and written in every form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from jobs.core.class_set import GENERATION, MAIN, PIXEL_ERROR, RESOLUTION, ClassSet
from jobs.formats.class_files import read_class_set
from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.image_stack_input import ImageInput, read_image_input
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.isac2.choosing import chosen_classes
from jobs.isac2.full_size import FullSize, full_size_averages
from jobs.isac2.local_alignment import align_locally
from jobs.isac2.native_tree import write_rows
from jobs.isac2.params import CLASSES
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import ClassMembers, write_class_files
from jobs.isac2.run_settings import read_settings
from jobs.isac2.substacks import planar_of, rows_of_input, write_alignment
from jobs.maths.transforms2d import Planar

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.isac2.params import Isac2Options

FULL_SIZE: Final = "full_size"
_B_FACTOR: Final = "b-factor"


def full_size(context: WorkerContext) -> None:
    """Make full-size averages of a finished run."""
    options = cast("Isac2Options", context.options)
    make_full_size(
        context,
        options.full_size_classes,
        sharpen=options.sharpening == _B_FACTOR,
        local=options.local_alignment,
    )


def make_full_size(
    context: WorkerContext, classes: str = "", *, sharpen: bool = False, local: bool = False
) -> FullSize:
    """Make full-size averages, and enter the resolution of the classes into the files of the run.

    Writes ``full_size/run_…`` in RELION's form, ``full_size/class_averages.hdf`` with members,
    ``full_size/FH_list.txt`` (class, frequency in 1/px at which even and odd members part), and the alignment
    of members (:func:`jobs.isac2.substacks.write_alignment`).

    Parameters
    ----------
    context
        Of the worker.
    classes
        Numbers from 1 and ranges; empty: all.
    sharpen
        Undo the fall of amplitudes.
    local
        Refine the alignment of members first (:mod:`jobs.isac2.local_alignment`).

    Raises
    ------
    UserError
        When a class does not exist, or the images are not those of the run.
    """
    options = cast("Isac2Options", context.options)
    folder, project = Path(context.folder.path), context.project_dir
    found = read_class_set(folder / CLASSES, project)
    chosen = chosen_classes(classes, found)
    source = read_image_input(project / options.fn_stack, project, options.angpix)
    kept = read_settings(folder)
    radius = kept[0].radius if kept is not None else source.box * 3 / 8
    rows, table = rows_of_input(source, found)
    planar = planar_of(table, source.pixel_size_a or 1.0)

    def report(done: int, of: int) -> None:
        context.check_abort()
        context.progress("full-size averages", done, of)

    members = [found.members(k) for k in chosen]
    if local:
        shrink = kept[0].shrink if kept is not None else 1.0
        planar = _aligned_locally(context, source, rows, planar, members, radius, max(1.0, 1.0 / shrink))
    made = full_size_averages(
        source,
        [rows[m] for m in members],
        [planar[m] for m in members],
        radius_px=radius,
        device=context.device,
        sharpen=sharpen,
        report=report,
    )
    _write_full_size(folder / FULL_SIZE, project, source, found, chosen, made, rows, planar)
    _enter_resolution(folder, chosen, made.resolution_a)
    finite = made.resolution_a[np.isfinite(made.resolution_a)]
    if len(finite):
        context.say(
            f"Full-size averages of {len(chosen)} classes; even and odd members agree to "
            f"{np.median(finite):.1f} Å in the median, {finite.min():.1f} Å at best."
        )
    return made


def _aligned_locally(
    context: WorkerContext,
    source: ImageInput,
    rows: Any,
    planar: Planar,
    members: list[Any],
    radius_px: float,
    range_px: float,
) -> Planar:
    """Refine the transformations of the members of classes; those of other particles stay."""
    table = planar.to_table()
    for done, which in enumerate(members, start=1):
        table[which] = align_locally(
            source,
            rows[which],
            planar[which],
            radius_px=radius_px,
            range_px=range_px,
            device=context.device,
            check=context.check_abort,
        ).to_table()
        context.progress("local alignment", done, len(members))
    return Planar.from_table(table)


def _write_full_size(
    folder: Path,
    project: Path,
    source: ImageInput,
    found: ClassSet,
    chosen: list[int],
    made: FullSize,
    rows: Any,
    planar: Planar,
) -> None:
    pixel = source.pixel_size_a or 1.0
    members = [found.members(k) for k in chosen]
    together = np.concatenate(members)
    write_alignment(folder, planar, found, chosen, rows)
    entries = ClassMembers(
        rows=rows[together],
        class_of=np.repeat(np.arange(len(chosen)), [len(m) for m in members]),
        planar=planar[together],
        pixel_error_px=None if found.pixel_errors is None else found.pixel_errors[together],
    )
    columns: dict[str, Any] = {
        name: found.columns[name][chosen] for name in (PIXEL_ERROR, MAIN, GENERATION) if name in found.columns
    }
    columns |= {RESOLUTION: made.resolution_a, "bfactor_a2": made.bfactor_a2}
    columns["run_class"] = found.numbers[chosen]
    particles = ParticleFile(source.tables, source.particles.table_name, pixel)
    write_class_files(folder, "run", made.averages, pixel, columns, entries, particles, project_dir=project)
    headers = [{"members": rows[m], "n_objects": len(m)} for m in members]
    write_eman_stack(folder / "class_averages.hdf", iter(made.averages), headers, source.pixel_size_a)
    frequency = np.where(np.isfinite(made.resolution_a), pixel / made.resolution_a, 0.0)
    write_rows(folder / "FH_list.txt", np.array(chosen, np.int64), frequency)


def _enter_resolution(folder: Path, chosen: list[int], resolution_a: Any) -> None:
    """Put the resolution of classes into the model file of the run, which the gallery shows."""
    path = folder / CLASSES.replace("_optimiser", "_model")
    tables = read_star_tables(path)
    table = tables["model_classes"]
    values = table.floats("rlnEstimatedResolution")
    values[chosen] = resolution_a
    tables["model_classes"] = table.with_columns({"rlnEstimatedResolution": values})
    write_star_tables(path, tables)
