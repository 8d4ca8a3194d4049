"""What a report tells of a job, gathered from the project and the job's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.project.graph import Node, Process
from app.project.project import Project
from app.provenance.story import Story, gather
from app.report.clouds import PointCloud, read_cloud
from app.report.curve_files import figures_of_star
from app.report.log_words import closing_words
from app.report.map_pictures import MapPicture, of_array, of_file
from app.runner.outcome import outcome_of
from jobs import registry
from jobs.core.declaration import JobType
from jobs.core.figures import Fact, Figure
from jobs.core.folder import JobFolder
from jobs.core.metrics import read_metrics

#: More maps than these say little and weigh much.
_MOST_MAPS = 6
#: What snapshots of values beside the latent space are, where their names do not say it.
_VALUE_NAMES = {"latent_colour": "rms displacement (Å)"}


@dataclass(frozen=True)
class OutputFile:
    """A result: its path in the project, what it is, its size (None when missing) and who uses it."""

    path: str
    what: str
    size: int | None
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class LatentCloud:
    """Particles in latent space, with a value of each where there is one."""

    points: NDArray[np.floating]
    values: NDArray[np.floating] | None
    value_name: str


@dataclass(frozen=True)
class TaskPart:
    """What one task of the job told: metrics, figures, clouds of points and facts."""

    name: str
    title: str
    records: tuple[Mapping[str, Any], ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: tuple[Fact, ...] = ()
    clouds: tuple[PointCloud, ...] = ()


@dataclass(frozen=True)
class JobContents:
    """Everything a report says about one job.

    Attributes
    ----------
    process, title, ours
        The job, its type in words, and whether this program made it.
    story
        Runs, options, inputs, versions, methods text.
    tasks
        In the order in which they began.
    closing
        Run to the last words of its log.
    reason
        Why it ended badly, else empty.
    maps, latent, outputs
        Pictures and files.
    citation
        What to cite; empty for other programs' jobs.
    """

    process: Process
    title: str
    ours: bool
    story: Story
    tasks: tuple[TaskPart, ...] = ()
    closing: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""
    maps: tuple[MapPicture, ...] = ()
    latent: LatentCloud | None = None
    outputs: tuple[OutputFile, ...] = ()
    citation: str = ""

    @property
    def name(self) -> str:
        """The job without the slash at its end."""
        return self.process.name.rstrip("/")


def story_of(project: Project, process: Process) -> Story:
    """Return the story of a job."""
    makers = {node: made_by for made_by, node in project.pipeline.output_edges}
    nodes = tuple(node.name for node in project.job_inputs(process.name))
    return gather(Path(project.path), process.name, process.status, makers, nodes)


def read_contents(project: Project, process: Process) -> JobContents:
    """Gather everything about a job; what cannot be read is left out."""
    root = Path(project.path)
    declared = registry.of_job(process.type_label, root / process.name)
    folder = JobFolder(root, process.name)
    figures = _figures(folder)
    failed = process.status in ("Failed", "Aborted") and declared is not None
    tasks = _tasks(declared, folder, figures)
    if declared is None:
        found = figures_of_star(folder.path)
        facts = tuple(fact for figure in found for fact in figure.facts)
        tasks = (TaskPart("", "", figures=found, facts=facts),) if found else ()
    return JobContents(
        process=process,
        title=declared.title if declared is not None else process.directory,
        ours=declared is not None,
        story=story_of(project, process),
        tasks=tasks,
        closing=closing_words(folder.run_out),
        reason=outcome_of(folder.path).sentence if failed else "",
        maps=_maps(project, process, declared, figures),
        latent=_latent(folder),
        outputs=_outputs(project, process, declared),
        citation=declared.citation if declared is not None else "",
    )


def _figures(folder: JobFolder) -> dict[str, Figure]:
    found = {}
    for path in sorted(folder.snapshots.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            found[path.stem] = Figure.from_json(path.read_text(encoding="utf-8"))
    return found


def _tasks(
    declared: JobType | None, folder: JobFolder, figures: Mapping[str, Figure]
) -> tuple[TaskPart, ...]:
    records: list[dict[str, Any]] = []
    with contextlib.suppress(OSError):
        records = read_metrics(folder.metrics)[0]
    titles = {task.name: task.label for task in declared.tasks} if declared is not None else {}
    # unfinished work that is taken up again belongs to the main task
    resuming = {task.name for task in declared.tasks if task.resumes} if declared is not None else set()
    main = declared.main_task.name if declared is not None else ""
    told: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        name = str(record.get("task") or "")
        told.setdefault(main if name in resuming else name, []).append(record)
    for figure in figures.values():
        told.setdefault(figure.task, [])
    return tuple(
        TaskPart(
            name,
            titles.get(name) or name[:1].upper() + name[1:],
            tuple(lines),
            tuple(f for f in figures.values() if f.task == name and f.kind not in ("maps", "scatter")),
            tuple(fact for f in figures.values() if f.task == name for fact in f.facts),
            tuple(
                cloud
                for f in figures.values()
                if f.task == name and f.kind == "scatter"
                if (cloud := read_cloud(f, folder.snapshots)) is not None
            ),
        )
        for name, lines in told.items()
    )


def _latent(folder: JobFolder) -> LatentCloud | None:
    points = load_array(folder.snapshots / "latent.npy")
    if points is None or points.ndim != 2 or len(points) < 2 or points.shape[1] < 1:
        return None
    for path in sorted(folder.snapshots.glob("latent_*.npy")):
        values = load_array(path)
        if values is not None and values.shape == (len(points),):
            words = path.stem.removeprefix("latent_").replace("_", " ")
            return LatentCloud(points, values, _VALUE_NAMES.get(path.stem, words))
    return LatentCloud(points, None, "")


def load_array(path: Path) -> NDArray[Any] | None:
    """Return a snapshot, None when it is missing, damaged or no numbers."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if isinstance(found, np.ndarray) and found.dtype.kind in "fiu" else None


