"""Keeping the file small, and what was deleted out of it; and looking whether it is whole."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from safelight.adapters.sql.sqlite.opening import without_transactions

# A bound for one piece of work, some 2 MB: writers wait for a piece only.
_PAGES_AT_ONCE = 500
_INCREMENTAL = 2


async def make_shrinkable(engine: AsyncEngine, path: Path) -> None:
    """Rewrite a file of an earlier version once, so that it can give room back later; where the disk has room for that.

    The caller holds the state folder's lock.
    """
    async with without_transactions(engine).connect() as plain:
        if (await plain.exec_driver_sql("PRAGMA auto_vacuum")).scalar_one() == _INCREMENTAL:
            return
        if shutil.disk_usage(path.parent).free > 3 * os.path.getsize(path):  # noqa: ASYNC240 - once, before anything is served
            await plain.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
            await plain.exec_driver_sql("VACUUM")


async def scrub(engine: AsyncEngine, *, merge: bool) -> None:
    """Have nothing that was deleted stay in the files, and give free pages back to the disk.

    The full text index keeps what was deleted until its parts are merged (`merge`), in small pieces
    (https://sqlite.org/fts5.html#the_merge_command). The log holds pages as they were until it is cut off.
    Where a reader holds that up, the next call does it.
    """
    async with without_transactions(engine).connect() as plain:
        if merge:
            await _merge(plain)
        free = (await plain.exec_driver_sql("PRAGMA freelist_count")).scalar_one()
        raw: Any = (await plain.get_raw_connection()).driver_connection
        for _ in range(0, free, _PAGES_AT_ONCE):
            # It goes a page further each time that it is stepped, and a plain execution steps but once.
            await raw.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        (await plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).all()


async def _merge(plain: AsyncConnection) -> None:
    pieces = -_PAGES_AT_ONCE
    while True:
        before = (await plain.exec_driver_sql("SELECT total_changes()")).scalar_one()
        await plain.exec_driver_sql(f"INSERT INTO jobs_text(jobs_text, rank) VALUES ('merge', {pieces})")
        after = (await plain.exec_driver_sql("SELECT total_changes()")).scalar_one()
        if after - before < 2:  # as the documentation says of a merge that found nothing to do
            return
        pieces = _PAGES_AT_ONCE


async def quick_check(engine: AsyncEngine) -> str | None:
    """What SQLite finds wrong with the file, in its own words; None where all is well."""
    async with engine.connect() as connection:
        found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
    return None if found == "ok" else str(found)
