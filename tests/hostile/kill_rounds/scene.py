"""What is there to be disturbed: servers with workers of their own or over Ray, a PostgreSQL, a bucket, a balancer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
from benchmarks.machines import Machines
from benchmarks.server import free_port

from tests import object_store
from tests.balancer import Balancer, balanced
from tests.cli.conftest import CommandLine
from tests.clients.process import KEY
from tests.object_store import Bucket
from tests.postgres import Server, new_server

HEADERS = {"authorization": f"Bearer {KEY}"}
HOSTS = 3
MACHINES, CPUS = 2, 3
"""Machines of a Ray cluster beside its head, and processors that each lends: one alone has room for all hosts."""
OVER_RAY = {
    "ray": {"postcard": {"gpus": 0, "cpus": 1, "least": HOSTS}},
    "ray-fake": {"stripes": {"gpus": 0, "cpus": 1, "least": HOSTS, "engine": "fake"}},
}
"""What draws over Ray: a worker process at each host, or a stand-in in the host itself."""


class Node:
    """One `safelight serve`, which may be killed, stopped and started again on its port."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        folder.mkdir()
        self.port = free_port()
        self._line = CommandLine(folder, variables)
        self._log = (folder / "log").open("ab")
        self._process: Popen[str] | None = None

    def start(self) -> None:
        if self._process is None:
            self._process = self._line.start("serve", "--port", str(self.port), stdout=self._log, stderr=self._log)

    def api(self) -> list[psutil.Process]:
        """The api process; empty while it is dead."""
        with suppress(psutil.NoSuchProcess):
            return [] if self._process is None else [psutil.Process(self._process.pid)]
        return []

    def workers(self) -> list[psutil.Process]:
        """What draws: workers, and the template from which they are forked. The fake engine has none."""
        with suppress(psutil.NoSuchProcess):
            children = [child for own in self.api() for child in own.children(recursive=True)]
            return [child for child in children if "safelight.engine" in " ".join(child.cmdline())]
        return []

    def run(self, *arguments: str) -> str:
        """What that command says, with this server's settings."""
        ran = self._line(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def look(self) -> dict[str, Any]:
        """How the cluster stands: its line, its hosts, who holds jobs."""
        shown: dict[str, Any] = json.loads(self.run("ps", "--json"))
        return shown

    def kill(self) -> None:
        """With its workers left alone, as when the kernel takes one for its memory."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with suppress(Exception):
                self._process.wait(60)
        self.kill()
        self._log.close()


@dataclass
class Scene:
    """All of it. `url` names the database; `address` is the balancer's. `machines`: of a Ray cluster, if it is one."""

    nodes: list[Node]
    database: Server
    bucket: Bucket
    url: str
    balancer: Balancer
    machines: Machines | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.balancer.port}"

    def backends(self) -> list[psutil.Process]:
        """PostgreSQL's first process, and then those that it started."""
        assert self.database._process is not None
        own = psutil.Process(self.database._process.pid)
        return [own, *own.children(recursive=True)]


@contextmanager
def scene(folder: Path, engine: str, many: int, machines: Machines | None = None) -> Iterator[Scene]:
    """A PostgreSQL that loses no commit, an object store, a balancer and so many servers, over those machines."""
    with ExitStack() as stack:
        store = stack.enter_context(object_store.running())
        bucket = store.bucket()
        database = stack.enter_context(new_server(synchronous_commit="on"))
        url = database.database()
        variables = {
            "SAFELIGHT_API_KEY": KEY,
            "SAFELIGHT_API_KEY_IS_ADMIN": "true",
            "SAFELIGHT_ENGINE": "ray" if engine in OVER_RAY else engine,
            "SAFELIGHT_DATABASE": url,
            "SAFELIGHT_FILES": bucket.url,
            "SAFELIGHT_FAKE_STEP_SECONDS": "0.05",
            "SAFELIGHT_WORKERS": "1",
            "SAFELIGHT_QUEUE_SECONDS": "3600",
            "SAFELIGHT_LOAD_WAIT_SECONDS": "900",
            "SAFELIGHT_WARM_UP_SECONDS": "0",
        } | bucket.variables()
        if machines is not None:
            variables |= {
                **machines.variables,
                "SAFELIGHT_HOSTS": json.dumps(OVER_RAY[engine]),
                "SAFELIGHT_THREADS": "1",
            }
        nodes = [Node(folder / f"node-{number + 1}", variables) for number in range(many)]
        if machines is not None:
            nodes[0].run("deploy")
        for node in nodes:
            stack.callback(node.end)
            node.start()
        balancer = stack.enter_context(balanced([node.port for node in nodes]))
        yield Scene(nodes, database, bucket, url, balancer, machines)
