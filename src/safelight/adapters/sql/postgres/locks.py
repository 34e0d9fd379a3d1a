"""Who may do what only one process at a time may: advisory locks, which end with the connection that holds them."""

# Tested in tests/adapters/sql/test_postgres.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.dialect import Turn
from safelight.adapters.sql.postgres.errors import away

# Any numbers that nobody else uses in this database.
CHANGE_OF_SHAPE = 0x5AFE_0001
NUMBERS = 0x5AFE_0002
KEEPING = 0x5AFE_0003
BOUND = 0x5AFE_0004
QUOTAS = 0x5AFE_0005
OF_TURN: dict[Turn, int] = {"numbers": NUMBERS, "bound": BOUND, "quotas": QUOTAS}

_TAKE = text("SELECT pg_advisory_xact_lock(:lock)")
_TRY = text("SELECT pg_try_advisory_lock(:lock)")
_WAIT_AT_MOST = "SET LOCAL lock_timeout = '{} s'"


async def take(connection: AsyncConnection, lock: int, *, within_seconds: int | None = None) -> None:
    """Hold it to the end of the transaction. A statement of its own: what the next one sees is as of after it.

    Raises:
        DBAPIError: another held it for longer than `within_seconds` (SQLSTATE 55P03).
    """
    if within_seconds is not None:
        await connection.exec_driver_sql(_WAIT_AT_MOST.format(within_seconds))
    await connection.execute(_TAKE, {"lock": lock})


async def try_to_take(connection: AsyncConnection, lock: int) -> bool:
    """Hold it to the end of the connection, if nobody does."""
    return bool((await connection.execute(_TRY, {"lock": lock})).scalar_one())


@asynccontextmanager
async def while_held(connection: AsyncConnection, look_seconds: float, answer_seconds: float) -> AsyncIterator[None]:
    """Cancel what is done in this once the connection is gone, and with it every lock that it held.

    Raises:
        StoreUnavailable: that has happened.
    """
    doing = asyncio.current_task()
    assert doing is not None
    lost = False

    async def watch() -> None:
        nonlocal lost
        try:
            while True:
                await asyncio.sleep(look_seconds)
                async with asyncio.timeout(answer_seconds):
                    await connection.exec_driver_sql("SELECT 1")
        except (DBAPIError, OSError):
            lost = True
            doing.cancel()

    watching = asyncio.create_task(watch(), name="database-lock")
    try:
        yield
    except asyncio.CancelledError:
        if lost and doing.uncancel() == 0:
            raise away("the connection broke that held a right for all processes.") from None
        raise
    finally:
        watching.cancel()
        await asyncio.wait([watching])
