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
    assert remark == "No GPU here: computed on the processor (GPU 0 was asked for)."


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


@pytest.mark.parametrize("gpus", [0, 2])
@pytest.mark.parametrize("wish", ["x", "0,x", "gpu"])
def test_that_what_is_no_number_of_a_gpu_is_refused_in_a_sentence_that_says_what_is_there(
    monkeypatch: pytest.MonkeyPatch, wish: str, gpus: int
) -> None:
    machine(monkeypatch, gpus=gpus, usable=bool(gpus))
    there = "GPU 0 to 1 exist on this computer" if gpus else "this computer has no GPU"
    with pytest.raises(UserError, match=rf"'{wish}' is not the number of a GPU \({there}\)"):
        compute.choose_device(wish)


def test_that_no_gpu_is_hidden_by_a_number_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    machine(monkeypatch, gpus=2, usable=True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with pytest.raises(UserError, match=r"GPU 99 does not exist \(GPU 0 to 1 exist on this computer\)"):
        compute.choose_device("0,99")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("wish", ["cuda:1", "gpu1", "GPU 1", "1"])
def test_that_gpus_may_be_named_as_other_programs_name_them(wish: str) -> None:
    assert compute.gpu_numbers(wish) == ["1"]
    assert compute.gpu_numbers(f"{wish},0") == ["1", "0"]


def test_that_one_seed_starts_all_generators() -> None:
    compute.set_seed(11)
    first = torch.rand(3)
    compute.set_seed(11)
    assert torch.equal(torch.rand(3), first)
