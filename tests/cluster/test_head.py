"""The head's GCS says nothing for a while: what runs goes on, and new pictures are drawn."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from time import monotonic

import pytest

from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.joined import RayCluster
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished
from tests.cluster.nodes import Nodes, api_engine, stripes
from tests.orders import order

AWAY_SECONDS = 15.0
PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
# `python -m benchmarks.cluster --parts away` kills it for a minute, and so do rounds of killing with `--engine ray`.


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(2, fake_step_seconds=0.1))
    yield
    nodes.remove()


def test_who_joins_waits_ten_minutes_for_a_head_that_is_away(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Ray's default a process ends itself after 60 s."""
    monkeypatch.delenv(PATIENCE, raising=False)
    RayCluster(nodes.address)
    assert os.environ[PATIENCE] == "600"
    monkeypatch.setenv(PATIENCE, "1200")
    RayCluster(nodes.address)
    assert os.environ[PATIENCE] == "1200"


async def drawn(engine: ClusterEngine, wanted: Order) -> None:
    async with asyncio.timeout(60 + 2 * AWAY_SECONDS):
        end = [event async for event in engine.submit(wanted)][-1]
    assert isinstance(end, Finished), end


@pytest.mark.asyncio(loop_scope="session")
async def test_pictures_go_on_and_new_ones_are_drawn_without_a_head(nodes: Nodes) -> None:
    async with api_engine(nodes, hosts=2) as engine:
        long = asyncio.create_task(drawn(engine, order("long", steps=int(10 * AWAY_SECONDS) + 50)))
        await drawn(engine, order("before", seed=2))
        os.kill(nodes.gcs_pid, signal.SIGSTOP)
        away, number = monotonic(), 0
        try:
            while monotonic() - away < AWAY_SECONDS:
                number += 1
                await drawn(engine, order(f"while {number}", steps=6, seed=2 + number))
        finally:
            os.kill(nodes.gcs_pid, signal.SIGCONT)
        await drawn(engine, order("after", seed=1))
        await long
        assert number > 2
        assert engine.state().restarts == 0
