"""What holds for every test."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

# A shell starts what it puts in the background with SIGINT ignored, and processes hand that down to those they start:
# Ctrl-C, which some tests send, would not arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Of `make test`'s two processes each takes a file at a time, in this order: what takes long comes first, so that short
# files are left to even out the end.
_LONGEST_FIRST = (
    "tests/training/test_postcard_recipe.py",
    "tests/e2e",
    "tests/studio",
    "tests/engine",
    "tests/adapters/workers",
    "tests/test_",
    "tests/clients",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest folders first; within one the order stays."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(start)), 99)


@pytest.fixture(scope="session")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Puts a new database into a folder that has none, and returns the folder: a copy of one that is made once.

    To make one is nine tenths of the time that opening it takes, and hundreds of tests open one.
    """
    from safelight.adapters.sql import open_database
    from safelight.adapters.sql.sqlite.opening import FILE_NAME

    made = tmp_path_factory.mktemp("database")

    async def make() -> None:
        await (await open_database(made)).close()

    asyncio.run(make())

    def copied(home: Path) -> Path:
        if not (home / FILE_NAME).exists():
            shutil.copy(made / FILE_NAME, home / FILE_NAME)
        return home

    return copied
