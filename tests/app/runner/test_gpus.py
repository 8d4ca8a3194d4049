"""Listing GPUs with a stand-in for the driver's library, and choosing one."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

import pytest

from app.runner.gpus import Gpu, choose_gpu, list_gpus
from jobs.core.errors import UserError

MIB = 1024**2


class NvmlError(Exception):
    """What the driver's library raises."""


def fake_nvml(count: int = 2, *, no_driver: bool = False, silent: bool = False) -> types.ModuleType:
    """Return a stand-in for pynvml with `count` cards; a silent one tells memory only."""
    module = types.ModuleType("pynvml")

    def init() -> None:
        if no_driver:
            raise NvmlError("Driver Not Loaded")

    def refuse(*_: object) -> None:
        raise NvmlError("Not Supported")

    def answer(function: Callable[..., object]) -> Callable[..., object]:
        return refuse if silent else function

    memory = types.SimpleNamespace(total=24576 * MIB, used=1024 * MIB)
    process = types.SimpleNamespace(pid=1, usedGpuMemory=512 * MIB)
    nameless = types.SimpleNamespace(pid=2**22 + 1, usedGpuMemory=None)
    contents = {
        "NVMLError": NvmlError,
        "nvmlInit": init,
        "nvmlDeviceGetCount": lambda: count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda handle: memory,
        "nvmlDeviceGetUUID": answer(lambda handle: f"GPU-{handle:04d}-aaaa"),
        "nvmlDeviceGetName": answer(lambda handle: b"NVIDIA Test 4000"),
        "nvmlDeviceGetUtilizationRates": answer(lambda handle: types.SimpleNamespace(gpu=37, memory=5)),
        "nvmlDeviceGetComputeRunningProcesses": answer(
            lambda handle: [process, nameless] if handle == 0 else []
        ),
    }
    for name, content in contents.items():
        setattr(module, name, content)
    return module


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a stand-in in the place of pynvml."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def install(**details: object) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(**details))  # type: ignore[arg-type]

    return install


def test_that_gpus_are_listed_with_name_memory_load_and_processes(nvml: Callable[..., None]) -> None:
    nvml()
    first, second = list_gpus()
    assert (first.index, first.name, first.uuid) == (0, "NVIDIA Test 4000", "GPU-0000-aaaa")
    assert (first.memory_total_mb, first.memory_used_mb, first.load_percent) == (24576.0, 1024.0, 37.0)
    assert [(p.pid, p.memory_mb) for p in first.processes] == [(1, 512.0), (2**22 + 1, None)]
    assert first.processes[0].name
    assert (second.index, second.processes) == (1, ())


def test_that_without_a_driver_the_list_is_empty(nvml: Callable[..., None]) -> None:
    nvml(no_driver=True)
    assert list_gpus() == []


def test_that_without_the_library_the_list_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert list_gpus() == []


def test_that_a_driver_that_tells_little_still_gives_a_list(nvml: Callable[..., None]) -> None:
    nvml(count=1, silent=True)
    (only,) = list_gpus()
    assert (only.name, only.load_percent, only.processes, only.memory_total_mb) == ("GPU", None, (), 24576.0)


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("1", ["GPU-0001-aaaa"]),
        ("2,0", ["GPU-0002-aaaa", "GPU-0000-aaaa"]),
        ("GPU-0001", ["GPU-0001-aaaa"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["GPU-0000-aaaa"]),
    ],
)
def test_that_gpus_hidden_by_the_cluster_are_not_offered(
    nvml: Callable[..., None], monkeypatch: pytest.MonkeyPatch, visible: str, uuids: list[str]
) -> None:
    nvml(count=3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = list_gpus()
    assert [gpu.uuid for gpu in found] == uuids
    assert [gpu.index for gpu in found] == list(range(len(uuids)))


CARDS = [Gpu(0, "Card A", "GPU-a", 8192, 2048, 5.0), Gpu(1, "Card B", "GPU-b", 8192, 0, 0.0)]


def test_that_the_chosen_gpu_is_made_visible_by_its_lasting_id() -> None:
    choice = choose_gpu("1", gpus=CARDS)
    assert (choice.index, choice.visible, choice.text) == (1, "GPU-b", "1")


@pytest.mark.parametrize("wanted", ["", "cpu", " CPU ", "none", "-1"])
def test_that_no_gpu_is_visible_to_a_job_on_the_cpu(wanted: str) -> None:
    assert choose_gpu(wanted, gpus=CARDS).visible == ""
    assert choose_gpu(wanted, gpus=CARDS).index is None


def test_that_a_gpu_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UserError) as refused:
        choose_gpu("5", gpus=CARDS)
    text = str(refused.value)
    assert "GPU 5 does not exist" in text
    assert "Card A, 6.0 of 8.0 GiB free" in text
    assert "Card B" in text


def test_that_the_untouched_field_means_the_cpu_where_there_is_no_gpu() -> None:
    choice = choose_gpu("0", gpus=[])
    assert (choice.index, choice.visible) == (None, "")
    assert choice.note == "No GPU was found on this machine; the job uses the CPU."


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [("99", "GPU 99 was"), ("0,1", "GPUs 0, 1 were"), ("1:0 7", "GPUs 1, 0, 7 were"), ("gpu3", "GPU 3 was")],
)
def test_that_any_number_means_the_cpu_where_there_is_no_gpu(wanted: str, asked: str) -> None:
    choice = choose_gpu(wanted, gpus=[])
    assert (choice.index, choice.visible, choice.text) == (None, "", "")
    assert choice.note == f"No GPU was found on this machine; the job uses the CPU ({asked} asked for)."
    assert choose_gpu(wanted, gpus=[], several=False).index is None


@pytest.mark.parametrize("wanted", ["fast", "0,x", "1.5", "0,-2", "cuda"])
def test_that_what_is_no_number_is_refused_without_a_gpu_as_well(wanted: str) -> None:
    with pytest.raises(UserError, match="not the number of a GPU"):
        choose_gpu(wanted, gpus=[])


@pytest.mark.parametrize("wanted", ["0,1", "0:1", "0 1"])
def test_that_several_gpus_are_made_visible_in_their_order(wanted: str) -> None:
    choice = choose_gpu(wanted, gpus=CARDS)
    assert (choice.index, choice.visible, choice.text, choice.note) == (0, "GPU-a,GPU-b", "0,1", "")
    assert choose_gpu("1,0", gpus=CARDS).visible == "GPU-b,GPU-a"


def test_that_a_task_for_one_gpu_gets_the_first_and_says_so() -> None:
    choice = choose_gpu("1,0", gpus=CARDS, several=False)
    assert (choice.visible, choice.text) == ("GPU-b", "1")
    assert "One GPU of 1,0 is used" in choice.note


@pytest.mark.parametrize(("wanted", "why"), [("0,7", "GPU 7 does not exist"), ("1,1", "names a GPU twice")])
def test_that_gpus_that_cannot_be_used_together_are_refused(wanted: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        choose_gpu(wanted, gpus=CARDS)


def test_that_a_word_that_is_no_number_is_refused() -> None:
    with pytest.raises(UserError, match="not the number of a GPU"):
        choose_gpu("fast", gpus=CARDS)
