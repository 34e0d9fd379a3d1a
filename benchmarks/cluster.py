"""A Ray cluster on this machine: what a picture costs beside drawing, pictures a second, and the line under many hosts.

Hosts draw stripes, so that what is measured is the way to them and back. `overhead`: one picture after the other, no
steps to speak of. `pace`: four hosts of 0.2 s a picture, asked by two api processes. `line`: many hosts as tasks of
this process, which is what two cores can hold, and four api processes' engines, against a real line in Ray; how much of
a core the line takes, and when it is back after its death. It needs Ray (`pip install 'safelight[ray]'`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.cluster import HostLost
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.hosts.host import Host
from safelight.adapters.ray.hosts.reports import Reports
from safelight.adapters.ray.joined import RayCluster
from safelight.adapters.ray.line.actor import RayLine
from safelight.adapters.ray.names import LINE, NAMESPACE
from safelight.bootstrap.cluster import serve_config
from safelight.contract.order import FileSpec, Order, Recipe, Share
from safelight.protocol.deploying import Cluster, Kind
from safelight.protocol.messages import Configure, Finished, ModelSpec

_SOURCE = "postcard"
_RUNNING_SECONDS = 120.0
_CONFIGURE = Configure(models=(ModelSpec(source=_SOURCE),))
_STORE_BYTES = 80 * 1024 * 1024
_PICTURE_SECONDS = 0.2
_DRAWERS = "drawers"  # the argument by which this file becomes an api process


@contextmanager
def nodes(count: int) -> Iterator[str]:
    """A head and so many nodes, with tokens; its address."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
    RayCluster()  # sets Serve's flags before it is imported
    import ray
    from ray.cluster_utils import Cluster as RayNodes

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    cluster = RayNodes()
    try:
        cluster.add_node(num_cpus=0, object_store_memory=_STORE_BYTES, include_dashboard=False, temp_dir=folder)
        for _ in range(count):
            cluster.add_node(num_cpus=4, object_store_memory=_STORE_BYTES)
        yield str(cluster.address)
    finally:
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def picture(name: str, number: int) -> Order:
    """A small one, unlike all others."""
    recipe = Recipe(
        source=_SOURCE, prompt=f"a boat of {name}", width=64, height=64, seed=number + 1, options={"steps": 4}
    )
    share = Share(group=name, seconds=_PICTURE_SECONDS)
    return Order(id=f"{name}-{number}", recipe=recipe, file=FileSpec(format="png"), share=share)


async def drawn(engine: ClusterEngine, order: Order) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    end = [event async for event in engine.submit(order)][-1]
    assert isinstance(end, Finished), end
    return time.perf_counter() - began


async def ready(engine: ClusterEngine, workers: int) -> None:
    """Returns when so many can draw."""
    while engine.state().workers < workers or engine.state().model(_SOURCE).status != "ready":  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def hosts(count: int, step_seconds: float) -> Cluster:
    """So many that draw stripes."""
    kind = Kind(gpus=0, cpus=1, least=count, most=count, queue_target_seconds=20, fake=True)
    return Cluster(kinds={"fake": kind}, configure=_CONFIGURE, fake_step_seconds=step_seconds, fake_capacity=1)


async def overhead(address: str, pictures: int) -> list[float]:
    """Milliseconds of each picture, one after the other, sorted."""
    engine = ClusterEngine(RayCluster(address), RayLine(), PrometheusTelemetry(), sources=(_SOURCE,))
    await engine.start()
    await ready(engine, 4)
    await drawn(engine, picture("warm", 0))
    found = [1000 * await drawn(engine, picture("one", number)) for number in range(pictures)]
    await engine.stop()
    return sorted(found)


async def draw_many(address: str, name: str, workers: int, pictures: int, at_once: int) -> None:
    """What an api process does: says when it is ready, and draws so many when it is told to."""
    engine = ClusterEngine(RayCluster(address), RayLine(), PrometheusTelemetry(), sources=(_SOURCE,))
    await engine.start()
    await ready(engine, workers)
    await drawn(engine, picture(f"{name}-warm", 0))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    numbers = iter(range(pictures))

    async def one_after_the_other() -> None:
        for number in numbers:
            await drawn(engine, picture(name, number))

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    print("done", flush=True)
    await engine.stop()


