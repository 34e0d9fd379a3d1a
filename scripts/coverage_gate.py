"""Whether each room is covered by its tests as far as it was. `make coverage` runs it after the tests.

    python scripts/coverage_gate.py            exit status 1 names each room below its floor, and its gaps
    python scripts/coverage_gate.py --raise    writes what was measured to coverage_floors.toml, where it is more

A room's figure is that of lines and branches together, as SlipCover counts them (`tests/measured.py`). Floors only
rise, in whole percents: what is hit or missed by the moment, a few branches of the server's, must not decide.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import floor
from pathlib import Path
from typing import Any

from slipcover import Slipcover, merge_coverage
from slipcover.config import read_config

ROOT = Path(__file__).parent.parent
FLOORS = Path(__file__).with_name("coverage_floors.toml")
_PACKAGE = "src/safelight/"
_BY_CHANCE = 0.3
_WHICH = ("executed", "missing")


@dataclass
class Room:
    """What was counted of a folder or a file: lines and branches, and which were not covered, by file."""

    covered: int = 0
    counted: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Rounded down to a tenth, so that 100 means everything."""
        return floor(1000 * self.covered / self.counted) / 10 if self.counted else 100.0

    @property
    def safe_floor(self) -> int:
        """What it will not fall below by chance."""
        return 100 if self.percent == 100 else max(0, floor(self.percent - _BY_CHANCE))


def rooms_of(report: Mapping[str, Any], names: Mapping[str, int]) -> dict[str, Room]:
    """Rooms in a report of SlipCover's: a file is in the room with the longest name that its path begins with."""
    rooms = {name: Room() for name in names}
    for path, file in sorted(report["files"].items()):
        inside = path.partition(_PACKAGE)[2]
        fitting = [name for name in names if inside == name or inside.startswith(f"{name}/")]
        if fitting:
            _add(rooms[max(fitting, key=len)], inside, file)
    return rooms


def _add(room: Room, path: str, file: Mapping[str, Any]) -> None:
    lines = {*file["executed_lines"], *file["missing_lines"]}
    # Where a branch leads to a line that is left out, nobody has to go there; 0 leaves the function.
    reached, missed = ([(a, b) for a, b in file[f"{which}_branches"] if not b or b in lines] for which in _WHICH)
    room.covered += len(file["executed_lines"]) + len(reached)
    room.counted += len(lines) + len(reached) + len(missed)
    # A branch from a line that never ran is no news.
    never_ran = file["missing_lines"]
    branches = [f"{a}->{b or 'exit'}" for a, b in missed if a not in never_ran]
    if never_ran or branches:
        room.missing.append(f"{path}: {', '.join([*map(str, never_ran), *branches])}")


def below(rooms: Mapping[str, Room], floors: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each room that is covered less than it was, with what is missing."""
    for name, room in rooms.items():
        if not room.counted:
            yield f"{name}: nothing of it was measured. Is its name in {FLOORS.name} still right?"
        elif room.percent < floors[name]:
            yield f"{name}: {room.percent} % is covered, and {floors[name]} % was. Not covered is\n  " + "\n  ".join(
                room.missing
            )


def raised(rooms: Mapping[str, Room], floors: Mapping[str, int]) -> str:
    """The text of the file of floors, with what was measured where that is more."""
    lines = FLOORS.read_text().splitlines() if FLOORS.exists() else []
    comments = [line for line in lines if line.startswith("#")]
    figures = [f'"{name}" = {max(room.safe_floor, floors[name])}' for name, room in rooms.items()]
    return "\n".join([*comments, *figures]) + "\n"


def measured_rooms() -> list[str]:
    """The folders that are measured."""
    return [str(ROOT / folder) for folder in read_config(ROOT / "pyproject.toml")["source"]]


def probes(folders: list[str] | None = None) -> Slipcover:
    """What notes the lines and branches that are reached; its report has those of these folders that were not, too.

    A threshold below 0: a probe stays where it is. Else those that have done their work are looked for again and again.
    """
    also = read_config(ROOT / "pyproject.toml")["exclude-also"]
    return Slipcover(branch=True, source=folders, exclude_also=also, d_miss_threshold=-1)


def reports() -> list[Path]:
    """What the processes of a run have left: a report each."""
    return sorted(ROOT.glob(".coverage.*.json"))


def measured() -> Mapping[str, Any]:
    """The report of the last run: what any of its processes reached, of all that there is."""
    report: dict[str, Any] = probes(measured_rooms()).get_coverage()
    for file in reports():
        merge_coverage(report, json.loads(file.read_text()))
    return report


def main() -> int:
    """Print each room's figure; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raise", dest="is_raising", action="store_true")
    options = parser.parse_args()
    floors: dict[str, int] = tomllib.loads(FLOORS.read_text())
    rooms = rooms_of(measured(), floors)
    print("\n".join(f"{name:20} {room.percent:5} %  (floor {floors[name]})" for name, room in rooms.items()))
    if options.is_raising:
        FLOORS.write_text(raised(rooms, floors))
    wrong = list(below(rooms, floors))
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
