"""What the `LinkStore` port promises, held by the memory's, the state folder's and the database's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_state import MemoryLinks
from safelight.adapters.home.links import FileLinks
from safelight.service.access.links import LinkStore
from tests.databases import kept_in


class Clock:
    """A clock that the test sets."""

    now = 1_795_348_200.0

    def __call__(self) -> float:
        return self.now

    def in_sql(self) -> str:
        return f"CAST({self.now} AS double precision)"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "files", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[LinkStore]:
    if request.param != "postgresql":
        yield MemoryLinks(clock) if request.param == "memory" else FileLinks(tmp_path, clock)
        return
    from safelight.adapters.sql.postgres.links import SqlLinks

    database = await kept_in(request, tmp_path).open()
    yield SqlLinks(database.dialect, clock.in_sql)
    await database.close()


async def test_a_link_is_taken_once_with_what_it_had_left(store: LinkStore, clock: Clock) -> None:
    assert await store.take("aa") is None
    await store.add("aa", 600.5)
    clock.now += 1.25
    await store.add("bb", 10.0)
    assert await store.take("aa") == 599.25
    assert await store.take("aa") is None
    clock.now += 11.0
    assert await store.take("bb") == -1.0


async def test_one_that_has_ended_is_there_until_the_next_is_added(store: LinkStore, clock: Clock) -> None:
    await store.add("ended", 9.0)
    await store.add("ends now", 19.0)
    clock.now += 19.0
    await store.add("next", 10.0)
    assert await store.take("ended") is None
    assert await store.take("ends now") == 0.0
    clock.now += 1000.0
    await store.add("last", 40.0)
    assert await store.take("next") is None
    assert await store.take("last") == 40.0


async def test_of_several_takers_at_once_one_gets_it(store: LinkStore) -> None:
    for number in range(20):
        await store.add(f"{number}", 10.0)
        taken = await asyncio.gather(*(store.take(f"{number}") for _ in range(4)))
        assert sorted(left for left in taken if left is not None) == [10.0]
