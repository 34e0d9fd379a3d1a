"""`safelight keys`: the use cases of `service.access` on the database of the state folder."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from safelight.adapters.home.state_folder import forget_key, keep_key, read_key
from safelight.adapters.sql import Database, open_database
from safelight.cli.terminal import note, print_json, print_table
from safelight.contract.errors import ConfigurationError, NotFound
from safelight.contract.records.quotas import QUOTA_NAMES
from safelight.service.access.administration import Administration, check_models, merged
from safelight.service.access.minting import MintedKey, digest_of
from safelight.service.ports.stores.keys import GroupRecord, KeyRecord, KeyTerms
from safelight.settings import Settings

_T = TypeVar("_T")


def create(settings: Settings, said: Mapping[str, Any], *, save: bool, as_json: bool) -> None:
    """Make a key and print it."""
    changes = _meant(settings, said)
    changes["quotas"] = merged({}, changes.get("quotas", {}))
    terms = KeyTerms(**changes)

    async def work(database: Database) -> MintedKey:
        return await Administration(database.keys, database.clock).create(terms, who())

    minted = with_database(settings, work)
    if save:
        keep_key(settings.home, minted.text)
    if as_json:
        print_json({"key": minted.text, **_as_json(minted.record)})
        return
    print(minted.text)
    kept = "It is kept in the state folder for `safelight env`." if save else "It is not shown again."
    note(f"This is {minted.record.id}. {kept}")


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Print every key's record, and when it was used last."""

    async def work(database: Database) -> tuple[list[KeyRecord], dict[str, float]]:
        return list(await database.keys.all()), await database.quotas.last_used()

    records, last = with_database(settings, work)
    if as_json:
        print_json([_as_json(record) | {"last_used": last.get(record.id)} for record in records])
    elif records:
        columns = ("id", "name", "key", "models", "weight", "group", "quotas", "made", "last used", "state")
        print_table(columns, [_row(record, last.get(record.id)) for record in records])
    else:
        note("There are no keys yet. `safelight keys create` makes one, and so does the first `safelight serve`.")


def change(settings: Settings, key_id: str, said: Mapping[str, Any], *, as_json: bool) -> None:
    """Give a key other terms, and print its record."""
    changes = _meant(settings, said)
    if not changes:
        raise ConfigurationError("Nothing was said that is to change. `safelight keys change --help` shows what can.")

    async def work(database: Database) -> KeyRecord:
        return await Administration(database.keys).change(key_id, changes, who())

    record = with_database(settings, work)
    if as_json:
        print_json(_as_json(record))
    else:
        print(f"{record.id} is changed: {', '.join(changes)}.")


def revoke(settings: Settings, key_id: str, *, as_json: bool) -> None:
    """End a key; the copy for `safelight env` goes with it."""

    async def work(database: Database) -> KeyRecord:
        record = await Administration(database.keys, database.clock).revoke(key_id, who())
        kept = read_key(settings.home)
        holder = None if kept is None else await database.keys.by_digest(digest_of(kept))
        if holder is not None and holder.id == record.id:
            forget_key(settings.home)
        return record

    record = with_database(settings, work)
    if as_json:
        print_json(_as_json(record))
    else:
        print(f"{record.id} is revoked.")


def group(settings: Settings, name: str | None, said: Sequence[str], *, remove: bool, as_json: bool) -> None:
    """Set or remove a group's quotas, and print the groups that there are."""
    if name is None and (said or remove):
        raise ConfigurationError("Name the group: `safelight keys group NAME --quota …`.")

    async def work(database: Database) -> list[GroupRecord]:
        administration = Administration(database.keys)
        if name is not None and remove:
            await administration.remove_group(name, who())
        elif name is not None and said:
            await administration.set_group(name, _quotas(said), who())
        kept = {each.name: each for each in await administration.groups()}
        named = {each: GroupRecord(name=each, quotas=dict(most)) for each, most in settings.group_quotas.items()}
        return [each for _, each in sorted((named | kept).items()) if name in (None, each.name)]

    groups = with_database(settings, work)
    if as_json:
        print_json([msgspec.to_builtins(each) for each in groups])
    elif groups:
        print_table(("group", "quotas"), [(each.name, quotas_in_words(each.quotas)) for each in groups])
    else:
        note("There is no such group." if name else "There are no groups. `safelight keys group NAME` makes one.")


def who() -> str:
    """Whom the log of changes names: the system's user, whatever the environment says; one that stands in no list, as
    in a container, by its number."""
    number = os.getuid()
    try:
        return f"cli:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"cli:uid {number}"


def with_database(settings: Settings, work: Callable[[Database], Awaitable[_T]]) -> _T:
    """Do something with the database of the state folder, and close it.

    Raises:
        ConfigurationError: what is asked for is not there, or it cannot be used.
    """

    async def run() -> _T:
        database = await open_database(settings.home, settings.database_url)
        try:
            return await work(database)
        except NotFound as error:
            raise ConfigurationError(error.message) from None
        finally:
            await database.close()

    return asyncio.run(run())


def quotas_in_words(quotas: Mapping[Any, float | None]) -> str:
    """Quotas as options say them."""
    words = (f"{name}={'none' if most is None else f'{most:g}'}" for name, most in quotas.items())
    return ", ".join(words) or "-"


def _meant(settings: Settings, said: Mapping[str, Any]) -> dict[str, Any]:
    """Terms as options say them, as the use cases take them."""
    meant = dict(said)
    if meant.get("models") is not None:
        ids = {name: model_id for model_id, model in settings.models.items() for name in (model_id, *model.aliases)}
        meant["models"] = check_models(meant["models"], ids)
    if "quotas" in meant:
        meant["quotas"] = _quotas(meant["quotas"])
    if "rate_limit" in meant:
        meant["rate_limit"] = _rate_limit(meant["rate_limit"])
    if meant.get("group") == "none":
        meant["group"] = None
    return meant


def _rate_limit(text: str) -> int | None:
    if text != "default" and not text.isdecimal():
        raise ConfigurationError(f"--rate-limit takes a whole number or `default`; got {text!r}.")
    return None if text == "default" else int(text)


def _quotas(said: Sequence[str]) -> dict[str, float | str | None]:
    """Raises: ConfigurationError: one is not written as NAME=AMOUNT."""
    quotas: dict[str, float | str | None] = {}
    for text in said:
        name, _, most = text.partition("=")
        try:
            quotas[name] = {"none": None, "default": "default"}[most] if most in ("none", "default") else float(most)
        except ValueError:
            raise ConfigurationError(
                f"--quota takes NAME=AMOUNT, like pictures_per_day=100; got {text!r}. Names: {', '.join(QUOTA_NAMES)}."
            ) from None
    return quotas


def _row(record: KeyRecord, last_used: float | None) -> tuple[str, ...]:
    models = "all" if record.models is None else ", ".join(record.models)
    state = "valid" if record.revoked is None else f"revoked {_day(record.revoked)}"
    return (
        record.id,
        f"{record.name} (admin)".strip() if record.admin else record.name,
        f"sl-…{record.hint}",
        models,
        f"{record.weight:g}",
        record.group or "-",
        quotas_in_words(record.quotas),
        _day(record.created),
        "-" if last_used is None else _day(last_used),
        state,
    )


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(when))


def _as_json(record: KeyRecord) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(record)
    return shown
