"""Signing in to the page: a key or a one-time link becomes a session that a cookie names."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from safelight.contract.errors import AuthenticationFailed
from safelight.service.access.keys import Keys, Principal
from safelight.service.access.links import Links
from safelight.service.ports.stores.keys import SessionRecord, SessionStore

# More browsers than a person has, and less than a script that signs in again and again would leave.
MOST_SESSIONS = 100
SESSION_SECONDS = 30 * 86_400.0
_TOKEN_BYTES = 32
_ENDED = "This session has ended. Sign in again."


class Sessions:
    """The use cases of signing in. A session is worth no more than the key it stands for: it ends when that does."""

    def __init__(self, store: SessionStore, keys: Keys, links: Links, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._keys = keys
        self._links = links
        self._clock = clock

    async def sign_in_by_link(self, token: str) -> tuple[str, SessionRecord]:
        """What a cookie is to hold, and the session: that of the owner of this server's first key.

        Raises:
            AuthenticationFailed: that token was used, is too old, or never was one.
        """
        if not await self._links.use(token):
            raise AuthenticationFailed(
                "This link was used before, or is older than ten minutes. `safelight link` makes a new one."
            )
        return await self._open(await self._keys.first())

    async def sign_in_by_key(self, text: str) -> tuple[str, SessionRecord]:
        """What a cookie is to hold, and the session.

        Raises:
            AuthenticationFailed: unknown or revoked.
        """
        return await self._open(await self._keys.authenticate(text))

    async def authenticate(self, cookie: str) -> tuple[Principal, SessionRecord]:
        """Whom a cookie stands for, and the session.

        Raises:
            AuthenticationFailed: there is no such session, or it or its key has ended.
        """
        session = await self._store.get(_digest(cookie))
        if session is None or session.expires <= self._clock():
            raise AuthenticationFailed(_ENDED)
        principal = await self._keys.by_id(session.key_id)
        if principal is None or not hmac.compare_digest(session.proof, self._keys.proof(principal)):
            raise AuthenticationFailed(_ENDED)
        return principal, session

    async def sign_out(self, cookie: str) -> None:
        """End a session, on the server too."""
        await self._store.delete(_digest(cookie))

    async def _open(self, principal: Principal) -> tuple[str, SessionRecord]:
        cookie, now = secrets.token_urlsafe(_TOKEN_BYTES), self._clock()
        session = SessionRecord(
            key_id=principal.key_id, proof=self._keys.proof(principal), created=now, expires=now + SESSION_SECONDS
        )
        await self._store.add(_digest(cookie), session, MOST_SESSIONS)
        return cookie, session


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
