"""State that ends with the process: a key store, sessions and a ledger for tests and for trying things."""

# Tested in tests/contracts/test_key_and_session_ports.py.

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Sequence

import msgspec

from safelight.contract.errors import ConfigurationError
from safelight.service.ports.stores.audit import SERVER
from safelight.service.ports.stores.keys import GroupRecord, KeyRecord, KeyTerms, SessionRecord
from safelight.service.ports.stores.ledger import LedgerEntry


class MemoryKeyStore:
    """A `KeyStore` in memory. It keeps no log of changes."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[KeyRecord, bytes]] = {}
        self._groups: dict[str, GroupRecord] = {}

    async def add(self, record: KeyRecord, digest: bytes, by: str = SERVER) -> None:
        if record.id in self._kept or await self.by_digest(digest) is not None:
            raise ConfigurationError("There is a key with that id or that text.")
        self._kept[record.id] = (record, digest)

    async def by_digest(self, digest: bytes) -> KeyRecord | None:
        for record, kept in self._kept.values():
            if hmac.compare_digest(kept, digest):
                return record
        return None

    async def by_id(self, key_id: str) -> KeyRecord | None:
        return self._kept[key_id][0] if key_id in self._kept else None

    async def all(self) -> Sequence[KeyRecord]:
        return sorted((record for record, _ in self._kept.values()), key=lambda record: record.created)

    async def revoke(self, key_id: str, when: int, by: str = SERVER) -> KeyRecord | None:
        if key_id not in self._kept:
            return None
        record, digest = self._kept[key_id]
        if record.revoked is None:
            record = msgspec.structs.replace(record, revoked=when)
            self._kept[key_id] = (record, digest)
        return record

    async def change(self, key_id: str, terms: KeyTerms, by: str = SERVER) -> KeyRecord | None:
        if key_id not in self._kept:
            return None
        record, digest = self._kept[key_id]
        record = msgspec.structs.replace(record, **msgspec.structs.asdict(terms))
        self._kept[key_id] = (record, digest)
        return record

    async def group(self, name: str) -> GroupRecord | None:
        return self._groups.get(name)

    async def groups(self) -> Sequence[GroupRecord]:
        return [self._groups[name] for name in sorted(self._groups)]

    async def put_group(self, group: GroupRecord, by: str = SERVER) -> None:
        self._groups[group.name] = group

    async def remove_group(self, name: str, by: str = SERVER) -> bool:
        return self._groups.pop(name, None) is not None


class MemorySessionStore:
    """A `SessionStore` in memory."""

    def __init__(self) -> None:
        self._kept: dict[bytes, SessionRecord] = {}

    async def add(self, digest: bytes, session: SessionRecord, most: int) -> None:
        self._kept[digest] = session
        of_key = [kept for kept, each in self._kept.items() if each.key_id == session.key_id]
        for oldest in of_key[: max(0, len(of_key) - most)]:
            del self._kept[oldest]

    async def get(self, digest: bytes) -> SessionRecord | None:
        return self._kept.get(digest)

    async def delete(self, digest: bytes) -> None:
        self._kept.pop(digest, None)


class MemoryLinks:
    """A `LinkStore` in memory."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._kept: dict[str, float] = {}
        self._clock = clock

    async def add(self, digest: str, seconds: float) -> None:
        now = self._clock()
        self._kept = {link: end for link, end in self._kept.items() if end >= now} | {digest: now + seconds}

    async def take(self, digest: str) -> float | None:
        end = self._kept.pop(digest, None)
        return None if end is None else end - self._clock()


class MemoryLedger:
    """A `Ledger` in memory: what was written before it was closed stands in `entries`."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.closed = False

    def write(self, entry: LedgerEntry) -> None:
        if not self.closed:
            self.entries.append(entry)

    async def close(self) -> None:
        self.closed = True
