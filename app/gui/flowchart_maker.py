"""The flowchart and the tags of the open project, as the project lane makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.gui import convert
from app.gui.news import JobEntry
from app.project.flowchart import Flowchart, make_flowchart
from app.project.project import Project
from app.project.tags import Tag, TagFile
from jobs import registry
from widgets.graph_data import GraphJob, GraphLink
from widgets.graph_paint import ICON

#: Drawing for the directory of a type; others get a sheet of paper.
_GLYPHS: Final = {
    "MotionCorr": "film",
    "CtfFind": "rings",
    "ManualPick": "target",
    "AutoPick": "target",
    "Picks": "target",
    "Extract": "crop",
    "Select": "filter",
    "Class2D": "grid",
    "Class3D": "nodes",
    "Refine3D": "volume",
    "InitialModel": "volume",
    "MultiBody": "nodes",
    "MaskCreate": "mask",
    "JoinStar": "join",
    "Subtract": "subtract",
    "PostProcess": "curve",
    "LocalRes": "curve",
    "CtfRefine": "rings",
    "Polish": "spark",
    "ModelAngelo": "model",
    "AlignTiltSeries": "tuning",
    "Tomograms": "volume",
    "Reconstruct": "volume",
    "ExcludeTiltImages": "filter",
    "Denoise": "spark",
    "External": "chip",
}

#: Our own types look as in the list of types.
OWN: Final = {declared.directory: f"{ICON}{key}" for key, declared in registry.JOB_TYPES.items()}

Chart = tuple[list[GraphJob], list[GraphLink]]


class FlowchartMaker:
    """Keeps what is costly: places change only when jobs or what goes between them do."""

    def __init__(self) -> None:
        self._project: Project | None = None
        self._file: TagFile | None = None
        self._key: object = None
        self._chart: Flowchart | None = None
        self._links: list[GraphLink] = []

    def tags_of(self, project: Project, job: str) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
        """Return the tags of a job, and all that any job has."""
        tags = self._tags(project).read()
        return tags.of(job), tags.known()

    def set_tags(
        self, project: Project, job: str, words: Sequence[str], colours: Mapping[str, int] | None = None
    ) -> None:
        """Give a job these tags and no others.

        Raises
        ------
        UserError
            See :meth:`TagFile.set`.
        """
        self._tags(project).set(job, words, colours)

    def tagged(self, project: Project, entries: tuple[JobEntry, ...]) -> tuple[JobEntry, ...]:
        """Return the entries with their tags."""
        tags = self._tags(project).read()
        if not tags.by_job:
            return entries
        return tuple(
            replace(entry, tags=tuple((tag.word, tag.colour) for tag in tags.of(entry.name)))
            if entry.name in tags.by_job
            else entry
            for entry in entries
        )

    def make(self, project: Project, entries: Sequence[JobEntry], *, down: bool = True) -> Chart:
        """Return the chart of a project; `entries` are its jobs as the lists show them.

        It is packed for a drawing that grows downwards or to the right.
        """
        pipeline = project.pipeline
        names = [process.name for process in pipeline.processes]
        key = (down, names, list(pipeline.input_edges), list(pipeline.output_edges))
        if self._chart is None or key != self._key:
            chart = make_flowchart(pipeline, down=down)
            self._links = [
                GraphLink(link.source, link.target, link.label, link.files, lane)
                for link, lane in zip(chart.links, chart.layout.lanes, strict=True)
            ]
            self._key, self._chart = key, chart
        chart = self._chart
        shown = {entry.name: entry for entry in entries}
        layers, columns = chart.layout.layers.tolist(), chart.layout.columns.tolist()
        jobs = []
        for at, process in enumerate(pipeline.processes):
            job = GraphJob(
                process.name,
                process.number,
                process.short_alias or process.directory,
                process.directory,
                process.status,
                glyph=OWN.get(process.directory) or _GLYPHS.get(process.directory, "file"),
                layer=layers[at],
                column=columns[at],
            )
            jobs.append(_like_the_lists(job, shown[process.name]) if process.name in shown else job)
        return jobs, self._links

    def _tags(self, project: Project) -> TagFile:
        if self._file is None or project is not self._project:
            self._project, self._file = project, TagFile(Path(project.path))
        return self._file


def _like_the_lists(job: GraphJob, entry: JobEntry) -> GraphJob:
    row = convert.job_row(entry)
    return replace(
        job,
        title=entry.alias or entry.title,
        kind=entry.title,
        status=row.status,
        note=row.note,
        tags=entry.tags,
    )
