"""The script for MATLAB or the dynamo program: crop, first averages, alignment projects with all parameters.

Only Dynamo's commands and plain assignments are written, which the stand-alone program understands as well.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jobs.dynamo_processor.round_parameters import ROUND_PARAMETERS
from jobs.dynamo_processor.rounds import Rounds
from resources import template

#: Stem of the tables that the script makes, and of the first averages.
_TABLE, _AVERAGE = "input_azrand", "init_avg_azrand"
_PLAIN_TABLE, _PLAIN_AVERAGE = "input_used", "init_avg"
#: Destinations for which unfolding makes a program instead of a MATLAB script.
_PROGRAMS: Final = ("standalone", "system")
#: What is there is inverted: names have as many digits as this Dynamo writes, and particles may be left out.
_INVERT: Final = (
    "%% Contrast: every particle is multiplied by -1",
    "particle_files = dir([particles_dir '/particle_*.em']);",
    "for k = 1:numel(particle_files)",
    "    particle_file = [particles_dir '/' particle_files(k).name];",
    "    dwrite(-dread(particle_file), particle_file);",
    "end",
)


@dataclass(frozen=True)
class ScriptSettings:
    """What the script is to do.

    Attributes
    ----------
    project_dir
        Folder of the Dynamo project; absolute.
    project_name
        Name of the alignment project; with two halves ``odd_`` and ``even_`` are put before it.
    box_size, num_workers
        As Dynamo's ``dtcrop`` takes them.
    rounds
        Parameters of all rounds.
    common
        Parameters without a round, by Dynamo's names; those that are None or empty are left out.
    halves
        ``both``, ``odd`` or ``together``.
    crop
        True: the script cuts out the particles; False: they are there already.
    invert
        Whether the script, after it has cut out the particles, multiplies them by -1.
    randomize_azimuth
        Whether narot is made random before the first averages.
    by_tag
        Halves are odd and even tags, told apart by the script itself (halves of the source were numbered so).
    run_alignment
        Whether the script goes on with the alignment.
    doc_file, table_file, particles_dir
        Names inside the project's folder.
    """

    project_dir: Path
    project_name: str
    box_size: int
    num_workers: int
    rounds: Rounds
    common: Mapping[str, Any] = field(default_factory=dict)
    halves: str = "both"
    crop: bool = True
    invert: bool = False
    randomize_azimuth: bool = True
    by_tag: bool = False
    run_alignment: bool = False
    doc_file: str = "tomograms_input.doc"
    table_file: str = "input.tbl"
    particles_dir: str = "particles"


def quoted(value: Any) -> str:
    """Return a value as MATLAB reads it: text in single quotes, logical values as 1 and 0, lists in brackets.

    Raises
    ------
    ValueError
        For text with a line break, which no MATLAB text can hold, and for what is no value.
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(quoted(entry) for entry in value) + "]"
    if isinstance(value, (str, Path)):
        text = str(value)
        if any(sign in text for sign in "\r\n\0"):
            raise ValueError(f"{text!r} has a line break, which MATLAB text cannot hold")
        return "'" + text.replace("'", "''") + "'"
    raise ValueError(f"{value!r} has no form in MATLAB")


def script_text(settings: ScriptSettings, *, now: datetime.datetime | None = None) -> str:
    """Return the whole script.

    Parameters
    ----------
    settings
        What it is to do.
    now
        Date in its head; the present one without it.

    Raises
    ------
    ValueError
        When a value has no form in MATLAB.
    """
    parts = {
        # a comment may hold anything but a line break
        "project": " ".join(settings.project_name.split()),
        "date": f"{now or datetime.datetime.now():%Y-%m-%d %H:%M}",
        "assignments": "\n".join(_assignments(settings)),
        "crop": _crop(settings),
        "azimuth": "\n".join(_azimuth(settings)),
        "averages": "\n".join(_average(settings, half) for half in _halves(settings)),
        "projects": "\n\n".join(_project(settings, half) for half in _halves(settings)),
        "run": "\n".join(f"    {_run(settings, half)}" for half in _halves(settings)),
    }
    return _filled("dynamo_process.m", parts)


def _filled(name: str, parts: Mapping[str, str]) -> str:
    """Fill a template; what is filled in is not looked at again."""
    pieces = template(name).read_text(encoding="utf-8").split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _halves(settings: ScriptSettings) -> tuple[str, ...]:
    return {"both": ("odd", "even"), "odd": ("odd",)}.get(settings.halves, ("all",))


