"""Making, changing and ending keys and groups of keys: for the command line and for admin keys alike."""

# Tested in tests/service/test_administration.py.

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from safelight.contract.errors import InvalidRequest, NotFound
from safelight.contract.records.quotas import GROUP_NAME, QUOTA_NAMES, QuotaName
from safelight.service.access.minting import MintedKey, digest_of, mint
from safelight.service.ports.stores.keys import GroupRecord, KeyRecord, KeyStore, KeyTerms

MAX_NAME_CHARACTERS = 100
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100
MOST_RATE = 1_000_000
MOST_QUOTA = 1e12


class Administration:
    """The use cases of whoever may change keys. `by` says who that is, for the log of changes."""

    def __init__(self, store: KeyStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def create(self, terms: KeyTerms, by: str, note: Callable[[str], None] | None = None) -> MintedKey:
        """Mint and keep a key; it is on disk when this returns. `note` as `Keys.create`.

        Raises:
            InvalidRequest: a term is not as it must be.
        """
        check_terms(terms)
        minted = mint(terms, int(self._clock()))
        if note is not None:
            note(minted.text)
        await self._store.add(minted.record, digest_of(minted.text), by)
        return minted

    async def keys(self) -> Sequence[KeyRecord]:
        """Every key that was ever made, oldest first."""
        return await self._store.all()

    async def key(self, key_id: str) -> KeyRecord:
        """One key.

        Raises:
            NotFound: there is none with that id.
        """
        return _there(await self._store.by_id(key_id), key_id)

    async def change(self, key_id: str, changes: Mapping[str, Any], by: str) -> KeyRecord:
        """Give a key other terms; those that are not named stay. A quota that is named takes the place of that one
        alone: None sets that there is no bound, and `default` takes the key's own away.

        Raises:
            NotFound: there is no such key.
            InvalidRequest: a term is not as it must be.
        """
        before = await self.key(key_id)
        changed = dict(changes)
        if "quotas" in changed:
            changed["quotas"] = merged(before.quotas, changed["quotas"])
        terms = msgspec.structs.replace(before.terms, **changed)
        check_terms(terms)
        return _there(await self._store.change(key_id, terms, by), key_id)

    async def revoke(self, key_id: str, by: str) -> KeyRecord:
        """End a key, at once and for good. Revoking twice keeps the first time.

        Raises:
            NotFound: there is no key with that id.
        """
        return _there(await self._store.revoke(key_id, int(self._clock()), by), key_id)

    async def groups(self) -> Sequence[GroupRecord]:
        """Every group that was set, by name."""
        return await self._store.groups()

    async def set_group(self, name: str, quotas: Mapping[str, Any], by: str) -> GroupRecord:
        """Change what the keys of a group may use together; those quotas that are not named stay.

        Raises:
            InvalidRequest: the name or a quota is not as it must be.
        """
        check_group(name)
        there = await self._store.group(name)
        group = GroupRecord(name=name, quotas=merged({} if there is None else there.quotas, quotas))
        await self._store.put_group(group, by)
        return group

    async def remove_group(self, name: str, by: str) -> None:
        """Let a group's quotas go; its keys stay.

        Raises:
            NotFound: there is none of that name.
        """
        if not await self._store.remove_group(name, by):
            raise NotFound(f"There is no group {name[:MAX_NAME_CHARACTERS]!r}.")


def merged(before: Mapping[QuotaName, float | None], changes: Mapping[str, Any]) -> dict[QuotaName, float | None]:
    """Quotas with changes.

    Raises:
        InvalidRequest: a name or a number is not one.
    """
    after = dict(before)
    for name, most in changes.items():
        if name not in QUOTA_NAMES:
            raise InvalidRequest(f"There is no quota {name!r}. Quotas: {', '.join(QUOTA_NAMES)}.", param="quotas")
        if most == "default":
            after.pop(name, None)
            continue
        number = isinstance(most, int | float) and not isinstance(most, bool)
        if most is not None and not (number and math.isfinite(most) and 0 <= most <= MOST_QUOTA):
            raise InvalidRequest(
                f'{name} takes a number from 0 to {MOST_QUOTA:.0e}, null for no bound, or "default".', param="quotas"
            )
        after[name] = most
    return after


def check_terms(terms: KeyTerms) -> None:
    """Raises:
    InvalidRequest: a term is not as it must be; `param` names it.
    """
    if len(terms.name) > MAX_NAME_CHARACTERS or not terms.name.isprintable():
        raise InvalidRequest(f"A key's name is at most {MAX_NAME_CHARACTERS} printable characters.", param="name")
    if not LEAST_WEIGHT <= terms.weight <= MOST_WEIGHT:
        raise InvalidRequest(f"A key's weight is a number from {LEAST_WEIGHT} to {MOST_WEIGHT}.", param="weight")
    if terms.rate_limit is not None and not 0 <= terms.rate_limit <= MOST_RATE:
        raise InvalidRequest(
            f"A key's rate limit is a whole number of requests a minute from 0 (no limit) to {MOST_RATE}.",
            param="rate_limit",
        )
    if terms.group is not None:
        check_group(terms.group)


def check_group(name: str) -> None:
    """Raises:
    InvalidRequest: it can be no group's name.
    """
    if not GROUP_NAME.fullmatch(name):
        raise InvalidRequest("A group's name is letters, digits and . _ - (at most 100).", param="group")


def check_models(models: Collection[str], offered: Mapping[str, str]) -> tuple[str, ...]:
    """The ids of the models that are named; `offered` are ids by id and alias.

    Raises:
        InvalidRequest: there is no such model.
    """
    unknown = [name for name in models if name not in offered]
    if unknown:
        known = ", ".join(sorted(offered))
        raise InvalidRequest(f"There is no model {unknown[0]!r} here. Models: {known}.", param="models")
    return tuple(dict.fromkeys(offered[name] for name in models))


def _there(record: KeyRecord | None, key_id: str) -> KeyRecord:
    if record is None:
        raise NotFound(f"There is no key {key_id[:64]!r}. `safelight keys list` shows those there are.")
    return record
