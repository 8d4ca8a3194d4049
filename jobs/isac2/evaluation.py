"""Judge 2D classes: sizes, errors, resolution, likeness, directions, and agreement with another run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.class_set import PIXEL_ERROR, SIZE, ClassSet
from jobs.core.errors import FormatError, UserError
from jobs.formats.class_files import CLASS_NUMBER, column_label, read_class_set
from jobs.formats.files import replacing
from jobs.formats.image_names import find_project_root, split_image_names
from jobs.formats.particle_set import ParticleSet
from jobs.formats.particles import read_particle_blocks, read_particles
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.evaluation_frc import ClassFrc, class_frc
from jobs.isac2.evaluation_repeat import Repeat, compare_runs, labels_of
from jobs.isac2.evaluation_views import Coverage, Likeness, coverage, likeness, view_axes
from jobs.maths.transforms2d import Planar

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is to be said of a set of classes; parts that could not be judged are None.

    Attributes
    ----------
    classes
        The classes.
    n_particles
        Particles that were classified, those of no class included; 0 when it is not known.
    frc, likeness, coverage, repeat
        Resolution, likeness of averages, directions by known poses, agreement with another run.
    notes
        Sentences about what could not be judged, and why.
    """

    classes: ClassSet
    n_particles: int
    frc: ClassFrc | None
    likeness: Likeness | None
    coverage: Coverage | None
    repeat: Repeat | None
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The whole judgement in words, most important first."""
        parts = (self.repeat, self.frc, self.likeness, self.coverage)
        return (self._sizes(), *(part.sentence for part in parts if part is not None), *self.notes)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """What was found of every class `(K,)`, by name with unit."""
        found: dict[str, npt.NDArray[Any]] = {SIZE: self.classes.columns[SIZE]}
        if PIXEL_ERROR in self.classes.columns:
            found[PIXEL_ERROR] = self.classes.columns[PIXEL_ERROR]
        if self.frc is not None:
            found["frc_resolution_a"] = self.frc.resolution_a
        if self.likeness is not None:
            found["nearest_correlation"] = self.likeness.nearest
            found["nearest_class"] = self.likeness.neighbour + 1
        if self.coverage is not None:
            found["view_spread_deg"] = self.coverage.spread_deg
        if self.repeat is not None:
            jaccard, partner = np.zeros(len(self.classes)), np.zeros(len(self.classes), np.int64)
            jaccard[self.repeat.matching.first] = self.repeat.matching.jaccard
            partner[self.repeat.matching.first] = self.repeat.matching.second + 1
            found |= {"repeat_jaccard": jaccard, "repeat_class": partner}
        return found

    def _sizes(self) -> str:
        sizes = self.classes.columns[SIZE]
        total = int(sizes.sum())
        share = f" of {self.n_particles} ({100 * total / self.n_particles:.0f} %)" if self.n_particles else ""
        text = (
            f"{len(sizes)} classes hold {total}{share} particles, {int(sizes.min())} to {int(sizes.max())} "
            f"each (median {np.median(sizes):.0f})."
        )
        errors = self.classes.columns.get(PIXEL_ERROR)
        if errors is None or not np.isfinite(errors).any():
            return text
        return f"{text} Their pixel error is {np.nanmedian(errors):.2f} px in the median."


def evaluate(
    class_file: str | Path,
    project_dir: str | Path | None = None,
    *,
    other: str | Path | None = None,
    poses: str | Path | None = None,
    all_particles: str | Path | None = None,
    radius_a: float = 0.0,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Evaluation:
    """Judge the classes of a finished job of any program.

    Parameters
    ----------
    class_file
        ``…_optimiser.star`` or ``…_model.star`` of 2D classes.
    project_dir
        Folder to which paths are relative; otherwise that of the file and those above it are tried.
    other
        The same of another run over the same particles, for example with another seed.
    poses
        STAR file of the same particles with poses of a refinement (or the truth of a simulation).
    all_particles
        STAR file with all particles that were classified, to say how many are in classes.
    radius_a
        Radius of the particle in Å; 0: three eighths of the box.
    device
        Where to compute.
    progress
        Is told what is done, steps done, and steps in all.

    Raises
    ------
    FormatError
        When a class file is missing or damaged.
    UserError
        When the other run, or the poses, are of other particles.
    """
    project = None if project_dir is None else Path(project_dir)
    classes = read_class_set(class_file, project)
    names = particle_names(classes, project)
    notes: list[str] = []
    measured = None
    try:
        measured = _frc(classes, project, radius_a, device, progress)
    except FormatError as error:
        notes.append(f"The resolution of the classes was not measured: {error.message}.")
    averages = np.stack([classes.read(k) for k in range(len(classes))])
    radius_px = radius_a / classes.pixel_size_a if radius_a and classes.pixel_size_a else 0.0
    repeat = None
    if other is not None:
        second = read_class_set(other, project)
        repeat = compare_runs(names, classes.class_of, particle_names(second, project), second.class_of)
    return Evaluation(
        classes=classes,
        n_particles=0 if all_particles is None else len(_names(Path(all_particles), project)),
        frc=measured,
        likeness=likeness(averages, radius_px=radius_px),
        coverage=None if poses is None else _coverage(classes, names, Path(poses), project),
        repeat=repeat,
        notes=tuple(notes),
    )


def write_evaluation(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write ``evaluation.json`` (figures and words) and ``evaluation_classes.star`` (a row per class).

    Returns
    -------
    tuple of pathlib.Path
        The two files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = evaluation.columns()
    numbers = np.arange(len(evaluation.classes)) + 1
    table = {CLASS_NUMBER: numbers} | {
        "hsSize" if name == SIZE else column_label(name): _finite(values) for name, values in columns.items()
    }
    star = folder / "evaluation_classes.star"
    write_star_tables(star, [StarTable.from_columns("classes", table, version=None)])
    record: dict[str, Any] = {
        "class_file": str(evaluation.classes.path),
        "sentences": list(evaluation.sentences),
        "classes": {name: _plain(values) for name, values in columns.items()},
    }
    if evaluation.repeat is not None:
        repeat = evaluation.repeat
        record["repeat"] = {
            name: getattr(repeat, name)
            for name in (
                "n_first",
                "n_second",
                "n_both",
                "ari",
                "ari_shuffled",
                "jaccard",
                "jaccard_shuffled",
            )
        }
    target = folder / "evaluation.json"
    with replacing(target) as file:
        file.write(json.dumps(record, indent=1, ensure_ascii=False).encode())
    return target, star


def particle_names(classes: ClassSet, project: Path | None = None) -> list[str]:
    """Image names of the particles of a set of classes, row by row.

    Raises
    ------
    FormatError
        When there is no particle file.
    """
    if classes.particles is None:
        raise FormatError("the particles of these classes are not known", path=classes.path)
    return _names(classes.particles, project)


def _names(path: Path, project: Path | None) -> list[str]:
    tables = read_particle_blocks(path, project)
    table = tables.get("particles") or next(t for t in tables.values() if "rlnImageName" in t)
    return [str(name) for name in table.text("rlnImageName")]


def _particles(path: Path, project: Path | None, *, images: bool) -> ParticleSet:
    return read_particles(path, project, require_images=images, require_poses=False, permissive=True)


def _frc(
    classes: ClassSet,
    project: Path | None,
    radius_a: float,
    device: torch.device | str,
    progress: Progress | None,
) -> ClassFrc:
    if classes.particles is None:
        raise FormatError("the particles of these classes are not known", path=classes.path)
    particles = _with_images(classes.particles, project)
    pixel = torch.as_tensor(particles.pixel_size_a)
    euler = torch.as_tensor(particles.euler_deg)
    planar = Planar.from_relion(
        euler[:, 2], torch.as_tensor(particles.origin_a) / pixel[:, None], euler[:, 1], 1.0
    )
    return class_frc(
        particles,
        classes.class_of,
        planar,
        len(classes),
        pixel_size_a=classes.pixel_size_a,
        radius_a=radius_a,
        device=device,
        progress=None if progress is None else lambda done, of: progress("resolution of classes", done, of),
    )


def _with_images(path: Path, project: Path | None) -> ParticleSet:
    """Particles whose image stacks were checked; stacks of EMAN2 are checked when they are opened."""
    named = _particles(path, project, images=False)
    if not any(stack.suffix.lower().startswith((".hdf", ".h5")) for stack in named.stacks):
        return _particles(path, project, images=True)
    root = find_project_root(path, split_image_names([str(named.image_name[0])]).paths[0], project)
    if root is None:
        raise FormatError(f"the images of {named.image_name[0]} do not exist", path=path)
    return read_particles(path, root, require_images=False, require_poses=False, permissive=True)


def _coverage(classes: ClassSet, names: list[str], poses: Path, project: Path | None) -> Coverage:
    known = _particles(poses, project, images=False)
    if "rlnAngleTilt" not in known.table:
        raise UserError("the file has no poses (rlnAngleRot, rlnAngleTilt)", path=poses)
    labels = labels_of(names, classes.class_of, [str(name) for name in known.image_name])
    if not (labels >= 0).any():
        raise UserError(
            "the file with poses holds none of the particles in classes",
            path=poses,
            hint="Choose a STAR file of the same particles: stack files and sections are compared.",
        )
    return coverage(view_axes(known.euler_deg), labels, len(classes))


def _finite(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a STAR file can hold: numbers that are none become 0."""
    return np.where(np.isfinite(values), values, 0.0) if values.dtype.kind == "f" else values


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in values.tolist()]
