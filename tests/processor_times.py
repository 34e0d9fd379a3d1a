"""Which tests take the most processor time: `pytest -p tests.processor_times …`, with or without xdist.

Wall time on a shared machine says who else was busy. This counts what a test's process used, and its children that
have ended: a server that several tests share is counted in the test after which it ended.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Generator

import pytest

_NAME = "processor_seconds"
_SHOWN = 60
_BEGUN = pytest.StashKey[float]()


def _spent() -> float:
    """Seconds of processor time of this process, and of its children that have ended."""
    of = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in of)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """Notes what was spent before a test."""
    item.stash[_BEGUN] = _spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of a test's end carries what it took."""
    report = yield
    if report.when == "teardown":
        report.user_properties.append((_NAME, _spent() - item.stash[_BEGUN]))
    return report


class _Times:
    """What each test took, shown at the end: files first, then tests."""

    def __init__(self) -> None:
        self.of_tests: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, seconds in report.user_properties:
            if name == _NAME and isinstance(seconds, float):
                self.of_tests[report.nodeid] += seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        files: dict[str, float] = defaultdict(float)
        for test, seconds in self.of_tests.items():
            files[test.partition("::")[0]] += seconds
        terminalreporter.section(f"processor time: {sum(self.of_tests.values()):.0f} s")
        for spent in (files, self.of_tests):
            for name in sorted(spent, key=lambda name: -spent[name])[:_SHOWN]:
                terminalreporter.line(f"{spent[name]:8.1f} s  {name}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Times(), "processor-times-shown")
