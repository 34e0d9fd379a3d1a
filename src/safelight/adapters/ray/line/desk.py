"""The line as it is spoken to: its policy beside a clock, and a stream of placements for each api process."""

# Tested in tests/adapters/ray/line/test_desk.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic

from safelight.protocol.cluster.placing import (
    ApiBatch,
    FromHost,
    FromLine,
    LetInReply,
    LetInRequest,
    LineStanding,
)
from safelight.service.line.policy import LOOK_SECONDS, SETTLE_SECONDS, LinePolicy


class Stream:
    """What is to be said to one api process."""

    def __init__(self) -> None:
        self._gathered: list[FromLine] = []
        self._more = asyncio.Event()
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

    def __init__(self, *, load_wait_seconds: float = 120.0, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._policy = LinePolicy(monotonic(), load_wait_seconds=load_wait_seconds, settle_seconds=settle_seconds)
        self._streams: dict[str, Stream] = {}
        self._looking: asyncio.Task[None] | None = None

    async def tell(self, batch: ApiBatch) -> None:
        """An api process says something."""
        self._policy.tell(batch, monotonic())
        self._pass_on()

    async def report(self, messages: Sequence[FromHost]) -> None:
        """Hosts say how they stand."""
        self._policy.report(messages, monotonic())
        self._pass_on()

    async def let_in(self, request: LetInRequest) -> LetInReply:
        """Whether works fit. A line that just began does not know yet what is under way, so it is waited for."""
        await asyncio.sleep(max(0.0, self._policy.settled_at - monotonic()))
        return self._policy.let_in(request)

    async def standing(self) -> LineStanding:
        """How it all stands."""
        return self._policy.standing(monotonic())

    async def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        """What is said to that api process from now on."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="line")
        if api in self._streams:
            self._streams[api].end()
        stream = self._streams[api] = Stream()
        self._policy.listen(api, monotonic())
        self._pass_on()
        try:
            async for batch in stream.batches():
                yield batch
        finally:
            if self._streams.get(api) is stream:
                del self._streams[api]
                self._policy.listen_no_longer(api)

    async def _look(self) -> None:
        """Time goes by: hosts fall silent, and jobs have waited long enough."""
        while True:
            unsettled = self._policy.settled_at - monotonic()
            await asyncio.sleep(unsettled if unsettled > 0 else LOOK_SECONDS)
            self._pass_on()

    def _pass_on(self) -> None:
        self._policy.turn(monotonic())
        for api, messages in self._policy.take_said().items():
            if api in self._streams:
                self._streams[api].say(messages)
