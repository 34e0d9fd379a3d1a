"""Hosts and the line are killed and frozen at random while two api processes' engines draw: every picture comes once.

`ROUNDS=200 python -m pytest tests/cluster/test_kill_rounds.py` for more of it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.line.actor import RayLine
from safelight.protocol.messages import End, Finished
from tests.cluster.nodes import Nodes, api_engine, stripes
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = int(os.environ.get("ROUNDS", "6"))
HOSTS = 3


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(HOSTS, fake_step_seconds=0.05))
    yield
    nodes.remove()


async def draw(engine: ClusterEngine, name: str, over: asyncio.Event, drawn: list[str]) -> None:
    """One picture after the other, some of which the other engine asks for too."""
    number = 0
    while not over.is_set():
        number += 1
        wanted = order(f"{name}-{number}", steps=10, seed=number)
        events = [event async for event in engine.submit(wanted)]
        assert [isinstance(event, End) for event in events].count(True) == 1
        assert isinstance(events[-1], Finished), events[-1]
        assert events[-1].image == draw_stripes(wanted)
        drawn.append(wanted.id)


async def disturb(nodes: Nodes, chance: random.Random) -> str:
    """Something dies, or stands still for longer than anybody waits."""
    what = chance.choice(["host", "host", "line", "frozen"])
    alive = [host.host for host in (await RayLine().standing()).hosts if host.silent_seconds < 3]
    if what == "line" or len(alive) < 2:
        os.kill(await nodes.line_pid(), signal.SIGKILL)
        return "line"
    pid = await nodes.pid_of(chance.choice(alive))
    if what == "host":
        os.kill(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(12, os.kill, pid, signal.SIGCONT)
    return what


@pytest.mark.timeout(600 + 60 * ROUNDS)
async def test_every_picture_comes_once_whatever_dies(nodes: Nodes) -> None:
    seed = random.randrange(10**6)
    chance, over, done, drawn = random.Random(seed), asyncio.Event(), Counter[str](), list[str]()
    async with api_engine(nodes, hosts=HOSTS) as first, api_engine(nodes, hosts=HOSTS) as second:
        drawing = [
            asyncio.create_task(draw(engine, f"{number}-{each}", over, drawn))
            for number, engine in enumerate((first, second))
            for each in range(2)
        ]
        for _ in range(ROUNDS):
            done[await disturb(nodes, chance)] += 1
            before = len(drawn)
            async with asyncio.timeout(60):
                while len(drawn) < before + 8:
                    await asyncio.sleep(0.1)
                    if failed := [task for task in drawing if task.done()]:
                        await failed[0]
        over.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*drawing)
        assert (first.state().queued, first.state().running) == (0, 0)
    assert len(drawn) == len(set(drawn))
    print(f"seed {seed}: {len(drawn)} pictures, {dict(done)}")
