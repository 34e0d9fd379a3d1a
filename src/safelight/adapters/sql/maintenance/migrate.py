"""Bringing a database to the shape that this version expects."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from safelight import __version__
from safelight.adapters.sql.schema import OLDEST_REVISION, REVISION, notes
from safelight.contract.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = "safelight.adapters.sql:migrations"
_OLDEST = "oldest revision"

log = structlog.get_logger(__name__)


async def current_revision(connection: AsyncConnection) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    return await connection.run_sync(_revision)


async def upgrade(
    engine: AsyncEngine,
    lock: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    make_tables: Callable[[Connection], bool] = lambda _: False,
) -> None:
    """Run the migrations that are missing, in one transaction, by one process at a time: that takes `lock` in it, or
    holds the state folder's. Of an empty database `make_tables` may make them all at once, and says whether it did. A
    database of a newer version is used as it is, where that version says that ours may.

    Raises:
        ConfigurationError: a newer version of Safelight wrote the database, and this one does not know its shape.
    """
    async with engine.connect() as looking:
        revision = await current_revision(looking)
    if revision == REVISION:
        return
    async with engine.begin() as connection:
        if lock is not None:
            await lock(connection)
        if revision is None and await connection.run_sync(make_tables):
            await connection.run_sync(_note_oldest)
        else:
            await connection.run_sync(_run)


def alembic_config() -> Config:
    """Where Alembic, which is imported when there is something to do, finds the migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def _run(connection: Connection) -> None:
    """Run what is missing, or see whether what a newer version made of it can be used."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _revision(connection)
    if revision is not None and revision not in known:
        _accept(connection, revision, known)
    elif revision != REVISION:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISION)
        _note_oldest(connection)


def _note_oldest(connection: Connection) -> None:
    """Say to versions before which of them may use it."""
    connection.execute(delete(notes).where(notes.c.name == _OLDEST))
    connection.execute(insert(notes).values(name=_OLDEST, text=OLDEST_REVISION))


def _accept(connection: Connection, revision: str, known: Collection[str]) -> None:
    """Whether the newer version that wrote this has only added to what ours knows."""
    oldest = connection.execute(select(notes.c.text).where(notes.c.name == _OLDEST)).scalar_one_or_none()
    if oldest is None or oldest not in known:
        raise ConfigurationError(
            f"The database was written by a newer Safelight (its revision is {revision}; version {__version__} knows "
            f"up to {REVISION}). Upgrade Safelight, or use another database."
        )
    log.warning("database_is_newer", revision=revision, known=REVISION, effect="it is used as it is")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
