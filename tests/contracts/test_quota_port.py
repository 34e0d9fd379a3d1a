"""What the `QuotaBook` port promises, and the ledger that settles what is reserved, held by the database's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql import Database
from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.schema import keys, reservations
from safelight.contract.records.jobs import JobError
from safelight.contract.records.quotas import Amount, day_of
from safelight.service.ports.stores.jobs import LEASE_SECONDS, Ending, Hold
from safelight.service.ports.stores.ledger import LedgerEntry
from safelight.service.ports.stores.quotas import Claim, Counted
from tests.contracts.jobs import job
from tests.databases import Kept, kept_in

EACH = Amount(1, 2.0, 0.5)


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return kept_in(request, tmp_path)


@pytest.fixture
async def database(kept: Kept) -> AsyncIterator[Database]:
    opened = await kept.open()
    yield opened
    await opened.close()


def claim(number: int, key_id: str = "a", group: str | None = None, count: int = 1) -> Claim:
    return Claim(id=f"quota_{number}", key_id=key_id, group=group, each=EACH, count=count)


def always(_: Counted) -> bool:
    return True


def entry(key_id: str = "a", **fields: Any) -> LedgerEntry:
    given: dict[str, Any] = {"outcome": "finished", "seed": 1, "time": time.time(), "device_seconds": 3.0} | fields
    return LedgerEntry(
        request_id="req",
        key_id=key_id,
        model="m",
        drawn_by="m",
        width=1000,
        height=1000,
        output_format="png",
        image_bytes=5,
        total_seconds=1.0,
        queue_seconds=0.0,
        **given,
    )


async def reserved(database: Database, key_id: str = "a") -> Amount:
    return (await database.quotas.counted(key_id, None)).key["day"].reserved


async def used(database: Database, key_id: str = "a") -> Amount:
    return (await database.quotas.counted(key_id, None)).key["month"].ended


async def write(database: Database, *entries: LedgerEntry) -> None:
    ledger = database.ledger(PrometheusTelemetry())
    for each in entries:
        ledger.write(each)
    await ledger.close()


async def test_of_many_processes_that_ask_at_once_no_more_fits_than_there_is(kept: Kept) -> None:
    """Twenty want one picture each, through two processes' views of the database; seven are left."""
    first, second = await kept.open(), await kept.open()

    def fits(now: Counted) -> bool:
        return now.key["day"].reserved.pictures + 1 <= 7

    taken = await asyncio.gather(
        *((first, second)[number % 2].quotas.reserve(claim(number), fits) for number in range(20))
    )
    assert [fits(now) for now in taken].count(True) == 7
    assert await reserved(second) == EACH.times(7)
    await first.close()
    await second.close()


async def test_what_has_ended_goes_from_what_is_reserved_to_what_is_used_in_one_step(database: Database) -> None:
    await database.quotas.reserve(claim(1, count=3), always)
    await write(database, entry(reservation="quota_1", reserved_pictures=1))
    assert await reserved(database) == EACH.times(2)
    assert await used(database) == Amount(1, 1.0, 3.0)
    failed = entry(outcome="internal_error", device_seconds=0.0, reservation="quota_1", reserved_pictures=2)
    await write(database, failed)
    assert await reserved(database) == Amount()
    assert await used(database) == Amount(1, 1.0, 3.0)


async def test_what_is_given_back_is_reserved_no_more(database: Database) -> None:
    await database.quotas.reserve(claim(1, count=3), always)
    await database.quotas.give_back("quota_1")
    await database.quotas.give_back("quota_1")
    assert await reserved(database) == Amount()


async def test_what_was_reserved_yesterday_is_counted_yesterday_when_it_ends_today(database: Database) -> None:
    await database.quotas.reserve(claim(1), always)
    yesterday = day_of(time.time() - 86_400)
    async with database.dialect.writing() as connection:
        await connection.execute(update(reservations).values(day=yesterday))
    await write(database, entry(reservation="quota_1", reserved_pictures=1))
    (row,) = await database.quotas.usage("2000-01-01", "2999-12-31")
    assert (row.day, row.pictures) == (yesterday, 1)


