"""A whole server: api process, worker process, Postcard. Nothing is a fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until_ready


@pytest.fixture(scope="package")
def postcard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one worker that draws with Postcard, ready to draw."""
    with serving(tmp_path_factory.mktemp("postcard"), engine="local", workers="1") as served:
        wait_until_ready(served)
        yield served
