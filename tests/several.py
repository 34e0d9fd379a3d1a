"""Several `safelight serve` processes on one PostgreSQL and one bucket, behind a balancer, as one server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.balancer import Balancer, balanced
from tests.clients.process import Served, serving
from tests.object_store import Store


@dataclass(frozen=True)
class Cluster:
    """The processes and what stands before them. `served` is the whole, behind the balancer's address."""

    served: Served
    processes: tuple[Served, ...]
    balancer: Balancer


@contextmanager
def cluster(folder: Path, store: Store, database: str, *, many: int = 2, **settings: str) -> Iterator[Cluster]:
    """Run them until the block ends; `settings` are those of each."""
    bucket = store.bucket()
    with ExitStack() as stack:
        variables = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in bucket.variables().items():
            variables.setenv(name, value)
        processes = []
        for number in range(many):
            home = folder / f"node-{number + 1}"
            home.mkdir(parents=True)
            ours = {"database": database, "files": bucket.url}
            processes.append(stack.enter_context(serving(home, exit_status=0, **(ours | settings))))
        balancer = stack.enter_context(balanced([int(each.url.rpartition(":")[2]) for each in processes]))
        first = processes[0]
        whole = Served(f"http://127.0.0.1:{balancer.port}", first.key, first.safelight, first.process, first.lines)
        yield Cluster(whole, tuple(processes), balancer)
