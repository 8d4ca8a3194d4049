"""Which rows of a form can be changed, which are left out, and why."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.core.declaration import JobOptions, JobType, OptionSpec
from widgets.form_page import FormPage
from widgets.form_row import FormRow
from widgets.series_field import SeriesEditor


def update_rows(
    job_type: JobType, rows: Mapping[str, FormRow], options: JobOptions, *, is_continue: bool
) -> None:
    """Show, hide, grey or open every row, as the other values want it."""
    for row in rows.values():
        row.set_shown(job_type.is_shown(row.spec, options))
        enabled = job_type.is_enabled(row.spec, options, is_continue)
        row.set_enabled(enabled, "" if enabled else _why_grey(rows, row.spec, is_continue))
        if not enabled:
            row.set_problem(None)
        if isinstance(row.editor, SeriesEditor):
            first = rows.get(row.spec.follows)
            rounds = getattr(options, row.spec.series)
            row.editor.set_series(int(rounds or 0), first.editor.text() if first is not None else "")


def notice_for(page: FormPage, is_continue: bool) -> str:
    """Return why a whole page is grey; where only a part of it is, the tips of the fields tell."""
    if not page.rows or any(row.enabled for row in page.rows):
        return ""
    when = {row.spec.enabled for row in page.rows}
    if "continue" in when and not is_continue:
        return "These become available once the job has results: Continue!"
    if "new" in when and is_continue:
        return "These were fixed when the job was started."
    return ""


def _why_grey(rows: Mapping[str, FormRow], spec: OptionSpec, is_continue: bool) -> str:
    if spec.enabled == "new" and is_continue:
        return "Fixed when the job was started"
    if spec.enabled == "continue" and not is_continue:
        return "Available when a job is continued"
    switch = rows.get(spec.when)
    return f"Used when “{switch.spec.label.rstrip(':')}” is Yes" if switch is not None else ""
