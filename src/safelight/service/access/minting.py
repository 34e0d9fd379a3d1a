"""The text of a key, and what is kept of it."""

# Tested in tests/service/test_keys.py.

from __future__ import annotations

import base64
import hashlib
import secrets

import msgspec

from safelight.service.ports.stores.keys import KeyRecord, KeyTerms

KEY_PREFIX = "sl-"
KEY_BYTES = 32
HINT_CHARACTERS = 4


class MintedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key. `text` is the key itself: shown to its owner now and never again."""

    text: str
    record: KeyRecord


def mint(terms: KeyTerms, created: int) -> MintedKey:
    """A key of 256 random bits, base64url without padding (RFC 4648, section 5). Keeps nothing."""
    text = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode("ascii")
    key_id = f"key-{secrets.token_hex(6)}"
    record = KeyRecord(id=key_id, hint=text[-HINT_CHARACTERS:], created=created, **msgspec.structs.asdict(terms))
    return MintedKey(text=text, record=record)


def digest_of(text: str) -> bytes:
    """SHA-256 of a key's text: 32 bytes. A plain hash suffices, since nobody guesses 256 random bits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
