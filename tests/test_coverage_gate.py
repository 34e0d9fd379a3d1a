"""The gate for coverage: a room that is covered less than it was fails, with what is missing. A real measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from subprocess import PIPE
from typing import Any

import pytest
from scripts.coverage_gate import ROOT, Room, below, raised, rooms_of

WHOLE = "def f(x: int) -> int:\n    return x\n\n\nf(1)\n"
HALF = "def f(x: int) -> int:\n    if x:\n        x += 1\n    return x\n\n\ndef g() -> None:\n    print()\n\n\nf(1)\n"
LEFT_OUT = """from typing import Protocol, assert_never


class Port(Protocol):
    def ask(self) -> int:
        return 0


def known(x: bool) -> int:
    match x:
        case True:
            return 1
        case never:
            assert_never(never)


async def answer() -> int:
    return known(True)


class Later:
    async def answer(self) -> int: ...

"""
NEVER = "def never() -> None:\n    print()\n"
# As tests/measured.py does it.
RUN = """import json, sys
from scripts.coverage_gate import probes
from slipcover import FileMatcher, ImportManager

seen = probes(["src"])
sys.path.insert(0, "src")
with ImportManager(seen, FileMatcher(sources=["src"])):
    import safelight.room.half, safelight.room.left_out, safelight.room.whole
try:
    safelight.room.left_out.answer().send(None)
except StopIteration:
    print(json.dumps(seen.get_coverage()))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What SlipCover says of files of which one is covered in part, one says what is left out, and one never ran."""
    folder = tmp_path_factory.mktemp("measured")
    room = folder / "src" / "safelight" / "room"
    room.mkdir(parents=True)
    (room.parent / "__init__.py").touch()
    for name, content in {"whole": WHOLE, "half": HALF, "left_out": LEFT_OUT, "never": NEVER}.items():
        (room / f"{name}.py").write_text(content)
    ran = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, stdout=PIPE
    )
    read: Mapping[str, Any] = json.loads(ran.stdout)
    return read


def test_a_file_is_in_the_innermost_room_that_is_named_and_lines_and_branches_are_counted(
    report: Mapping[str, Any],
) -> None:
    rooms = rooms_of(report, {"room": 100, "room/whole.py": 100, "roo": 0})
    assert rooms["room/whole.py"] == Room(3, 3)
    assert rooms["room"] == Room(16, 20, ["room/half.py: 8, 2->4", "room/never.py: 1, 2"])
    assert rooms["roo"].counted == 0


def test_what_only_declares_and_what_is_never_reached_is_left_out(report: Mapping[str, Any]) -> None:
    assert rooms_of(report, {"room/left_out.py": 100})["room/left_out.py"] == Room(9, 9)


def test_what_falls_below_its_floor_is_named_with_what_is_missing(report: Mapping[str, Any]) -> None:
    rooms = rooms_of(report, {"room/half.py": 0})
    assert list(below(rooms, {"room/half.py": 77})) == []
    (said,) = below(rooms, {"room/half.py": 78})
    assert said.startswith("room/half.py: 77.7 % is covered, and 78 % was.")
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
