"""What a server imports that stands alone and uses no extra: nothing that its settings do not ask for."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.drawing import wait_until
from tests.forking.starting import anew

_IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)

# What belongs to commands, to other databases and engines, to upstreams, hubs, filters and signatures.
_NEVER = (
    "alembic",
    "asyncpg",
    "c2pa",
    "cryptography",
    "httpx",
    "numpy",
    "opentelemetry",
    "pygments",
    "ray",
    "rich",
    "safelight.adapters.hub",
    "safelight.adapters.ray",
    "safelight.adapters.sql.migrations",
    "safelight.adapters.sql.postgres",
    "safelight.engine",
    "safelight.postcard",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "torch",
)


def test_a_server_imports_nothing_that_its_settings_do_not_ask_for(tmp_path: Path) -> None:
    imported = served(tmp_path)
    assert {"safelight.bootstrap.serve", "structlog", "sqlalchemy.ext.asyncio", "aiosqlite"} <= imported
    assert sorted(name for name in imported if name.startswith(tuple(f"{each}." for each in _NEVER))) == []
    # The second start finds the database that the first one made.
    assert imported >= served(tmp_path)


def served(home: Path) -> set[str]:
    """All modules that a server imported from its start until it was ready and then left."""
    log = home / "log"
    command = [sys.executable, "-X", "importtime", "-P", "-m", "safelight", "serve", "--engine", "fake", "--port", "0"]
    with anew(), log.open("w") as stderr:
        process = subprocess.Popen([*command, "--home", str(home / "state")], stderr=stderr)
    try:
        wait_until(lambda: "b64_json" in log.read_text(), seconds=60)  # the greeting's end: it answers
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 0
    return set(_IMPORTED.findall(log.read_text()))


def test_workers_do_without_the_stand_in() -> None:
    asked = "import sys, safelight.bootstrap.engines.engine; print('safelight.adapters.fake' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


_ASKED_LATER = """
from safelight.bootstrap.spared_imports import spared
with spared():
    import structlog.dev
    from sqlalchemy.ext import asyncio as package
import rich.console, sys
assert structlog.dev.rich is None, "it found rich"
assert "sqlalchemy.orm" not in sys.modules
from sqlalchemy.ext.asyncio import AsyncSession
import sqlalchemy.ext.asyncio.session as module
assert AsyncSession is module.AsyncSession is package.AsyncSession
assert package.async_scoped_session.__module__ == "sqlalchemy.ext.asyncio.scoping"
try:
    package.nothing
except AttributeError as error:
    print(error)
"""


def test_what_was_spared_is_there_for_whoever_asks_later() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", _ASKED_LATER], capture_output=True, text=True, check=False)
    assert (ran.stderr, ran.stdout) == ("", "module 'sqlalchemy.ext.asyncio' has no attribute 'nothing'\n")


@pytest.mark.parametrize("first", ["rich", "sqlalchemy.ext.asyncio"])
def test_what_is_imported_already_stays(first: str) -> None:
    asked = f"""
import sys, {first}
from safelight.bootstrap.spared_imports import spared
before = sys.modules[{first!r}]
with spared():
    import {first}
assert sys.modules[{first!r}] is before
from sqlalchemy.ext.asyncio import AsyncSession
print(AsyncSession.__name__)
"""
    ran = subprocess.run([sys.executable, "-P", "-c", asked], capture_output=True, text=True, check=False)
    assert (ran.stderr, ran.stdout) == ("", "AsyncSession\n")
