"""Class averages of jobs of this program and of others: found, read, and written as a selection. Headless."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from app.viewing.images import ImageSource, image_table, images_of
from jobs.core.class_set import ClassSet
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.job_star import JobStar, write_job_star
from jobs.formats.class_files import read_class_set
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from widgets.class_gallery.sources import ClassFile

if TYPE_CHECKING:
    from app.project.project import Project
    from jobs.formats.class_subset import ClassSubset

#: What a selection is in the project: a job that RELION knows, and can open to choose anew.
SELECT_DIRECTORY: Final = "Select"
SELECT_LABEL: Final = "relion.select.interactive"
OPTIMISER_LABEL: Final = "OptimiserData.star.relion.class2d"
PARTICLES_LABEL: Final = "ParticleGroupMetadata.star.relion"
AVERAGES_LABEL: Final = "Image2DGroupMetadata.star.relion.classaverages"
_ITERATION: Final = re.compile(r"(?P<run>.+)_it(?P<number>\d+)_model\.star")
_AVERAGES: Final = "class_averages.star"


@dataclass(frozen=True)
class JobClasses:
    """Sets of classes of one job; implements `widgets.class_gallery.sources.ClassServices`.

    Attributes
    ----------
    project_dir
        The project.
    job
        Name of the job, such as ``ISAC2/job004/``.
    function
        Function of its type that finds class files, as ``module:function``; empty for another program's job.
    """

    project_dir: Path
    job: str
    function: str = ""

    @property
    def title(self) -> str:
        """Name of the job."""
        return self.job.rstrip("/")

    def files(self) -> Sequence[ClassFile]:
        """Return the sets of classes there are, the newest last."""
        folder = self.project_dir / self.job
        if self.function:
            found: Sequence[tuple[str, Path]] = load_function(self.function)(folder, self.project_dir)
        else:
            found = iterations(folder)
        files = []
        for title, path in found:
            try:
                files.append(ClassFile(title, path, path.stat().st_mtime))
            except OSError:  # cleaned, or replaced, a moment ago
                continue
        return files

    def open(self, path: Path) -> ClassSet:
        """Read a set of classes."""
        return read_class_set(path, self.project_dir)

    def is_running(self) -> bool:
        """Whether further classes may come: the job has not ended."""
        return JobFolder(self.project_dir, self.job).exit_status() is None


def iterations(folder: Path) -> list[tuple[str, Path]]:
    """Return title and class file of every iteration of another program's Class2D job, the newest last.

    Of a selection of classes, its averages.
    """
    found: list[tuple[int, str, Path]] = []
    for path in folder.glob("*_model.star"):
        match = _ITERATION.fullmatch(path.name)
        if match is not None:
            # what a continuation wrote (run_ct10_it025) is newer than the same iteration before it
            found.append((int(match["number"]), match["run"], path))
    files = [(f"Iteration {number}", path) for number, _run, path in sorted(found)]
    if (averages := folder / _AVERAGES).is_file():
        files.append(("Selected classes", averages))
    return files


def class_particles(classes: ClassSet, k: int, project_dir: Path | None = None) -> ImageSource:
    """Return the particles of a class as images.

    Raises
    ------
    UserError
        When they are not known, or there are none.
    FormatError
        When their file cannot be read.
    """
    if classes.particles is None:
        raise UserError("the particles of these classes are not known", path=classes.path)
    rows = classes.members(k)
    if not len(rows):
        raise UserError(f"class {classes.numbers[k]} has no particles", path=classes.particles)
    tables = read_star_tables(classes.particles)
    found = image_table(tables)
    if found is None:
        raise UserError("the file lists no images", path=classes.particles)
    name = found[0]
    chosen = {key: table.select(rows) if key == name else table for key, table in tables.items()}
    return images_of(chosen, classes.particles, project_dir)


# -- a selection as a job ----------------------------------------------------------------------------------


def begin_selection(project: Project, job: str, class_file: Path) -> str:
    """Enter a new job for a selection from the classes of another, and return its name.

    Raises
    ------
    UserError
        When the project cannot be changed.
    """
    optimiser = _optimiser(class_file)
    root = Path(project.path).resolve()
    inside = optimiser.resolve().is_relative_to(root)
    node = optimiser.resolve().relative_to(root).as_posix() if inside else str(optimiser)
    label = AVERAGES_LABEL if optimiser.name == _AVERAGES else OPTIMISER_LABEL

    def prepare(folder: Path, _name: str) -> None:
        write_job_star(folder / "job.star", JobStar(SELECT_LABEL, values={"fn_model": node}))

    known = {path for _process, path in project.pipeline.output_edges}
    if inside and node.startswith(job) and node not in known:
        # a generation that no job has used yet: without this the selection would hang in the air
        project.add_outputs(job, [(node, label)])
    return project.new_job(SELECT_DIRECTORY, SELECT_LABEL, inputs=[(node, label)], prepare=prepare).name


def write_selection(project_dir: Path, name: str, class_file: Path, rows: NDArray[np.int64]) -> ClassSubset:
    """Write particles and averages of chosen classes into the folder of a job; may take a while.

    Also which classes they were (``backup_selection.star``), so that RELION shows the same choice.
    """
    from jobs.explore.class_subset import write_subset

    folder = project_dir / name
    written = write_subset(class_file, rows.tolist(), folder, project_dir)
    chosen = np.zeros(len(read_class_set(class_file, project_dir)), np.int64)
    chosen[rows] = 1
    backup = StarTable.from_columns("", {"rlnSelected": chosen})
    write_star_tables(folder / "backup_selection.star", [backup])
    words = (
        f"{written.n_classes} of {len(chosen)} classes of {_inside(class_file, project_dir)} selected:"
        f" {written.n_particles} particles.\n"
    )
    (folder / "run.out").write_text(words, encoding="utf-8")
    (folder / "run.err").touch()
    return written


def finish_selection(project: Project, name: str, written: ClassSubset | None) -> None:
    """Enter the files of a selection, and that it succeeded; or, without files, that it failed."""
    folder = Path(project.path) / name
    if written is None:
        (folder / "RELION_JOB_EXIT_FAILURE").touch()
        project.set_status(name, "Failed")
        return
    outputs = [(written.particles.name, PARTICLES_LABEL), (written.averages.name, AVERAGES_LABEL)]
    project.add_outputs(name, outputs)
    (folder / "RELION_JOB_EXIT_SUCCESS").touch()
    project.set_status(name, "Succeeded")


def _optimiser(class_file: Path) -> Path:
    """Return the file by which other programs know a set of classes."""
    beside = class_file.with_name(class_file.name.replace("_model.star", "_optimiser.star"))
    return beside if beside.is_file() else class_file


def _inside(path: Path, project_dir: Path) -> str:
    return str(path.relative_to(project_dir)) if path.is_relative_to(project_dir) else str(path)
