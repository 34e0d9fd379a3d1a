"""Links that sign one browser in: each works once, within ten minutes."""

# Tested in tests/service/test_sessions.py.

from __future__ import annotations

import hashlib
import secrets
from typing import Protocol

# Long enough to go to the other room, too short for whoever finds the link in a log or a history.
LINK_SECONDS = 600.0
_TOKEN_BYTES = 32


class LinkStore(Protocol):
    """Where links are kept until they are used, under the SHA-256 of their token. Other processes may add some, so that
    the store's clock counts, and not theirs."""

    async def add(self, digest: str, seconds: float) -> None:
        """Keep a link for so long; those that have ended go."""

    async def take(self, digest: str) -> float | None:
        """The seconds that it had left, below 0 where it has ended; None where there is no such link. It is gone: of
        several takers one gets it."""


class Links:
    """The use cases of links."""

    def __init__(self, store: LinkStore) -> None:
        self._store = store

    async def new(self) -> str:
        """A token that signs one browser in."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._store.add(_digest(token), LINK_SECONDS)
        return token

    async def use(self, token: str) -> bool:
        """Whether that token was good; from now on it is not. One that would last for longer than any is of a clock
        that was set back, and is not good either.
        """
        left = await self._store.take(_digest(token))
        return left is not None and 0 < left <= LINK_SECONDS


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
