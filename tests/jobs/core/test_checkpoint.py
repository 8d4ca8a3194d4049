"""Checkpoints hold plain values only, and are there whole or not at all."""

from __future__ import annotations

import errno
import os
import random
from collections import OrderedDict
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import FormatError, UserError


class Phase(Enum):
    TRAIN = "train"


def test_that_everything_a_training_needs_comes_back_without_running_code(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(network.parameters(), lr=np.float64(1e-3))
    network(torch.ones(3)).sum().backward()
    optimiser.step()
    generator = torch.Generator().manual_seed(4)
    state: dict[str, Any] = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state(),
        "python_generator": random.Random(5).getstate(),
        "epoch": np.int64(7),
        "loss": np.float32(0.5),
        "phase": Phase.TRAIN,
        "star": Path("a/b.star"),
        "half": np.array([1, 2, 0], np.int8),
        "names": np.array(["1@a", "2@b"]),
        "mixed": (1, None, {"x": [True, 2.5]}),
        "seen": {3},
    }
    path = tmp_path / "new" / "checkpoint_final.pth"
    save_checkpoint(path, state)
    loaded = load_checkpoint(path)
    again = torch.nn.Linear(3, 2)
    again.load_state_dict(loaded["network"])
    assert torch.equal(again.weight, network.weight)
    other = torch.optim.Adam(again.parameters())
    other.load_state_dict(loaded["optimiser"])
    assert other.param_groups[0]["lr"] == 1e-3
    assert isinstance(loaded["network"], OrderedDict)
    assert (loaded["epoch"], loaded["loss"], loaded["phase"], loaded["star"]) == (7, 0.5, "train", "a/b.star")
    assert type(loaded["epoch"]) is int
    assert loaded["half"].tolist() == [1, 2, 0]
    assert loaded["half"].dtype == torch.int8
    assert loaded["names"] == ["1@a", "2@b"]
    assert loaded["mixed"] == (1, None, {"x": [True, 2.5]})
    assert loaded["seen"] == [3]
    twin = torch.Generator()
    twin.set_state(loaded["generator"])
    assert torch.equal(torch.rand(4, generator=twin), torch.rand(4, generator=generator))
    restored = random.Random()
    restored.setstate(loaded["python_generator"])
    assert restored.random() == random.Random(5).random()
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint_final.pth"]


def test_that_an_object_that_would_need_code_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"model\.layers\[1\] is a Linear"):
        save_checkpoint(tmp_path / "c.pth", {"model": {"layers": [1, torch.nn.Linear(1, 1)]}})
    assert not list(tmp_path.iterdir())


def test_that_a_failed_write_leaves_the_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.pth"
    save_checkpoint(path, {"epoch": 1})

    def full(content: object, file: Any) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(UserError, match=r"c\.pth.*No space left on device.*Make room"):
            save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.pth"]


def test_that_a_missing_or_damaged_checkpoint_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    with pytest.raises(UserError, match=r"c\.pth.*does not exist"):
        load_checkpoint(path)
    save_checkpoint(path, {"values": torch.zeros(10000)})
    data = path.read_bytes()
    for damaged in (b"", b"hello world, no archive", data[: len(data) // 2], data[:100]):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"c\.pth.*damaged or cut off"):
            load_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(FormatError, match="holds a list"):
        load_checkpoint(path)


def test_that_a_checkpoint_with_whole_modules_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    torch.save({"encoder_half1": torch.nn.Linear(1, 1)}, path)
    with pytest.raises(FormatError, match="Python objects of another program"):
        load_checkpoint(path)
