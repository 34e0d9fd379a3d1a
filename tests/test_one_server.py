"""Files that ask one server are run by one process, and all of them are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.one_server import ASK_BY_LITELLM, ASK_POSTCARD, FORK_ENGINES, ByServer

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("folder", "asks", "named"),
    [("tests/e2e", "postcard: Served", ASK_POSTCARD), ("tests/clients", "litellm: Any", ASK_BY_LITELLM)],
)
def test_every_file_that_asks_is_named(folder: str, asks: str, named: frozenset[str]) -> None:
    files = sorted((ROOT / folder).glob("test_*.py"))
    assert {str(file.relative_to(ROOT)) for file in files if asks in file.read_text()} == named


def test_they_go_to_one_process_and_others_by_themselves() -> None:
    split = ByServer.__new__(ByServer)._split_scope
    together = [{split(f"{file}::test_a") for file in files} for files in (ASK_POSTCARD, FORK_ENGINES, ASK_BY_LITELLM)]
    assert [len(each) for each in together] == [1, 1, 1]
    assert len(set.union(*together)) == 3
    assert all((ROOT / file).exists() for file in FORK_ENGINES)
    assert split("tests/e2e/test_several.py::test_a[b::c]") == "tests/e2e/test_several.py"
