"""What holds for every test."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog

from safelight.adapters.sql import Database, open_database
from safelight.api.http.connections import raise_descriptor_limit
from tests import hung, object_store
from tests.databases import Kept, UsedAgain, kept_in
from tests.forking import starting
from tests.hung import (
    pytest_exception_interact,
    pytest_runtest_call,
    pytest_runtest_protocol,
    pytest_unconfigure,
)
from tests.object_store import Bucket, Store
from tests.postgres import Server, new_server, patient

__all__ = ["pytest_exception_interact", "pytest_runtest_call", "pytest_runtest_protocol", "pytest_unconfigure"]
# What is imported while tests are collected stays, torch and diffusers among it. To look there for rubbish, again and
# again while it comes and with every full collection later (0.4 s each), took a fourth of the time of collecting tests.
gc.disable()

# A shell starts what it puts in the background with SIGINT ignored, and processes hand that down to those they start:
# Ctrl-C, which some tests send, would not arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where Python is told to keep no bytecode, as in many containers, every process that a test starts compiles all that it
# imports of ours, and pytest rewrites every test file in each of its processes.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# All that tests ask over HTTP is on this machine and speaks no TLS. Each client of httpx reads all authorities'
# certificates for it, 20 ms of a processor, unless they are a folder's, which is not read before one is looked for.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.environ.get("SSL_CERT_DIR", "/etc/ssl/certs")

# A server raises it for its process, which is this one in many tests; what is started later would be given another.
raise_descriptor_limit()

starting.install()

# What a test logs nobody reads unless it fails, and a server's format is set where one is started. Left to itself,
# structlog lays out each traceback by rich, with all that its frames hold: 0.2 to 1 s of a processor each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Of `make test`'s two processes each takes a file at a time, in this order: what takes long comes first, so that short
# files are left to even out the end.
_LONGEST_FIRST = (
    "tests/training/test_postcard_recipe.py",
    "tests/e2e",
    "tests/studio",
    "tests/engine",
    "tests/adapters/workers",
    "tests/test_",
    "tests/clients",
)


_ONE_PROCESS = "it is about one process"


def pytest_addoption(parser: pytest.Parser) -> None:
    hung.declare(parser)
    parser.addoption(
        "--several",
        action="store_true",
        help="two servers on one PostgreSQL and one bucket, behind a balancer, wherever a test asks a server",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Before xdist starts its processes. Where no test of the engine or of the API is among those asked for, few import
    what is."""
    ours = Path(__file__).parent
    asked = [Path(config.invocation_params.dir, each.partition("::")[0]).resolve() for each in config.args]
    engine, api = (
        any(path in (ours.parent, ours) or path.is_relative_to(ours / room) for path in asked)
        for room in ("engine", "api")
    )
    if engine or api:
        starting.preload(engine=engine)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What hands files out: xdist's own, but for files that ask one server."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.one_server import ByServer

    return ByServer(config, log)


def pytest_collection_finish() -> None:
    """From here on there is rubbish, among what comes from now on; seldom looked for, which spares a twentieth."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest folders first; within one the order stays. Leave out what is about one process."""
    items.sort(key=_turn)
    if config.getoption("--several"):
        for item in items:
            if (mark := item.get_closest_marker("one_process")) is not None:
                item.add_marker(pytest.mark.skip(f"{_ONE_PROCESS}: {mark.args[0]}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How much two servers were not asked."""
    if config.getoption("--several"):
        left_out = [each for each in terminalreporter.getreports("skipped") if _ONE_PROCESS in str(each.longrepr)]
        terminalreporter.write_line(f"{len(left_out)} tests are about one process, and were left out")


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(start)), 99)


@pytest.fixture(autouse=True)
def _nothing_handed_down() -> Iterator[None]:
    """No test changes what this process hands down to those that the tests after it start."""
    before = starting.handed_down()
    yield
    assert starting.handed_down() == before, "the test left another limit or variable behind in its process"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Nor does a fixture of several tests, which is made before a test's own: a library that it imports may set
    variables, and from then on nothing would be forked. Ray's nodes are told what they are by variables."""
    if fixturedef.scope == "function" or fixturedef.baseid.startswith("tests/cluster"):
        return (yield)
    before = starting.handed_down()
    made = yield
    assert starting.handed_down() == before, f"{fixturedef.argname} left another limit or variable behind"
    return made


@pytest.fixture(scope="session")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Puts a new database into a folder that has none, and returns the folder: a copy of one that is made once.

    To make one is nine tenths of the time that opening it takes, and hundreds of tests open one.
    """
    from safelight.adapters.sql.sqlite.opening import FILE_NAME

    made = tmp_path_factory.mktemp("database")

    async def make() -> None:
        await (await open_database(made)).close()

    _run_apart(make())

    def copied(home: Path) -> Path:
        if not (home / FILE_NAME).exists():
            shutil.copy(made / FILE_NAME, home / FILE_NAME)
        return home

    return copied


def _run_apart(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a test that asks for it may have a loop already."""
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, work).result()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What was started for all tests ends."""
    hung.bound_end(session)
    starting.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL for all tests of this process. Tests that stop one start one of their own."""
    with new_server() as server, patient():
        yield server


@pytest.fixture(scope="session")
def with_postgres(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes a new database of ours in it, and returns where it is: a copy of one that is made once."""
    home = tmp_path_factory.mktemp("postgres")
    postgres.sql("CREATE DATABASE made")
    kept = Kept(home, postgres.url("made"))

    async def make() -> None:
        await (await kept.open()).close()

    _run_apart(make())
    return lambda: postgres.database(like="made")


@pytest.fixture(scope="session")
def used_again(postgres: Server, with_postgres: Callable[[], str]) -> UsedAgain:
    """Such databases for tests that change rows alone."""
    return UsedAgain(postgres, "made")


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """An empty database of ours, in turn of each kind."""
    return kept_in(request, tmp_path)


@pytest.fixture
async def kept_database(kept: Kept) -> AsyncIterator[Database]:
    """The same, open."""
    opened = await kept.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """An object store, one for the whole run."""
    with object_store.running() as store:
        yield store


@pytest.fixture
def bucket(store: Store, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A new bucket, which the environment leads to."""
    bucket = store.bucket()
    for name, value in bucket.variables().items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest.fixture
async def elsewhere(
    tmp_path: Path, several: tuple[str, str] | None, with_database: Callable[[Path], Path]
) -> AsyncIterator[Database]:
    """The database of the test's servers, as another process has it open."""
    opened = await open_database(with_database(tmp_path), several and several[0])
    yield opened
    await opened.close()


@pytest.fixture
def several(request: pytest.FixtureRequest) -> tuple[str, str] | None:
    """With `--several`, the database and the place for pictures that two servers share."""
    if not request.config.getoption("--several"):
        return None
    return request.getfixturevalue("with_postgres")(), request.getfixturevalue("bucket").url
