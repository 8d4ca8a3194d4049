"""Tables of particles: rows chosen, tables put together, boxes that leave their volume."""

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import Problem
from jobs.dynamo_processor.contract import SourceSettings, TomogramEntry, concatenate, table_of
from jobs.dynamo_processor.finding import Findings, matches, natural, volume_facts

_ENTRY = TomogramEntry(2, "TS_2", SourceSettings(), size=(50, 60, 40), voxel_size_a=8.0, tilt_min_deg=-60)


def _table(position, **columns):
    n = len(position)
    return table_of(_ENTRY, position, np.tile(np.eye(3), (n, 1, 1)), [f"p{i}" for i in range(n)], **columns)


def test_that_what_is_not_given_is_unknown():
    table = _table([(1, 2, 3)])
    assert table.section.tolist() == [-1] and table.half.tolist() == [0] and np.isnan(table.score).all()
    assert table.size.tolist() == [[50, 60, 40]] and table.voxel_size_a.tolist() == [8.0]
    assert table.tilt_deg[0, 0] == -60 and np.isnan(table.tilt_deg[0, 1])
    assert len(_table(np.zeros((0, 3)))) == 0


def test_that_rows_keep_all_their_columns():
    table = _table([(1, 2, 3), (4, 5, 6)], half=[1, 2], extra={"group": ["a", "b"]})
    for rows in ([1], [False, True]):
        chosen = table.select(rows)
        assert chosen.position.tolist() == [[4, 5, 6]] and chosen.half.tolist() == [2]
        assert chosen.source.tolist() == ["p1"] and chosen.extra["group"].tolist() == ["b"]


def test_that_tables_are_put_together_and_lacking_columns_are_empty():
    both = concatenate([_table([(1, 2, 3)], extra={"group": ["a"]}), _table([(4, 5, 6)], extra={"m": [7]})])
    assert (
        len(both) == 2 and both.extra["group"].tolist() == ["a", ""] and both.extra["m"].tolist() == ["", 7]
    )
    with pytest.raises(ValueError, match="no tables"):
        concatenate([])


def test_that_boxes_leave_the_volume_by_a_single_voxel():
    inside = _table([(8, 8, 8), (42, 52, 32), (8.49, 8, 7.5)])
    assert not inside.outside(16).any()
    assert _table([(7.49, 8, 8), (43, 52, 32), (8, 52.5, 8), (8, 8, 33)]).outside(16).all()
    unknown = table_of(TomogramEntry(1, "a", SourceSettings()), [(0, 0, 0)], np.eye(3)[None], ["p"])
    assert not unknown.outside(64).any()


def test_that_warnings_leave_a_tomogram_usable_and_errors_do_not():
    warned = TomogramEntry(1, "a", SourceSettings(), problems=(Problem("odd", severity="warning"),))
    assert warned.usable and not TomogramEntry(1, "a", SourceSettings(), problems=(Problem("bad"),)).usable


def test_that_names_are_in_natural_order_and_patterns_match():
    assert sorted(["TS_10", "TS_2", "ts_1", "TS_2b"], key=natural) == ["ts_1", "TS_2", "TS_2b", "TS_10"]
    assert matches("a_SIRT_1k.rec", "SIRT") and matches("a.tlt", "*.tlt") and not matches("a.tlt", "?.rec")


def test_that_faults_of_volumes_are_noted(tmp_path):
    path = tmp_path / "a.mrc"
    with mrcfile.new(path, np.zeros((4, 5, 6), np.float32)) as file:
        file.voxel_size = 0
    findings = Findings()
    assert volume_facts(path, findings).size == (6, 5, 4) and "voxel size" in findings.problems[0].message
    path.write_bytes(path.read_bytes()[:-130])
    volume_facts(path, findings)
    assert "2 of 4 sections" in findings.problems[1].message
