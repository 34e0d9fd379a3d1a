"""What the `Ledger` port promises, held by the memory's and the database's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql.schema import ledger as table
from safelight.protocol.times import Timings
from safelight.service.ports.stores.ledger import Ledger, LedgerEntry
from tests.databases import kept_in

# What goes elsewhere: stages have columns of their own, and what was reserved is taken off (test_quota_port.py).
_ELSEWHERE = ("timings", "reservation", "reserved_pictures")
Noted = Callable[[], Awaitable[list[dict[str, Any]]]]
STAGES = {"encode_prompt": 0.2, "denoise": 0.3, "decode": 0.4}
TIMINGS = Timings(
    wait=0.1, stages={"encode_prompt": 0.2, "denoise": 0.3, "decode": 0.4}, image_encode=0.5, steps=(0.1, 0.1)
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def book(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, Noted]]:
    """An open ledger, and what reads everything that it has kept."""
    if request.param == "memory":
        memory = MemoryLedger()

        async def noted() -> list[dict[str, Any]]:
            return [_plain(entry) for entry in memory.entries]

        yield memory, noted
        return
    database = await kept_in(request, tmp_path).open()

    async def rows() -> list[dict[str, Any]]:
        columns = [table.c[name] for name in LedgerEntry.__struct_fields__ if name not in _ELSEWHERE]
        async with database.dialect.reading() as connection:
            found = await connection.execute(select(*columns).order_by(table.c.id))
            return [dict(row) for row in found.mappings()]

    yield database.ledger(PrometheusTelemetry()), rows
    await database.close()


def _plain(entry: LedgerEntry) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in _ELSEWHERE}


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


async def test_what_was_written_is_kept_in_order_once_it_is_closed(book: tuple[Ledger, Noted]) -> None:
    ledger, kept = book
    entries = [entry(1), entry(2, seed=None, outcome="cancelled", timings=None), entry(3, seed=2**32 - 1)]
    for each in entries:
        ledger.write(each)
    await ledger.close()
    assert await kept() == [_plain(each) for each in entries]


async def test_closing_twice_is_closing_once_and_what_comes_later_fails_nobody_and_is_not_kept(
    book: tuple[Ledger, Noted],
) -> None:
    ledger, kept = book
    ledger.write(entry(1))
    await ledger.close()
    ledger.write(entry(2))
    await ledger.close()
    assert [each["request_id"] for each in await kept()] == ["req_1"]
