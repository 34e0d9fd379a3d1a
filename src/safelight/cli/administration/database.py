"""`safelight db` and `safelight move`: what they print."""

# Tested in tests/cli/test_database_commands.py.

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from safelight.bootstrap.stores import moving
from safelight.cli.terminal import note, print_json, print_table
from safelight.settings import Settings

_KINDS = {"sqlite": "SQLite in the state folder", "postgresql": "PostgreSQL"}


def print_status(settings: Settings, *, as_json: bool) -> None:
    """How the database stands."""
    standing = asyncio.run(moving.status(settings))
    if as_json:
        print_json(msgspec.to_builtins(standing))
        return
    revisions = f"revision {standing.revision or 'none'}; this version's is {standing.newest_revision}"
    print(f"{_KINDS[standing.kind]}, {revisions}.")
    if standing.rows:
        print_table(("table", "rows"), [(table, str(rows)) for table, rows in standing.rows.items()])
    if standing.revision != standing.newest_revision:
        note("`safelight db upgrade` brings it to this version's, and so does the next `safelight serve`.")
    if standing.servers is not None:
        note(f"{standing.servers} server{' uses' if standing.servers == 1 else 's use'} it.")


def print_upgrade(settings: Settings, *, as_json: bool) -> None:
    """Bring it up to date, and say where it stands then."""
    asyncio.run(moving.upgrade(settings))
    print_status(settings, as_json=as_json)


def print_backup(settings: Settings, file: Path, *, as_json: bool) -> None:
    """Back up, and say what was written."""
    _print(asyncio.run(moving.back_up(settings, file)), f"{file} holds", as_json=as_json)
    note("The pictures are not in it: keep a copy of the place that `files` names as well.")


def print_restore(settings: Settings, file: Path, *, as_json: bool) -> None:
    """Restore, and say what was taken in."""
    _print(asyncio.run(moving.restore(settings, file)), "Taken in:", as_json=as_json)


def print_move(settings: Settings, to: str, files: str | None, *, as_json: bool) -> None:
    """Move, and say what to set now."""
    rows, pictures = asyncio.run(moving.move(settings, None if to == "sqlite" else to, files))
    _print(rows | ({} if files is None else {"pictures": pictures}), "Taken over:", as_json=as_json)
    setting = "Leave the setting `database` out" if to == "sqlite" else "Set `database` to the new address"
    also = "" if files is None else ", and `files` to the new place"
    note(f"{setting} now{also}. The old database is as it was; do not serve from both.")


def _print(rows: dict[str, int], before: str, *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print(before, ", ".join(f"{number} {table}" for table, number in rows.items()) + ".")
