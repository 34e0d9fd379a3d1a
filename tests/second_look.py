"""A second look at a test that failed, where one is asked for (`--reruns 1`). What failed first is shown all the same.

The tests are about real processes, sockets and browsers. Of some thousands one may be disturbed where a shared machine
stands still for a while. One that fails twice in a row has a fault, and so has a run in which several failed once: it
fails as a whole. The report of each first failure is printed at the end, to be looked into.
"""

# Tested in tests/test_second_look.py.

from __future__ import annotations

import pytest

MOST = 2
"""So many tests may need a second look."""


class SecondLook:
    """Of the process that reports: with xdist the one that started the others."""

    def __init__(self) -> None:
        self._first_failures: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if str(report.outcome) == "rerun":  # which only the plugin for reruns knows
            self._first_failures.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self._first_failures) > MOST and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for report in self._first_failures:
            terminalreporter.section(f"failed before it passed or failed again: {report.nodeid}", sep="_")
            terminalreporter.write_line(report.longreprtext)
        if len(self._first_failures) > MOST:
            terminalreporter.write_line(
                f"{len(self._first_failures)} tests failed once, and at most {MOST} may: something is wrong.", red=True
            )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondLook(), "second-look")
