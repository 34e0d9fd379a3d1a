"""One real server process for all clients, a wire to see what they send, and Node's packages."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import serve
from tests.clients.node_client import NODE
from tests.clients.process import Served, serving
from tests.clients.wire import Wire, wire_to
from tests.node_packages import installed
from tests.several import cluster

__all__ = ["serve"]

# Read when LiteLLM is imported: without it, it fetches its price list from the internet.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server that every client of this session talks to; with `--several`, two behind a balancer."""
    folder = tmp_path_factory.mktemp("served")
    if request.config.getoption("--several"):
        store, database = request.getfixturevalue("store"), request.getfixturevalue("with_postgres")()
        with cluster(folder, store, database) as several:
            yield several.served
            assert all(several.balancer.served.values())
            assert len(several.balancer.served) == len(several.processes)
    else:
        with serving(folder) as served:
            yield served


@pytest.fixture
def wire(server: Served) -> Iterator[Wire]:
    """The same server, seen through a wire that notes what is sent."""
    with wire_to(server.url) as wire:
        yield wire


@pytest.fixture(scope="session")
def litellm() -> Any:
    """LiteLLM, which takes three seconds of a processor to import, in those of a run's processes that ask by it."""
    return importlib.import_module("litellm")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Node's packages that clients are made of."""
    installed(NODE, "Node's clients")
    return NODE / "node_modules"
