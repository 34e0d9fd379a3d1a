"""Taking off what was reserved of a quota, once what it was reserved for has ended."""

# Tested in tests/contracts/test_quota_port.py.

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.schema import reservations


async def take_off(connection: AsyncConnection, parts: Mapping[str, int]) -> dict[str, str]:
    """So many pictures of these claims have ended; the day on which each claim counts."""
    days: dict[str, str] = {}
    for claim_id, count in sorted(parts.items()):
        ended = update(reservations).where(reservations.c.id == claim_id)
        lessened = ended.values(pictures=reservations.c.pictures - count).returning(reservations.c.day)
        if (day := (await connection.execute(lessened)).scalar_one_or_none()) is not None:
            days[claim_id] = day
    if days:
        used_up = reservations.c.id.in_(list(days)) & (reservations.c.pictures <= 0)
        await connection.execute(delete(reservations).where(used_up))
    return days
