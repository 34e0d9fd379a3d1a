"""What PostgreSQL and the way to it report, as sentences without SQL, values, passwords or paths."""

# Tested in tests/adapters/sql/test_postgres.py.

from __future__ import annotations

import ssl
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from safelight.contract.errors import ConfigurationError, SafelightError, StoreUnavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by code and by class (its first two characters).
_MENDED_BY_OPERATOR = {
    "28P01": "The database refused the password. Look at the setting `database`.",
    "28": "The database refused this user. Look at the setting `database`, and at the server's pg_hba.conf.",
    "3D000": "The server has no database of that name. Make it (`createdb`), or look at the setting `database`.",
    "42501": "The database's user may not do what Safelight needs. Have it own the database, or its schema.",
    "53100": "The disk of the database's server is full. Free some space there.",
    "58": "The database's server could not read or write its files. Its log says why.",
    "XX": "The database's server reports that its data are damaged. Its log says where; restore a backup.",
}
_AWAY = {
    "08": "the connection to it broke.",
    "25006": "it takes no writes just now. Is it a read-only replica, or is `default_transaction_read_only` on?",
    "53300": "it has no connection left for us. Its `max_connections` bounds them.",
    "53": "its server is short of memory or of something else.",
    "57014": "a statement took too long.",
    "57": "its server is starting or stopping.",
    "40": "others changed the same at the same time.",
    "55": "others held for too long what was needed.",
    "0A000": "its shape was just changed by a newer Safelight.",
}
READ_ONLY = "25006"


def explained(error: BaseException) -> SafelightError | None:
    """What that error means: `StoreUnavailable` where it passes by itself, `ConfigurationError` where somebody must
    mend something; None where it is no error of a database."""
    if isinstance(error, PoolTimeout):
        return away("all connections of this process are busy.")
    cause = next(_causes(error))
    if isinstance(cause, asyncpg.PostgresError):
        return _by_code(cause.sqlstate or "", type(cause).__name__)
    if isinstance(cause, asyncpg.TargetServerAttributeNotMatched):
        return away(_AWAY[READ_ONLY])
    if isinstance(cause, asyncpg.ClientConfigurationError):
        return ConfigurationError(
            "The setting `database` cannot be read: it is no address that PostgreSQL knows. In a password, a space and "
            "each of : / ? # [ ] @ % are written as in other addresses: / as %2F, @ as %40."
        )
    if isinstance(cause, ssl.SSLError):
        return ConfigurationError("The connection to the database cannot be secured: its certificate is not trusted.")
    if isinstance(cause, TimeoutError):
        return away("it does not answer.")
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):  # a socket's file, or a port
        return away("nothing that takes writes listens where the setting `database` says.")
    if isinstance(cause, OSError):
        return away(f"{(cause.strerror or 'its address is not known or not reachable').lower().rstrip('.')}.")
    if isinstance(cause, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return away(_AWAY["08"])
    return ConfigurationError("The database cannot be used.") if isinstance(error, DBAPIError) else None


def away(why: str) -> StoreUnavailable:
    """That the database cannot be reached just now, and why."""
    return StoreUnavailable(f"The database cannot be reached at the moment: {why}")


def code_of(error: BaseException) -> str:
    """The SQLSTATE; empty where there is none."""
    return getattr(next(_causes(error)), "sqlstate", None) or ""


def _by_code(code: str, name: str) -> SafelightError:
    for known in (code, code[:2]):
        if known in _MENDED_BY_OPERATOR:
            return ConfigurationError(_MENDED_BY_OPERATOR[known])
        if known in _AWAY:
            return away(_AWAY[known])
    # PostgreSQL's own words may hold values of a row: its name for the error does not.
    return ConfigurationError(f"The database cannot be used: {name} ({code}).")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The driver's own error first, which SQLAlchemy wraps twice; then what was around it."""
    inner = error.orig if isinstance(error, DBAPIError) else error
    if inner is not None and inner.__cause__ is not None and not isinstance(inner, asyncpg.PostgresError | OSError):
        yield inner.__cause__
    yield inner or error
