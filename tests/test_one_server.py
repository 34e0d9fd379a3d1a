"""Files that ask one server are run by one process, and all of them are known."""

from __future__ import annotations

from pathlib import Path

from tests.one_server import ASK_POSTCARD, FORK_ENGINES, ByServer

ROOT = Path(__file__).parents[1]


def test_every_file_that_asks_for_the_server_is_named() -> None:
    files = sorted((ROOT / "tests/e2e").glob("test_*.py"))
    assert {str(file.relative_to(ROOT)) for file in files if "postcard: Served" in file.read_text()} == ASK_POSTCARD


def test_they_go_to_one_process_and_others_by_themselves() -> None:
    split = ByServer.__new__(ByServer)._split_scope
    together = [{split(f"{file}::test_a") for file in files} for files in (ASK_POSTCARD, FORK_ENGINES)]
    assert [len(each) for each in together] == [1, 1]
    assert together[0] != together[1]
    assert all((ROOT / file).exists() for file in FORK_ENGINES)
    assert split("tests/e2e/test_several.py::test_a[b::c]") == "tests/e2e/test_several.py"
