"""What entries of the ledger add up to, by day, key and model."""

# Tested in tests/contracts/test_quota_port.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.reserved import take_off
from safelight.adapters.sql.schema import usage
from safelight.contract.records.quotas import day_of
from safelight.service.ports.stores.ledger import LedgerEntry

_KEY = ("key_id", "day", "model")
_LATEST = ("last",)
_SUMS = ("calls", "pictures", "megapixels", "seconds", "tokens")


async def add_up(dialect: Dialect, connection: AsyncConnection, entries: Sequence[LedgerEntry]) -> None:
    """Count entries that are written in the same transaction, and take off what was reserved for them. What was
    reserved counts on the day on which it was."""
    parts: dict[str, int] = {}
    for entry in entries:
        if entry.reservation is not None and entry.reserved_pictures:
            parts[entry.reservation] = parts.get(entry.reservation, 0) + entry.reserved_pictures
    days = await take_off(connection, parts)
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in entries:
        day = days.get(entry.reservation or "") or day_of(entry.time)
        _add(rows.setdefault((entry.key_id, day, entry.model), {}), entry)
    # In one order in all processes: two that lock each other's rows would wait for each other.
    values = [dict(zip(_KEY, key, strict=True)) | rows[key] for key in sorted(rows)]
    if values:
        await connection.execute(dialect.add(usage, _KEY, _SUMS, _LATEST), values)


def _add(row: dict[str, Any], entry: LedgerEntry) -> None:
    drawn = entry.is_picture
    adding = {
        "calls": 1,
        "pictures": int(drawn),
        "megapixels": entry.width * entry.height / 1e6 if drawn else 0.0,
        "seconds": entry.device_seconds,
        "tokens": entry.tokens,
    }
    for name, value in adding.items():
        row[name] = row.get(name, 0) + value
    row["last"] = max(row.get("last", 0.0), entry.time)
