"""Pickles give their data and do nothing."""

from __future__ import annotations

import datetime
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.pickles import Stub, read_pickles, write_pickles

_ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.arange(5, dtype=">i4"),
    np.array([True, False]),
    np.array(["a", "long word"]),
    np.array([b"x", b"yz"]),
    np.zeros((0, 3)),
    np.array(7, np.int16),
    np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]),
    np.array(["2024-01-02"], "datetime64[D]"),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("protocol", range(6))
def test_that_arrays_of_every_protocol_come_back_as_they_were(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(_ARRAYS, protocol))
    (arrays,) = read_pickles(path)
    for read, written in zip(arrays, _ARRAYS, strict=True):
        assert type(read) is np.ndarray
        assert read.dtype == written.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read, written)
        read[...] = written  # the memory is its own


@pytest.mark.parametrize("protocol", range(6))
def test_that_names_of_old_and_new_numpy_mean_the_same(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    new = pickle.dumps({"z": _ARRAYS[0], "n": np.float64(2.5)}, protocol)
    old = new.replace(b"numpy._core.", b"numpy.core.").replace(
        b"\x8c\x16numpy.core.m", b"\x8c\x15numpy.core.m"
    )
    for content in (new, old.replace(b"\x8c\x13numpy.core.n", b"\x8c\x12numpy.core.n")):
        path.write_bytes(content if protocol != 4 and protocol != 5 else _unframed(content))
        (read,) = read_pickles(path)
        np.testing.assert_array_equal(read["z"], _ARRAYS[0])
        assert read["n"] == 2.5


def _unframed(content: bytes) -> bytes:
    """The same without frames, whose lengths a shorter name makes wrong."""
    at = content.find(b"\x95")
    return content[:at] + content[at + 9 :] if at == 2 else content


def test_that_shared_and_nested_arrays_are_found_everywhere(tmp_path: Path) -> None:
    array = np.arange(3)
    objects = np.empty(2, object)
    objects[:] = [array, "text"]
    tree: dict[str, Any] = {"t": (array, [array]), "o": OrderedDict(a=array), "objects": objects}
    tree["self"] = tree
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(tree))
    (read,) = read_pickles(path)
    np.testing.assert_array_equal(read["t"][0], array)
    assert read["t"][0] is read["t"][1][0] is read["o"]["a"] is read["objects"][0]
    assert read["objects"][1] == "text"
    assert read["self"] is read


def test_that_several_pickles_stand_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "z.pkl"
    now = datetime.datetime(2022, 8, 27, 15, 37)
    write_pickles(path, np.eye(2, dtype=np.float32), np.zeros((3, 2)), {"a": [1, 2.5, "b"], "time": now})
    mu, logvar, more = read_pickles(path)
    np.testing.assert_array_equal(mu, np.eye(2))
    assert mu.dtype == np.float32
    assert logvar.shape == (3, 2)
    assert more == {"a": [1, 2.5, "b"], "time": now}
    with path.open("rb") as file:  # and every other program reads them one after another
        np.testing.assert_array_equal(pickle.load(file), mu)
        np.testing.assert_array_equal(pickle.load(file), logvar)


class Written:
    """Stands for a class of another program."""

    def __init__(self) -> None:
        self.zdim, self.mask = 8, np.ones(4, bool)


def test_that_unknown_classes_become_stand_ins_with_name_and_state(tmp_path: Path) -> None:
    path = tmp_path / "config.pkl"
    content = pickle.dumps({"type": Written, "model": Written()}, 4)
    module = Written.__module__.encode()
    path.write_bytes(_unframed(content.replace(bytes([0x8C, len(module)]) + module, b"\x8c\x08tomodrgn")))
    (read,) = read_pickles(path)
    assert issubclass(read["type"], Stub)
    assert read["type"].origin == "tomodrgn.Written"
    assert read["model"].state["zdim"] == 8
    np.testing.assert_array_equal(read["model"].state["mask"], np.ones(4, bool))


class _Harm:
    def __reduce__(self) -> Any:
        return os.system, ("echo harm > harmed",)


@pytest.mark.parametrize(
    "name", [b"builtins\ngetattr", b"__builtin__\neval", b"os\nsystem", b"subprocess\nPopen"]
)
def test_that_names_that_are_no_data_are_refused(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"c" + name + b"\n(S'x'\ntR.")
    with pytest.raises(FormatError, match="nothing of it was run"):
        read_pickles(path)


def test_that_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(_Harm()))
    with pytest.raises(FormatError, match=r"system.*nothing of it was run"):
        read_pickles(path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(np.arange(9.0))[:-40], b"\x80\x04."])
def test_that_damaged_files_end_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.pkl.*(damaged|empty)"):
        read_pickles(path)


def test_that_an_array_larger_than_its_bytes_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    content = pickle.dumps(np.arange(9, dtype=np.int8).reshape(3, 3), 2)
    path.write_bytes(content.replace(b"K\x03K\x03\x86", b"K\x7fK\x7f\x86"))
    assert path.read_bytes() != content
    with pytest.raises(FormatError, match="9 bytes"):
        read_pickles(path)


def test_that_only_plain_data_are_written_and_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    write_pickles(path, [1])
    for bad in (Written(), print, {"a": Path("x")}, os):
        with pytest.raises(TypeError):
            write_pickles(path, [2], bad)
    assert read_pickles(path) == [[1]]
    assert [p.name for p in tmp_path.iterdir()] == ["a.pkl"]


def test_that_the_pickles_of_the_simulated_data_are_read(shared: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    for path in sorted(folder.glob("*.pkl")):
        with path.open("rb") as file:
            plain = pickle.load(file)
        (read,) = read_pickles(path)
        pairs = zip(read, plain, strict=True) if isinstance(plain, tuple) else [(read, plain)]
        for ours, theirs in pairs:
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
