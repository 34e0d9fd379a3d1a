"""`safelight keys`: the use cases of `service.keys` on the database of the state folder."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from safelight.adapters.home.state_folder import forget_key, keep_key, read_key
from safelight.adapters.sql import Database, open_database
from safelight.cli.terminal import note, print_json, print_table
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys, MintedKey, digest_of
from safelight.service.ports.keys import KeyRecord
from safelight.settings import Settings

_T = TypeVar("_T")


def create(settings: Settings, *, name: str, models: tuple[str, ...], weight: float, save: bool, as_json: bool) -> None:
    """Make a key and print it."""
    allowed = _model_ids(settings, models) if models else None

    async def work(database: Database) -> MintedKey:
        return await Keys(database.keys, clock=database.clock).create(name, allowed, weight=weight)

    minted = _with_database(settings, work)
    if save:
        keep_key(settings.home, minted.text)
    if as_json:
        print_json({"key": minted.text, **_as_json(minted.record)})
        return
    print(minted.text)
    kept = "It is kept in the state folder for `safelight env`." if save else "It is not shown again."
    note(f"This is {minted.record.id}. {kept}")


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Print every key's record."""

    async def work(database: Database) -> list[KeyRecord]:
        return list(await Keys(database.keys).all())

    records = _with_database(settings, work)
    if as_json:
        print_json([_as_json(record) for record in records])
    elif records:
        print_table(("id", "name", "key", "models", "weight", "made", "state"), [_row(record) for record in records])
    else:
        note("There are no keys yet. `safelight keys create` makes one, and so does the first `safelight serve`.")


def revoke(settings: Settings, key_id: str, *, as_json: bool) -> None:
    """End a key; the copy for `safelight env` goes with it."""

    async def work(database: Database) -> KeyRecord:
        record = await Keys(database.keys, clock=database.clock).revoke(key_id)
        kept = read_key(settings.home)
        holder = None if kept is None else await database.keys.by_digest(digest_of(kept))
        if holder is not None and holder.id == record.id:
            forget_key(settings.home)
        return record

    record = _with_database(settings, work)
    if as_json:
        print_json(_as_json(record))
    else:
        print(f"{record.id} is revoked.")


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        database = await open_database(settings.home, settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def _model_ids(settings: Settings, names: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of the models that `names` names, aliases resolved."""
    ids = {name: model_id for model_id, model in settings.models.items() for name in (model_id, *model.aliases)}
    unknown = [name for name in names if name not in ids]
    if unknown:
        raise ConfigurationError(f"There is no model {unknown[0]!r} here. Models: {', '.join(sorted(ids))}.")
    return tuple(dict.fromkeys(ids[name] for name in names))


def _row(record: KeyRecord) -> tuple[str, ...]:
    models = "all" if record.models is None else ", ".join(record.models)
    state = "valid" if record.revoked is None else f"revoked {_day(record.revoked)}"
    return record.id, record.name, f"sl-…{record.hint}", models, f"{record.weight:g}", _day(record.created), state


def _day(when: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(when))


def _as_json(record: KeyRecord) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(record)
    return shown
