"""Where keys and sessions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from safelight.contract.records.quotas import QuotaName
from safelight.service.ports.stores.audit import SERVER


class KeyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a key may do, which can be changed. `models` None allows every model.

    `weight` is how much of a device it has beside other keys that want it at the same time. An `admin` key may change
    keys. `rate_limit` are requests a minute, None: as the settings say, 0: any number. `group` names the group whose
    quotas it shares, `quotas` are its own.
    """

    name: str = ""
    models: tuple[str, ...] | None = None
    weight: float = 1.0
    admin: bool = False
    rate_limit: int | None = None
    group: str | None = None
    quotas: dict[QuotaName, float | None] = {}


class KeyRecord(KeyTerms, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself. Times are Unix seconds."""

    id: str
    hint: str
    created: int
    revoked: int | None = None

    @property
    def terms(self) -> KeyTerms:
        """What of it can be changed."""
        return KeyTerms(**{name: getattr(self, name) for name in KeyTerms.__struct_fields__})


class GroupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A group of keys, and what they may use together."""

    name: str
    quotas: dict[QuotaName, float | None]


class KeyStore(Protocol):
    """Where keys live. Every change is on disk when the call returns (power may fail right after), and stands in the
    log of changes: `by` says who made it."""

    async def add(self, record: KeyRecord, digest: bytes, by: str = SERVER) -> None:
        """Keep a key under the SHA-256 of its text.

        Raises:
            ConfigurationError: there is one with that id or that text, or it cannot be kept.
        """

    async def by_digest(self, digest: bytes) -> KeyRecord | None:
        """The key with that SHA-256, revoked ones included."""

    async def by_id(self, key_id: str) -> KeyRecord | None:
        """The key with that id, revoked ones included."""

    async def all(self) -> Sequence[KeyRecord]:
        """Every key, oldest first."""

    async def revoke(self, key_id: str, when: int, by: str = SERVER) -> KeyRecord | None:
        """Mark as revoked; None if there is no such key. Revoking twice keeps the first time."""

    async def change(self, key_id: str, terms: KeyTerms, by: str = SERVER) -> KeyRecord | None:
        """Give a key other terms; None if there is no such key."""

    async def group(self, name: str) -> GroupRecord | None:
        """The group of that name."""

    async def groups(self) -> Sequence[GroupRecord]:
        """Every group, by name."""

    async def put_group(self, group: GroupRecord, by: str = SERVER) -> None:
        """Keep a group, over the one of that name."""

    async def remove_group(self, name: str, by: str = SERVER) -> bool:
        """Let a group go; its keys stay, and name it still. Whether there was one."""


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser: whose key it stands for. `proof` changes when that key is replaced. Unix seconds."""

    key_id: str
    proof: str
    created: float
    expires: float


class SessionStore(Protocol):
    """Where sessions are kept, under the SHA-256 of what the cookie holds. That one began or was ended stands in the
    log of changes."""

    async def add(self, digest: bytes, session: SessionRecord, most: int) -> None:
        """Keep a session; beyond `most` of its key, those that were opened first go."""

    async def get(self, digest: bytes) -> SessionRecord | None:
        """That session, expired or not."""

    async def delete(self, digest: bytes) -> None:
        """End it."""
