"""An api process whose own node of Ray ends: it says so, and goes on with what it had when it has joined again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes, stripes

ROOT = Path(__file__).parents[2]
STEPS = 100
# Several nodes stand on this machine, and Ray would join by the head's.
API = f"""
import asyncio, sys, ray
from ray._private import services
from safelight.adapters.ray.joined import RayCluster
from tests.cluster.nodes import SOURCE, api_engine, Nodes
from tests.orders import order

chosen = services.get_node_to_connect_for_driver

def by_own(gcs, **wanted):
    return chosen(gcs, **(wanted | {{"node_name": "own"}}))

services.get_node_to_connect_for_driver = by_own

class There:
    address = sys.argv[1]

async def main():
    async with api_engine(There()) as engine:
        services.get_node_to_connect_for_driver = chosen
        events = engine.submit(order("long", steps={STEPS}))
        await anext(events)
        print("drawing", flush=True)
        while not engine.state().away:
            await engine.changed()
        print("away", engine.state().model(SOURCE).status, flush=True)
        ends = [event async for event in events]
        print(type(ends[-1]).__name__, engine.state().restarts, engine.state().away or "back", flush=True)

asyncio.run(main())
"""


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(1, fake_step_seconds=0.3))
    yield
    nodes.remove()


def test_an_api_process_whose_own_node_is_killed_is_away_and_goes_on_when_it_has_joined_again(nodes: Nodes) -> None:
    own = nodes.add(cpus=0, node_name="own")
    command = [sys.executable, "-c", API, nodes.address]
    api = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ.copy())
    try:
        assert api.stdout is not None
        said = (line.strip() for line in api.stdout if line.strip().split(" ")[0] in ("drawing", "away", "Finished"))
        assert next(said) == "drawing"
        own.kill_raylet()
        assert next(said) == "away loading"
        assert next(said) == "Finished 0 back"
        assert api.wait(120) == 0
    finally:
        api.kill()
        api.wait()
        nodes.lose(own)
