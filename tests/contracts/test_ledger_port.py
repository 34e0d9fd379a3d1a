"""What the `Ledger` port promises, held by the memory's and the database's."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql import open_database
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.protocol.messages import Timings
from safelight.service.ports.ledger import Ledger, LedgerEntry

Kept = Callable[[], list[dict[str, Any]]]
STAGES = {"encode_prompt": 0.2, "denoise": 0.3, "decode": 0.4}
TIMINGS = Timings(
    wait=0.1, stages={"encode_prompt": 0.2, "denoise": 0.3, "decode": 0.4}, image_encode=0.5, steps=(0.1, 0.1)
)


@pytest.fixture(params=["memory", "sql"])
async def book(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, Kept]]:
    """An open ledger, and what reads everything that it has kept."""
    if request.param == "memory":
        memory = MemoryLedger()
        yield memory, lambda: [_plain(entry) for entry in memory.entries]
        return
    database = await open_database(tmp_path)
    yield database.ledger(PrometheusTelemetry()), lambda: _rows(tmp_path)
    await database.close()


def _plain(entry: LedgerEntry) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(entry).items() if name != "timings"}


def _rows(home: Path) -> list[dict[str, Any]]:
    columns = ", ".join(name for name in LedgerEntry.__struct_fields__ if name != "timings")
    with closing(sqlite3.connect(home / FILE_NAME)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT {columns} FROM ledger ORDER BY id")]


def entry(number: int, **fields: Any) -> LedgerEntry:
    given: dict[str, Any] = {"seed": number, "outcome": "finished", "timings": TIMINGS} | fields
    return LedgerEntry(
        request_id=f"req_{number}",
        time=1_795_348_800.25,
        key_id="key-1",
        model="stable-image-ultra",
        drawn_by="postcard",
        width=1344,
        height=768,
        output_format="png",
        image_bytes=123_456,
        total_seconds=1.5,
        queue_seconds=0.25,
        **given,
    )


async def test_what_was_written_is_kept_in_order_once_it_is_closed(book: tuple[Ledger, Kept]) -> None:
    ledger, kept = book
    entries = [entry(1), entry(2, seed=None, outcome="cancelled", timings=None), entry(3, seed=2**32 - 1)]
    for each in entries:
        ledger.write(each)
    await ledger.close()
    assert kept() == [_plain(each) for each in entries]


async def test_closing_twice_is_closing_once_and_what_comes_later_fails_nobody_and_is_not_kept(
    book: tuple[Ledger, Kept],
) -> None:
    ledger, kept = book
    ledger.write(entry(1))
    await ledger.close()
    ledger.write(entry(2))
    await ledger.close()
    assert [each["request_id"] for each in kept()] == ["req_1"]
