"""Servers that are attacked: in this process as the tests of the API have them, and in one of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import running, serve
from tests.clients.process import Served, serving

__all__ = ["running", "serve"]


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as it is by default. Nothing that is tried may leave it worse."""
    with serving(tmp_path_factory.mktemp("hostile")) as running:
        yield running
