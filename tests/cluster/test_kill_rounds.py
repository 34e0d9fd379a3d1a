"""A few rounds of killing and stopping over Ray; `tests/hostile/kill_rounds` says what holds at the end.

`python -m tests.hostile.kill_rounds --engine ray` does hundreds, with hosts that draw Postcard, machines that are lost,
and a GCS that is away for a minute.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes
from tests.hostile.kill_rounds.run import run

ROUNDS = 6


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    yield
    nodes.remove()


@pytest.mark.timeout(60 * 60)
def test_every_accepted_job_ends_once_whatever_dies(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP")  # the servers are as an operator starts them
    print(run(tmp_path, ROUNDS, random.randrange(10**6), engine="ray-fake", machines=nodes.machines))
