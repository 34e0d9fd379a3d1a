"""Where it is written down who changed what of keys, groups, quotas, sessions and places."""

# Tested in tests/contracts/test_audit_port.py.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

SERVER = "server"
"""Who makes the first key, by itself."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `who` is `cli:` and the name of a user of the system, or `key:` and an id, or `server`; `subject` is
    what was changed, `before` and `after` are what it was and is: never a secret. `time` is Unix seconds, by the
    store's clock; it and `number` are given by the store."""

    who: str
    action: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    time: float = 0.0
    number: int = 0


class AuditLog(Protocol):
    """The log of changes. Stores write into it with what they change, in one transaction."""

    async def add(self, entry: AuditEntry) -> None:
        """Note a change that is in no store."""

    async def entries(self, most: int, before: int | None = None) -> Sequence[AuditEntry]:
        """The last so many, newest first; those with a number below `before`, where that is given."""
