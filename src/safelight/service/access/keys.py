"""API keys: minted once, kept only as a digest, checked for every request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from safelight.contract.errors import AuthenticationFailed, ConfigurationError
from safelight.service.ports.keys import KeyRecord, KeyStore

KEY_PREFIX = "sl-"
KEY_BYTES = 32
HINT_CHARACTERS = 4
MAX_NAME_CHARACTERS = 100
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100
ENVIRONMENT_KEY_ID = "environment"
LOCAL_KEY_ID = "local"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever holds the key of a request. `models` None allows every model."""

    key_id: str
    name: str
    models: tuple[str, ...] | None = None
    weight: float = 1.0


class MintedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key. `text` is the key itself: shown to its owner now and never again."""

    text: str
    record: KeyRecord


def mint(name: str, created: int, models: tuple[str, ...] | None = None, weight: float = 1.0) -> MintedKey:
    """A key of 256 random bits, base64url without padding (RFC 4648, section 5). Keeps nothing."""
    text = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode("ascii")
    key_id = f"key-{secrets.token_hex(6)}"
    record = KeyRecord(
        id=key_id, name=name, hint=text[-HINT_CHARACTERS:], created=created, models=models, weight=weight
    )
    return MintedKey(text=text, record=record)


def digest_of(text: str) -> bytes:
    """SHA-256 of a key's text: 32 bytes. A plain hash suffices, since nobody guesses 256 random bits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def bearer_token(authorization: str | None) -> str:
    """The key in an `Authorization` header (RFC 6750, section 2.1; the scheme's case does not matter).

    Raises:
        AuthenticationFailed: there is no header, or it is not `Bearer` and one key.
    """
    if authorization is None or not authorization.strip():
        raise AuthenticationFailed("No API key came. Send it as `Authorization: Bearer <key>`.")
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise AuthenticationFailed(
            "The Authorization header does not use the scheme Bearer. Send `Authorization: Bearer <key>`."
        )
    if not token:
        raise AuthenticationFailed(
            "The Authorization header holds no key after `Bearer`. Is the variable for it empty?"
        )
    if len(token.split()) > 1:
        raise AuthenticationFailed("The Authorization header holds more than one word after `Bearer`. Send one key.")
    return token


class Keys:
    """The use cases around keys. `environment_key` is accepted as it is, beside those of the store."""

    def __init__(
        self, store: KeyStore, environment_key: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._environment_digest = None if environment_key is None else digest_of(environment_key)
        self._clock = clock

    async def create(
        self,
        name: str = "",
        models: tuple[str, ...] | None = None,
        note: Callable[[str], None] | None = None,
        *,
        weight: float = 1.0,
    ) -> MintedKey:
        """Mint and keep a key, bound to `models` where they are given; it is on disk when this returns.

        `note` is called with the key's text before the store learns of it: should the process end in between, a note
        of a key that is not valid is left, and never a valid key that nobody knows.

        Raises:
            ConfigurationError: the name is too long or not printable, the weight is out of bounds, or the store cannot
                be written.
        """
        if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
            raise ConfigurationError(f"A key's name is at most {MAX_NAME_CHARACTERS} printable characters.")
        if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
            raise ConfigurationError(f"A key's weight is a number from {LEAST_WEIGHT} to {MOST_WEIGHT}.")
        minted = mint(name, int(self._clock()), models, weight)
        if note is not None:
            note(minted.text)
        await self._store.add(minted.record, digest_of(minted.text))
        return minted

    async def all(self) -> Sequence[KeyRecord]:
        """Every key that was ever made, oldest first."""
        return await self._store.all()

    async def revoke(self, key_id: str) -> KeyRecord:
        """End a key, at once and for good. Revoking twice keeps the first time.

        Raises:
            ConfigurationError: there is no key with that id.
        """
        record = await self._store.revoke(key_id, int(self._clock()))
        if record is None:
            raise ConfigurationError(f"There is no key {key_id!r}. `safelight keys list` shows those there are.")
        return record

    async def authenticate(self, text: str) -> Principal:
        """Whose key that is. The store is asked every time: what another process changed counts at once.

        Raises:
            AuthenticationFailed: unknown or revoked; the message never repeats the key.
        """
        digest = digest_of(text)
        if self._environment_digest is not None and hmac.compare_digest(digest, self._environment_digest):
            return Principal(key_id=ENVIRONMENT_KEY_ID, name=ENVIRONMENT_KEY_ID)
        record = await self._store.by_digest(digest)
        if record is None:
            raise AuthenticationFailed(_unknown(text))
        if record.revoked is not None:
            day = time.strftime("%Y-%m-%d", time.gmtime(record.revoked))
            raise AuthenticationFailed(f"This API key was revoked on {day}. Ask for a new one.")
        return _holder(record)

    async def by_id(self, key_id: str) -> Principal | None:
        """Whoever holds the key with that id; None if there is none such or it was revoked."""
        if key_id == LOCAL_KEY_ID:
            return Principal(key_id=LOCAL_KEY_ID, name=LOCAL_KEY_ID)
        if key_id == ENVIRONMENT_KEY_ID:
            there = self._environment_digest is not None
            return Principal(key_id=ENVIRONMENT_KEY_ID, name=ENVIRONMENT_KEY_ID) if there else None
        record = await self._store.by_id(key_id)
        if record is None or record.revoked is not None:
            return None
        return _holder(record)

    async def is_revoked(self, key_id: str) -> bool:
        """Whether the key with that id was ended. One that is not in the store, the environment's, never is."""
        record = await self._store.by_id(key_id)
        return record is not None and record.revoked is not None

    async def weight(self, key_id: str) -> float:
        """How much of a device the key with that id has beside others; 1 where there is none such any more."""
        principal = await self.by_id(key_id)
        return 1.0 if principal is None else principal.weight

    async def first(self) -> Principal:
        """Whose page the operator's own is: the environment's key if there is one, else the oldest that is valid and
        may use every model; `local` where there is none.
        """
        if self._environment_digest is not None:
            return Principal(key_id=ENVIRONMENT_KEY_ID, name=ENVIRONMENT_KEY_ID)
        for record in await self._store.all():
            if record.revoked is None and record.models is None:
                return _holder(record)
        return Principal(key_id=LOCAL_KEY_ID, name=LOCAL_KEY_ID)

    def proof(self, principal: Principal) -> str:
        """Changes when another key takes that principal's place: the environment's keeps its id when it changes."""
        if principal.key_id != ENVIRONMENT_KEY_ID or self._environment_digest is None:
            return ""
        return hashlib.sha256(b"session " + self._environment_digest).hexdigest()


def _holder(record: KeyRecord) -> Principal:
    return Principal(key_id=record.id, name=record.name, models=record.models, weight=record.weight)


def _unknown(text: str) -> str:
    if text.startswith(KEY_PREFIX):
        length = len(KEY_PREFIX) + (KEY_BYTES * 8 + 5) // 6
        if len(text) != length:
            return f"This API key is not known here: it has {len(text)} characters and ours have {length}. Was it cut?"
        return "This API key is not known here. It may belong to another server, or to another state folder."
    return (
        f"This API key is not known here. Keys of this server begin with `{KEY_PREFIX}`; "
        "`safelight env` on its machine prints one."
    )
