"""What keys have used and reserved, in SQL."""

# Tested in tests/contracts/test_quota_port.py.

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.jobs.table import IS_UNFINISHED
from safelight.adapters.sql.schema import jobs, keys, reservations, usage
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.quotas import Amount, Period, day_of
from safelight.service.ports.stores.jobs import LEASE_SECONDS
from safelight.service.ports.stores.quotas import Claim, Counted, UsageRow, Used

_LEASE_END = DatabaseNow() + LEASE_SECONDS
_IS_DRAWN = exists().where(jobs.c.reservation == reservations.c.id, IS_UNFINISHED)
# A lease that would last for longer than any is of a clock that was set back since, and of nobody who lives: those
# renew theirs every few seconds.
_IS_ALIVE = or_(reservations.c.lease_until.between(DatabaseNow(), DatabaseNow() + 2 * LEASE_SECONDS), _IS_DRAWN)


@uncancellable
class SqlQuotaBook:
    """A `QuotaBook`. A power cut of the database's server may lose what was reserved last."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def reserve(self, claim: Claim, fits: Callable[[Counted], bool]) -> Counted:
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection, "quotas")
            counted = await _counted(connection, claim.key_id, claim.group)
            if fits(counted):
                await connection.execute(insert(reservations).values(_row(claim, counted.now)))
        return counted

    async def give_back(self, claim_id: str) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(delete(reservations).where(reservations.c.id == claim_id))

    async def renew(self, claim_ids: Collection[str]) -> None:
        async with self._dialect.writing() as connection:
            mine = update(reservations).where(reservations.c.id.in_(claim_ids))
            await connection.execute(mine.values(lease_until=_LEASE_END))

    async def counted(self, key_id: str, group: str | None) -> Counted:
        async with self._dialect.reading() as connection:
            return await _counted(connection, key_id, group)

    async def usage(self, first_day: str, last_day: str, key_id: str | None = None) -> Sequence[UsageRow]:
        query = select(usage).where(usage.c.day.between(first_day, last_day))
        query = query if key_id is None else query.where(usage.c.key_id == key_id)
        async with self._dialect.reading() as connection:
            rows = await connection.execute(query.order_by(usage.c.day, usage.c.key_id, usage.c.model))
            return [UsageRow(**row) for row in rows.mappings()]

    async def last_used(self) -> dict[str, float]:
        query = select(usage.c.key_id, func.max(usage.c.last).label("last")).group_by(usage.c.key_id)
        async with self._dialect.reading() as connection:
            return {row.key_id: row.last for row in await connection.execute(query)}


def _row(claim: Claim, now: float) -> dict[str, Any]:
    return {
        "id": claim.id,
        "key_id": claim.key_id,
        "day": day_of(now),
        "pictures": claim.count,
        "each_pictures": int(claim.each.pictures),
        "each_megapixels": claim.each.megapixels,
        "each_seconds": claim.each.seconds,
        "lease_until": _LEASE_END,
    }


async def _counted(connection: AsyncConnection, key_id: str, group: str | None) -> Counted:
    """One statement reads both tables: between two the ledger could take something out of one and put it into the
    other."""
    now = float((await connection.execute(select(DatabaseNow()))).scalar_one())
    today = day_of(now)
    each = (reservations.c.each_pictures, reservations.c.each_megapixels, reservations.c.each_seconds)
    reserved = [reservations.c.pictures * one for one in each]
    ended = _sums(usage, key_id, group, today, (usage.c.pictures, usage.c.megapixels, usage.c.seconds), "ended")
    under_way = _sums(reservations, key_id, group, today, reserved, "reserved").where(_IS_ALIVE)
    periods: tuple[Period, ...] = ("day", "month")
    key, of_group = dict.fromkeys(periods, Used()), dict.fromkeys(periods, Used())
    for row in await connection.execute(ended.union_all(under_way)):
        amount = Amount(float(row.pictures), float(row.megapixels), float(row.seconds))
        for period in periods if row.is_today else ("month",):
            if row.mine:
                key[period] = _more(key[period], row.kind, amount)
            if group is not None:
                of_group[period] = _more(of_group[period], row.kind, amount)
    return Counted(now=now, key=key, group=of_group)


def _sums(
    table: Any, key_id: str, group: str | None, today: str, amounts: Sequence[ColumnElement[Any]], kind: str
) -> Select[*tuple[Any, ...]]:
    """The sums of this month, by whether they are the key's own and whether they are of today."""
    mine = case((table.c.key_id == key_id, 1), else_=0)
    is_today = case((table.c.day == today, 1), else_=0)
    who = table.c.key_id == key_id
    if group is not None:
        who = or_(who, table.c.key_id.in_(select(keys.c.id).where(keys.c.key_group == group)))
    pictures, megapixels, seconds = amounts
    return (
        select(
            literal(kind).label("kind"),
            mine.label("mine"),
            is_today.label("is_today"),
            func.sum(pictures).label("pictures"),
            func.sum(megapixels).label("megapixels"),
            func.sum(seconds).label("seconds"),
        )
        .where(who, table.c.day.between(f"{today[:8]}01", f"{today[:8]}31"))
        .group_by(mine, is_today)
    )


def _more(used: Used, kind: str, amount: Amount) -> Used:
    if kind == "ended":
        return Used(used.ended.plus(amount), used.reserved)
    return Used(used.ended, used.reserved.plus(amount))


async def forget_dead(connection: AsyncConnection) -> None:
    """Claims that count no more, of whoever was killed."""
    long_ago = reservations.c.lease_until < DatabaseNow() - 10 * LEASE_SECONDS
    await connection.execute(delete(reservations).where(long_ago, ~_IS_DRAWN))
