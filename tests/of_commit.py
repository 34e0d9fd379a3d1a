"""Only tests that stood in another commit, by their names: `pytest -p tests.of_commit --of-commit 81cee352 …`.

The suite grows with what it holds. What it takes beside what it took is told by the tests of then.
"""

from __future__ import annotations

import re
import subprocess

import pytest

_NAMED = re.compile(r"def (test_\w+)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--of-commit", required=True, metavar="COMMIT")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    commit = config.getoption("of_commit")
    command = ["git", "grep", "-hP", _NAMED.pattern, commit, "--", "tests"]
    told = subprocess.run(command, cwd=config.rootpath, capture_output=True, text=True, check=True).stdout
    stood = set(_NAMED.findall(told))
    left = [item for item in items if _name(item) not in stood]
    items[:] = [item for item in items if _name(item) in stood]
    config.hook.pytest_deselected(items=left)


def pytest_report_header(config: pytest.Config) -> str:
    return f"tests that stood in {config.getoption('of_commit')}"


def _name(item: pytest.Item) -> str:
    return item.name.partition("[")[0]
