"""API keys: minted once, kept only as a digest, checked for every request."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

import msgspec

from safelight.contract.errors import AuthenticationFailed, ConfigurationError, InvalidRequest, NotAllowed, NotFound
from safelight.contract.records.quotas import Quotas
from safelight.service.access.administration import Administration
from safelight.service.access.minting import KEY_BYTES, KEY_PREFIX, MintedKey, digest_of
from safelight.service.ports.stores.audit import SERVER
from safelight.service.ports.stores.keys import KeyRecord, KeyStore, KeyTerms

ENVIRONMENT_KEY_ID = "environment"
LOCAL_KEY_ID = "local"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever holds the key of a request. `models` None allows every model; the others as `KeyTerms`."""

    key_id: str
    name: str
    models: tuple[str, ...] | None = None
    weight: float = 1.0
    admin: bool = False
    rate_limit: int | None = None
    group: str | None = None
    quotas: Quotas = {}

    def check_admin(self) -> None:
        """Raises:
        NotAllowed: the key may not change keys.
        """
        if not self.admin:
            raise NotAllowed(
                "This key is no admin key. `safelight keys change ID --admin` makes one of it.",
                code="admin_key_required",
            )


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
    """The use cases around keys. `environment_key` is accepted as it is, beside those of the store; whether that is an
    admin key, `environment_admin` says. `administration` changes keys."""

    def __init__(
        self,
        store: KeyStore,
        environment_key: str | None = None,
        clock: Callable[[], float] = time.time,
        *,
        environment_admin: bool = False,
    ) -> None:
        self._store = store
        self._environment_digest = None if environment_key is None else digest_of(environment_key)
        self._environment = Principal(key_id=ENVIRONMENT_KEY_ID, name=ENVIRONMENT_KEY_ID, admin=environment_admin)
        self.administration = Administration(store, clock)

    async def create(
        self,
        name: str = "",
        models: tuple[str, ...] | None = None,
        note: Callable[[str], None] | None = None,
        *,
        weight: float = 1.0,
        admin: bool = False,
    ) -> MintedKey:
        """Mint and keep a key, bound to `models` where they are given; it is on disk when this returns.

        `note` is called with the key's text before the store learns of it: should the process end in between, a note
        of a key that is not valid is left, and never a valid key that nobody knows.

        Raises:
            ConfigurationError: the name is too long or not printable, the weight is out of bounds, or the store cannot
                be written.
        """
        terms = KeyTerms(name=name, models=models, weight=weight, admin=admin)
        try:
            return await self.administration.create(terms, SERVER, note)
        except InvalidRequest as error:
            raise ConfigurationError(error.message) from None

    async def all(self) -> Sequence[KeyRecord]:
        """Every key that was ever made, oldest first."""
        return await self._store.all()

    async def revoke(self, key_id: str) -> KeyRecord:
        """End a key, at once and for good. Revoking twice keeps the first time.

        Raises:
            ConfigurationError: there is no key with that id.
        """
        try:
            return await self.administration.revoke(key_id, SERVER)
        except NotFound as error:
            raise ConfigurationError(error.message) from None

    async def authenticate(self, text: str) -> Principal:
        """Whose key that is. The store is asked every time: what another process changed counts at once.

        Raises:
            AuthenticationFailed: unknown or revoked; the message never repeats the key.
        """
        digest = digest_of(text)
        if self._environment_digest is not None and hmac.compare_digest(digest, self._environment_digest):
            return self._environment
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
            return _LOCAL
        if key_id == ENVIRONMENT_KEY_ID:
            return None if self._environment_digest is None else self._environment
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
            return self._environment
        for record in await self._store.all():
            if record.revoked is None and record.models is None:
                return _holder(record)
        return _LOCAL

    def proof(self, principal: Principal) -> str:
        """Changes when another key takes that principal's place: the environment's keeps its id when it changes."""
        if principal.key_id != ENVIRONMENT_KEY_ID or self._environment_digest is None:
            return ""
        return hashlib.sha256(b"session " + self._environment_digest).hexdigest()


# Who signs in by a link where no key may use every model: whoever makes links has the state folder.
_LOCAL = Principal(key_id=LOCAL_KEY_ID, name=LOCAL_KEY_ID, admin=True)


def _holder(record: KeyRecord) -> Principal:
    return Principal(key_id=record.id, **msgspec.structs.asdict(record.terms))


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