@pytest.mark.parametrize("seconds", [-1.0, 5 * LEASE_SECONDS])
async def test_what_nobody_renews_counts_no_more_whatever_became_of_the_clock(
    database: Database, seconds: float
) -> None:
    """A lease that has run out is of a process that was killed; one that lasts for longer than any does is of a clock
    that was set back. Whoever lives renews it, and it counts again."""
    await database.quotas.reserve(claim(1), always)
    async with database.dialect.writing() as connection:
        await connection.execute(update(reservations).values(lease_until=DatabaseNow() + seconds))
    assert await reserved(database) == Amount()
    await database.quotas.renew(["quota_1", "quota_2"])
    assert await reserved(database) == EACH


async def test_what_is_reserved_for_a_job_counts_until_it_has_ended_whoever_lives(database: Database) -> None:
    await database.quotas.reserve(claim(1), always)
    kept = await database.jobs.add(job(1, owner="a", reservation="quota_1"))
    assert kept is not None
    assert kept.origin.reservation == "quota_1"
    async with database.dialect.writing() as connection:
        await connection.execute(update(reservations).values(lease_until=0.0))
    await database.upkeep.tidy(time.time())
    assert await reserved(database) == EACH
    (drawn,) = await database.jobs.claim([kept.id], 1, 5.0, "process_1")
    why = JobError("internal_error", "no")
    await database.jobs.end(kept.id, Ending(state="failed", when=6.0, error=why), Hold.of(drawn))
    assert await reserved(database) == Amount()


async def test_upkeep_forgets_what_dead_processes_had_reserved(database: Database) -> None:
    await database.quotas.reserve(claim(1), always)
    await database.quotas.reserve(claim(2), always)
    dead = update(reservations).where(reservations.c.id == "quota_1").values(lease_until=5.0)
    async with database.dialect.writing() as connection:
        await connection.execute(dead)
    await database.upkeep.tidy(time.time())
    await database.quotas.renew(["quota_1", "quota_2"])
    assert await reserved(database) == EACH


async def test_a_group_has_what_its_keys_have_used_and_reserved_and_no_other_key(database: Database) -> None:
    row = {"name": "", "hint": "", "created": 1, "weight": 1.0, "admin": False}
    async with database.dialect.writing() as connection:
        for name, group in (("a", "team"), ("b", "team"), ("c", "others"), ("d", None)):
            values = row | {"id": name, "digest": name.encode() * 32, "key_group": group}
            await connection.execute(insert(keys).values(values))
    await write(database, *(entry(name) for name in "abcd"), entry("a", time=time.time() - 40 * 86_400))
    for number, name in enumerate("abcd"):
        await database.quotas.reserve(claim(number, name), always)
    now = await database.quotas.counted("a", "team")
    assert now.key["month"].ended.pictures == 1
    assert (now.group["day"].ended.pictures, now.group["day"].reserved) == (2, EACH.times(2))
    alone = await database.quotas.counted("d", None)
    assert alone.group["day"].ended == Amount()


async def test_usage_is_added_up_by_day_key_and_model_and_failures_are_calls_alone(database: Database) -> None:
    noon = 1_795_348_800.0 + 43_200
    await write(
        database,
        entry(time=noon),
        entry(time=noon + 1),
        entry(time=noon, outcome="cancelled", device_seconds=0.0),
        entry(time=noon, seed=None, tokens=40, device_seconds=0.25),
        entry("b", time=noon + 86_400),
    )
    first, second = await database.quotas.usage(day_of(noon), day_of(noon + 86_400))
    assert (first.day, first.key_id, first.model) == (day_of(noon), "a", "m")
    assert (first.calls, first.pictures, first.megapixels, first.seconds) == (4, 2, 2.0, 6.25)
    assert (first.tokens, first.last) == (40, noon + 1)
    assert (second.key_id, second.pictures) == ("b", 1)
    assert await database.quotas.usage(day_of(noon), day_of(noon + 86_400), "b") == [second]
    assert await database.quotas.usage(day_of(noon), day_of(noon)) == [first]
    assert await database.quotas.last_used() == {"a": noon + 1, "b": noon + 86_400}
