"""`safelight usage` and `safelight audit`: what was used by whom, and who changed what."""

# Tested in tests/cli/test_accounts.py.

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from safelight.adapters.sql import Database
from safelight.cli.administration.keys import with_database
from safelight.cli.terminal import note, print_json, print_table
from safelight.contract.errors import ConfigurationError
from safelight.contract.records.quotas import day_of
from safelight.service.ports.stores.audit import AuditEntry
from safelight.service.ports.stores.quotas import UsageRow
from safelight.settings import Settings

COLUMNS = ("day", "key_id", "key_name", "model", "calls", "pictures", "megapixels", "seconds", "tokens")
_USUAL = timedelta(days=30)


def print_usage(
    settings: Settings, since: str | None, until: str | None, key: str | None, *, as_csv: bool, as_json: bool
) -> None:
    """What was used, by day of UTC, key and model."""
    last = _day("--to", until) or date.fromisoformat(day_of(time.time()))
    first = _day("--from", since) or last - _USUAL

    async def work(database: Database) -> tuple[Sequence[UsageRow], dict[str, str]]:
        names = {record.id: record.name for record in await database.keys.all()}
        return await database.quotas.usage(first.isoformat(), last.isoformat(), key), names

    rows, names = with_database(settings, work)
    shown = [_shown(row, names) for row in rows]
    if as_json:
        print_json(shown)
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([{name: _harmless(value) for name, value in row.items()} for row in shown])
    elif shown:
        print_table(COLUMNS, [[str(value) for value in row.values()] for row in shown])
    else:
        note(f"Nothing was used from {first} to {last} (UTC).")


def print_audit(settings: Settings, most: int, *, as_json: bool) -> None:
    """The last changes, newest first."""

    async def work(database: Database) -> Sequence[AuditEntry]:
        return await database.audit.entries(most)

    entries = with_database(settings, work)
    if as_json:
        print_json([msgspec.to_builtins(entry) for entry in entries])
    elif entries:
        print_table(("when (UTC)", "who", "what", "of", "before", "after"), [_told(entry) for entry in entries])
    else:
        note("Nothing has been changed yet.")


def _shown(row: UsageRow, names: Mapping[str, str]) -> dict[str, Any]:
    values = msgspec.to_builtins(row) | {"key_name": names.get(row.key_id, "")}
    return {name: round(values[name], 3) if isinstance(values[name], float) else values[name] for name in COLUMNS}


def _harmless(value: object) -> object:
    """Spreadsheets run what begins so (OWASP, "CSV Injection"); a key's name is any text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _told(entry: AuditEntry) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.time))
    return when, entry.who, entry.action, entry.subject, _words(entry.before), _words(entry.after)


def _words(values: Mapping[str, Any] | None) -> str:
    return "-" if values is None else json.dumps(values, ensure_ascii=False)


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} takes a day like 2026-11-27; got {text!r}.") from None
