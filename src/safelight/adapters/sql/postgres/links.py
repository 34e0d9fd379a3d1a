"""Sign-in links for all processes of a database."""

# Tested in tests/contracts/test_link_port.py.

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.postgres.rates import CLOCK
from safelight.adapters.sql.uncancellable import uncancellable

_FORGET = "DELETE FROM links WHERE expires < {now}"
_ADD = "INSERT INTO links (digest, expires) VALUES (:digest, {now} + CAST(:seconds AS double precision))"
_TAKE = "DELETE FROM links WHERE digest = :digest RETURNING expires - {now}"


@uncancellable
class SqlLinks:
    """A `LinkStore` in a table, by the database's clock."""

    def __init__(self, dialect: Dialect, clock: Callable[[], str] = lambda: CLOCK) -> None:
        """`clock` gives what SQL reads the time by, in seconds."""
        self._dialect = dialect
        self._clock = clock

    async def add(self, digest: str, seconds: float) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(text(_FORGET.format(now=self._clock())))
            await connection.execute(text(_ADD.format(now=self._clock())), {"digest": digest, "seconds": seconds})

    async def take(self, digest: str) -> float | None:
        async with self._dialect.writing() as connection:
            taken = await connection.execute(text(_TAKE.format(now=self._clock())), {"digest": digest})
            left: float | None = taken.scalar_one_or_none()
        return left
