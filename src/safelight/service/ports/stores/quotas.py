"""Where it is counted how much of their quotas keys have used, and what is reserved for what is under way."""

# Tested in tests/contracts/test_quota_port.py.

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from safelight.contract.records.quotas import Amount, Period


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a request reserves: `each` for every one of `count` pictures. `group` is its key's."""

    id: str
    key_id: str
    group: str | None
    each: Amount
    count: int


class Used(msgspec.Struct, frozen=True):
    """What is counted in a period: what has ended, and what is reserved and under way."""

    ended: Amount = Amount()
    reserved: Amount = Amount()


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How a key and its group stand at `now`, by the store's clock, in the day and the month in which that is."""

    now: float
    key: dict[Period, Used]
    group: dict[Period, Used]


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was used on one day, by one key, of one model. `calls` are pictures and lists of texts, however they ended;
    `last` is when the last of them came, in Unix seconds."""

    day: str
    key_id: str
    model: str
    calls: int
    pictures: int
    megapixels: float
    seconds: float
    tokens: int
    last: float


class QuotaBook(Protocol):
    """Counts for all processes of a store, one after the other: of two that ask at once the second sees the first.

    What is reserved counts while whoever reserved it renews it, or while a job that names it has not ended. What has
    ended is counted by the ledger: with an entry its part of what was reserved goes, in one transaction.
    """

    async def reserve(self, claim: Claim, fits: Callable[[Counted], bool]) -> Counted:
        """Ask `fits` how things stand, and note the claim where that is so; how they stood.

        Raises:
            StoreUnavailable: the store cannot be reached just now.
        """

    async def give_back(self, claim_id: str) -> None:
        """What is left of a claim will not be drawn."""

    async def renew(self, claim_ids: Collection[str]) -> None:
        """These are under way still."""

    async def counted(self, key_id: str, group: str | None) -> Counted:
        """How a key stands, and its group."""

    async def usage(self, first_day: str, last_day: str, key_id: str | None = None) -> Sequence[UsageRow]:
        """What was used from one day to another, both included; by day, key and model, in this order."""

    async def last_used(self) -> dict[str, float]:
        """When each key that was used came last, in Unix seconds."""
