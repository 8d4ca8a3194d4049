"""Checkpoints: plain tensors, numbers and texts in one file, written whole or not at all."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.core.errors import FormatError, UserError


def _plain(value: Any, where: str) -> Any:
    """Return a value that loads without running code; TypeError names what cannot be stored."""
    if isinstance(value, Enum):
        return _plain(value.value, where)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            return torch.from_numpy(np.ascontiguousarray(value))
        return _plain(value.tolist(), where)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        pairs = ((_plain(key, where), _plain(item, f"{where}.{key}")) for key, item in value.items())
        return OrderedDict(pairs) if isinstance(value, OrderedDict) else dict(pairs)
    if isinstance(value, list | tuple | set | frozenset):
        items = (_plain(item, f"{where}[{index}]") for index, item in enumerate(value))
        return tuple(items) if isinstance(value, tuple) else list(items)
    raise TypeError(f"checkpoint entry {where} is a {type(value).__name__}, which is not stored")


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint under a temporary name and rename it.

    Parameters
    ----------
    path
        The file (``.pth``); its folder is made when missing.
    state
        Names to tensors, numbers, texts, and lists, tuples or dictionaries of them. Numpy arrays of
        numbers become tensors, numpy scalars plain numbers, paths text, sets lists.

    Raises
    ------
    TypeError
        When something else is in the state.
    UserError
        When it cannot be written (disk full, folder not writable); an older checkpoint stays.
    """
    target = Path(path)
    content = {str(name): _plain(value, str(name)) for name, value in state.items()}
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except (OSError, RuntimeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise UserError(
            f"the checkpoint could not be written ({reason})",
            path=target,
            hint="Make room on the disk or check its permissions, then resume the job",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | Path, *, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint without running any code that it may hold.

    Parameters
    ----------
    path
        The file.
    device
        Where its tensors go.

    Returns
    -------
    dict
        The state given to :func:`save_checkpoint`, in its plain form.

    Raises
    ------
    UserError
        When the file does not exist.
    FormatError
        When it is damaged, or holds Python objects as those of the original programs do.
    """
    source = Path(path)
    if source.is_file() and not zipfile.is_zipfile(source):
        # torch would read it as its old format, and fail on a text file in ways of its own.
        raise _damaged(source)
    try:
        state = torch.load(source, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise UserError("the checkpoint does not exist", path=source, hint="Choose another one") from None
    except pickle.UnpicklingError as error:
        if zipfile.is_zipfile(source):
            raise FormatError(
                "the checkpoint holds Python objects of another program and is not loaded, because that "
                "would run its code",
                path=source,
                hint="Train the model here; heteroscope dynamight inspect-checkpoint tells what a "
                "checkpoint of the original DynaMight holds",
            ) from error
        raise _damaged(source) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _damaged(source) from error
    if not isinstance(state, dict):
        raise FormatError(f"the checkpoint holds a {type(state).__name__}, not named values", path=source)
    return dict(state)


def _damaged(path: Path) -> FormatError:
    return FormatError(
        "the checkpoint is damaged or cut off",
        path=path,
        hint="Choose an earlier checkpoint of the job, or start it again",
    )
