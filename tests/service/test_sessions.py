"""Signing in: links once, keys, and sessions that are worth no more than their key."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore, MemoryLinks, MemorySessionStore
from safelight.adapters.sql import open_database
from safelight.contract.errors import AuthenticationFailed
from safelight.service.access.keys import ENVIRONMENT_KEY_ID, LOCAL_KEY_ID, Keys
from safelight.service.access.links import LINK_SECONDS, Links
from safelight.service.access.sessions import MOST_SESSIONS, SESSION_SECONDS, Sessions


async def test_a_link_signs_in_once_as_the_oldest_valid_key_that_may_use_every_model() -> None:
    keys = Keys(MemoryKeyStore())
    revoked, bound = await keys.create("revoked"), await keys.create("bound", models=("postcard",))
    first = await keys.create("first")
    await keys.create("second")
    await keys.revoke(revoked.record.id)
    links = Links(MemoryLinks())
    sessions = Sessions(MemorySessionStore(), keys, links)
    link = await links.new()
    with pytest.raises(AuthenticationFailed, match="link"):
        await sessions.sign_in_by_link(link + "x")
    cookie, _ = await sessions.sign_in_by_link(link)
    principal, _ = await sessions.authenticate(cookie)
    assert principal.key_id == first.record.id != bound.record.id
    with pytest.raises(AuthenticationFailed, match="used"):
        await sessions.sign_in_by_link(link)


async def test_every_link_counts_until_its_end_and_before_the_first_none() -> None:
    now = 1000.0
    links = Links(MemoryLinks(lambda: now))
    sessions = Sessions(MemorySessionStore(), Keys(MemoryKeyStore()), links)
    with pytest.raises(AuthenticationFailed):
        await sessions.sign_in_by_link("")
    old, new = await links.new(), await links.new()
    late, ahead = await links.new(), await links.new()
    for token in (new, old):
        cookie, _ = await sessions.sign_in_by_link(token)
        assert (await sessions.authenticate(cookie))[0].key_id == LOCAL_KEY_ID
    now += LINK_SECONDS
    with pytest.raises(AuthenticationFailed, match="ten minutes"):
        await sessions.sign_in_by_link(late)
    now -= 2 * LINK_SECONDS  # the clock is set back: a link would last for longer than it may
    with pytest.raises(AuthenticationFailed, match="safelight link"):
        await sessions.sign_in_by_link(ahead)


async def test_a_session_ends_with_its_time_and_is_kept_only_as_a_digest() -> None:
    now = 1000.0
    keys, store = Keys(MemoryKeyStore()), MemorySessionStore()
    minted = await keys.create("a")
    sessions = Sessions(store, keys, Links(MemoryLinks()), clock=lambda: now)
    cookie, session = await sessions.sign_in_by_key(minted.text)
    assert session.expires == now + SESSION_SECONDS
    assert await store.get(cookie.encode()) is None
    now += SESSION_SECONDS
    with pytest.raises(AuthenticationFailed, match="ended"):
        await sessions.authenticate(cookie)


async def test_a_session_of_the_environments_key_ends_when_another_takes_its_place() -> None:
    store = MemorySessionStore()
    cookie, _ = await Sessions(store, Keys(MemoryKeyStore(), "sl-old"), Links(MemoryLinks())).sign_in_by_key("sl-old")
    same = Sessions(store, Keys(MemoryKeyStore(), "sl-old"), Links(MemoryLinks()))
    assert (await same.authenticate(cookie))[0].key_id == ENVIRONMENT_KEY_ID
    for replaced in ("sl-new", None):
        with pytest.raises(AuthenticationFailed):
            await Sessions(store, Keys(MemoryKeyStore(), replaced), Links(MemoryLinks())).authenticate(cookie)


async def test_beyond_a_bound_the_sessions_that_a_key_opened_first_end(tmp_path: Path) -> None:
    database = await open_database(tmp_path)
    for store in (MemorySessionStore(), database.sessions):
        keys = Keys(MemoryKeyStore())
        mine, others = await keys.create("mine"), await keys.create("others")
        times = map(float, range(10**6, 0, -1))  # the order is not the clock's, which is set back all the time
        sessions = Sessions(store, keys, Links(MemoryLinks()), clock=times.__next__)
        kept, _ = await sessions.sign_in_by_key(others.text)
        cookies = [(await sessions.sign_in_by_key(mine.text))[0] for _ in range(MOST_SESSIONS + 1)]
        for cookie in (kept, *cookies[1:]):
            await sessions.authenticate(cookie)
        with pytest.raises(AuthenticationFailed):
            await sessions.authenticate(cookies[0])
    await database.close()
