"""Links that sign one browser in: each works once, within ten minutes."""

# Tested in tests/service/test_sessions.py.

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Protocol

# Long enough to go to the other room, too short for whoever finds the link in a log or a history.
LINK_SECONDS = 600.0
_TOKEN_BYTES = 32


class LinkStore(Protocol):
    """Where links are kept until they are used, under the SHA-256 of their token. Other processes may add some."""

    async def add(self, digest: str, expires: float, now: float) -> None:
        """Keep a link until `expires`; those that ended before `now` go. Both are Unix seconds."""

    async def take(self, digest: str) -> float | None:
        """When that link ends (Unix seconds), None where there is none. It is gone: of several takers one gets it."""


class Links:
    """The use cases of links."""

    def __init__(self, store: LinkStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def new(self) -> str:
        """A token that signs one browser in."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        await self._store.add(_digest(token), now + LINK_SECONDS, now)
        return token

    async def use(self, token: str) -> bool:
        """Whether that token was good; from now on it is not. One that would last for longer than any is of a clock
        that was set back, and is not good either.
        """
        expires = await self._store.take(_digest(token))
        return expires is not None and 0 < expires - self._clock() <= LINK_SECONDS


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
