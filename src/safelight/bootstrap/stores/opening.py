"""Opening the database of a server, however long its own server is away."""

# Tested in tests/hostile/test_database_away.py.

from __future__ import annotations

import asyncio
import socket

import structlog

from safelight.adapters.sql import Database, connect_database
from safelight.api.http.server import Server
from safelight.api.unready import create_unready_app
from safelight.contract.errors import StoreUnavailable
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

_AGAIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def open_for_serving(settings: Settings, listener: socket.socket, telemetry: Telemetry) -> Database | None:
    """Open the database. While it cannot be reached, callers at `listener` are told so, and it is tried on and on. None
    where a signal ended that.

    Raises:
        ConfigurationError: it can be reached, and cannot be used.
    """
    database = connect_database(settings.home, settings.database_url)
    if settings.database is not None and settings.files is None:
        log.warning(
            "files_of_one_server",
            effect="pictures are kept in this server's state folder, where other servers of the database do not look",
            remedy="name one place for all of them with the setting `files`",
        )
    try:
        await database.prepare()
    except StoreUnavailable as error:
        opened = await _open_beside(database, error, settings, listener, telemetry)
        if not opened:
            await database.close()
        return database if opened else None
    except BaseException:
        await database.close()
        raise
    return database


async def _open_beside(
    database: Database, why: StoreUnavailable, settings: Settings, listener: socket.socket, telemetry: Telemetry
) -> bool:
    """Answer 503 until the database is open; whether it is."""
    attempts = _Attempts(database, why)
    opening = asyncio.create_task(attempts.go_on(), name="open-database")

    async def stop() -> None:
        opening.cancel()

    app = create_unready_app(settings, telemetry, lambda: StoreUnavailable(str(attempts.why)))
    server = Server(app, settings, drain=stop, on_started=lambda: attempts.tell(settings.url))

    def opened(_: asyncio.Task[None]) -> None:
        server.should_exit = True

    opening.add_done_callback(opened)
    # A copy: a server closes what it listened at, and those who call meanwhile wait at the other.
    await server.serve([listener.dup()])
    await asyncio.wait([opening])
    if opening.cancelled():
        return False
    opening.result()
    return True


class _Attempts:
    """Tries to open a database, on and on; `why` says how the last one failed."""

    def __init__(self, database: Database, why: StoreUnavailable) -> None:
        self._database = database
        self.why = why

    def tell(self, url: str) -> None:
        """Say in the log what callers at that address are told meanwhile."""
        effect = "every request is answered with 503"
        log.warning("waiting_for_database", reason=str(self.why), url=url, effect=effect)

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                return await self._database.prepare()
            except StoreUnavailable as error:
                self.why = error