def _named(settings: ScriptSettings, half: str) -> str:
    """Name of a half's project: that of the user where there is only one."""
    return f"{half}_{settings.project_name}" if settings.halves == "both" else settings.project_name


def _stems(settings: ScriptSettings) -> tuple[str, str]:
    return (_TABLE, _AVERAGE) if settings.randomize_azimuth else (_PLAIN_TABLE, _PLAIN_AVERAGE)


def _files(settings: ScriptSettings, half: str) -> dict[str, str]:
    table, average = _stems(settings)
    end = "" if half == "all" else f"_{half}"
    return {"table": f"{table}{end}.tbl", "average": f"{average}{end}.em"}


def _parameters(settings: ScriptSettings) -> list[tuple[str, Any]]:
    """Names and values for ``dvput``, in the order of the original; only what was set."""
    common = {
        name: value for name, value in settings.common.items() if value is not None and value not in ("", ())
    }
    ordered: list[tuple[str, Any]] = [
        (name, common[name]) for name in ("mask", "cores", "mwa") if name in common
    ]
    for number, values in enumerate(settings.rounds.values, 1):
        ordered += [(f"{p.name}_r{number}", values[p.name]) for p in ROUND_PARAMETERS]
    return ordered + [(name, value) for name, value in common.items() if name not in ("mask", "cores", "mwa")]


def _assignments(settings: ScriptSettings) -> list[str]:
    values: list[tuple[str, Any]] = [
        ("project_dir", settings.project_dir),
        ("doc_file", settings.doc_file),
        ("tbl_file", settings.table_file),
        ("particles_dir", settings.particles_dir),
        ("box_size", settings.box_size),
        ("num_workers", settings.num_workers),
        ("project_name", settings.project_name),
        *((f"project_{half}", _named(settings, half)) for half in _halves(settings)),
        ("run_alignment", settings.run_alignment),
        *_parameters(settings),
    ]
    return [f"{name} = {quoted(value)};" for name, value in values]


def _crop(settings: ScriptSettings) -> str:
    if not settings.crop:
        return "%% The particles were cut out already; this table holds those that exist."
    lines = ["dtcrop(doc_file, tbl_file, particles_dir, box_size, 'mw', num_workers);"]
    if settings.invert:
        lines += _INVERT
    return "\n".join(lines)


def _azimuth(settings: ScriptSettings) -> list[str]:
    table = f"{_stems(settings)[0]}.tbl"
    lines = ["crop_table = [particles_dir '/crop.tbl'];"]
    if settings.randomize_azimuth:
        lines.append("used_table = dynamo_table_randomize_azimuth(crop_table);")
    else:
        lines.append("used_table = dread(crop_table);")
    lines.append(f"dwrite(used_table, '{table}');")
    if settings.halves == "together":
        return lines
    if not settings.by_tag:
        return [*lines, f"dynamo_table_eo('{table}', 'disk', 1);"]
    # the halves of the source must stay what they are: they were given odd and even tags
    for half, rest in (("odd", 1), ("even", 0)):
        lines.append(f"{half}_table = used_table(mod(used_table(:, 1), 2) == {rest}, :);")
        lines.append(f"dwrite({half}_table, '{_files(settings, half)['table']}');")
    return lines


def _average(settings: ScriptSettings, half: str) -> str:
    return _filled("dynamo_average.m", {"half": half, **_files(settings, half)}).rstrip("\n")


def _project(settings: ScriptSettings, half: str) -> str:
    name = f"project_{half}"
    lines = [f"dvput({name}, 'd', '{key}', {key});" for key, _ in _parameters(settings)]
    parts = {"name": name, "parameters": "\n".join(lines), **_files(settings, half)}
    return _filled("dynamo_project.m", parts).rstrip("\n")


def _run(settings: ScriptSettings, half: str) -> str:
    if str(settings.common.get("dst", "")).startswith(_PROGRAMS):
        return f"system(['./' project_{half} '.exe']);"
    return f"run([project_{half} '.m']);"


def common_parameters(options: Any, mask: Path | None) -> dict[str, Any]:
    """Return the parameters without a round from the options of a job.

    Parameters
    ----------
    options
        Options of the job.
    mask
        The mask, absolute; None for Dynamo's own.
    """
    words: Sequence[str] = options.gpus.replace(",", " ").replace(";", " ").strip("[] ").split()
    gpus = [int(word) for word in words]
    return {
        "mask": str(mask) if mask is not None else None,
        "cores": options.cores,
        "mwa": options.mwa,
        "dst": options.dst.strip(),
        "gpus": (gpus[0] if len(gpus) == 1 else tuple(gpus)) if gpus else None,
    }
