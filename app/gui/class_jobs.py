"""Which jobs have 2D classes, told without looking at their files; no Qt."""

from __future__ import annotations

from pathlib import Path

from app.class_services import JobClasses
from app.gui.news import JobDetails
from jobs import registry

#: Type labels and endings of node labels by which 2D classes of other programs are known.
_TYPES = ("relion.class2d",)
_NODES = (".class2d", ".classaverages")


def classes_function(details: JobDetails) -> str:
    """Return the function that finds the class files of a job of ours; empty for others."""
    job_type = registry.JOB_TYPES.get(details.type_key or "")
    return job_type.classes if job_type is not None else ""


def has_classes(details: JobDetails | None) -> bool:
    """Whether a job makes 2D classes: by its type, or by the labels of what it wrote."""
    if details is None or details.entry.status == "Scheduled":
        return False
    if details.type_key is not None:
        return bool(classes_function(details))
    label = details.entry.type_label
    return label.startswith(_TYPES) or any(node.label.endswith(_NODES) for node in details.outputs)


def services_of(details: JobDetails, project_dir: Path) -> JobClasses:
    """Return what a gallery of its classes needs."""
    return JobClasses(project_dir, details.entry.name, classes_function(details))