def _maps(
    project: Project, process: Process, declared: JobType | None, figures: Mapping[str, Figure]
) -> tuple[MapPicture, ...]:
    root = Path(project.path)
    found: list[MapPicture | None] = [
        of_file(root / node.name, f"Input: {Path(node.name).name}", node.name)
        for node in project.job_inputs(process.name)
        if _is_map(node)
    ]
    for figure in figures.values():
        if figure.kind == "maps":
            for series, array in zip(figure.series, figure.arrays, strict=True):
                volume = load_array(root / process.name / "snapshots" / f"{array}.npy")
                if volume is not None and volume.ndim == 3:
                    title = series.name[:1].upper() + series.name[1:]
                    found.append(of_array(volume, figure.voxel_size_a, title, figure.title))
    outputs = [(node.name, "") for node in project.job_outputs(process.name) if _is_map(node)]
    named = declared.result_files if declared is not None else ()
    known = {f"{process.name}{path}": words for path, words in named if path.endswith(".mrc")}
    present = {name: words for name, words in known.items() if (root / name).exists()}
    for name, words in {**dict(outputs), **present}.items():
        if len(found) < _MOST_MAPS:
            found.append(of_file(root / name, Path(name).name, words or name))
    return tuple(picture for picture in found if picture is not None)[:_MOST_MAPS]


def _is_map(node: Node) -> bool:
    return node.name.endswith((".mrc", ".map")) and node.label.startswith(("DensityMap", "Mask3D"))


def _outputs(project: Project, process: Process, declared: JobType | None) -> tuple[OutputFile, ...]:
    root = Path(project.path)
    users: dict[str, list[str]] = {}
    for node, user in project.pipeline.input_edges:
        users.setdefault(node, []).append(user.rstrip("/"))
    words = {f"{process.name}{path}": text for path, text in declared.result_files} if declared else {}
    labels = {node.name: node.label for node in project.job_outputs(process.name)}
    found = []
    for path in dict.fromkeys([*labels, *words]):
        size: int | None = None
        with contextlib.suppress(OSError):
            size = (root / path).stat().st_size
        if path in labels or size is not None:
            what = words.get(path) or labels.get(path, "")
            found.append(OutputFile(path, what, size, tuple(users.get(path, ()))))
    return tuple(found)
