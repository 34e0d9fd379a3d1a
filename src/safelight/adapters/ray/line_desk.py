"""The line as it is spoken to: its policy beside a clock, and a stream of placements for each api process."""

# Tested in tests/adapters/ray/test_line_desk.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic

from safelight.adapters.ray.first_come import FirstCome
from safelight.protocol.placing import (
    ApiBatch,
    FromHost,
    FromLine,
    LetInReply,
    LetInRequest,
    LineStanding,
    TellAll,
)

_LOOK_SECONDS = 0.5


class Stream:
    """What is to be said to one api process."""

    def __init__(self) -> None:
        self._gathered: list[FromLine] = [TellAll()]
        self._more = asyncio.Event()
        self._more.set()
        self._over = False

    def say(self, messages: Sequence[FromLine]) -> None:
        self._gathered += messages
        self._more.set()

    def end(self) -> None:
        """Nothing more is said: the process has another stream, or is dead."""
        self._over = True
        self._more.set()

    async def batches(self) -> AsyncIterator[Sequence[FromLine]]:
        """What has gathered, each time that it is asked for."""
        while not self._over:
            await self._more.wait()
            gathered, self._gathered = self._gathered, []
            self._more.clear()
            if gathered:
                yield gathered


class LineDesk:
    """Fills the `Line` port in one process."""

    def __init__(self) -> None:
        self._policy = FirstCome(monotonic())
        self._streams: dict[str, Stream] = {}
        self._looking: asyncio.Task[None] | None = None

    async def tell(self, batch: ApiBatch) -> None:
        """An api process says something."""
        self._policy.hear_api(batch, monotonic())
        self._pass_on()

    async def report(self, messages: Sequence[FromHost]) -> None:
        """Hosts say how they stand."""
        self._policy.hear_hosts(messages, monotonic())
        self._pass_on()

    async def let_in(self, request: LetInRequest) -> LetInReply:
        """Whether works fit."""
        return LetInReply(waits=tuple(0.0 for _ in request.wanted))

    async def standing(self) -> LineStanding:
        """How it all stands."""
        return LineStanding(apis=tuple(self._streams))

    async def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        """What is said to that api process from now on."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="line")
        if api in self._streams:
            self._streams[api].end()
        stream = self._streams[api] = Stream()
        self._policy.opened(api)
        self._pass_on()
        try:
            async for batch in stream.batches():
                yield batch
        finally:
            if self._streams.get(api) is stream:
                del self._streams[api]

    async def _look(self) -> None:
        """Time goes by: hosts fall silent, and jobs have waited long enough."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._policy.look(monotonic())
            self._pass_on()

    def _pass_on(self) -> None:
        for api, messages in self._policy.take_said().items():
            if api in self._streams:
                self._streams[api].say(messages)
