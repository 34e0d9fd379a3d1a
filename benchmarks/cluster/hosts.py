"""Hosts for a part of the benchmark, the engine of an api process, and pictures for them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.joined import RayCluster
from safelight.adapters.ray.line.actor import RayLine
from safelight.contract.requests.order import FileSpec, Order, Recipe, Share
from safelight.protocol.messages import Finished

SOURCE = "postcard"
HOSTS = 4


def kinds(kind: str, count: int = HOSTS) -> str:
    """The setting `hosts` for so many that draw stripes."""
    return json.dumps({kind: {"gpus": 0, "cpus": 1, "least": count, "engine": "fake"}})


def deploy(hosts: str, step_seconds: float, *, capacity: int = 1) -> None:
    """Have the cluster keep these hosts, as `safelight deploy` does; returns when they run."""
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "SAFELIGHT_HOME": home,
            "SAFELIGHT_ENGINE": "ray",
            "SAFELIGHT_HOSTS": hosts,
            "SAFELIGHT_FAKE_STEP_SECONDS": str(step_seconds),
            "SAFELIGHT_FAKE_CAPACITY": str(capacity),
        }
        command = [sys.executable, "-P", "-m", "safelight", "deploy"]
        subprocess.run(
            command, env=os.environ | settings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@asynccontextmanager
async def api_engine(workers: int) -> AsyncIterator[ClusterEngine]:
    """The engine of an api process in this one, once so many can draw."""
    engine = ClusterEngine(RayCluster(os.environ["RAY_ADDRESS"]), RayLine(), PrometheusTelemetry(), sources=(SOURCE,))
    await engine.start()
    try:
        while engine.state().workers < workers or engine.state().model(SOURCE).status != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        yield engine
    finally:
        await engine.stop()


def picture(name: str, number: int, steps: int = 4, seconds: float = 0.2) -> Order:
    """A small one, unlike all others."""
    recipe = Recipe(
        source=SOURCE, prompt=f"a boat of {name}", width=64, height=64, seed=number + 1, options={"steps": steps}
    )
    share = Share(group=name, seconds=seconds)
    return Order(id=f"{name}-{number}", recipe=recipe, file=FileSpec(format="png"), share=share)


async def drawn(engine: ClusterEngine, order: Order) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    end = [event async for event in engine.submit(order)][-1]
    assert isinstance(end, Finished), end
    return time.perf_counter() - began
