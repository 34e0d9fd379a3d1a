"""Api processes as operators start them, over one Ray cluster, one PostgreSQL and one bucket, behind a balancer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import object_store
from tests.balancer import Balancer, balanced
from tests.clients.process import KEY, Served, serving
from tests.cluster.nodes import Nodes
from tests.postgres import new_server

HEADERS = {"authorization": f"Bearer {KEY}"}
_HOSTS = json.dumps({"stripes": {"gpus": 0, "least": 2, "engine": "fake"}})
_READY_SECONDS = 120.0
# As long as a look at `/readyz` may take on a busy machine.
_LEAVE_SECONDS = 10.0


class Servers:
    """Those that run. `balancer` sends each request to the next of those that are ready."""

    def __init__(self, balancer: Balancer, new_folder: Callable[[], Path], settings: dict[str, str]) -> None:
        self.balancer = balancer
        self._new_folder, self._settings = new_folder, settings
        self._running: dict[str, ExitStack] = {}

    @property
    def url(self) -> str:
        """The balancer's."""
        return f"http://127.0.0.1:{self.balancer.port}"

    def start(self, exit_status: int = 0) -> Served:
        """One more, once it is ready; it will end with that status."""
        stack = ExitStack()
        served = stack.enter_context(serving(self._new_folder(), exit_status=exit_status, **self._settings))
        self._running[served.url] = stack
        until = time.monotonic() + _READY_SECONDS
        while httpx.get(f"{served.url}/readyz").status_code != 200:
            assert time.monotonic() < until, "It has not become ready."
            time.sleep(0.05)
        self.balancer.ports.append(_port(served))
        return served

    def replace(self, old: Served) -> Served:
        """As an upgrade does: it is told to end, the balancer sees that, it draws what it has, another comes."""
        old.process.terminate()
        until = time.monotonic() + _LEAVE_SECONDS
        while httpx.get(f"{old.url}/readyz").status_code == 200:
            assert time.monotonic() < until, "It does not say that it leaves."
        self.balancer.ports.remove(_port(old))
        old.process.wait(_READY_SECONDS)
        self._running.pop(old.url).close()
        return self.start()

    def stop(self) -> None:
        """All of them."""
        for stack in self._running.values():
            stack.close()


def _port(served: Served) -> int:
    return int(served.url.rpartition(":")[2])


@contextmanager
def api_servers(nodes: Nodes, new_folder: Callable[[], Path]) -> Iterator[Servers]:
    """What they share is there; none runs yet. `new_folder` makes a state folder."""
    with ExitStack() as stack:
        variables = stack.enter_context(pytest.MonkeyPatch.context())
        variables.setenv("RAY_ADDRESS", nodes.address)
        variables.delenv("RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP")  # they are as an operator starts them
        database = stack.enter_context(new_server()).database()
        bucket = stack.enter_context(object_store.running()).bucket()
        for name, value in bucket.variables().items():
            variables.setenv(name, value)
        settings = {
            "engine": "ray",
            "hosts": _HOSTS,
            "database": database,
            "files": bucket.url,
            "leave_seconds": str(_LEAVE_SECONDS),
        }
        servers = Servers(stack.enter_context(balanced([])), new_folder, settings)
        stack.callback(servers.stop)
        yield servers
