"""Links that sign a browser in: kept where every server of a database finds them."""

# Tested in tests/studio/test_session.py.

from __future__ import annotations

from safelight.adapters.home.links import FileLinks
from safelight.adapters.sql import Database, open_database
from safelight.service.access.links import Links
from safelight.settings import Settings


def links_of(settings: Settings, database: Database) -> Links:
    """Those of an open database, or of the state folder."""
    return Links(database.links or FileLinks(settings.home))


async def new_token(settings: Settings) -> str:
    """A token of a new link, made by another process than a server.

    Raises:
        ConfigurationError: the state folder cannot be written, or the database not be used.
        StoreUnavailable: the database cannot be reached just now.
    """
    if settings.database_url is None:  # the file of a server that runs need not be opened for it
        return await Links(FileLinks(settings.home)).new()
    database = await open_database(settings.home, settings.database_url)
    try:
        return await links_of(settings, database).new()
    finally:
        await database.close()
