"""A whole server: api process, worker process, Postcard. Nothing is a fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until_ready


@pytest.fixture(scope="package")
def postcard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one worker that draws with Postcard, which it has measured, ready to draw."""
    folder = tmp_path_factory.mktemp("postcard")
    with serving(folder, engine="local", workers="1", warm_up_seconds="10") as served:
        wait_until_ready(served)
        yield served
