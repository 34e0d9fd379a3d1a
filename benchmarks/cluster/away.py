"""The head's GCS is dead for a minute, and a machine is frozen: what callers see of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx

from benchmarks.cluster.figures import Figure
from benchmarks.cluster.hosts import HOSTS, api_engine, deploy, kinds, picture
from benchmarks.cluster.servers import Callers, Servers, servers
from benchmarks.machines import StartedMachines, frozen
from safelight.adapters.ray.engine import ClusterEngine
from safelight.protocol.messages import Started, Stepped

_STEP_SECONDS = 0.5
_AWAY_SECONDS = 60.0
_SHORT_STEPS = 1
_LONG_STEPS = int((_AWAY_SECONDS + 15.0) / _STEP_SECONDS)
_FROZEN_SECONDS = 12.0
# A picture that takes steps has taken one since then: who comes to a host has its first eight before the other's next.
_SOON_SECONDS = 6.0


def away(machines: StartedMachines) -> Iterator[Figure]:
    """Both, one after the other."""
    deploy(kinds("away"), _STEP_SECONDS, capacity=2)
    with servers(2, kinds("away"), HOSTS) as asked:
        count, longest, failed, back = asyncio.run(_without_gcs(machines, asked))
    name = f"without a GCS for {_AWAY_SECONDS:g} s"
    yield Figure(f"{name}: new pictures drawn", count, "pictures", 1.0, at_least=True)
    yield Figure(f"{name}: the longest of them (0.5 s of drawing)", longest, "s", 5.0)
    yield Figure(f"{name}: failed, new ones and the long ones that were under way", failed, "pictures", 0.0)
    yield Figure(f"{name}: a host that is killed once it is back is there again after", back, "s")
    longest, count, stuck = asyncio.run(_frozen(machines))
    name = "a machine is frozen while every host draws"
    yield Figure(f"{name}: until the last of its {count} pictures goes on elsewhere", longest, "s", 10.0)
    yield Figure(f"{name}: its pictures that did not go on in {_FROZEN_SECONDS:g} s", stuck, "pictures", 0.0)


async def _without_gcs(machines: StartedMachines, asked: Servers) -> tuple[int, float, int, float]:
    with asked.callers(asked.light) as callers:
        async with callers:
            await callers.picture(_SHORT_STEPS)
            long = [asyncio.create_task(callers.picture(_LONG_STEPS)) for _ in range(2)]
            await asyncio.sleep(1.0)
            machines.kill_gcs()
            seconds, failed = await _one_after_the_other(callers, _AWAY_SECONDS)
            machines.start_gcs()
            ended = await asyncio.gather(*long, return_exceptions=True)
            failed += sum(isinstance(each, BaseException) for each in ended)
            return len(seconds), max(seconds, default=0.0), failed, await _replaced(machines)


async def _one_after_the_other(callers: Callers, for_seconds: float) -> tuple[list[float], int]:
    """Seconds of short pictures that were asked for in that time, and how many failed."""
    found, failed, until = list[float](), 0, time.perf_counter() + for_seconds
    while time.perf_counter() < until:
        try:
            found.append(await callers.picture(_SHORT_STEPS))
        except httpx.HTTPError:
            failed += 1
            await asyncio.sleep(0.5)
    return found, failed


async def _replaced(machines: StartedMachines) -> float:
    """Seconds until Serve has another host in the place of one that is killed."""
    before = {host.pid for host in machines.hosts()}
    machines.hosts()[0].kill()
    began = time.perf_counter()
    async with asyncio.timeout(300):
        while len({host.pid for host in machines.hosts()} - before) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return time.perf_counter() - began


async def _frozen(machines: StartedMachines) -> tuple[float, int, int]:
    """Every host draws, and a machine freezes: the longest time until a picture that it had takes its next step
    elsewhere, of how many, and how many never did."""
    async with api_engine(HOSTS) as engine:
        while engine.state().workers != HOSTS:  # noqa: ASYNC110 - until the one that was killed is forgotten
            await asyncio.sleep(0.1)
        pictures = [Drawn(number) for number in range(HOSTS)]
        drawing = [asyncio.create_task(each.draw(engine)) for each in pictures]
        while any(not each.stepped_at for each in pictures):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        with frozen(machines.on(machines.raylets[0])):
            since = time.perf_counter()
            await asyncio.sleep(_FROZEN_SECONDS)
            now = time.perf_counter()
        gone_on = [each.begun_again_at - since for each in pictures if each.begun_again_at is not None]
        stuck = [each for each in pictures if each.begun_again_at is None and now - each.stepped_at > _SOON_SECONDS]
        for each in pictures:
            each.cancel(engine)
        await asyncio.gather(*drawing)
        return max(gone_on, default=float("inf")), len(gone_on), len(stuck)


class Drawn:
    """A long picture: when its last step was, and its first step after it was begun anew."""

    def __init__(self, number: int) -> None:
        # Each of a key of its own: those of one key are drawn one after the other at a host.
        self._picture = picture(f"key {number}", number, steps=1000, seconds=500.0)
        self._begun = 0
        self.stepped_at = 0.0
        self.begun_again_at: float | None = None

    def cancel(self, engine: ClusterEngine) -> None:
        """Nobody wants it any more."""
        engine.cancel(self._picture.id)

    async def draw(self, engine: ClusterEngine) -> None:
        """Until it has ended."""
        async for event in engine.submit(self._picture):
            self._begun += isinstance(event, Started)
            if isinstance(event, Stepped):
                self.stepped_at = time.perf_counter()
                if self._begun > 1 and self.begun_again_at is None:
                    self.begun_again_at = self.stepped_at
