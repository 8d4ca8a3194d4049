"""Metrics are read while they are written, and after a writer was killed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from jobs.core.metrics import MetricsWriter, read_metrics


def test_that_records_are_read_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path) == ([], 0)
    writer = MetricsWriter(path, run=2, task="train")
    writer.log("warm-up", 1, 3, eta_s=4.5, loss_data_half1=np.float32(0.5), note="Å")
    first, offset = read_metrics(path)
    assert len(first) == 1
    assert first[0].pop("t") > 1.7e9
    assert first == [
        {"run": 2, "task": "train", "phase": "warm-up", "step": 1, "of": 3, "eta_s": 4.5,
         "loss_data_half1": 0.5, "note": "Å"}
    ]  # fmt: skip
    assert read_metrics(path, offset) == ([], offset)
    writer.log("warm-up", 2, 3)
    second, end = read_metrics(path, offset)
    assert [record["step"] for record in second] == [2]
    assert end == path.stat().st_size
    writer.close()


def test_that_a_line_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "loss')
    records, offset = read_metrics(path)
    assert (records, offset) == ([{"step": 1}], 12)
    with path.open("ab") as file:
        file.write(b'": 0.5}\n')
    assert read_metrics(path, offset)[0] == [{"step": 2, "loss": 0.5}]


def test_that_half_a_line_of_a_killed_run_spoils_no_later_record(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    writer = MetricsWriter(path, run=2, task="resume")
    writer.log("train", 3, 9)
    writer.close()
    records, _ = read_metrics(path)
    assert [record["step"] for record in records] == [1, 3]


def test_that_a_file_that_became_shorter_is_read_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 9}\n')
    assert read_metrics(path, 5000) == ([{"step": 9}], 12)


def test_that_values_no_json_reader_accepts_become_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = MetricsWriter(path, run=1, task="train")
    writer.log("train", 1, 1, eta_s=float("inf"), loss=float("nan"), gain=np.float64(np.inf))
    writer.close()

    def refuse(word: str) -> None:
        raise AssertionError(word)

    record = json.loads(path.read_text(), parse_constant=refuse)
    assert (record["loss"], record["gain"], record["eta_s"]) == (None, None, None)
