"""Quotas: which hold a key, when they end, and what is said of one that is used up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore
from safelight.contract.errors import QuotaExceeded
from safelight.contract.records.quotas import Amount, Quota, QuotaName, day_of, end_of, quotas_of
from safelight.service.access.administration import merged
from safelight.service.access.keys import Principal
from safelight.service.access.quotas import QuotaKeeper, Reservation
from safelight.service.ports.stores.keys import GroupRecord
from safelight.service.ports.stores.quotas import Claim, Counted, UsageRow, Used

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
ONE = Amount(1, 1.0, 2.0)
NOTHING = Amount()


class Book:
    """Counts as a test says; what is reserved stands in `claims`, what was given back in `given_back`."""

    def __init__(self, ended: Amount = NOTHING, reserved: Amount = NOTHING, now: float = NOON) -> None:
        used = Used(ended, reserved)
        self.now = Counted(now=now, key={"day": used, "month": used}, group={"day": used, "month": used})
        self.claims: list[Claim] = []
        self.given_back: list[str] = []
        self.renewed: list[str] = []

    async def reserve(self, claim: Claim, fits: Callable[[Counted], bool]) -> Counted:
        if fits(self.now):
            self.claims.append(claim)
        return self.now

    async def give_back(self, claim_id: str) -> None:
        self.given_back.append(claim_id)

    async def renew(self, claim_ids: Collection[str]) -> None:
        self.renewed += claim_ids

    async def counted(self, key_id: str, group: str | None) -> Counted:
        return self.now

    async def usage(self, first_day: str, last_day: str, key_id: str | None = None) -> Sequence[UsageRow]:
        return ()

    async def last_used(self) -> dict[str, float]:
        return {}


def holder(group: str | None = None, **quotas: float | None) -> Principal:
    return Principal(key_id="key-1", name="", group=group, quotas=merged({}, quotas))


async def refused(book: Book, principal: Principal, count: int = 1, keeper: QuotaKeeper | None = None) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as told:
        await (keeper or QuotaKeeper(book)).reserve(principal, ONE, count)
    assert book.claims == []
    return told.value


async def test_a_key_without_quotas_reserves_nothing() -> None:
    book = Book()
    assert await QuotaKeeper(book).reserve(holder(), ONE) is None
    assert await QuotaKeeper(book, defaults={"pictures_per_day": 5}).reserve(holder(pictures_per_day=None), ONE) is None
    assert book.claims == []


async def test_what_fits_exactly_fits_and_one_more_is_refused_until_the_day_ends() -> None:
    assert await QuotaKeeper(Book(Amount(7))).reserve(holder(pictures_per_day=10), ONE, 3) is not None
    error = await refused(Book(Amount(7)), holder(pictures_per_day=10), 4)
    assert error.message == (
        "This key may have 10 pictures a day: 7 are used, 0 are reserved for what is under way, and this request asks "
        "for 4. The day ends at 2026-11-28 00:00 UTC."
    )
    assert (error.code, error.status, error.param) == ("quota_exceeded", 429, None)
    assert error.headers == {"retry-after": str(12 * 3600), "x-should-retry": "false"}


async def test_what_only_waits_for_others_of_the_key_may_ask_again_in_seconds() -> None:
    error = await refused(Book(Amount(7), Amount(3)), holder(pictures_per_day=10))
    assert error.headers == {"retry-after": "5"}
    assert "3 are reserved" in error.message
    assert error.message.endswith("Some may be free when that has ended.")


async def test_of_two_quotas_that_are_used_up_the_one_that_lasts_is_named() -> None:
    used = Amount(10, 10.0)
    error = await refused(Book(used), holder(pictures_per_day=10, megapixels_per_month=10.5))
    assert "10.5 megapixels a month" in error.message
    assert "The month ends at 2026-12-01 00:00 UTC." in error.message


async def test_a_group_is_named_and_its_quotas_come_from_the_store_before_the_settings() -> None:
    store = MemoryKeyStore()
    settings: dict[str, dict[QuotaName, float | None]] = {
        "team": {"pictures_per_day": 1},
        "other": {"seconds_per_day": 1},
    }
    book = Book(Amount(5))
    keeper = QuotaKeeper(book, store, groups=settings)
    assert (
        "The group team of this key may have 1 pictures" in (await refused(book, holder("team"), keeper=keeper)).message
    )
    await store.put_group(GroupRecord(name="team", quotas={"pictures_per_day": 50}))
    assert await keeper.quotas(holder("team", seconds_per_month=3)) == [
        Quota("seconds", "month", 3),
        Quota("pictures", "day", 50, "team"),
    ]
    assert await keeper.reserve(holder("team"), ONE) is not None


async def test_texts_are_not_refused_for_want_of_pictures_but_for_want_of_time() -> None:
    """Whatever it is expected to take: at first that may be nothing."""
    texts, used_up = Amount(seconds=0.0), Amount(10, 10, 10)
    assert await QuotaKeeper(Book(used_up)).reserve(holder(pictures_per_day=10), texts) is not None
    with pytest.raises(QuotaExceeded):
        await QuotaKeeper(Book(used_up)).reserve(holder(seconds_per_day=10), texts)


async def test_what_nobody_took_is_given_back_and_what_is_taken_is_not() -> None:
    book = Book()
    keeper = QuotaKeeper(book)
    first, second = [await keeper.reserve(holder(pictures_per_day=10), ONE) for _ in range(2)]
    assert first is not None
    assert second is not None
    second.take()
    await keeper.renew()
    assert sorted(book.renewed) == sorted([first.id, second.id])
    for each in (first, second, None):
        await keeper.release(each)
    assert book.given_back == [first.id]


async def test_what_was_used_for_nothing_is_given_back_at_once() -> None:
    book = Book()
    keeper = QuotaKeeper(book)
    failed, drawn = [await keeper.reserve(holder(pictures_per_day=10), ONE, 2) for _ in range(2)]
    assert failed is not None
    assert drawn is not None
    for each in (failed, drawn):
        each.take()
        each.end(1, finished=False)
        await keeper.release(each)
    failed.end(1, finished=False)
    drawn.end(1, finished=True)
    for each in (failed, drawn):
        await keeper.release(each)
    assert book.given_back == [failed.id]


async def test_what_has_ended_or_is_in_a_job_is_not_renewed_any_more() -> None:
    book = Book()
    keeper = QuotaKeeper(book)
    drawn, kept = [await keeper.reserve(holder(pictures_per_day=10), ONE, 2) for _ in range(2)]
    assert drawn is not None
    assert kept is not None
    kept.put_into_job()
    assert drawn.end(1, finished=True) == 1
    await keeper.renew()
    assert book.renewed == [drawn.id]
    assert drawn.end(1, finished=False) == 1
    await keeper.renew()
    assert book.renewed == [drawn.id]


def test_a_job_that_was_cut_short_keeps_what_is_reserved_for_it() -> None:
    reservation = Reservation("quota_1", 1, of_job=True)
    assert reservation.end(1, finished=False) == 0
    assert reservation.end(1, finished=True) == 1


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        ("2026-11-27 23:59:59", "2026-11-28", "2026-12-01"),
        ("2026-12-31 00:00:00", "2027-01-01", "2027-01-01"),
        ("2028-02-28 12:00:00", "2028-02-29", "2028-03-01"),
    ],
)
def test_days_and_months_are_those_of_utc(moment: str, day: str, month: str) -> None:
    seconds = datetime.fromisoformat(f"{moment}+00:00").timestamp()
    assert day_of(seconds) == moment[:10]
    assert day_of(end_of("day", seconds)) == day
    assert day_of(end_of("month", seconds)) == month
    assert end_of("day", seconds) % 86_400 == 0


def test_quotas_are_read_by_their_names() -> None:
    assert quotas_of({"megapixels_per_month": 4.5, "pictures_per_day": None}, "g") == [
        Quota("megapixels", "month", 4.5, "g")
    ]
