"""The gate for coverage: a room that is covered less than it was fails, with what is missing. A real measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from scripts.coverage_gate import Room, below, raised, rooms_of

WHOLE = "def f(x: int) -> int:\n    return x\n\n\nf(1)\n"
HALF = "def f(x: int) -> int:\n    if x:\n        x += 1\n    return x\n\n\ndef g() -> None:\n    print()\n\n\nf(1)\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What coverage.py says of two files of which one is covered in part."""
    folder = tmp_path_factory.mktemp("measured")
    room = folder / "src" / "safelight" / "room"
    room.mkdir(parents=True)
    (room / "whole.py").write_text(WHOLE)
    (room / "half.py").write_text(HALF)
    (folder / "run.py").write_text(
        "import runpy\nfor name in ('whole', 'half'):\n    runpy.run_path(f'src/safelight/room/{name}.py')\n"
    )
    for command in (["run", "--branch", "--source=src", "run.py"], ["json", "-q", "-o", "report.json"]):
        subprocess.run([sys.executable, "-m", "coverage", *command], cwd=folder, check=True)
    read: Mapping[str, Any] = json.loads((folder / "report.json").read_text())
    return read


def test_a_file_is_in_the_innermost_room_that_is_named_and_lines_and_branches_are_counted(
    report: Mapping[str, Any],
) -> None:
    rooms = rooms_of(report, {"room": 100, "room/whole.py": 100, "roo": 0})
    assert rooms["room/whole.py"] == Room(3, 3)
    assert rooms["room"] == Room(7, 9, ["room/half.py: 8, 2->4"])
    assert rooms["roo"].counted == 0


def test_what_falls_below_its_floor_is_named_with_what_is_missing(report: Mapping[str, Any]) -> None:
    rooms = rooms_of(report, {"room": 0})
    assert list(below(rooms, {"room": 83})) == []
    (said,) = below(rooms, {"room": 84})
    assert said.startswith("room: 83.3 % is covered, and 84 % was.")
    assert "half.py: 8, 2->4" in said


def test_a_room_that_is_gone_is_said_and_not_taken_for_covered(report: Mapping[str, Any]) -> None:
    (said,) = below(rooms_of(report, {"moved": 100}), {"moved": 100})
    assert said.startswith("moved: nothing of it was measured.")


def test_floors_rise_to_what_chance_cannot_undo_and_never_fall() -> None:
    rooms = {"low": Room(50, 100), "near": Room(602, 1000), "full": Room(7, 7), "edge": Room(9999, 10000)}
    written = raised(rooms, {"low": 80, "near": 0, "full": 99, "edge": 0})
    assert [line for line in written.splitlines() if line[0] != "#"] == [
        '"low" = 80',
        '"near" = 59',
        '"full" = 100',
        '"edge" = 99',
    ]
