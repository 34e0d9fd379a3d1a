"""How PostgreSQL is reached: every address of the URL, for as long as somebody may wait for an answer."""

# Tested in tests/adapters/sql/test_postgres.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# To one address: a silent one of two must leave time for the other.
CONNECT_SECONDS = 1.5
# A process has so many connections at most; requests wait for one no longer than for the answer itself.
CONNECTIONS = 10
POOL_SECONDS = 2.0


def connect(url: str) -> AsyncEngine:
    """An engine for a URL as libpq has it: several hosts, `target_session_attrs`, `sslmode` and the rest. Connects to
    nothing yet.
    """

    async def opened(*_: Any, **__: Any) -> Any:
        return await open_connection(url)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=opened,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _look_whether_open)
    return engine


async def open_connection(url: str, name: str = "safelight") -> Any:
    """One connection of the driver's own (asyncpg). `name` is what the server's `pg_stat_activity` calls it.

    Raises:
        OSError, TimeoutError, PostgresError, InterfaceError: there is none to be had. `ClientConfigurationError`: the
            URL cannot be read.
    """
    # Of several servers all but one are replicas, which take no writes.
    wanted: dict[str, Any] = {} if _says(url, "target_session_attrs") else {"target_session_attrs": "read-write"}
    settings = {"application_name": name}
    try:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=settings, **wanted)
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        raise
    except ValueError:  # of a part of the URL that is taken for a port: it may be a part of the password
        raise asyncpg.ClientConfigurationError("the URL cannot be taken apart") from None


@asynccontextmanager
async def answering(connection: AsyncConnection, seconds: float) -> AsyncIterator[None]:
    """Break the connection off after that time, with whatever waits for an answer: a server that is silent would not
    answer a wish to cancel or to close either, which asyncpg waits for.

    Raises:
        TimeoutError: it was broken off. The driver would say of it what it says of a server that has gone.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    late = False

    def break_off() -> None:
        nonlocal late
        late = True
        driver.terminate()

    breaking_off = asyncio.get_running_loop().call_later(seconds, break_off)
    try:
        yield
    except Exception as error:
        if late:
            raise TimeoutError from error
        raise
    finally:
        breaking_off.cancel()


def _look_whether_open(connection: Any, _record: object, _proxy: object) -> None:
    """A connection that the server has closed since is known by its socket: another is made in its place, and no
    statement is spent on asking."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _says(url: str, option: str) -> bool:
    return option in parse_qs(urlsplit(url).query)
