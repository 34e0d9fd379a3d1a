"""What the log of changes promises, and that every store writes into it what it changes: never a secret."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from safelight.adapters.sql import Database
from safelight.adapters.sql.schema import audit
from safelight.service.access.administration import Administration
from safelight.service.ports.stores.audit import AuditEntry
from safelight.service.ports.stores.keys import KeyTerms, SessionRecord
from tests.databases import kept_in


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = await kept_in(request, tmp_path).open()
    yield opened
    await opened.close()


async def told(database: Database) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.action, entry.subject) for entry in await database.audit.entries(100)]


async def test_every_change_of_keys_and_groups_is_there_newest_first_with_what_it_was(database: Database) -> None:
    administration = Administration(database.keys, lambda: 5.0)
    minted = await administration.create(KeyTerms(name="bob"), "cli:alice")
    key_id = minted.record.id
    await administration.change(key_id, {"weight": 2.0, "quotas": {"pictures_per_day": 5}}, "key:key-1")
    await administration.change(key_id, {"weight": 2.0}, "key:key-1")
    await administration.set_group("team", {"pictures_per_day": 5}, "cli:alice")
    await administration.remove_group("team", "cli:alice")
    await administration.revoke(key_id, "cli:alice")
    await administration.revoke(key_id, "cli:alice")
    assert await told(database) == [
        ("cli:alice", "key.revoked", key_id),
        ("cli:alice", "group.removed", "team"),
        ("cli:alice", "group.set", "team"),
        ("key:key-1", "key.changed", key_id),
        ("cli:alice", "key.created", key_id),
    ], "what changes nothing is no change"
    entries = await database.audit.entries(100)
    changed, created = entries[3], entries[4]
    assert changed.before == {"weight": 1.0, "quotas": {}}
    assert changed.after == {"weight": 2.0, "quotas": {"pictures_per_day": 5}}
    assert created.before is None
    assert created.after is not None
    assert created.after["name"] == "bob"
    assert minted.text not in repr(entries)
    assert abs(created.time - time.time()) < 600


async def test_sessions_begin_and_end_there(database: Database) -> None:
    session = SessionRecord(key_id="key-1", proof="p", created=1.0, expires=2.0)
    await database.sessions.add(b"s" * 32, session, 5)
    await database.sessions.delete(b"s" * 32)
    await database.sessions.delete(b"s" * 32)
    assert await told(database) == [
        ("key:key-1", "session.ended", "key-1"),
        ("key:key-1", "session.began", "key-1"),
    ]


async def test_it_is_read_page_by_page(database: Database) -> None:
    for number in range(5):
        await database.audit.add(AuditEntry(who="server", action="place.adopted", subject=str(number)))
    first = await database.audit.entries(2)
    second = await database.audit.entries(2, first[-1].number)
    assert [entry.subject for entry in (*first, *second)] == ["4", "3", "2", "1"]


async def test_what_is_too_old_or_too_many_is_forgotten(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [
        {"time": time.time(), "who": "server", "action": "a", "subject": str(number)} for number in range(6)
    ]
    async with database.dialect.writing() as connection:
        await connection.execute(insert(audit), rows)
        await connection.execute(update(audit).where(audit.c.subject == "4").values(time=5.0))
    monkeypatch.setattr("safelight.adapters.sql.access.audit.MOST_ENTRIES", 3)
    await database.upkeep.tidy(time.time())
    assert [entry.subject for entry in await database.audit.entries(100)] == ["5", "3"]
