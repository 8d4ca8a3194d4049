"""Configuration files of the original (``processors: - name: dynamo, args: …``), read and written.

The same file gives the same job as the form: names of arguments are names of options, those of rounds are
``<name>_r1`` … ``<name>_r8``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from jobs.core.declaration import RUNNING_TAB, JobOptions, Kind, OptionSpec, specs
from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.round_parameters import BY_NAME
from jobs.dynamo_processor.rounds import MOST_ROUNDS, options_from_named, rounds_of, split_name
from jobs.formats.files import read_whole, replacing

#: Options that say how this program works, not what the project is.
_OURS: Final = {
    "fn_config",
    "config_entry",
    "nr_rounds",
    "do_way_back",
    "fn_refined",
    "back_to",
    "only_averaged",
}
_RUNNING: Final = {"num_workers", "mwa", "cores", "dst", "gpus"}
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Config:
    """A configuration file.

    Attributes
    ----------
    path
        The file.
    root, name
        Of the whole file; empty when it does not say.
    entries
        Arguments of every ``dynamo`` entry, in order.
    passed_over
        Names of the processors that are not handled here, in order.
    """

    path: Path
    root: str
    name: str
    entries: tuple[dict[str, Any], ...]
    passed_over: tuple[str, ...]


def read_config(path: str | Path) -> Config:
    """Read a configuration file; nothing in it is run, and tags that would make objects are refused.

    Raises
    ------
    FormatError
        When it is no YAML, holds no processors, or no ``dynamo`` among them.
    """
    path = Path(path)
    raw = read_whole(path, _MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise FormatError("the file is too large for a configuration", path=path)
    try:
        found = yaml.safe_load(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FormatError("this is not a text file", path=path) from None
    except yaml.constructor.ConstructorError as error:
        row = error.problem_mark.line + 1 if error.problem_mark else None
        hint = "Write plain values; tags such as !!python/object are not followed"
        raise FormatError(f"a value has a tag: {error.problem}", path=path, row=row, hint=hint) from None
    except yaml.MarkedYAMLError as error:
        row = error.problem_mark.line + 1 if error.problem_mark else None
        raise FormatError(f"this is no YAML: {error.problem}", path=path, row=row) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"this is no YAML: {str(error).splitlines()[0]}", path=path) from None
    if not isinstance(found, dict) or not isinstance(found.get("processors"), list):
        hint = "Write processors: [{name: dynamo, args: {...}}]"
        raise FormatError("the file has no list of processors", path=path, hint=hint)
    entries: list[dict[str, Any]] = []
    others: list[str] = []
    for number, entry in enumerate(found["processors"], 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise FormatError(f"processor {number} has no name", path=path)
        if entry["name"].strip().lower() != "dynamo":
            others.append(entry["name"])
            continue
        arguments = entry.get("args") or {}
        if not isinstance(arguments, dict):
            raise FormatError(f"the args of processor {number} are no names with values", path=path)
        entries.append({str(key): value for key, value in arguments.items()})
    if not entries:
        listed = f" (it has {', '.join(others)})" if others else ""
        raise FormatError(f"the file has no processor called dynamo{listed}", path=path)
    root, name = (str(found.get(key) or "") for key in ("root", "name"))
    return Config(path, root, name, tuple(entries), tuple(others))


def options_of(
    config: Config, entry: int = 1, base: DynamoOptions | None = None
) -> tuple[DynamoOptions, list[str]]:
    """Return the options that an entry of a file asks for.

    Parameters
    ----------
    config
        The file.
    entry
        Which of its ``dynamo`` entries, from 1.
    base
        Values of what the file leaves open; None for those of a new job.

    Returns
    -------
    options, warnings
        The options, and a sentence for every name that is not known, with the nearest one that is.

    Raises
    ------
    FormatError
        When there is no such entry, or a value cannot be used.
    """
    if not 1 <= entry <= len(config.entries):
        count = len(config.entries)
        raise FormatError(
            f"the file has {count} dynamo entries, there is no number {entry}", path=config.path
        )
    given = dict(config.entries[entry - 1])
    for key, value in (("root", config.root), ("name", config.name)):
        if value:
            given.setdefault(key, value)
    declared = {d.name: d for d in specs(DynamoOptions)}
    fields: dict[str, Any] = {}
    named: dict[str, Any] = {}
    warnings: list[str] = []
    try:
        for key, value in given.items():
            if split_name(key):
                named[key] = value
            elif key in BY_NAME:
                several = (
                    value if isinstance(value, (list, tuple)) and BY_NAME[key].kind != "shift" else [value]
                )
                named |= {f"{key}_r{number}": v for number, v in enumerate(several[:MOST_ROUNDS], 1)}
            elif key in declared:
                fields[key] = _plain(declared[key], value)
            else:
                warnings.append(unknown_name(key))
        fields |= options_from_named(named)
        values = {**(base.model_dump() if base is not None else {}), **fields}
        return DynamoOptions(**values), warnings
    except UserError as error:
        raise FormatError(error.message, path=config.path, hint=error.hint) from None
    except ValueError as error:
        raise FormatError(_first_fault(error), path=config.path) from None


def unknown_name(key: str) -> str:
    """Return the sentence for a name that is not known, with the nearest one that is."""
    known = {d.name for d in specs(DynamoOptions)} | {
        f"{n}_r{k}" for n in BY_NAME for k in range(1, MOST_ROUNDS + 1)
    }
    near = difflib.get_close_matches(key.lower(), sorted(known), n=1, cutoff=0.6)
    return f"'{key}' is not known and has no effect." + (f" Did you mean '{near[0]}'?" if near else "")


def _plain(declared: OptionSpec, value: Any) -> Any:
    """Return a value of YAML as the option wants it: ``1e-3`` and quoted numbers are text there."""
    if value is None:
        return declared.default if not declared.optional else None
    if declared.kind is Kind.YESNO:
        text = str(value).strip().lower()
        if text in ("true", "yes", "on", "1", "1.0"):
            return True
        if text in ("false", "no", "off", "0", "0.0", ""):
            return False
        raise UserError(f"{declared.name}: '{value}' was found, true or false was expected")
    if declared.kind in (Kind.INTEGER, Kind.NUMBER):
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        whole = declared.kind is Kind.INTEGER
        if not math.isfinite(number) or (whole and not number.is_integer()):
            what = "a whole number" if whole else "a number"
            raise UserError(f"{declared.name}: '{value}' was found, {what} was expected")
        return int(number) if whole else number
    if isinstance(value, (list, tuple)):
        return " ".join(str(word) for word in value)
    if isinstance(value, (dict, bool)):
        raise UserError(f"{declared.name}: '{value}' was found, text was expected")
    return str(value)


def _first_fault(error: ValueError) -> str:
    faults = getattr(error, "errors", None)
    if faults is None:
        return str(error)
    first = faults()[0]
    where = ".".join(str(part) for part in first.get("loc", ()))
    return f"{where}: {first['msg']}, '{first.get('input')}' was found" if where else str(first["msg"])


def arguments_of(options: JobOptions, base: Path | None = None) -> dict[str, Any]:
    """Return the ``args`` of a job: what the original knows, and what is not at its default of the rest.

    Parameters
    ----------
    options
        Options of the job.
    base
        Folder to which paths are relative; with it they are written in full.
    """
    written: dict[str, Any] = {}
    always = {"box_size", "num_workers", "project_name", "source_type", "real_data_mode"} | _RUNNING
    for declared in specs(type(options)):
        name, value = declared.name, getattr(options, declared.name)
        is_round = split_name(name) is not None or name.endswith("_later")
        if name in _OURS or is_round or (declared.tab == RUNNING_TAB and name not in _RUNNING):
            continue
        if base is not None and value and (declared.is_path or name == "dynamo_dir"):
            value = str((base / str(value)).absolute())
        if name == "gpus":
            value = _numbers(str(value))
        if name in always or value != declared.default:
            written[name] = value
    for name, value in rounds_of(options).named().items():
        written[name] = [_short(v) for v in value] if isinstance(value, tuple) else value
    return {name: value for name, value in written.items() if value not in (None, "", [])}


def _short(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _numbers(text: str) -> Any:
    numbers = [int(word) for word in text.replace(",", " ").replace(";", " ").strip("[] ").split()]
    return numbers[0] if len(numbers) == 1 else numbers


def write_config(path: str | Path, options: JobOptions, base: Path | None = None) -> None:
    """Write the file that gives the same job; parameters as :func:`arguments_of`.

    Raises
    ------
    UserError
        When it cannot be written, or a value of a round cannot be used.
    """
    arguments = arguments_of(options, base)
    content: Mapping[str, Any] = {
        **{key: arguments.pop(key) for key in ("root", "name") if key in arguments},
        "processors": [{"name": "dynamo", "args": arguments}],
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    with replacing(path) as file:
        file.write(text.encode())
