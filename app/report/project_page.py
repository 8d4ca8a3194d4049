"""The page about a whole project: its jobs, how they hang together, and the methods of one chain of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.project.graph import Process
from app.report import html
from app.report.contents import JobContents
from app.report.page import document, methods_part
from jobs import registry
from jobs.core.figures import Fact


def project_page(
    project: str,
    when: datetime,
    processes: Sequence[Process],
    flowchart: str,
    chain: Sequence[JobContents] = (),
) -> str:
    """Return the report of a project as HTML.

    Parameters
    ----------
    project, when
        Its name, and the time of the report.
    processes
        All jobs.
    flowchart
        Drawing of them, empty when it would be too large.
    chain
        A job and all it came from, oldest first; their methods are told.
    """
    counts = Counter(process.status for process in processes)
    facts = [Fact("Jobs", str(len(processes)))] + [Fact(word, str(n)) for word, n in counts.most_common()]
    rows = [(p.name.rstrip("/"), p.short_alias, _kind(p), p.status) for p in processes]
    drawn = html.figure("Jobs, and what goes between them", flowchart) if flowchart else ""
    parts = [
        ("summary", "Summary", html.facts(facts)),
        ("flowchart", "Flowchart", drawn),
        ("jobs", "Jobs", html.table(("Job", "Alias", "Type", "Status"), rows)),
    ]
    if chain:
        parts.append(("methods", f"Methods and citations, up to {chain[-1].name}", methods_part(chain)))
    return document(project, "", "", project, when, parts)


def _kind(process: Process) -> str:
    declared = registry.by_label(process.type_label)
    return declared.title if declared is not None else process.type_label
