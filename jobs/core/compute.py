"""Threads, device and random seeds of a process that computes; decided before torch is loaded."""

from __future__ import annotations

import os
import random

from jobs.core.errors import UserError
from jobs.core.options import gpu_words

#: Part of the memory of a GPU that must be free, lest a training on it is disturbed.
_FREE_SHARE = 0.5
_ANY = ("auto", "any")
_ONLY_ONE = "only GPU 0 exists on this computer"


def set_threads(count: int) -> None:
    """Limit the numerical libraries to this many threads; called before any of them is loaded."""
    # Read by the numerical libraries when they are loaded, which has not happened yet.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = str(max(1, count))
    # Threads that wait by spinning for long take the processor from each other when anything else runs:
    # beside other busy programs a training was twenty times slower. Not spinning at all halves the speed on
    # an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    os.environ.setdefault("KMP_BLOCKTIME", "1")


def gpu_numbers(gpu_id: str) -> list[str]:
    """Return the numbers that an option names, written as ``0,1``, ``cuda:0``, ``gpu0 gpu1`` or ``GPU 0``.

    Returns
    -------
    list of str
        The numbers, ``["auto"]`` where any GPU will do, nothing for the processor.

    Raises
    ------
    UserError
        When something else stands there; the sentence names the GPUs there are.
    """
    if gpu_id.strip().lower() in ("", "cpu", "none", "-1"):
        return []
    words = [word.lower() for word in gpu_words(gpu_id)]
    if len(words) == 1 and words[0] in _ANY:
        return ["auto"]
    numbers = [word.removeprefix("gpu") for word in words if word not in ("cuda", "gpu", "gpus")]
    if not numbers or not all(number.isdecimal() for number in numbers):
        raise UserError(
            f"'{gpu_id.strip()}' is not the number of a GPU ({gpus_there()})",
            column="gpu_id",
            hint="Give a number such as 0, or cpu for the processor",
        )
    return numbers


def gpus_there() -> str:
    """Return in words which GPUs this computer has."""
    present = count_gpus()
    if not present:
        return "this computer has no GPU"
    return f"GPU 0 to {present - 1} exist on this computer" if present > 1 else _ONLY_ONE


def choose_device(gpu_id: str) -> tuple[str, str]:
    """Return the device, and a remark when it is not the one asked for.

    The launcher has made the chosen GPU the only visible one, so it is ``cuda:0`` here; without a
    launcher the choice is made here, before torch is loaded.

    Parameters
    ----------
    gpu_id
        Number of a GPU; empty or ``cpu`` = none, ``auto`` = any. Of several numbers the first counts.

    Returns
    -------
    device, remark
        ``cuda:0`` or ``cpu``; the remark is empty when the wish was granted.

    Raises
    ------
    UserError
        When it names no GPU, or this computer has GPUs but not this one.
    """
    numbers = gpu_numbers(gpu_id)
    # "auto" (any free GPU) was decided by the launcher, which hides all where the processor is to be used
    wanted = "" if numbers == ["auto"] and not torch_may_see_gpus() else next(iter(numbers), "")
    if "CUDA_VISIBLE_DEVICES" not in os.environ and wanted.isdecimal():
        _refuse_absent(numbers)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(numbers)
    import torch

    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if not wanted:
        return "cpu", ""
    if torch.cuda.is_available():
        return "cuda:0", ""
    if count_gpus():
        raise UserError(
            f"GPU {wanted} cannot be used ({gpus_there()})",
            column="gpu_id",
            hint="Choose another one, or cpu to use the processor",
        )
    asked = f"GPU {', '.join(numbers)} was" if len(numbers) == 1 else f"GPUs {', '.join(numbers)} were"
    return "cpu", f"No GPU here: computed on the processor ({asked} asked for)."


def _refuse_absent(numbers: list[str]) -> None:
    present = count_gpus()
    for number in numbers:
        if present and int(number) >= present:
            raise UserError(
                f"GPU {number} does not exist ({gpus_there()})",
                column="gpu_id",
                hint="Choose another one, or cpu to use the processor",
            )


def torch_may_see_gpus() -> bool:
    """Tell whether any GPU is left to this process by who started it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1") and count_gpus() > 0


def count_gpus() -> int:
    """Return how many NVIDIA GPUs the driver knows, whatever is visible to this process."""
    try:
        import pynvml

        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except Exception:  # no driver, no library, or one too old to ask: each means that none can be named
        return 0


def set_seed(seed: int, uses_torch: bool = True) -> None:
    """Start all global random numbers from one seed."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - other libraries draw from numpy's global state
    if uses_torch:
        import torch

        torch.manual_seed(seed)


def free_device() -> str:
    """Return ``cuda`` when there is a GPU that nothing else fills, else ``cpu``."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    free, total = torch.cuda.mem_get_info()
    return "cuda" if free >= _FREE_SHARE * total else "cpu"
