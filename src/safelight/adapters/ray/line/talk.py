"""What this api process says to the line, in batches, and hears from it; told again whenever there is a new line."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from safelight.contract.errors import SafelightError
from safelight.protocol.cluster.placing import HEARTBEAT_SECONDS, Amount, ApiBatch, FromApi, FromLine, TellAll, UnderWay
from safelight.service.ports.processes.line import Line

# A line that has died is back after 2 to 4 s.
_AGAIN_SECONDS = 0.25
_BOUND_SECONDS = 1.0

log = structlog.get_logger(__name__)


class LineTalk:
    """`heard` is given what the line says; `everything` is what a line that knows nothing has to be told.

    Before the line has asked for everything nothing is said to it: it will hear all there is. `under_way` is what this
    process has under way, as it counts for the bound of all; None while that is being asked about, which tells it too.
    """

    def __init__(
        self,
        api: str,
        line: Line,
        *,
        heard: Callable[[FromLine], None],
        everything: Callable[[], Sequence[FromApi]],
    ) -> None:
        self.under_way: Callable[[], Sequence[Amount] | None] = lambda: None
        self._told_at = -math.inf
        self._api, self._line = api, line
        self._heard, self._everything = heard, everything
        self._known = self._whole = False
        self._gathered: list[FromApi] = []
        self._more = asyncio.Event()

    def say(self, message: FromApi) -> None:
        """As soon as the last batch has been heard."""
        if self._known:
            self._gathered.append(message)
            self._more.set()

    async def run(self) -> None:
        """Speak and listen until cancelled."""
        while True:
            try:
                await self._converse()
            except SafelightError as error:
                log.warning("line_lost", reason=str(error), effect="it is told everything when it is back")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _converse(self) -> None:
        """Until what it said is lost, or it hears no more: a line that is frozen does not end what it was saying.

        Raises:
            Unavailable: it is lost.
        """
        both = [
            asyncio.create_task(self._speak(), name="line-speak"),
            asyncio.create_task(self._listen(), name="line-listen"),
        ]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._known = self._whole = False
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self) -> None:
        async for messages in self._line.placements(self._api):
            for message in messages:
                self._take(message)

    def _take(self, message: FromLine) -> None:
        if isinstance(message, TellAll):
            self._known, self._gathered = True, []
            self._more.set()
            self._whole, self._told_at = True, -math.inf
        else:
            self._heard(message)

    async def _speak(self) -> None:
        """A batch whenever something has gathered, and every two seconds."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._more.wait()
            self._more.clear()
            if not self._known:
                continue
            whole, self._whole = self._whole, False
            messages, self._gathered = [*(self._everything() if whole else self._gathered), *self._bound()], []
            await self._line.tell(ApiBatch(api=self._api, messages=tuple(messages), whole=whole))

    def _bound(self) -> list[FromApi]:
        """What counts for the bound, once a second at most: what is let in meanwhile is known to the line."""
        if monotonic() - self._told_at < _BOUND_SECONDS or (amounts := self.under_way()) is None:
            return []
        self._told_at = monotonic()
        return [UnderWay(amounts=tuple(amounts))]
