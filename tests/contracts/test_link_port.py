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


@pytest.fixture(params=["memory", "files", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LinkStore]:
    if request.param != "postgresql":
        yield MemoryLinks() if request.param == "memory" else FileLinks(tmp_path)
        return
    database = await kept_in(request, tmp_path).open()
    assert database.links is not None
    yield database.links
    await database.close()


async def test_a_link_is_taken_once_with_its_end_as_it_was_said(store: LinkStore) -> None:
    assert await store.take("aa") is None
    await store.add("aa", 1_795_348_800.1234567, 1_795_348_200.0)
    await store.add("bb", 1_795_348_801.0, 1_795_348_201.0)
    assert await store.take("aa") == 1_795_348_800.1234567
    assert await store.take("aa") is None
    assert await store.take("bb") == 1_795_348_801.0


async def test_one_that_has_ended_is_there_until_the_next_is_added(store: LinkStore) -> None:
    await store.add("ended", 10.0, 1.0)
    await store.add("ends now", 20.0, 1.0)
    await store.add("next", 30.0, 20.0)
    assert await store.take("ended") is None
    assert await store.take("ends now") == 20.0
    await store.add("last", 40.0, 1000.0)
    assert await store.take("last") == 40.0


async def test_of_several_takers_at_once_one_gets_it(store: LinkStore) -> None:
    for number in range(50):
        await store.add(f"{number}", 10.0, 1.0)
        taken = await asyncio.gather(*(store.take(f"{number}") for _ in range(4)))
        assert sorted(end for end in taken if end is not None) == [10.0]
