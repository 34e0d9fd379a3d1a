"""Backups of a database, restoring one, and taking everything over to a database of another kind."""

# Tested in tests/cli/test_database_commands.py.

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from safelight.adapters.files import open_files
from safelight.adapters.home.state_folder import alone_in_serving, prepare
from safelight.adapters.sql import Database, connect_database, open_database
from safelight.adapters.sql.maintenance.copying import copy_all, counted, served_by
from safelight.adapters.sql.maintenance.migrate import current_revision
from safelight.adapters.sql.schema import REVISION
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.contract.errors import ConfigurationError
from safelight.service.keeping.place import RESTORED
from safelight.service.ports.stores.files import FileStore
from safelight.settings import Settings


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands. `revision` None: nothing is made in it yet. `servers` None: not known of this kind."""

    kind: str
    revision: str | None
    newest_revision: str
    rows: dict[str, int]
    servers: int | None


async def status(settings: Settings) -> Standing:
    """How the database stands; changes nothing in it."""
    async with _closing(connect_database(settings.home, settings.database_url)) as database:
        dialect = database.dialect
        async with dialect.snapshot() as connection:
            revision = await current_revision(connection)
        ours = revision == REVISION
        return Standing(
            kind=dialect.name,
            revision=revision,
            newest_revision=REVISION,
            rows=await counted(dialect) if ours else {},
            servers=await served_by(dialect) if ours and database.processes is not None else None,
        )


async def upgrade(settings: Settings) -> None:
    """Bring the database to this version's shape."""
    await (await open_database(settings.home, settings.database_url)).close()


async def back_up(settings: Settings, file: Path) -> dict[str, int]:
    """Write everything into a new file: a database in SQLite's format, whatever kind this one is. While servers run, it
    is what was there at one moment.

    Raises:
        ConfigurationError: there is such a file, or it cannot be written.
    """
    with _beside(file) as folder:
        async with (
            _closing(await open_database(settings.home, settings.database_url)) as source,
            _closing(await open_database(folder)) as target,
        ):
            copied = await copy_all(source.dialect, target.dialect)
        os.replace(folder / FILE_NAME, file)
    return copied


async def restore(settings: Settings, file: Path) -> dict[str, int]:
    """Fill an empty database from a backup, which stays as it is. Backups of earlier versions are brought up to date.

    Raises:
        ConfigurationError: there is no such file, the database is not empty, or a server runs.
    """
    with _copy_of(file) as folder:
        async with (
            _closing(await open_database(settings.home, settings.database_url)) as target,
            _unused(settings, target),
            _closing(await open_database(folder)) as source,
        ):
            copied = await copy_all(source.dialect, target.dialect)
            await target.notes.put(RESTORED, "yes")
            return copied


async def move(settings: Settings, to: str | None, files: str | None) -> tuple[dict[str, int], int]:
    """Take everything over to the database at `to`, None for SQLite in the state folder; and to another place for
    pictures where `files` names one. The old ones stay as they are. How many rows, and how many pictures.

    Raises:
        ConfigurationError: both are the same, a server runs on one of them, or the new one is not empty.
    """
    if to == settings.database_url:
        raise ConfigurationError("This is the database that the settings name already.")
    if to is not None:  # read as the setting would be
        Settings.model_validate(settings.model_dump() | {"database": to})
    async with (
        _closing(await open_database(settings.home, settings.database_url)) as source,
        _unused(settings, source),
        _closing(await open_database(settings.home, to)) as target,
        _unused(settings, target),
    ):
        pictures = 0
        if files is not None:  # first: a row whose picture is not there would be worse than a picture without a row
            old, new = open_files(settings.files, settings.home), open_files(files, settings.home)
            pictures = await _copy_pictures(source, old, new)
        return await copy_all(source.dialect, target.dialect), pictures


async def _copy_pictures(database: Database, old: FileStore, new: FileStore) -> int:
    """Those of our jobs, and the files and pictures of our batches. What is there already, of a move that was cut
    short, is left as it is."""
    copied = 0
    async for entries in old.entries():
        names = [PurePosixPath(entry.name) for entry in entries]
        ours = {job.id for job in await database.jobs.these({name.name.partition(".")[0] for name in names})}
        ours |= set(await database.batches.known_files({name.parts[0] for name in names}))
        for name in names:
            if name.parts[0] in ours or name.name.partition(".")[0] in ours:
                copied += await _copy_picture(str(name), old, new)
    return copied


async def _copy_picture(name: str, old: FileStore, new: FileStore) -> bool:
    if await new.open(name) is not None or (content := await old.get(name)) is None:
        return False
    await new.put(name, content)
    return True


@contextlib.asynccontextmanager
async def _closing(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _unused(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Hold off servers of this state folder, and find out that none of another uses the database."""
    if database.processes is not None:
        if servers := await served_by(database.dialect):
            raise ConfigurationError(
                f"{servers} server{'s use' if servers > 1 else ' uses'} the database. Stop what runs; one that was "
                "killed is forgotten after 12 s."
            )
        yield
        return
    prepare(settings.home)
    alone = alone_in_serving(settings.home)
    try:
        yield
    finally:
        alone.release()


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder for what is not whole yet, on the same disk."""
    if os.path.lexists(file):
        raise ConfigurationError(f"{file} is there already, and a backup writes over nothing. Name a new file.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.resolve().parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def _copy_of(file: Path) -> Iterator[Path]:
    """A state folder that holds a copy of a backup."""
    with tempfile.TemporaryDirectory(prefix="safelight-restore-") as folder:
        try:
            shutil.copyfile(file, Path(folder) / FILE_NAME)
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
        yield Path(folder)
