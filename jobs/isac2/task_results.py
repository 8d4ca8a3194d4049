"""Tasks that go on from a classification: full-size averages, particles of chosen classes, evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from jobs.core.class_set import GENERATION, MAIN, PIXEL_ERROR, RESOLUTION, ClassSet
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.formats.class_files import read_class_set
from jobs.formats.class_subset import ClassSubset, write_subset
from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.image_names import find_project_root
from jobs.formats.image_stack_input import ImageInput, read_image_input
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.isac2.choosing import class_numbers
from jobs.isac2.full_size import FullSize, full_size_averages
from jobs.isac2.native_tree import write_rows
from jobs.isac2.params import AVERAGES_LABEL, CLASSES, PARTICLES_LABEL
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import ClassMembers, write_class_files
from jobs.isac2.run_settings import read_settings
from jobs.isac2.substacks import (
    BASENAME,
    classes_of_averages,
    particle_rows,
    planar_of,
    write_alignment,
    write_substack,
)

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.isac2.params import Isac2Options

FULL_SIZE: Final = "full_size"
SUBSTACKS: Final = "substacks"
_B_FACTOR: Final = "b-factor"


@dataclass(frozen=True)
class Substack:
    """Which classes are written where.

    Attributes
    ----------
    folder
        Where to write.
    classes
        Numbers from 1 and ranges; empty: all.
    averages
        HDF stack of averages from which the unwanted ones were removed; decides when it is given.
    each
        Whether single classes get a file each.
    basename
        Beginning of the names of lists.
    """

    folder: Path
    classes: str = ""
    averages: Path | None = None
    each: bool = False
    basename: str = BASENAME


def full_size(context: WorkerContext) -> None:
    """Make full-size averages of a finished run."""
    options = cast("Isac2Options", context.options)
    make_full_size(context, options.full_size_classes, sharpen=options.sharpening == _B_FACTOR)


def substack(context: WorkerContext) -> None:
    """Write the particles of chosen classes."""
    options = cast("Isac2Options", context.options)
    folder = Path(context.folder.path)
    target = _free(folder / SUBSTACKS, options.substack_basename)
    wanted = Substack(
        target, options.substack_classes, each=options.substack_each, basename=options.substack_basename
    )
    written = write_chosen(folder, context.project_dir, wanted)
    inside = target.relative_to(folder).as_posix()
    context.say(f"{written.n_particles} particles of {written.n_classes} classes are in {inside}.")
    context.add_output(f"{inside}/{written.particles.name}", PARTICLES_LABEL)
    context.add_output(f"{inside}/{written.averages.name}", AVERAGES_LABEL)


def evaluate(context: WorkerContext) -> None:
    """Judge the classes of a finished run."""
    from jobs.isac2.evaluation_figures import run_evaluation

    options = cast("Isac2Options", context.options)
    project, folder = context.project_dir, Path(context.folder.path)
    kept = read_settings(folder)
    stack = project / options.fn_stack
    run_evaluation(
        context,
        folder / CLASSES,
        other=project / options.fn_other_run if options.fn_other_run else None,
        poses=project / options.fn_poses if options.fn_poses else None,
        all_particles=stack if stack.suffix.lower() in (".star", ".cs") else None,
        radius_a=0.0 if kept is None or kept[1] is None else kept[0].radius * kept[1],
        device=context.device,
    )


def make_full_size(context: WorkerContext, classes: str = "", *, sharpen: bool = False) -> FullSize:
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

    Raises
    ------
    UserError
        When a class does not exist, or the images are not those of the run.
    """
    options = cast("Isac2Options", context.options)
    folder, project = Path(context.folder.path), context.project_dir
    found = read_class_set(folder / CLASSES, project)
    chosen = _chosen(classes, found)
    source = read_image_input(project / options.fn_stack, project, options.angpix)
    kept = read_settings(folder)
    radius = kept[0].radius if kept is not None else source.box * 3 / 8
    rows, table = _rows(source, found)
    planar = planar_of(table, source.pixel_size_a or 1.0)

    def report(done: int, of: int) -> None:
        context.check_abort()
        context.progress("full-size averages", done, of)

    members = [found.members(k) for k in chosen]
    made = full_size_averages(
        source,
        [rows[m] for m in members],
        [planar[m] for m in members],
        radius_px=radius,
        device=context.device,
        sharpen=sharpen,
        report=report,
    )
    _write_full_size(folder / FULL_SIZE, project, source, found, chosen, made, rows)
    _enter_resolution(folder, chosen, made.resolution_a)
    finite = made.resolution_a[np.isfinite(made.resolution_a)]
    if len(finite):
        context.say(
            f"Full-size averages of {len(chosen)} classes; even and odd members agree to "
            f"{np.median(finite):.1f} Å in the median, {finite.min():.1f} Å at best."
        )
    return made


def write_chosen(run_dir: Path, project_dir: Path | None, wanted: Substack) -> ClassSubset:
    """Write particles and averages of chosen classes of a run, and the lists of isac_substack.

    Parameters
    ----------
    run_dir
        Folder of the run.
    project_dir
        Folder to which paths are relative; None: found from the place of the run.
    wanted
        Which classes, and where.

    Raises
    ------
    UserError
        When there are no classes, one does not exist, or files cannot be written.
    """
    class_file = run_dir / CLASSES
    if not class_file.is_file():
        raise UserError("there are no classes in this folder", path=run_dir, hint="Name the folder of a run")
    found = read_class_set(class_file, project_dir)
    source = _input_of(run_dir, project_dir)
    if wanted.averages is not None:
        if source is None:
            raise UserError("the images of the run are not known", path=run_dir, hint="Choose by numbers")
        chosen = classes_of_averages(wanted.averages, found, _rows(source, found)[0])
    else:
        chosen = _chosen(wanted.classes, found)
    written = write_subset(class_file, chosen, wanted.folder, project_dir, each=wanted.each)
    if source is not None:
        write_substack(wanted.folder, wanted.basename, source, found, chosen)
    return written


def _chosen(text: str, found: ClassSet) -> list[int]:
    try:
        return class_numbers(text, len(found))
    except ValueError as error:
        raise UserError(str(error), hint="Write classes as 1-10, 13") from None


def _input_of(run_dir: Path, project_dir: Path | None) -> ImageInput | None:
    """Open the images that a run was started with; None when it does not say."""
    job = JobFolder(run_dir.parent, run_dir.name)
    if not job.runs():
        return None
    values: dict[str, Any] = job.read_options().values
    stack = str(values.get("fn_stack", ""))
    root = find_project_root(run_dir / CLASSES, stack, project_dir) if stack else None
    return None if root is None else read_image_input(root / stack, root, values.get("angpix"))


def _rows(source: ImageInput, found: ClassSet) -> tuple[Any, Any]:
    """Return the rows of the input of all particles of classes, and their table."""
    table = particle_rows(found)
    return source.particles.indices_of(table.text("rlnImageName")), table


def _write_full_size(
    folder: Path,
    project: Path,
    source: ImageInput,
    found: ClassSet,
    chosen: list[int],
    made: FullSize,
    rows: Any,
) -> None:
    pixel = source.pixel_size_a or 1.0
    members = [found.members(k) for k in chosen]
    together = np.concatenate(members)
    planar = planar_of(particle_rows(found), pixel)
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


def _free(folder: Path, name: str) -> Path:
    """Return the first folder of this name and a number that does not exist yet."""
    number = 1
    while (folder / f"{name}_{number:03d}").exists():
        number += 1
    return folder / f"{name}_{number:03d}"
