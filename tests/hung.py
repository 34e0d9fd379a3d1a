"""Ends a process in which a test hangs, whatever that does, and shows where it stands.

pytest-timeout raises an exception in the test's thread, once. What hangs may swallow it, or hang again while it is
ended: pytest takes every timer away as soon as a test has failed. This one is put back. Its end is the process's: with
xdist the run names the test, and starts another process, which begins with the same test again.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key  # the only place that says where stderr was before capture

__all__ = [
    "pytest_exception_interact",
    "pytest_runtest_protocol",
    "pytest_unconfigure",
]

_INI = "hung_seconds"
# For what a process does after its last test: servers and databases are ended then.
_END_SECONDS = 180.0


def declare(parser: pytest.Parser) -> None:
    """The setting of this."""
    parser.addini(_INI, "after so many seconds a test's process is ended, 0: never", type=float, default=0.0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """A test, its fixtures, and their ends."""
    _set(item.config, item.config.getini(_INI))
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """A test failed, and pytest's own plugin has just taken the timer away: the fixtures have still to end."""
    _set(node.config, node.config.getini(_INI))


def bound_end(session: pytest.Session) -> None:
    """The last test is over."""
    if session.config.getini(_INI):
        _set(session.config, _END_SECONDS)


def pytest_unconfigure() -> None:
    faulthandler.cancel_dump_traceback_later()


def _set(config: pytest.Config, seconds: float) -> None:
    if seconds > 0:
        faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[fault_handler_stderr_fd_key])
