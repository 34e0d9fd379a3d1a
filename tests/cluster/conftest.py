"""A Ray cluster of this machine alone, for all tests of a run. Without Ray there is nothing to collect."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

collect_ignore_glob = ["test_*.py"] if importlib.util.find_spec("ray") is None else []

_WARNINGS = (
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnhandledThreadExceptionWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What Ray warns of is Ray's. All tests have one event loop: Serve is told of hosts in the first."""
    items.sort(key=lambda item: "tests/cluster/test_operating" in item.path.as_posix())  # it leaves hosts without room
    for item in items:
        if "tests/cluster/" in item.path.as_posix():
            for warning in _WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """A head without processors, and two nodes."""
    with running_nodes(2) as nodes:
        yield nodes


from tests.cluster.nodes import Nodes, running_nodes  # noqa: E402 - after what it may not be imported without
