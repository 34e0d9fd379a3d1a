"""Quotas at the entrance: what a request asks for is reserved before it is drawn, and counted when it has ended."""

# Tested in tests/service/test_quotas.py.

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from safelight.contract.errors import QuotaExceeded, SafelightError
from safelight.contract.records.quotas import Amount, Quota, Quotas, end_of, quotas_of
from safelight.service.access.keys import Principal
from safelight.service.ports.stores.keys import KeyStore
from safelight.service.ports.stores.quotas import Claim, Counted, QuotaBook, Used

# A reservation counts for 12 s (`LEASE_SECONDS`): three renewals may be lost before it runs out.
_RENEW_SECONDS = 3.0
# What is under way ends sooner or later, and may not use up what it has reserved.
_UNDER_WAY_SECONDS = 5.0
# What is expected to take no time at all is refused as well once all the time is used up.
_LEAST_SECONDS = 0.001
_UNITS = {"pictures": "pictures", "megapixels": "megapixels", "seconds": "seconds of a device"}

log = structlog.get_logger(__name__)


class Reservation:
    """What a request has reserved, for so many pictures. Until somebody has taken it, whoever reserved it gives it
    back; whoever takes it sees to it that each picture ends once. One `of_job` is in the job's row, and counts until
    the job ends, wherever that is drawn."""

    def __init__(
        self, claim_id: str, pictures: int, forget: Callable[[str], None] = lambda _: None, *, of_job: bool = False
    ) -> None:
        self.id = claim_id
        self.is_taken = False
        self._left = pictures
        self._finished = False
        self._forget = forget
        self._of_job = of_job

    @property
    def is_free(self) -> bool:
        """Whether it can be given back at once: nobody has taken it, or all has ended and nothing was finished."""
        return not self.is_taken or (self._left <= 0 and not self._finished)

    def take(self) -> None:
        """Promise an end for each picture."""
        self.is_taken = True

    def put_into_job(self) -> None:
        """Jobs in the store hold it from now on."""
        self.is_taken = True
        self._forget(self.id)

    def end(self, pictures: int, *, finished: bool) -> int:
        """So many pictures have ended: how many the ledger is to take off. A job that was cut short is drawn again, and
        its own end gives back what was reserved for it."""
        if self._of_job and not finished:
            return 0
        self._left -= pictures
        self._finished = self._finished or finished
        if self._left <= 0:
            self._forget(self.id)
        return pictures


class QuotaState(msgspec.Struct, frozen=True, kw_only=True):
    """How one quota stands. `resets` is when its period ends, in Unix seconds."""

    quota: Quota
    used: float
    reserved: float
    resets: float


class QuotaKeeper:
    """Holds keys to their quotas. `defaults` are those of every key that has none of its own of that name, `groups`
    those of groups that the store has not. Without a `book` there are none.
    """

    def __init__(
        self,
        book: QuotaBook | None = None,
        keys: KeyStore | None = None,
        *,
        defaults: Quotas | None = None,
        groups: Mapping[str, Quotas] | None = None,
    ) -> None:
        self._book = book
        self._keys = keys
        self._defaults = defaults or {}
        self._groups = groups or {}
        self._mine: set[str] = set()

    async def quotas(self, principal: Principal) -> list[Quota]:
        """What a key is held to: its own, then its group's."""
        own = quotas_of({**self._defaults, **principal.quotas})
        return own + (await self._of_group(principal.group) if principal.group is not None else [])

    async def _of_group(self, name: str) -> list[Quota]:
        kept = await self._keys.group(name) if self._keys is not None else None
        return quotas_of(self._groups.get(name, {}) if kept is None else kept.quotas, name)

    async def reserve(self, principal: Principal, each: Amount, count: int = 1) -> Reservation | None:
        """Reserve so much for each of so many pictures; None where the key has no quotas.

        Raises:
            QuotaExceeded: it does not fit; the message names the quota and says when it ends.
            StoreUnavailable: it cannot be counted just now.
        """
        if self._book is None or not (quotas := await self.quotas(principal)):
            return None
        each = msgspec.structs.replace(each, seconds=max(_LEAST_SECONDS, each.seconds))
        wanted = each.times(count)
        claim = Claim(
            id=f"quota_{secrets.token_hex(12)}",
            key_id=principal.key_id,
            group=principal.group,
            each=each,
            count=count,
        )
        counted = await self._book.reserve(claim, lambda now: _exceeded(quotas, now, wanted) is None)
        exceeded = _exceeded(quotas, counted, wanted)
        if exceeded is not None:
            raise _refusal(exceeded, counted, wanted)
        self._mine.add(claim.id)
        return Reservation(claim.id, count, self._mine.discard)

    async def release(self, reservation: Reservation | None) -> None:
        """Give back what nobody has taken, and what was used for nothing. A store that is away keeps it until its lease
        has run out."""
        if self._book is None or reservation is None or not reservation.is_free:
            return
        self._mine.discard(reservation.id)
        try:
            await self._book.give_back(reservation.id)
        except SafelightError as error:
            log.warning("quota_not_given_back", reason=str(error), effect="it counts for some seconds more")

    async def standing(self, principal: Principal) -> Sequence[QuotaState]:
        """How each quota of a key stands."""
        if self._book is None or not (quotas := await self.quotas(principal)):
            return ()
        counted = await self._book.counted(principal.key_id, principal.group)
        return [_state(quota, counted) for quota in quotas]

    async def go_on(self) -> None:
        """Renew what is under way here, until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Once. Where the store is away, nobody else can reserve anything either."""
        if self._book is None or not self._mine:
            return
        try:
            await self._book.renew(tuple(self._mine))
        except SafelightError as error:
            log.warning("quotas_not_renewed", reason=str(error))


def _used(quota: Quota, counted: Counted) -> Used:
    return (counted.key if quota.group is None else counted.group)[quota.period]


def _state(quota: Quota, counted: Counted) -> QuotaState:
    used = _used(quota, counted)
    return QuotaState(
        quota=quota,
        used=used.ended.of(quota.measure),
        reserved=used.reserved.of(quota.measure),
        resets=end_of(quota.period, counted.now),
    )


def _exceeded(quotas: Sequence[Quota], counted: Counted, wanted: Amount) -> Quota | None:
    """The quota that does not hold so much more: of several the one that lasts longest."""
    broken = []
    for quota in quotas:
        used = _used(quota, counted)
        total = used.ended.plus(used.reserved)
        # What asks for nothing of a measure is not refused because of it.
        if wanted.of(quota.measure) > 0 and not quota.holds(total.of(quota.measure), wanted.of(quota.measure)):
            broken.append(quota)
    return max(broken, key=lambda quota: quota.period == "month", default=None)


def _refusal(quota: Quota, counted: Counted, wanted: Amount) -> QuotaExceeded:
    state, more = _state(quota, counted), wanted.of(quota.measure)
    whose = "This key" if quota.group is None else f"The group {quota.group} of this key"
    used = f"{_number(state.used)} are used, {_number(state.reserved)} are reserved for what is under way"
    said = (
        f"{whose} may have {_number(quota.most)} {_UNITS[quota.measure]} a {quota.period}: {used}, and this request "
        f"asks for {_number(more)}."
    )
    if quota.holds(state.used, more):
        return QuotaExceeded(f"{said} Some may be free when that has ended.", _UNDER_WAY_SECONDS)
    end = datetime.fromtimestamp(state.resets, UTC).strftime("%Y-%m-%d %H:%M")
    return QuotaExceeded(f"{said} The {quota.period} ends at {end} UTC.", state.resets - counted.now)


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
