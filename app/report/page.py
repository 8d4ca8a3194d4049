"""The page: what is said about a job, in the order in which one wants to know it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import __version__
from app.project.disk_use import in_words
from app.provenance.options import OptionLine
from app.provenance.story import Run
from app.report import html, methods, pictures, words
from app.report.contents import JobContents
from app.report.style import style_sheet
from widgets.durations import duration

_BADGES = {
    "Succeeded": "success",
    "Failed": "danger",
    "Aborted": "warning",
    "Running": "info",
    "Scheduled": "",
}
#: What is folded is opened for the printer; without scripts everything can still be read on the screen.
_SCRIPT = (
    "addEventListener('beforeprint',function(){document.querySelectorAll('details').forEach("
    "function(d){d.open=true})})"
)


def page(
    job: JobContents, project: str, when: datetime, lineage: str = "", chain: Sequence[JobContents] = ()
) -> str:
    """Return the report of a job as HTML.

    Parameters
    ----------
    job
        What is told.
    project, when
        Name of the project, and the time of the report.
    lineage
        Drawing of its ancestors, empty when it has none.
    chain
        Ancestors that are told as well, oldest first.
    """
    alias = job.process.short_alias
    title = f"{alias} ({job.name})" if alias else job.name
    parts = [
        ("summary", "Summary", _summary(job)),
        ("results", "Results", _results(job)),
        ("trust", "How far to trust it", html.bullets(words.trust(job)) + _halves(job)),
        ("maps", "Maps", pictures.map_slices(job.maps)),
        ("curves", "Course of the job", _courses(job)),
        ("lineage", "Where it came from", html.figure("Jobs it came from", lineage) if lineage else ""),
        ("runs", "Runs and parameters", _runs(job) + parameters(job)),
        ("files", "Inputs and outputs", _files(job)),
        ("methods", "Methods and citations", methods_part([*chain, job])),
        ("versions", "Commands and versions", _commands(job) + _versions(job)),
        ("log", "Last lines of the log", _log(job)),
        ("chain", "Jobs before it", "".join(_ancestor(one) for one in chain)),
    ]
    return document(title, job.title, job.process.status, project, when, parts)


def document(
    title: str, kind: str, status: str, project: str, when: datetime, parts: Sequence[tuple[str, str, str]]
) -> str:
    """Return a whole page of titled parts; those without content are left out."""
    told = [part for part in parts if part[2]]
    links = "".join(f'<a href="#{key}">{html.text(name)}</a>' for key, name, _ in told)
    badge = f'<span class="badge {_BADGES.get(status, "")}">{html.text(status)}</span>' if status else ""
    whose = f"Project {project}" if project != title else "Report of a project"
    under = " · ".join(part for part in (kind, whose, words.date(when)) if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="Heteroscope {__version__}">\n'
        f"<title>{html.text(title)}</title>\n<style>{style_sheet()}</style>\n</head>\n<body>\n"
        f'<header><div class="line"><h1>{html.text(title)}</h1>{badge}</div>'
        f'<p class="muted">{html.text(under)}</p>\n<nav aria-label="Contents">{links}</nav></header>\n'
        "<main>\n"
        + "".join(html.section(*part) for part in told)
        + f"</main>\n<footer>{html.text(methods.HETEROSCOPE)} Report written {words.date(when)}.</footer>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _summary(job: JobContents) -> str:
    trouble = job.reason or job.story.trouble
    bar = f'<p class="bar danger">{html.text(trouble)}</p>' if trouble else ""
    return html.paragraph(words.summary(job)) + bar + _tail_of_failure(job) + _key_figures(job)


def _tail_of_failure(job: JobContents) -> str:
    if job.process.status not in ("Failed", "Aborted") or not job.story.tail:
        return ""
    return html.folded("Last lines of the log", html.block("\n".join(job.story.tail)), is_open=True)


def _key_figures(job: JobContents) -> str:
    return "".join(html.heading(title) + html.facts(facts) for title, facts in words.key_figures(job))


def _results(job: JobContents) -> str:
    parts = []
    # the log of a run that ended badly stands in the summary
    titles = {run.number: run.title for run in job.story.runs if run.outcome in ("Succeeded", "")}
    for number, lines in job.closing.items():
        if number in titles:
            said = "".join(html.paragraph(line) for line in lines)
            parts.append(html.heading(f"In the words of the job: {titles[number]}"))
            parts.append(f"<blockquote>{said}</blockquote>")
    for task in job.tasks:
        if plots := pictures.figure_plots(task):
            parts += [html.heading(task.title) if task.title else "", plots]
    if latent := pictures.latent_space(job.latent):
        parts += [html.heading("Latent space"), latent]
    return "".join(parts)


def _halves(job: JobContents) -> str:
    rows = [
        (f"{pair.task}: {pair.name.title}", words.number(pair.first), words.number(pair.second), pair.apart)
        for pair in words.half_pairs(job.tasks)
    ]
    titles = ("At the end of the task", "Half-set 1", "Half-set 2", "Apart")
    return html.table(titles, rows, ("", "number", "number", "number"))


def _courses(job: JobContents) -> str:
    parts = []
    for task in job.tasks:
        if plots := pictures.metric_plots(task):
            parts += [html.heading(task.title), plots]
    return "".join(parts)


def _runs(job: JobContents) -> str:
    rows = [
        (
            str(run.number),
            run.title,
            words.date(run.started),
            duration(run.seconds),
            run.outcome,
            words.where(run),
            "" if run.seed is None else str(run.seed),
        )
        for run in job.story.runs
    ]
    return html.table(("Run", "Task", "Started", "Took", "Ended as", "On", "Seed"), rows)


def parameters(job: JobContents) -> str:
    """Return the options of all runs in one table; a run has a column where runs differ."""
    runs = [run for run in job.story.runs if run.options]
    latest = runs[-1].options if runs else job.story.options
    if not latest:
        return ""
    values = [{line.name: line for line in run.options} for run in runs] or [{o.name: o for o in latest}]
    several = len(values) > 1
    titles = ["Option", *([f"Run {run.number}" for run in runs] if several else ["Value"])]
    known = any(line.default is not None for line in latest)
    titles += ["Default", "Name"] if known else ["Name"]
    rows, group = [], ""
    for line in latest:
        if line.group != group:
            group = line.group
            rows.append(
                f'<tr class="group"><th colspan="{len(titles)}" scope="rowgroup">{html.text(group)}</th></tr>'
            )
        rows.append(_option(line, [row.get(line.name) for row in values], known))
    changed = sum(line.changed for line in latest)
    note = (
        f"{changed} of {len(latest)} options are not at their defaults; these are marked with ●."
        if known
        else ""
    )
    return (
        html.heading("Parameters")
        + (html.paragraph(note, "muted small") if note else "")
        + html.framed(titles, rows)
    )


def _option(line: OptionLine, values: Sequence[OptionLine | None], with_default: bool) -> str:
    shown = [value.shown if value is not None else "–" for value in values]
    if len(set(shown)) == 1:
        # the same in all runs is said once
        cells = f'<td colspan="{len(shown)}">{html.text(shown[0])}</td>'
    else:
        cells = "".join(f"<td>{html.text(one)}</td>" for one in shown)
    if with_default:
        cells += f"<td>{html.text(line.default if line.default is not None else '')}</td>"
    changed = any(value is not None and value.changed for value in values)
    kind = ' class="changed"' if changed else ""
    tip = f' title="{html.text(line.help)}"' if line.help else ""
    return (
        f'<tr{kind}><th scope="row"{tip}>{html.text(line.label)}</th>{cells}'
        f"<td><code>{html.text(line.name)}</code></td></tr>"
    )


def _files(job: JobContents) -> str:
    latest = job.story.latest
    rows = [
        (
            f.path,
            f.producer.rstrip("/") or "from outside",
            in_words(f.size) if f.size else "",
            f.state,
            f.sha256,
        )
        for f in (latest.inputs if latest is not None else ())
    ]
    found = html.table(
        ("Input", "Made by", "Size", "Since the run", "SHA-256"), rows, ("", "", "number", "", "hash")
    )
    made = [
        (o.path, o.what, in_words(o.size) if o.size is not None else "missing", ", ".join(o.users) or "–")
        for o in job.outputs
    ]
    outputs = html.table(("Output", "What it is", "Size", "Used by"), made, ("", "", "number", ""))
    note = (
        "The hash covers the first and the last MiB of a file, and its size."
        if any(r[4] for r in rows)
        else ""
    )
    return (
        html.heading("Inputs") + found + (html.paragraph(note, "muted small") if note else "")
        if found
        else ""
    ) + (html.heading("Outputs") + outputs if outputs else "")


def methods_part(jobs: Sequence[JobContents]) -> str:
    """Return the methods text of some jobs and all that is to be cited."""
    told = []
    for job in jobs:
        if len(jobs) > 1:
            told.append(html.heading(f"{job.title}, {job.name}"))
        told += [html.paragraph(line) for line in methods.methods_of(job).splitlines()]
    return "".join(told) + html.heading("To cite") + html.bullets(methods.references(list(jobs)))


def _commands(job: JobContents) -> str:
    return "".join(_command(run) for run in job.story.runs if run.again or run.command)


def _command(run: Run) -> str:
    text = "\n".join(
        part for part in (run.again, f"# worker: {run.command}" if run.again else run.command) if part
    )
    return html.heading(f"Run {run.number}: {run.title}") + html.block(text)


def _versions(job: JobContents) -> str:
    runs = [run for run in job.story.runs if run.versions]
    names = list(dict.fromkeys(name for run in runs for name in run.versions))
    rows = [[name, *(run.versions.get(name, "–") for run in runs)] for name in names]
    found = html.table(["Software", *(f"Run {run.number}" for run in runs)], rows)
    return html.heading("Versions") + found if found else ""


def _log(job: JobContents) -> str:
    if job.process.status in ("Failed", "Aborted"):
        return ""  # stands in the summary
    return html.block("\n".join(job.story.tail)) if job.process.status == "Running" or not job.ours else ""


def _ancestor(job: JobContents) -> str:
    label = f"{job.title}, {job.name}" + (f" ({job.process.short_alias})" if job.process.short_alias else "")
    body = html.paragraph(words.summary(job)) + _key_figures(job) + _runs(job) + parameters(job)
    return html.folded(label, body)
