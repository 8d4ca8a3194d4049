"""Which device a process computes on, and what it says when the wish cannot be granted."""

from __future__ import annotations

import pytest
import torch

from jobs.core import compute
from jobs.core.errors import UserError


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, usable: bool) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(compute, "count_gpus", lambda: gpus)


@pytest.mark.parametrize("wish", ["", "cpu", "CPU "])
def test_that_no_gpu_is_used_when_none_is_wanted(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    machine(monkeypatch, gpus=2, usable=True)
    assert compute.choose_device(wish) == ("cpu", "")


def test_that_the_one_visible_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus=4, usable=True)
    assert compute.choose_device("3") == ("cuda:0", "")


def test_that_a_computer_without_gpus_uses_its_processor_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus=0, usable=False)
    device, remark = compute.choose_device("0")
    assert device == "cpu"
    assert remark == "No GPU was found on this computer; the processor is used instead of GPU 0."


@pytest.mark.parametrize(("gpus", "words"), [(1, "only GPU 0 exists"), (2, "GPU 0 to 1 exist")])
def test_that_a_gpu_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, gpus: int, words: str
) -> None:
    machine(monkeypatch, gpus=gpus, usable=False)
    with pytest.raises(UserError, match=f"GPU 7 cannot be used.*{words}.*or cpu"):
        compute.choose_device("7")


def test_that_a_process_started_by_hand_makes_its_gpu_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    machine(monkeypatch, gpus=4, usable=True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    # Registered, so that the variable set by the code under test is taken back.
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", "later")
    del os.environ["CUDA_VISIBLE_DEVICES"]
    compute.choose_device("2")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"


def test_that_one_seed_starts_all_generators() -> None:
    compute.set_seed(11)
    first = torch.rand(3)
    compute.set_seed(11)
    assert torch.equal(torch.rand(3), first)
