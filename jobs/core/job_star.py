"""``job.star``: the settings of a job as RELION reads and writes them, of every RELION version."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jobs.core import external
from jobs.core.declaration import JobType, from_values, to_values
from jobs.core.errors import FormatError, Problem
from jobs.core.options import JobOptions
from jobs.core.relion_star import Table, read_star, write_star

_VERSION = 50001

#: Type numbers of RELION 3 and the labels that took their place.
TYPE_LABELS = {
    0: "relion.import",
    1: "relion.motioncorr",
    2: "relion.ctffind",
    3: "relion.manualpick",
    4: "relion.autopick",
    5: "relion.extract",
    7: "relion.select",
    8: "relion.class2d",
    9: "relion.class3d",
    10: "relion.refine3d",
    12: "relion.maskcreate",
    13: "relion.joinstar",
    14: "relion.subtract",
    15: "relion.postprocess",
    16: "relion.localres",
    18: "relion.initialmodel",
    19: "relion.multibody",
    20: "relion.polish",
    21: "relion.ctfrefine",
    22: "dynamight",
    23: "modelangelo",
    50: "relion.importtomo",
    51: "relion.pseudosubtomo",
    52: "relion.ctfrefinetomo",
    53: "relion.framealigntomo",
    54: "relion.reconstructparticletomo",
    55: "relion.aligntiltseries",
    56: "relion.reconstructtomograms",
    57: "relion.excludetilts",
    58: "relion.denoisetomo",
    59: "relion.picktomo",
    99: "relion.external",
}


@dataclass(frozen=True)
class JobStar:
    """Settings of a job.

    Attributes
    ----------
    label
        RELION type label, with sub-labels if there are any.
    is_continue, is_tomo
        Whether it was a continuation, and a tomography job.
    values
        Option name to text (RELION 3.0 files: GUI label to text).
    """

    label: str
    is_continue: bool = False
    is_tomo: bool = False
    values: dict[str, str] = field(default_factory=dict)


def read_job_star(path: str | Path) -> JobStar:
    """Read the settings of a job.

    Parameters
    ----------
    path
        A ``job.star`` (RELION 3.1 and later) or ``run.job`` (3.0) file, or the job's directory.

    Raises
    ------
    FormatError
        When the file is missing or does not hold a job.
    """
    place = Path(path)
    if place.is_dir():
        place = place / "job.star" if (place / "job.star").exists() else place / "run.job"
    if not place.is_file():
        raise FormatError("the settings of the job do not exist", path=place)
    if place.name.endswith(".job"):
        return _read_run_job(place)
    tables = {table.name: table for table in read_star(place)}
    general = _first_row(tables.get("job"))
    label = general.get("rlnJobTypeLabel", "")
    if not label and "rlnJobType" in general:
        label = _label_of_number(general["rlnJobType"], place)
    if not label:
        raise FormatError(
            "there is no rlnJobTypeLabel in a table data_job, so this is not the settings file of a job",
            path=place,
        )
    return JobStar(
        label=label,
        is_continue=_truth(general.get("rlnJobIsContinue", "0")),
        is_tomo=_truth(general.get("rlnJobIsTomo", "0")),
        values=_option_rows(tables.get("joboptions_values"), place),
    )


def write_job_star(path: str | Path, job_star: JobStar) -> None:
    """Write the settings of a job as RELION 5 does: one row per option, sorted by name."""
    general = Table(
        "job",
        ["rlnJobTypeLabel", "rlnJobIsContinue", "rlnJobIsTomo"],
        [[job_star.label, str(int(job_star.is_continue)), str(int(job_star.is_tomo))]],
        False,
        _VERSION,
    )
    rows = [[name, value] for name, value in sorted(job_star.values.items())]
    options = Table("joboptions_values", ["rlnJobOptionVariable", "rlnJobOptionValue"], rows, True, _VERSION)
    write_star(Path(path), [general, options])


def job_star_for(job_type: JobType, options: JobOptions, *, is_continue: bool = False) -> JobStar:
    """Return what goes into ``job.star``, so that RELION can open the job and run it.

    Types that RELION has keep their options; types of our own become External jobs whose executable
    is our worker.
    """
    if job_type.label.startswith("relion.external"):
        values = external.to_external(job_type, options)
    else:
        values = {**dict(job_type.constants), **to_values(options)}
    return JobStar(job_type.label, is_continue=is_continue, values=values)


def options_from_job_star(job_type: JobType, job_star: JobStar) -> tuple[JobOptions, list[Problem]]:
    """Return the options that a ``job.star`` holds, tolerantly, and what could not be used.

    Options RELION does not know keep their defaults; the exact ones are in ``options.NNN.json``.
    """
    fixed = dict(job_type.constants)
    values = {name: text for name, text in job_star.values.items() if name not in fixed}
    if job_type.label.startswith("relion.external"):
        values = external.from_external(job_type, values)
    return from_values(job_type.options, values)


def _truth(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes")


def _first_row(table: Table | None) -> dict[str, str]:
    return dict(zip(table.columns, table.rows[0], strict=False)) if table is not None and table.rows else {}


def _option_rows(table: Table | None, path: Path) -> dict[str, str]:
    if table is None:
        return {}
    try:
        name = table.columns.index("rlnJobOptionVariable")
        value = table.columns.index("rlnJobOptionValue")
    except ValueError:
        raise FormatError(
            f"table joboptions_values has the columns {', '.join(table.columns)}, rlnJobOptionVariable and "
            "rlnJobOptionValue were expected",
            path=path,
        ) from None
    return {row[name]: row[value] for row in table.rows}


def _label_of_number(text: str, path: Path) -> str:
    try:
        return TYPE_LABELS[int(text)]
    except (ValueError, KeyError):
        raise FormatError(f"job type number '{text}' is not known", path=path) from None


def _read_run_job(path: Path) -> JobStar:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [
        (name.strip(), value.strip())
        for name, found, value in (line.partition("==") for line in lines)
        if found
    ]
    head = lines[0].rpartition("==")[2].strip() if lines else ""
    if not head:
        raise FormatError("the first line does not name a job type", path=path, row=1)
    values = dict(pairs)
    values.pop("job_type", None)
    return JobStar(
        label=_label_of_number(head, path) if head.isdecimal() else head,
        is_continue=_truth(values.pop("is_continue", "false")),
        values=values,
    )
