"""Quotas: how much a key, or a group of keys, may have drawn in a day or a month of UTC."""

# Tested in tests/service/test_quotas.py.

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import msgspec

Measure = Literal["pictures", "megapixels", "seconds"]
Period = Literal["day", "month"]
QuotaName = Literal[
    "pictures_per_day",
    "megapixels_per_day",
    "seconds_per_day",
    "pictures_per_month",
    "megapixels_per_month",
    "seconds_per_month",
]
GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
QUOTA_NAMES: tuple[QuotaName, ...] = get_args(QuotaName)
Quotas = Mapping[QuotaName, float | None]
"""The most by name. None says that there is no bound, whatever the settings say of every key."""

# Sums of fractions in another order differ in their last digits: a quota that is used up exactly is not exceeded.
_ROUNDING = 1e-6


class Amount(msgspec.Struct, frozen=True):
    """So much: finished pictures, their pixels in millions, and seconds in which a device worked for them."""

    pictures: float = 0
    megapixels: float = 0.0
    seconds: float = 0.0

    def of(self, measure: Measure) -> float:
        """So much of one measure."""
        value: float = getattr(self, measure)
        return value

    def plus(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.pictures + other.pictures, self.megapixels + other.megapixels, self.seconds + other.seconds)

    def times(self, count: int) -> Amount:
        """So often as much."""
        return Amount(self.pictures * count, self.megapixels * count, self.seconds * count)


class Quota(msgspec.Struct, frozen=True):
    """One bound. `group` None: it is the key's own."""

    measure: Measure
    period: Period
    most: float
    group: str | None = None

    @property
    def name(self) -> str:
        return f"{self.measure}_per_{self.period}"

    def holds(self, used: float, wanted: float) -> bool:
        """Whether so much more fits."""
        return used + wanted <= self.most + _ROUNDING


def quotas_of(said: Quotas, group: str | None = None) -> list[Quota]:
    """The bounds that are set, in the order of their names."""
    found = []
    for name in QUOTA_NAMES:
        measure, _, period = name.partition("_per_")
        if (most := said.get(name)) is not None:
            found.append(msgspec.convert({"measure": measure, "period": period, "most": most, "group": group}, Quota))
    return found


def day_of(seconds: float) -> str:
    """The day of UTC in which a moment is, Unix seconds, as `2026-11-27`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def end_of(period: Period, seconds: float) -> float:
    """When the day or the month of UTC ends in which a moment is; both in Unix seconds."""
    begun = datetime.fromtimestamp(seconds, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return (begun + timedelta(days=1)).timestamp()
    return (begun.replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()
