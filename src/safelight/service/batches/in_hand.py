"""The lines that one process has claimed: those that wait for a place here, and those that are drawn."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from safelight.contract.records.batches import Line
from safelight.contract.requests.trace import TraceContext
from safelight.service.access.keys import Principal
from safelight.service.ports.stores.batches import LineHold

# Of each worker one line is drawn and the next waits in it.
_LINES_PER_WORKER = 2
# A line that was begun so often without an end is drawn alone: it may be what ended the server.
SUSPECT_FROM = 3


def places_of(workers: int) -> int:
    """How many lines are drawn at once by so many workers."""
    return _LINES_PER_WORKER * max(1, workers)


class ClaimedLine(NamedTuple):
    """A line that is this process's, who sent it, and the span of the request that made its batch."""

    line: Line
    principal: Principal
    trace: TraceContext


class LinesInHand:
    """Each line that waits, and each that is drawn with the task that does so."""

    def __init__(self) -> None:
        self._claimed: deque[ClaimedLine] = deque()
        self._drawn: dict[LineHold, asyncio.Task[None]] = {}

    @property
    def holds(self) -> Sequence[LineHold]:
        """The claims on all of them."""
        return [*self._drawn, *(LineHold.of(line) for line, *_ in self._claimed)]

    @property
    def batches(self) -> Collection[str]:
        """Of which batches there are any."""
        return {hold.batch_id for hold in self.holds}

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """What draws now."""
        return list(self._drawn.values())

    def has_place(self, workers: int) -> bool:
        """Whether one more is drawn now by so many workers: beside a suspect none is, nor a suspect beside others."""
        suspects = any(hold.tries >= SUSPECT_FROM for hold in self._drawn)
        if suspects or (self._claimed and self._claimed[0].line.tries >= SUSPECT_FROM):
            return not self._drawn
        return len(self._drawn) < places_of(workers)

    def claimed(self, lines: Iterable[ClaimedLine]) -> None:
        """These wait for a place from now on."""
        self._claimed.extend(lines)

    def next(self) -> ClaimedLine | None:
        """The one that has waited longest, which waits no longer."""
        return self._claimed.popleft() if self._claimed else None

    def drawn(self, hold: LineHold, task: asyncio.Task[None]) -> None:
        """A task draws a line from now on."""
        self._drawn[hold] = task

    def done(self, hold: LineHold) -> None:
        """A line is drawn no more."""
        del self._drawn[hold]

    def drop(self, holds: Collection[LineHold]) -> None:
        """These are not ours any more: what waits is forgotten, what is drawn is cut short."""
        self._claimed = deque(each for each in self._claimed if LineHold.of(each.line) not in holds)
        for hold, task in self._drawn.items():
            if hold in holds:
                task.cancel()

    def give_back(self) -> Sequence[LineHold]:
        """All that wait for a place, which are forgotten here."""
        waiting = [LineHold.of(line) for line, *_ in self._claimed]
        self._claimed.clear()
        return waiting
