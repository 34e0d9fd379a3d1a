"""How roomy the house is: no room has more than a dozen files, but for those that are lists."""

from __future__ import annotations

from pathlib import Path

from scripts.measure_house import LISTS, PACKAGE, ROOM_FILES, crowded


def test_no_room_has_more_than_a_dozen_files() -> None:
    assert crowded(PACKAGE) == {}, (
        f"A room has at most {ROOM_FILES} files. Split it by meaning into rooms whose names say what belongs there."
    )


def test_a_room_with_one_file_too_many_is_named(tmp_path: Path) -> None:
    for room, files in (("full", ROOM_FILES), ("full/crowded", ROOM_FILES + 1), ("postcard/render/styles", 20)):
        (tmp_path / room).mkdir(parents=True)
        for number in range(files):
            (tmp_path / room / f"m{number}.py").touch()
    assert crowded(tmp_path) == {"full/crowded": ROOM_FILES + 1}


def test_what_may_be_longer_is_there_and_longer() -> None:
    files = {room: len(list((PACKAGE / room).glob("*.py"))) for room in LISTS}
    assert {room: count for room, count in files.items() if count <= ROOM_FILES} == {}
