"""Tasks that go on from a classification: particles of chosen classes, and evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.formats.class_files import read_class_set
from jobs.formats.class_subset import ClassSubset, write_subset
from jobs.formats.image_names import find_project_root
from jobs.formats.image_stack_input import ImageInput, read_image_input
from jobs.isac2.choosing import chosen_classes
from jobs.isac2.params import AVERAGES_LABEL, CLASSES, PARTICLES_LABEL
from jobs.isac2.run_settings import read_settings
from jobs.isac2.substacks import (
    BASENAME,
    classes_of_averages,
    rows_of_input,
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
        chosen = classes_of_averages(wanted.averages, found, rows_of_input(source, found)[0])
    else:
        chosen = chosen_classes(wanted.classes, found)
    written = write_subset(class_file, chosen, wanted.folder, project_dir, each=wanted.each)
    if source is not None:
        write_substack(wanted.folder, wanted.basename, source, found, chosen)
    return written


def _input_of(run_dir: Path, project_dir: Path | None) -> ImageInput | None:
    """Open the images that a run was started with; None when it does not say."""
    job = JobFolder(run_dir.parent, run_dir.name)
    if not job.runs():
        return None
    values: dict[str, Any] = job.read_options().values
    stack = str(values.get("fn_stack", ""))
    root = find_project_root(run_dir / CLASSES, stack, project_dir) if stack else None
    return None if root is None else read_image_input(root / stack, root, values.get("angpix"))


def _free(folder: Path, name: str) -> Path:
    """Return the first folder of this name and a number that does not exist yet."""
    number = 1
    while (folder / f"{name}_{number:03d}").exists():
        number += 1
    return folder / f"{name}_{number:03d}"
