"""An open database in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database


@pytest.fixture
async def database(tmp_path: Path, with_database: Callable[[Path], Path]) -> AsyncIterator[Database]:
    opened = await open_database(with_database(tmp_path))
    yield opened
    await opened.close()