async def pace(address: str, processes: int, workers: int, pictures: int) -> float:
    """Pictures a second through so many api processes."""
    command = (sys.executable, "-m", "benchmarks.cluster", "--drawers", address)
    begun = []
    for number in range(processes):
        arguments = (f"api{number}", str(workers), str(pictures // processes), str(2 * workers))
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        begun.append(await asyncio.create_subprocess_exec(*command, *arguments, **pipes))  # type: ignore[arg-type]
    for process in begun:
        await _said(process, b"ready")
    began = time.perf_counter()
    for process in begun:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    await asyncio.gather(*(_said(process, b"done") for process in begun))
    seconds = time.perf_counter() - began
    for process in begun:
        await process.communicate()
    return pictures / seconds


async def _said(process: asyncio.subprocess.Process, word: bytes) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.strip() == word:
            return
    raise RuntimeError("An api process has ended.")


class TaskHosts:
    """Hosts that are tasks of this process; fills `Cluster` for engines that are here too."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._telling: list[asyncio.Task[None]] = []

    async def add(self, name: str, line: RayLine, step_seconds: float) -> None:
        """One more, which reports to that line."""
        engine = FakeEngine((_SOURCE,), capacity=1, step_seconds=step_seconds)
        host = self._hosts[name] = Host(engine, lambda: reports.changed())
        reports = Reports(name, "task", host, line)
        self._telling.append(asyncio.create_task(reports.run()))

    async def end(self) -> None:
        """No more hosts."""
        for task in self._telling:
            task.cancel()
        for host in self._hosts.values():
            await host.stop()

    async def join(self) -> None:
        """This process is part of it."""

    async def leave(self) -> None:
        """Others are still there."""

    async def read(self, host: str, payload: bytes, *, new: bool) -> AsyncGenerator[bytes, None]:
        """A stream from that host."""
        if host not in self._hosts:
            raise HostLost("There is no such host.")
        stream = self._hosts[host].read(payload)
        try:
            async for piece in stream:
                yield piece
        finally:
            await stream.aclose()

    async def tell_host(self, host: str, payload: bytes) -> None:
        """Say something to that host."""
        self._hosts[host].tell(payload)


async def many_hosts(address: str, count: int, seconds: float, picture_seconds: float) -> dict[str, float]:
    """Pictures a second, the line's share of a core, and the seconds until it is back."""
    cluster = RayCluster(address)
    await cluster.join()
    tasks, lines = TaskHosts(), [RayLine() for _ in range(4)]
    for number in range(count):
        await tasks.add(f"task/{number}", lines[number % 4], picture_seconds / 4)
    engines = [ClusterEngine(tasks, RayLine(), PrometheusTelemetry(), sources=(_SOURCE,)) for _ in range(4)]
    for engine in engines:
        await engine.start()
        await ready(engine, count)
    process = psutil.Process(await _line_pid())
    ended, number, until = 0, 0, time.perf_counter() + seconds

    async def one_after_the_other(engine: ClusterEngine) -> None:
        nonlocal ended, number
        while time.perf_counter() < until:
            number += 1
            await drawn(engine, picture("many", number))
            ended += 1

    before, began = sum(process.cpu_times()[:2]), time.perf_counter()
    await asyncio.gather(*(one_after_the_other(engines[each % 4]) for each in range(2 * count)))
    taken = time.perf_counter() - began
    share = (sum(process.cpu_times()[:2]) - before) / taken
    os.kill(process.pid, signal.SIGKILL)
    killed = time.perf_counter()
    await drawn(engines[0], picture("after", 0))
    back = time.perf_counter() - killed
    for engine in engines:
        await engine.stop()
    await tasks.end()
    await cluster.leave()
    return {"pictures a second": ended / taken, "line's share of a core": share, "back after seconds": back}


async def _line_pid() -> int:
    import ray

    actor = await asyncio.to_thread(ray.get_actor, LINE, NAMESPACE)
    pid: int = await actor.__ray_call__.remote(lambda _: os.getpid())
    return pid


async def _deployed(address: str, wanted: Cluster) -> Any:
    from safelight.adapters.ray import deployed

    await RayCluster(address).join()
    await asyncio.to_thread(deployed.send, serve_config(wanted))
    await asyncio.to_thread(deployed.wait_until_running, _RUNNING_SECONDS, lambda _: None)


async def measure(address: str, pictures: int, count: int) -> None:
    """All of it, printed."""
    await _deployed(address, hosts(4, 0.0001))
    found = await overhead(address, pictures)
    median = statistics.median(found)
    print(f"overhead of a picture: median {median:.1f} ms, least {found[0]:.1f}, most {found[-1]:.1f}")
    await _deployed(address, hosts(4, _PICTURE_SECONDS / 4))
    print(f"four hosts of 0.2 s, two api processes: {await pace(address, 2, 4, pictures):.1f} pictures/s of 20")
    for name, value in (await many_hosts(address, count, 15.0, 2.0)).items():
        print(f"{count} hosts of 2 s as tasks, four api engines: {name} {value:.2f}")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--hosts", type=int, default=64)
    parser.add_argument("--drawers", nargs=5, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.drawers:
        address, name, workers, pictures, at_once = said.drawers
        asyncio.run(draw_many(address, name, int(workers), int(pictures), int(at_once)))
        return
    with nodes(2) as address:
        asyncio.run(measure(address, said.pictures, said.hosts))


if __name__ == "__main__":
    main()
