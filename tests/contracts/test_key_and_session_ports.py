"""What the stores of keys and sessions promise, held by the memory's and the database's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore, MemorySessionStore
from safelight.contract.errors import ConfigurationError
from safelight.service.ports.stores.keys import KeyRecord, KeyStore, SessionRecord, SessionStore
from tests.databases import kept_in

Stores = tuple[KeyStore, SessionStore]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield MemoryKeyStore(), MemorySessionStore()
        return
    database = await kept_in(request, tmp_path).open()
    yield database.keys, database.sessions
    await database.close()


def key(name: str, created: int) -> KeyRecord:
    return KeyRecord(id=name, name=name, hint="...", created=created, models=("m",), weight=2.0)


async def test_a_key_is_found_by_its_digest_and_by_its_id_and_by_no_other(stores: Stores) -> None:
    keys, _ = stores
    await keys.add(key("a", 5), b"1" * 32)
    assert await keys.by_digest(b"1" * 32) == await keys.by_id("a") == key("a", 5)
    assert await keys.by_digest(b"2" * 32) is None
    assert await keys.by_id("b") is None


async def test_keys_are_listed_oldest_first_and_those_of_one_second_as_they_were_added(stores: Stores) -> None:
    keys, _ = stores
    for number, (name, created) in enumerate((("late", 9), ("early", 1), ("b", 5), ("a", 5))):
        await keys.add(key(name, created), bytes([number]) * 32)
    assert [record.id for record in await keys.all()] == ["early", "b", "a", "late"]


async def test_revoking_twice_keeps_the_first_time_and_revoked_keys_are_still_found(stores: Stores) -> None:
    keys, _ = stores
    await keys.add(key("a", 5), b"1" * 32)
    for when in (7, 8):
        revoked = await keys.revoke("a", when)
        assert revoked is not None
        assert revoked.revoked == 7
    assert await keys.by_digest(b"1" * 32) == await keys.by_id("a") == revoked
    assert await keys.revoke("b", 7) is None


async def test_which_models_a_key_may_use_and_its_weight_are_kept(stores: Stores) -> None:
    keys, _ = stores
    every, none = (
        msgspec.structs.replace(key("a", 1), models=None, weight=0.5),
        msgspec.structs.replace(key("b", 2), models=()),
    )
    await keys.add(every, b"1" * 32)
    await keys.add(none, b"2" * 32)
    assert list(await keys.all()) == [every, none]


@pytest.mark.parametrize(("name", "digest"), [("a", b"2" * 32), ("b", b"1" * 32)])
async def test_no_two_keys_share_an_id_or_a_text(stores: Stores, name: str, digest: bytes) -> None:
    keys, _ = stores
    await keys.add(key("a", 1), b"1" * 32)
    with pytest.raises(ConfigurationError):
        await keys.add(key(name, 2), digest)
    assert list(await keys.all()) == [key("a", 1)]


async def test_beyond_a_bound_the_sessions_that_a_key_opened_first_go(stores: Stores) -> None:
    _, sessions = stores
    others = SessionRecord(key_id="b", proof="p", created=1.0, expires=2.0)
    await sessions.add(b"o" * 32, others, 2)
    mine = [SessionRecord(key_id="a", proof="p", created=9.0 - number, expires=20.0) for number in range(4)]
    for number, session in enumerate(mine):
        await sessions.add(bytes([number]) * 32, session, 2)
    assert [await sessions.get(bytes([number]) * 32) for number in range(4)] == [None, None, *mine[2:]]
    assert await sessions.get(b"o" * 32) == others


async def test_a_session_is_there_until_it_is_deleted_expired_or_not(stores: Stores) -> None:
    _, sessions = stores
    session = SessionRecord(key_id="a", proof="p", created=1.0, expires=2.0)
    await sessions.add(b"s" * 32, session, 10)
    assert await sessions.get(b"s" * 32) == session
    assert await sessions.get(b"t" * 32) is None
    for _ in range(2):
        await sessions.delete(b"s" * 32)
    assert await sessions.get(b"s" * 32) is None
