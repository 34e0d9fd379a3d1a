"""Signing in to the page: a key or a one-time link becomes a session that a cookie names."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from safelight.contract.errors import AuthenticationFailed
from safelight.service.job_ports import SessionRecord, SessionStore
from safelight.service.keeping import DAY_SECONDS
from safelight.service.keys import Keys, Principal

SESSION_SECONDS = 30 * DAY_SECONDS
_TOKEN_BYTES = 32
_ENDED = "This session has ended. Sign in again."


class Sessions:
    """The use cases of signing in. A session is worth no more than the key it stands for: it ends when that does."""

    def __init__(self, store: SessionStore, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._link: str | None = None

    def new_link(self) -> str:
        """A token that signs one browser in, once, as the owner of this server's first key. The last one counts."""
        self._link = secrets.token_urlsafe(_TOKEN_BYTES)
        return self._link

    async def sign_in_by_link(self, token: str) -> tuple[str, SessionRecord]:
        """What a cookie is to hold, and the session.

        Raises:
            AuthenticationFailed: that token was used, or never was one.
        """
        if self._link is None or not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._link.encode()):
            raise AuthenticationFailed("This link was used before, or belongs to an earlier start of the server.")
        self._link = None
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
        await self._store.add(_digest(cookie), session)
        return cookie, session


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
