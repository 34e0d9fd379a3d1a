"""The line over many hosts: who may go next, and where. One for all api processes."""

# Tested in tests/protocol/test_placing.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from safelight.protocol.cluster.placing import ApiBatch, FromHost, FromLine, LetInReply, LetInRequest, LineStanding


class Line(Protocol):
    """What may be said to the line from anywhere. It may end and be there again, and knows nothing then: every stream
    of placements ends with it, and the next one begins with `TellAll`.

    Each call may raise `Unavailable`: the line cannot be reached just now.
    """

    async def tell(self, batch: ApiBatch) -> None:
        """An api process says what it wants, what it does not want any more, and what has ended."""

    def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        """What the line says to that api process from now on. A second stream of the same process ends the first."""

    async def report(self, messages: Sequence[FromHost]) -> None:
        """Hosts say how they stand."""

    async def let_in(self, request: LetInRequest) -> LetInReply:
        """Whether works fit into the bound of all api processes, those that are let in counting for the next."""

    async def standing(self) -> LineStanding:
        """How it all stands, for whoever looks."""
