"""What an api process says to the line, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from safelight.adapters.ray.line.talk import LineTalk
from safelight.contract.errors import Unavailable
from safelight.protocol.cluster.placing import (
    Amount,
    ApiBatch,
    Ask,
    FromApi,
    FromHost,
    FromLine,
    LetInReply,
    LetInRequest,
    LineStanding,
    TellAll,
    UnderWay,
)


class Heard:
    """A line that asks for all at once, and keeps what it hears."""

    def __init__(self) -> None:
        self.batches: list[ApiBatch] = []
        self.more = asyncio.Event()

    async def tell(self, batch: ApiBatch) -> None:
        self.batches.append(batch)
        self.more.set()

    async def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        yield [TellAll()]
        await asyncio.Event().wait()

    async def report(self, messages: Sequence[FromHost]) -> None:
        raise NotImplementedError

    async def let_in(self, request: LetInRequest) -> LetInReply:
        raise NotImplementedError

    async def standing(self) -> LineStanding:
        raise NotImplementedError

    async def next(self) -> ApiBatch:
        async with asyncio.timeout(60):
            while not self.batches:
                await self.more.wait()
                self.more.clear()
        return self.batches.pop(0)


async def test_a_line_that_asks_at_once_is_told_everything_and_what_counts_for_the_bound() -> None:
    line, everything = Heard(), [Ask(job="job_1")]
    amount = Amount(owner="key", seconds=2.0)
    talk = LineTalk("api", line, heard=lambda message: None, everything=lambda: everything)
    under_way: list[Sequence[Amount] | None] = [[amount]]
    talk.under_way = lambda: under_way[0]
    running = asyncio.create_task(talk.run())
    assert await line.next() == ApiBatch(api="api", messages=(everything[0], UnderWay(amounts=(amount,))), whole=True)
    later: list[FromApi] = [Ask(job="job_2"), Ask(job="job_3")]
    talk.say(later[0])
    assert await line.next() == ApiBatch(api="api", messages=(later[0],))  # it was told a moment ago
    under_way[0] = []
    assert await line.next() == ApiBatch(api="api", messages=(UnderWay(),))  # with the next that says it lives
    under_way[0] = None  # a question on its way tells it
    assert await line.next() == ApiBatch(api="api")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Frozen(Heard):
    """A line that answers nothing any more, and does not end what it was saying."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = 0

    async def tell(self, batch: ApiBatch) -> None:
        if self.streams == 1:
            raise Unavailable("It does not answer.", code="engine_overloaded", retry_after_seconds=4.0)
        await super().tell(batch)

    async def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        self.streams += 1
        yield [TellAll()]
        await asyncio.Event().wait()


async def test_what_a_line_does_not_hear_is_said_again_though_its_stream_goes_on() -> None:
    line, everything = Frozen(), [Ask(job="job_1")]
    talk = LineTalk("api", line, heard=lambda message: None, everything=lambda: everything)
    running = asyncio.create_task(talk.run())
    assert (await line.next()).messages[0] == everything[0]
    assert line.streams == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
