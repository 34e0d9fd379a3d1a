"""Many hosts as tasks of one process, and four `safelight serve`, against a real line."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import psutil

from benchmarks.cluster.figures import Figure
from benchmarks.cluster.hosts import kinds
from benchmarks.cluster.servers import Servers, servers
from benchmarks.machines import Machines
from safelight.adapters.ray.joined import RayCluster

_STEPS = 4
_APIS = 4


def line(machines: Machines, count: int, seconds: float = 20.0, picture_seconds: float = 2.0) -> Iterator[Figure]:
    """Pictures a second, the line's share of a core, and the seconds until it is back."""
    asyncio.run(_deploy(count, picture_seconds / _STEPS))
    with servers(_APIS, kinds("task", 1), count, queue_seconds="3600") as asked:
        per_second, share = asyncio.run(_busy(machines, asked, count, seconds))
        back = asyncio.run(_back(machines, asked)) - picture_seconds
    of = count / picture_seconds
    name = f"{count} hosts of {picture_seconds:g} s as tasks, four api processes"
    yield Figure(f"{name}: of {of:g} possible", per_second, "pictures/s")
    yield Figure(f"{name}: the line takes", share, "of a core")
    yield Figure(f"{name}: the line dies; a picture asked for at once is late by", back, "s", 5.0)


async def _deploy(count: int, step_seconds: float) -> None:
    from benchmarks.cluster.task_hosts import deploy_tasks

    cluster = RayCluster(os.environ["RAY_ADDRESS"])
    await cluster.join()
    await asyncio.to_thread(deploy_tasks, count, step_seconds)
    await cluster.leave()


async def _busy(machines: Machines, asked: Servers, count: int, seconds: float) -> tuple[float, float]:
    """Three times as many callers as hosts, each of whom asks for one picture after the other."""
    ended_at, until = list[float](), time.perf_counter() + seconds
    (line,) = machines.line()

    with asked.callers(asked.flooding) as callers:
        async with callers:

            async def one_after_the_other() -> None:
                while time.perf_counter() < until:
                    await callers.picture(_STEPS)
                    ended_at.append(time.perf_counter())

            await asyncio.gather(*(callers.picture(_STEPS) for _ in range(_APIS)))
            before, began = _cpu_seconds(line), time.perf_counter()
            await asyncio.gather(*(one_after_the_other() for _ in range(3 * count)))
            share = (_cpu_seconds(line) - before) / (time.perf_counter() - began)
            full = began + seconds / 4  # since when every host has been at work
            return sum(full < when < until for when in ended_at) / (until - full), share


async def _back(machines: Machines, asked: Servers) -> float:
    """The line dies; how long a picture takes that is asked for then."""
    with asked.callers(asked.flooding) as callers:
        async with callers:
            for process in machines.line():
                process.kill()
            return await callers.picture(_STEPS)


def _cpu_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
