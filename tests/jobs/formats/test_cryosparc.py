"""Particle files of cryoSPARC: read as they are, chosen from by identity, rows bit for bit the same."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.cryosparc import read_cs, rows_of, write_cs

FILES = ["cryosparc_J2_particles_exported.cs", "cryosparc_P12_J24_001_particles.cs", "empiar_10076_7.cs"]


def names_of(table: np.ndarray, *, folder: str = "", ending: str = ".mrcs", strip: str = "") -> list[str]:
    """Names under which RELION would know these particles."""
    out = []
    for path, index in zip(table["blob/path"].tolist(), table["blob/idx"].tolist(), strict=True):
        stack = path.decode().removeprefix(">").removesuffix(".mrcs").removesuffix(".mrc")
        out.append(f"{index + 1:06d}@{folder}{stack.removeprefix(strip)}{ending}")
    return out


def table(paths: list[str], sections: list[int], uids: list[int] | None = None) -> np.ndarray:
    rows = np.zeros(len(paths), [("uid", "<u8"), ("blob/path", "S60"), ("blob/idx", "<u4")])
    rows["blob/path"], rows["blob/idx"] = paths, sections
    rows["uid"] = np.arange(len(paths)) + 1 if uids is None else uids
    return rows


@pytest.mark.reference
@pytest.mark.parametrize("name", FILES)
def test_that_chosen_rows_are_bit_for_bit_those_of_the_file(
    shared: Path, tmp_path: Path, rng: np.random.Generator, name: str
) -> None:
    path = shared / "data" / "cryosparc" / name
    before = np.load(path, allow_pickle=False)
    read = read_cs(path)
    assert read.dtype == before.dtype
    wanted = np.sort(rng.choice(len(before), max(2, len(before) // 3), replace=False))
    found = rows_of(read, rng.permutation(np.array(names_of(before), object)[wanted]).tolist())
    assert found.tolist() == wanted.tolist()
    target = tmp_path / "subset.cs"
    write_cs(target, read[found])
    after = np.load(target, allow_pickle=False)
    assert after.dtype.descr == before.dtype.descr and after.dtype.itemsize == before.dtype.itemsize
    assert after.tobytes() == before[wanted].tobytes()


@pytest.mark.reference
def test_that_all_rows_written_again_are_the_same_bytes_below_the_same_heading(
    shared: Path, tmp_path: Path
) -> None:
    path = shared / "data" / "cryosparc" / FILES[1]
    rows = read_cs(path)
    write_cs(tmp_path / "all.cs", rows)
    # numpy pads its heading to other lengths than it did years ago
    written, given = (tmp_path / "all.cs").read_bytes(), path.read_bytes()
    assert written[-rows.nbytes :] == given[-rows.nbytes :]
    assert written.partition(b"(2019,)")[0][10:] == given.partition(b"(2019,)")[0][10:]


@pytest.mark.reference
def test_that_folders_endings_and_marks_of_import_do_not_hide_a_particle(shared: Path) -> None:
    plain = read_cs(shared / "data" / "cryosparc" / FILES[1])
    everything = list(range(len(plain)))
    assert rows_of(plain, names_of(plain, folder="Extract/job007/")).tolist() == everything
    assert rows_of(plain, names_of(plain, ending=".mrc", strip="J19/extract/")).tolist() == everything
    imported = read_cs(shared / "data" / "cryosparc" / FILES[0])
    before_import = [f"{k + 1}@Polish/job9/18jam15b_0345_ali_DW.mrcs" for k in range(22)]
    assert rows_of(imported, before_import).tolist() == list(range(22))


def test_that_sections_count_from_one_there_and_from_zero_here() -> None:
    rows = table(["a.mrc"] * 3, [5, 6, 7])
    assert rows_of(rows, ["000007@a.mrcs"]).tolist() == [1]
    assert rows_of(rows, ["000006@a.mrcs", "8@a.mrcs"]).tolist() == [0, 2]


def test_that_folders_tell_stacks_of_one_name_apart() -> None:
    rows = table(["J1/x/a.mrc", "J2/x/a.mrc", "J2/y/a.mrc"], [0, 0, 0])
    assert rows_of(rows, ["1@project/J2/x/a.mrcs"]).tolist() == [1]
    assert rows_of(rows, ["1@y/a.mrcs"]).tolist() == [2]
    with pytest.raises(UserError, match=r"1 of 1 chosen particles is in the file more than once \(1@x/a"):
        rows_of(rows, ["1@x/a.mrcs"])


def test_that_unmatched_particles_are_counted_and_named() -> None:
    rows = table(["a.mrc"] * 4, [0, 1, 2, 3])
    with pytest.raises(UserError) as error:
        rows_of(rows, ["1@a.mrcs", *(f"{k}@b.mrcs" for k in range(1, 6))], path=Path("p.cs"))
    assert (
        "p.cs: 5 of 6 chosen particles are not in the file (1@b.mrcs, 2@b.mrcs, 3@b.mrcs and 2 more)"
        in str(error.value)
    )
    with pytest.raises(UserError, match="no particles are selected"):
        rows_of(rows, [])
    with pytest.raises(UserError, match="2 chosen particles lead to only 1 rows"):
        rows_of(rows, ["1@x/a.mrcs", "1@y/a.mrcs"])


def test_that_identifiers_of_cryosparc_find_what_names_do_not() -> None:
    # neighbours above 2**53, which floating-point numbers cannot tell apart
    uids = [15494748553812943456, 15494748553812943457, 7]
    rows = table(["a.mrc"] * 3, [0, 1, 2], uids)
    wanted = np.array([uids[1], uids[2]], np.uint64)
    assert rows_of(rows, ["1@other.mrcs", "2@other.mrcs"], wanted).tolist() == [1, 2]
    # names come first
    assert rows_of(rows, ["1@a.mrcs"], np.array([uids[2]], np.uint64)).tolist() == [0]
    with pytest.raises(UserError, match="by uid, 1 of 1 chosen particles is not in the file"):
        rows_of(rows, ["1@other.mrcs"], np.array([8], np.uint64))
    with pytest.raises(UserError, match="in the file more than once"):
        rows_of(table(["a.mrc"] * 2, [0, 1], [7, 7]), ["1@b.mrcs"], np.array([7], np.uint64))
    without_blobs = np.array([(5,), (6,)], [("uid", "<u8")])
    assert rows_of(without_blobs, ["1@a.mrcs"], np.array([6], np.uint64)).tolist() == [1]
    with pytest.raises(UserError, match="lacks the columns blob/path and blob/idx"):
        rows_of(without_blobs, ["1@a.mrcs"])


def test_that_what_is_no_cryosparc_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.cs"
    for data, said in (
        (b"data_particles\n", "not a cryoSPARC file"),
        (b"\x94CSDAT" + bytes(50), "compressed form"),
        (b"\x93NUMPY\x01\x00\x06\x05", "damaged"),
    ):
        path.write_bytes(data)
        with pytest.raises(UserError, match=said):
            read_cs(path)
    with path.open("wb") as file:
        np.save(file, np.zeros((3, 3)))
    with pytest.raises(UserError, match="no table of particles"):
        read_cs(path)
    # a file that would run code when it is read
    with path.open("wb") as file:
        np.save(file, np.array([object()], object))
    with pytest.raises(UserError, match="damaged"):
        read_cs(path)
    with pytest.raises(UserError, match="does not exist"):
        read_cs(tmp_path / "none.cs")


def test_that_a_hundred_thousand_particles_are_found_in_a_moment() -> None:
    n = 100_000
    rows = table([f"J1/extract/mic{k // 100}.mrc" for k in range(n)], [k % 100 for k in range(n)])
    names = [f"{k % 100 + 1:06d}@J1/extract/mic{k // 100}.mrcs" for k in range(0, n, 2)]
    start = time.perf_counter()
    assert rows_of(rows, names).tolist() == list(range(0, n, 2))
    assert time.perf_counter() - start < 5
