"""Ends what hangs: a test where it waits, or its process, whatever that does, with the stacks of all threads.

A test that is a coroutine is cancelled by its own loop, a little before any other limit: so the report shows what it
waited for, and whatever task has its turn then is left alone.

pytest-timeout raises an exception in the test's thread, once. What hangs may swallow it, or hang again while it is
ended: pytest takes every timer away as soon as a test has failed. This one is put back. Its end is the process's: with
xdist the run names the test, and starts another process, which begins with the same test again.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key  # the only place that says where stderr was before capture

__all__ = [
    "pytest_exception_interact",
    "pytest_runtest_call",
    "pytest_runtest_protocol",
    "pytest_unconfigure",
]

_INI = "hung_seconds"
_OF_THE_LIMIT = 0.8
# For what a process does after its last test: servers and databases are ended then.
_END_SECONDS = 180.0


def declare(parser: pytest.Parser) -> None:
    """The setting of this."""
    parser.addini(_INI, "after so many seconds a test's process is ended, 0: never", type=float, default=0.0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """A test, its fixtures, and their ends."""
    _set(item)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """The test itself."""
    seconds = _limit(item)
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj) and seconds:
        item.obj = _within(_OF_THE_LIMIT * seconds, item.obj)


def _within(seconds: float, test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    @wraps(test)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return bounded


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """A test failed, and pytest's own plugin has just taken the timer away: the fixtures have still to end."""
    _set(node)


def bound_end(session: pytest.Session) -> None:
    """The last test is over."""
    if session.config.getini(_INI):
        _end_after(_END_SECONDS, session.config)


def pytest_unconfigure() -> None:
    faulthandler.cancel_dump_traceback_later()


def _limit(node: pytest.Item | pytest.Collector) -> float:
    """Seconds after which pytest-timeout ends a test; 0: never."""
    mark = node.get_closest_marker("timeout")
    if mark is not None:
        return float(mark.args[0])
    return float(node.config.getoption("timeout") or node.config.getini("timeout") or 0)


def _set(node: pytest.Item | pytest.Collector) -> None:
    seconds: float = node.config.getini(_INI)
    if seconds > 0:
        _end_after(max(seconds, 1.1 * _limit(node)), node.config)


def _end_after(seconds: float, config: pytest.Config) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[fault_handler_stderr_fd_key])
