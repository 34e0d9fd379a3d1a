"""A PostgreSQL of the tests' own; where it is not installed, what needs one is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks import postgres
from benchmarks.postgres import Server, binaries, standby_of

__all__ = ["Server", "binaries", "new_server", "patient", "standby_of"]


@contextmanager
def new_server(*, disk: Path | None = None, **options: str) -> Iterator[Server]:
    """A server of its own, running, with these options; gone afterwards, its folder as well. `disk`: a folder for its
    data, which may be filled up."""
    if binaries() is None:
        pytest.skip(postgres.NOT_INSTALLED)
    with postgres.new_server(disk=disk, **options) as server:
        yield server


@contextmanager
def patient() -> Iterator[None]:
    """However slow the machine is, our patience with a database is not what a test fails by."""
    from safelight.adapters.sql.postgres import dialect, news, opening

    bounds = (
        (opening, "CONNECT_SECONDS"),
        (opening, "POOL_SECONDS"),
        (dialect, "ANSWER_SECONDS"),
        (news, "_ANSWER_SECONDS"),
    )
    with pytest.MonkeyPatch.context() as patched:
        for module, name in bounds:
            patched.setattr(module, name, 300.0)
        yield
