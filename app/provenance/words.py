"""A run as text to copy: the command that would do it again, and the sentences of a methods section."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from app.provenance.options import OptionLine
from jobs.core.declaration import JobType, specs, to_text
from jobs.core.folder import OptionsRecord

#: Options that say how a job was run rather than what it computed.
_RUNNING = "Running"


def heteroscope_command(
    job_type: JobType, record: OptionsRecord, before: OptionsRecord | None, project_dir: Path, name: str
) -> str:
    """Return the command line of this program that would do a run again.

    Parameters
    ----------
    job_type, record
        The run.
    before
        The run that it continued; None for the first, of which all that is not default is told.
    project_dir, name
        The job.
    """
    if record.is_continue:
        words = ["heteroscope", "continue", name.rstrip("/"), "--project", str(project_dir)]
    else:
        words = ["heteroscope", "run", job_type.key, "--project", str(project_dir)]
    for declared in specs(job_type.options):
        if declared.name not in record.values:
            continue
        value = to_text(declared, record.values[declared.name])
        base = declared.default
        if record.is_continue and before is not None:
            base = before.values.get(declared.name, declared.default)
        if value != to_text(declared, base):
            words.append(f"--{declared.name}={value}")
    return shlex.join(words)


def methods_text(
    job_type: JobType, titles: Sequence[str], options: Sequence[OptionLine], versions: dict[str, str]
) -> str:
    """Return sentences for a methods section, with the settings that are not default and what to cite."""
    parts = [job_type.methods or f"{job_type.title} was run in Heteroscope."]
    done = [title[:1].lower() + title[1:] for title in dict.fromkeys(titles)]
    if done:
        parts.append(f"Steps: {', '.join(done)}.")
    switches = {task.switch for task in job_type.tasks}
    told = [
        f"{line.label[:1].lower() + line.label[1:]} {line.shown}"
        for line in options
        if line.changed and line.group != _RUNNING and line.name not in switches
    ]
    if told:
        parts.append(f"Settings other than default: {'; '.join(told)}.")
    known = [f"{n} {versions[n]}" for n in ("heteroscope", "torch", "numpy", "python") if n in versions]
    if known:
        parts.append(f"Versions: {', '.join(known)}.")
    if job_type.citation:
        parts.append(f"Reference: {job_type.citation}")
    return "\n".join(parts)
