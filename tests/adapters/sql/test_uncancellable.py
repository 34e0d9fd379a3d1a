"""Whoever leaves in the middle of a statement leaves no connection behind, and nothing half done."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from safelight.adapters.sql import Database
from safelight.service.access.minting import mint
from safelight.service.ports.stores.keys import KeyTerms

_CALLS = 60


async def test_calls_that_are_left_at_any_point_cost_no_connection(database: Database) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    for turns in range(_CALLS):
        call = asyncio.create_task(database.keys.by_digest(b"\0" * 32))
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        while not call.done():  # as a cancel scope of anyio does, which every streamed answer runs in
            call.cancel()
            await asyncio.sleep(0)
    await database.close()
    gc.collect()
    assert complaints == []
    # One connection's thread is enough for calls that come one after the other; it ends with the database.
    assert [thread.name for thread in threading.enumerate() if "aiosqlite" in thread.name] == []


async def test_a_change_that_was_begun_is_made(database: Database) -> None:
    minted = mint(KeyTerms(name="left"), 1)
    adding = asyncio.create_task(database.keys.add(minted.record, b"\1" * 32))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    await database.close()
    assert await database.keys.by_digest(b"\1" * 32) == minted.record
    await database.close()
