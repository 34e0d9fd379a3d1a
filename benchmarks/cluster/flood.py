"""How much four api processes let in together of a key that floods them, and whether `Retry-After` is true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.cluster.figures import Figure
from benchmarks.cluster.hosts import HOSTS, deploy, kinds
from benchmarks.cluster.servers import Callers, Servers, servers

_APIS = 4
_STEP_SECONDS = 0.25
_STEPS = 4
_PICTURE_SECONDS = _STEPS * _STEP_SECONDS
_QUEUE_SECONDS = 10.0
_ASKED = 120
_LARGE_STEPS = 100
_AGAIN_SECONDS = 0.1
_MOST_OFF = 0.2


def flood() -> Iterator[Figure]:
    """What is let in, and when a large picture is that was refused."""
    deploy(kinds("flood"), _STEP_SECONDS)
    settings = {"queue_seconds": str(_QUEUE_SECONDS), "request_seconds": "3600"}
    with servers(_APIS, kinds("flood"), HOSTS, **settings) as asked:
        let_in, told, waited = asyncio.run(_measure(asked))
    bound = _QUEUE_SECONDS * HOSTS
    name = f"a flood at {_APIS} api processes, {HOSTS} hosts, queue_seconds {_QUEUE_SECONDS:g}"
    yield Figure(f"{name}: let in at most", let_in, "s", bound + _PICTURE_SECONDS)
    yield Figure(f"{name}: let in at most", let_in, "s", bound - 2 * _PICTURE_SECONDS, at_least=True)
    yield Figure(f"{name}: Retry-After said", told, "s")
    yield Figure(f"{name}: Retry-After is off by", abs(told - waited) / waited, "of the time", _MOST_OFF)


class Flood:
    """Pictures that are let in, by when, and what becomes of them."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._began = time.perf_counter()
        self.let_in_at: list[float] = []
        self.refused = 0
        self.ended_at = 0.0

    async def ask(self, number: int) -> None:
        """One picture; its stream is read to its end."""
        async with self._callers.stream(_STEPS, number % _APIS) as answer:
            if answer.status_code != 200:
                self.refused += 1
                return
            self.let_in_at.append(self._now())
            await answer.aread()
            self.ended_at = self._now()

    def most(self) -> float:
        """Seconds of work that were under way at most, given that every host draws all the time."""
        done = [HOSTS * (when - self.let_in_at[0]) for when in sorted(self.let_in_at)]
        return max((count + 1) * _PICTURE_SECONDS - each for count, each in enumerate(done))

    def slowness(self) -> float:
        """How much longer than it should it took to draw them all, as a machine with other work has it."""
        return (self.ended_at - self.let_in_at[0]) / (len(self.let_in_at) * _PICTURE_SECONDS / HOSTS)

    def _now(self) -> float:
        return time.perf_counter() - self._began


async def _measure(asked: Servers) -> tuple[float, float, float]:
    with asked.callers(asked.flooding) as callers:
        async with callers:
            for _ in range(2 * _APIS):
                await callers.picture(_STEPS)  # each server knows now what they take
            flood = Flood(callers)
            asking = [asyncio.create_task(flood.ask(number)) for number in range(_ASKED)]
            while len(flood.let_in_at) + flood.refused < _ASKED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            told, began = await _refused(callers), time.perf_counter()
            waited = await _until_let_in(callers, began)
            await asyncio.gather(*asking)
            return flood.most(), told, waited / flood.slowness()


async def _refused(callers: Callers) -> float:
    """What `Retry-After` says to a large picture, which does not fit."""
    async with callers.stream(_LARGE_STEPS, 0) as answer:
        assert answer.status_code == 503, answer.status_code
        return float(answer.headers["retry-after"])


async def _until_let_in(callers: Callers, began: float) -> float:
    """When it would have been, for one who does not believe what is said and asks all the time, here and there."""
    server = 0
    while True:
        server = (server + 1) % _APIS
        async with callers.stream(_LARGE_STEPS, server) as answer:
            if answer.status_code == 200:
                return time.perf_counter() - began  # and leaves
        await asyncio.sleep(_AGAIN_SECONDS)
