"""How roomy the house is: no room but lists has more than a dozen files, and few functions are long."""

from __future__ import annotations

from pathlib import Path

from scripts.measure_house import LISTS, LONG_FUNCTION, PACKAGE, ROOM_FILES, crowded, long_functions

MOST_LONG_FUNCTIONS = 30
"""It only falls. They are migrations, commands with options, diffusers' signatures, and what reads best whole."""


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


def test_long_functions_become_fewer() -> None:
    found = sorted(long_functions(PACKAGE), reverse=True)
    assert len(found) <= MOST_LONG_FUNCTIONS, (
        f"One more function has over {LONG_FUNCTION} lines; name its steps, or make data of it: {found}"
    )


def test_a_function_with_one_line_too_many_is_found(tmp_path: Path) -> None:
    def function(name: str, lines: int) -> str:
        return "\n".join((f"def {name}():", *("    pass" for _ in range(lines - 1)), ""))

    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "m.py").write_text(function("full", LONG_FUNCTION) + function("long", LONG_FUNCTION + 1))
    assert list(long_functions(tmp_path)) == [(LONG_FUNCTION + 1, "m.long")]
