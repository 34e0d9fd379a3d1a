"""Sign-in links for all processes of a database."""

# Tested in tests/contracts/test_link_port.py.

from __future__ import annotations

from sqlalchemy import text

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.finishing import finishing

_FORGET = text("DELETE FROM links WHERE expires < :now")
_ADD = text("INSERT INTO links (digest, expires) VALUES (:digest, :expires)")
_TAKE = text("DELETE FROM links WHERE digest = :digest RETURNING expires")


@finishing
class SqlLinks:
    """A `LinkStore` in a table."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add(self, digest: str, expires: float, now: float) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(_FORGET, {"now": now})
            await connection.execute(_ADD, {"digest": digest, "expires": expires})

    async def take(self, digest: str) -> float | None:
        async with self._dialect.writing() as connection:
            taken: float | None = (await connection.execute(_TAKE, {"digest": digest})).scalar_one_or_none()
        return taken
