"""What the `RateCounter` port promises, held by each that ships."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from safelight.adapters.in_process.rates import LocalRates
from safelight.service.ports.stores.rates import RateCounter
from tests.databases import kept_in


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["in process", "postgresql"])
async def counter(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> AsyncIterator[RateCounter]:
    if request.param == "in process":
        yield LocalRates(clock)
        return
    from safelight.adapters.sql.postgres.rates import SqlRates

    database = await kept_in(request, tmp_path).open()
    yield SqlRates(database.dialect, lambda: f"CAST({clock.now} AS double precision)")
    await database.close()


async def test_of_many_at_once_no_more_are_taken_in_than_may_be(counter: RateCounter) -> None:
    counted = await asyncio.gather(*(counter.hit("a", 3, 60.0) for _ in range(10)))
    assert [each.accepted for each in counted].count(True) == 3
    assert sorted(each.count for each in counted) == [1, 2, *[3] * 8]
    assert (await counter.hit("b", 1, 60.0)).accepted


async def test_the_window_slides_and_says_when_the_oldest_leaves_it(counter: RateCounter, clock: Clock) -> None:
    await counter.hit("a", 2, 60.0)
    clock.now += 20
    second = await counter.hit("a", 2, 60.0)
    assert (second.count, second.oldest_leaves_seconds) == (2, 40.0)
    clock.now += 39
    refused = await counter.hit("a", 2, 60.0)
    assert (refused.accepted, refused.oldest_leaves_seconds) == (False, 1.0)
    clock.now += 1
    again = await counter.hit("a", 2, 60.0)
    assert (again.accepted, again.count, again.oldest_leaves_seconds) == (True, 2, 20.0)


async def test_who_may_have_fewer_than_before_is_refused_until_that_many_are_left(
    counter: RateCounter, clock: Clock
) -> None:
    for _ in range(3):
        await counter.hit("a", 3, 60.0)
        clock.now += 10
    assert not (await counter.hit("a", 2, 60.0)).accepted
    clock.now += 40
    assert (await counter.hit("a", 2, 60.0)).count == 2
