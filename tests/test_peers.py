"""The comparison with peers keeps what it has measured, and keeps to its time."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import pytest
from benchmarks.peers.kept import Kept
from benchmarks.peers.measuring import measure
from benchmarks.peers.rows import ROWS, Row
from benchmarks.peers.running import Impossible, Picture, run


def test_rows_that_were_measured_are_there_after_a_cut(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    Kept(file).add("sd15 256 cpu", "a", {"step": 1.5})
    again = Kept(file)
    again.add("sd15 256 cpu", "b", {"step": 2.0})
    assert Kept(file).of("sd15 256 cpu") == {"a": {"step": 1.5}, "b": {"step": 2.0}}
    assert Kept(file).of("sd15 512 cpu") == {}
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    assert json.loads(file.read_text())


def test_no_round_begins_that_would_end_too_late() -> None:
    drawn: list[int] = []

    def draw(steps: int) -> None:
        begun = time.perf_counter()
        while time.perf_counter() - begun < 0.01 * steps:
            pass
        drawn.append(steps)

    assert measure(draw, 2, rounds=3, limit=math.inf)["rounds"] == 3
    drawn.clear()
    assert measure(draw, 2, rounds=300, limit=0.01)["rounds"] == 1
    assert drawn == [2, 2, 4]
    drawn.clear()
    measure(draw, 2, rounds=1, few=1)
    assert drawn == [1, 1, 3]


def test_a_row_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    picture = Picture("sd15", tmp_path, 64, "cpu", steps=1, rounds=1, limit=math.inf)
    lacking = Row("with_openvino", "half", "openvino", "no_such_module_here")
    with pytest.raises(Impossible, match="cannot import no_such_module_here"):
        run(lacking, picture, {"openvino": sys.executable})
    packed = next(row for row in ROWS.values() if row.packed)
    elsewhere = Picture("sd15", tmp_path, 64, "cuda", steps=1, rounds=1, limit=math.inf)
    with pytest.raises(Impossible, match="processor's alone"):
        run(packed, elsewhere, {})
