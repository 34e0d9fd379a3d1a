"""How long a light key's short picture takes beside a key that floods, at four hosts, through api processes over HTTP.

The flooding key's pictures come at random, so many that all hosts together are at work for 0.95 of the time: 70 % of
half a second, 25 % of four seconds, 5 % of fifteen. Each host has two in hand, of which one takes a step at a time, by
the schedule of real workers.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Iterator

from benchmarks.cluster.figures import Figure
from benchmarks.cluster.hosts import HOSTS, deploy, kinds
from benchmarks.cluster.servers import Callers, Servers, servers

_LOAD = 0.95
_TARGET = 1.5
_STEP_SECONDS = 0.1
_STEPS = (5, 40, 150)
_SHARES = (0.70, 0.25, 0.05)
_SHORT = _STEPS[0]
_LIGHT_EVERY_SECONDS = 1.5
_LIGHT = 60
_ALONE = 12


def fair(apis: int, seed: int = 7) -> Iterator[Figure]:
    """The light key's mean time, over its time alone."""
    deploy(kinds("fair"), _STEP_SECONDS, capacity=2)
    with servers(apis, kinds("fair"), HOSTS, queue_seconds="86400") as asked:
        alone, beside, flooded = asyncio.run(_measure(asked, random.Random(seed)))
    name = f"a short picture of a light key, {apis} api processes, {HOSTS} hosts"
    yield Figure(f"{name}: alone, mean", alone, "s")
    yield Figure(f"{name}: beside a flooding key at load {_LOAD}", statistics.mean(beside) / alone, "times", _TARGET)
    yield Figure(f"{name}: the longest of {len(beside)}", max(beside) / alone, "times")
    yield Figure(f"{name}: beside 40 pictures of 4 s that always wait", statistics.mean(flooded) / alone, "times")


async def _measure(asked: Servers, chance: random.Random) -> tuple[float, list[float], list[float]]:
    with asked.callers(asked.light) as light, asked.callers(asked.flooding) as flooding:
        async with light, flooding:
            for _ in range(2 * len(asked.running)):
                await light.picture(_SHORT)
                await flooding.picture(_STEPS[1])  # each server knows now what they take
            alone = statistics.mean([await light.picture(_SHORT) for _ in range(_ALONE)])
            flood = asyncio.create_task(_flood(flooding, chance))
            try:
                beside = await _now_and_then(light, chance, _LIGHT)
            finally:
                flood.cancel()
                await asyncio.gather(flood, return_exceptions=True)
            always = [asyncio.create_task(_one_after_the_other(flooding)) for _ in range(40)]
            try:
                flooded = await _now_and_then(light, chance, _LIGHT // 3)
            finally:
                for task in always:
                    task.cancel()
                await asyncio.gather(*always, return_exceptions=True)
            return alone, beside, flooded


async def _now_and_then(light: Callers, chance: random.Random, times: int) -> list[float]:
    """Seconds of each of the light key's pictures, which come whether the last is there or not."""
    asked = []
    for _ in range(times):
        await asyncio.sleep(chance.expovariate(1 / _LIGHT_EVERY_SECONDS))
        asked.append(asyncio.create_task(light.picture(_SHORT)))
    return await asyncio.gather(*asked)


async def _flood(flooding: Callers, chance: random.Random) -> None:
    """Until cancelled: what is left of the load beside the light key, in lots of twenty that are alike."""
    lots = [steps for steps, share in zip(_STEPS, _SHARES, strict=True) for _ in range(round(20 * share))]
    mean = statistics.mean(lots) * _STEP_SECONDS
    every = mean / (_LOAD * HOSTS - _SHORT * _STEP_SECONDS / _LIGHT_EVERY_SECONDS)
    async with asyncio.TaskGroup() as asked:
        while True:
            for steps in chance.sample(lots, len(lots)):
                await asyncio.sleep(chance.expovariate(1 / every))
                asked.create_task(flooding.picture(steps))


async def _one_after_the_other(flooding: Callers) -> None:
    while True:
        await flooding.picture(_STEPS[1])
