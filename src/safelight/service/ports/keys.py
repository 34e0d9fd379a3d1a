"""Where keys and sessions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself. Times are Unix seconds; `models` None allows every model.

    `weight` is how much of a device it has beside other keys that want it at the same time.
    """

    id: str
    name: str
    hint: str
    created: int
    revoked: int | None = None
    models: tuple[str, ...] | None = None
    weight: float = 1.0


class KeyStore(Protocol):
    """Where keys live. Every change is on disk when the call returns (power may fail right after)."""

    async def add(self, record: KeyRecord, digest: bytes) -> None:
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

    async def revoke(self, key_id: str, when: int) -> KeyRecord | None:
        """Mark as revoked; None if there is no such key. Revoking twice keeps the first time."""


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser: whose key it stands for. `proof` changes when that key is replaced. Unix seconds."""

    key_id: str
    proof: str
    created: float
    expires: float


class SessionStore(Protocol):
    """Where sessions are kept, under the SHA-256 of what the cookie holds."""

    async def add(self, digest: bytes, session: SessionRecord, most: int) -> None:
        """Keep a session; beyond `most` of its key, those that were opened first go."""

    async def get(self, digest: bytes) -> SessionRecord | None:
        """That session, expired or not."""

    async def delete(self, digest: bytes) -> None:
        """End it."""
