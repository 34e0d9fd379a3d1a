"""A key as answers show it: without its text, with what was used so far."""

# Tested in tests/api/test_keys.py.

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from safelight.api.exchange.operations import Answer
from safelight.api.services import Services
from safelight.contract.records.quotas import Amount, QuotaName, day_of
from safelight.service.ports.stores.keys import KeyRecord
from safelight.service.ports.stores.quotas import UsageRow

KeyQuotas = Annotated[
    dict[QuotaName, float | None], Meta(description="Null: no bound. What is not named is as the settings say.")
]


class UsedSoFar(Answer, frozen=True, kw_only=True):
    """What was used today and this month, of UTC."""

    pictures_today: int
    pictures_this_month: int
    megapixels_this_month: float
    seconds_this_month: float


class Key(Answer, frozen=True, kw_only=True):
    """A key, without its text."""

    object: Literal["key"] = "key"
    id: str
    name: str
    hint: Annotated[str, Meta(description="Its last four characters.")]
    created: Annotated[int, Meta(description="Unix seconds.")]
    revoked: Annotated[int | None, Meta(description="When it was ended; null while it is valid.")]
    models: Annotated[list[str] | None, Meta(description="Which it may use; null: every one.")]
    weight: float
    admin: bool
    rate_limit: Annotated[int | None, Meta(description="Requests a minute; 0: any number; null: as the settings say.")]
    group: str | None
    quotas: KeyQuotas
    last_used: Annotated[float | None, Meta(description="Unix seconds.")]
    usage: UsedSoFar


class NewKey(Answer, frozen=True, kw_only=True):
    """A key that was made: its text, this once, and the key."""

    key: Annotated[str, Meta(description="The key itself. It is not shown again.")]
    made: Key


class KeyList(Answer, frozen=True, kw_only=True):
    """Every key that was ever made, oldest first."""

    object: Literal["list"] = "list"
    data: list[Key]


async def shown_keys(services: Services, records: Sequence[KeyRecord]) -> list[Key]:
    today = day_of(time.time())
    last = await services.usage.last_used()
    only = records[0].id if len(records) == 1 else None
    rows = await services.usage.usage(f"{today[:8]}01", f"{today[:8]}31", only)
    return [_shown(record, [row for row in rows if row.key_id == record.id], today, last) for record in records]


def _shown(record: KeyRecord, rows: Sequence[UsageRow], today: str, last: Mapping[str, float]) -> Key:
    month = Amount()
    for row in rows:
        month = month.plus(Amount(row.pictures, row.megapixels, row.seconds))
    return Key(
        id=record.id,
        name=record.name,
        hint=record.hint,
        created=record.created,
        revoked=record.revoked,
        models=None if record.models is None else list(record.models),
        weight=record.weight,
        admin=record.admin,
        rate_limit=record.rate_limit,
        group=record.group,
        quotas=record.quotas,
        last_used=last.get(record.id),
        usage=UsedSoFar(
            pictures_today=sum(row.pictures for row in rows if row.day == today),
            pictures_this_month=int(month.pictures),
            megapixels_this_month=round(month.megapixels, 3),
            seconds_this_month=round(month.seconds, 3),
        ),
    )
