"""What is there to be disturbed: servers with workers of their own, a PostgreSQL, a bucket, a balancer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import psutil

from tests import object_store
from tests.balancer import Balancer, balanced
from tests.cli.conftest import CommandLine
from tests.clients.process import KEY
from tests.object_store import Bucket
from tests.postgres import Server, new_server

HEADERS = {"authorization": f"Bearer {KEY}"}


class Node:
    """One `safelight serve`, which may be killed, stopped and started again on its port."""

    def __init__(self, folder: Path, variables: dict[str, str], engine: str) -> None:
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._engine = engine
        self._line = CommandLine(folder, variables)
        self._log = (folder / "log").open("ab")
        self._process: Popen[str] | None = None

    def start(self) -> None:
        if self._process is None:
            command = ("serve", "--engine", self._engine, "--port", str(self.port))
            self._process = self._line.start(*command, stdout=self._log, stderr=self._log)

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
    """All of it. `url` names the database; `address` is the balancer's."""

    nodes: list[Node]
    database: Server
    bucket: Bucket
    url: str
    balancer: Balancer

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.balancer.port}"

    def backends(self) -> list[psutil.Process]:
        """PostgreSQL's first process, and then those that it started."""
        assert self.database._process is not None
        own = psutil.Process(self.database._process.pid)
        return [own, *own.children(recursive=True)]


@contextmanager
def scene(folder: Path, engine: str, many: int) -> Iterator[Scene]:
    """A PostgreSQL that loses no commit, an object store, a balancer and so many servers."""
    with ExitStack() as stack:
        store = stack.enter_context(object_store.running())
        bucket = store.bucket()
        database = stack.enter_context(new_server(synchronous_commit="on"))
        url = database.database()
        variables = {
            "SAFELIGHT_API_KEY": KEY,
            "SAFELIGHT_DATABASE": url,
            "SAFELIGHT_FILES": bucket.url,
            "SAFELIGHT_FAKE_STEP_SECONDS": "0.05",
            "SAFELIGHT_WORKERS": "1",
            "SAFELIGHT_QUEUE_SECONDS": "3600",
            "SAFELIGHT_LOAD_WAIT_SECONDS": "900",
            "SAFELIGHT_WARM_UP_SECONDS": "0",
        } | bucket.variables()
        nodes = [Node(folder / f"node-{number + 1}", variables, engine) for number in range(many)]
        for node in nodes:
            stack.callback(node.end)
            node.start()
        balancer = stack.enter_context(balanced([node.port for node in nodes]))
        yield Scene(nodes, database, bucket, url, balancer)
