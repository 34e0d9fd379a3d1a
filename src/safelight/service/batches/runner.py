"""Reading and drawing batches in one process, beside others that do so too: each line by whoever has claimed it."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from safelight.contract.batches import Batch, Line, LineEnding
from safelight.contract.errors import SafelightError, Unavailable
from safelight.service.access.keys import Principal
from safelight.service.batches.course import BatchCourse, Content
from safelight.service.batches.line_drawing import LineDrawing
from safelight.service.drawing.generate import Generate
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.firmly import firmly
from safelight.service.ports.batches import BatchStore, LineHold

# As with jobs: a claim lasts 12 s.
RENEW_SECONDS = 3.0
# What other processes began, cancelled or lost is seen so soon. Of what happens here the runner is told.
LOOK_SECONDS = 4.0
# Of each worker one line is drawn and the next waits in it.
_LINES_PER_WORKER = 2
# Lines are claimed some at once: each claim is written to the disk.
_CLAIMED_AT_ONCE = 32
# A line that was begun so often without an end is drawn alone: it may be what ended the server.
_SUSPECT_FROM = 3

log = structlog.get_logger(__name__)


class BatchRunner:
    """`content` gives an uploaded file's bytes, `principal_of` whoever holds a key now, None if nobody does. A line may
    have `most_line_bytes`."""

    def __init__(
        self,
        *,
        store: BatchStore,
        drawing: LineDrawing,
        generate: Generate,
        disks: DiskSpace,
        content: Content,
        principal_of: Callable[[str], Awaitable[Principal | None]],
        holder: str,
        most_line_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._course = BatchCourse(store, content, holder, most_line_bytes, clock)
        self._drawing = drawing
        self._generate = generate
        self._disks = disks
        self._principal_of = principal_of
        self._holder = holder
        self._clock = clock
        self._claimed: deque[tuple[Line, Principal]] = deque()
        self._drawn: dict[LineHold, asyncio.Task[None]] = {}
        self._last_owner = ""
        self._stopping = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def go_on(self, *, others_are_gone: bool = False) -> None:
        """Draw whatever there is to draw, until cancelled."""
        if others_are_gone:
            await self._store.take_back(self._holder)
        try:
            await asyncio.gather(self._look_forever(), self._renew_forever())
        finally:
            for task in self._drawn.values():
                task.cancel()

    async def settle(self, within_seconds: float | None = None) -> None:
        """Begin nothing new, and return when what is drawn has been recorded, in a service that drains.

        What cannot be recorded or put back within that time is given up: others claim it once its lease has ended.
        """
        self._stopping = True
        waiting = [*self._drawn.values()]
        if self._claimed:
            waiting.append(asyncio.create_task(self._put_back(), name="batches-put-back"))
        if waiting:
            await asyncio.wait(waiting, timeout=within_seconds)

    async def _put_back(self) -> None:
        """What was claimed and not begun waits for whoever comes."""
        lines = [LineHold.of(line) for line, _ in self._claimed]
        self._claimed.clear()
        with suppress(SafelightError):
            await self._store.put_back(lines, self._holder)

    def drop(self, batch_id: str) -> None:
        """That batch was cancelled or has expired: draw it no further."""
        self._claimed = deque(entry for entry in self._claimed if entry[0].batch_id != batch_id)
        for hold, task in self._drawn.items():
            if hold.batch_id == batch_id:
                task.cancel()
        self.wake()

    async def _look_forever(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._round()
            except SafelightError as error:
                log.error("batches_not_drawn", reason=str(error), again_in_seconds=LOOK_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(SafelightError):
                await self.renew()

    async def renew(self) -> None:
        """Prolong what is claimed here, and drop what is not ours any more."""
        held = [*self._drawn, *(LineHold.of(line) for line, _ in self._claimed)]
        still = set(await self._store.renew(self._holder))
        lost = {hold for hold in held if hold not in still}
        self._claimed = deque(entry for entry in self._claimed if LineHold.of(entry[0]) not in lost)
        for hold in lost:
            if hold in self._drawn:
                self._drawn[hold].cancel()

    @property
    def _may_begin(self) -> bool:
        return not (self._stopping or self._generate.draining or self._disks.is_short)

    async def _round(self) -> None:
        """Read what is to be read, end what has ended, and fill the places."""
        if not self._may_begin:
            return
        unfinished = await self._store.unfinished()
        for batch in unfinished:
            ours = batch.status == "validating" and await self._store.hold(batch.id, self._holder)
            if ours and await self._course.read(batch):
                self.wake()
        drawn = [batch for batch in unfinished if batch.status == "in_progress"]
        for batch in drawn:
            if batch.expires <= self._clock() and await self._store.expire(batch.id):
                log.info("batch_expired", batch=batch.id)
                self.drop(batch.id)
        await self._fill(drawn)

    async def _fill(self, batches: Sequence[Batch]) -> None:
        here = {hold.batch_id for hold in self._drawn} | {line.batch_id for line, _ in self._claimed}
        waiting = _by_turns(batches, self._last_owner)
        while self._may_begin and len(self._drawn) < self._places:
            if self._claimed:
                self._begin(*self._claimed.popleft())
                continue
            if not waiting:
                return
            batch = waiting.popleft()
            principal = await self._principal_of(batch.owner)
            if principal is None and batch.cancelling is None:
                await self._store.cancel(batch.owner, batch.id, self._clock())
                self.drop(batch.id)
            elif principal is None:
                await self._course.end(batch)
            elif lines := await self._store.claim(batch.id, self._holder, _CLAIMED_AT_ONCE):
                self._last_owner = batch.owner
                self._claimed.extend((line, principal) for line in await self._to_be_drawn(lines))
                waiting.append(batch)
            elif batch.id not in here:
                await self._course.end(batch)

    async def _to_be_drawn(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Of lines that were claimed those that are drawn next: suspects when nothing else is left, one by one, so that
        each counts only its own."""
        next_ones = [line for line in lines if line.tries < _SUSPECT_FROM] or lines[:1]
        if len(next_ones) < len(lines):
            spared = [LineHold.of(line) for line in lines if line not in next_ones]
            await self._store.put_back(spared, self._holder)
        return next_ones

    @property
    def _places(self) -> int:
        """How many lines may be drawn at once: one, where a suspect is among those that come next."""
        suspects = any(hold.tries >= _SUSPECT_FROM for hold in self._drawn)
        if suspects or (self._claimed and self._claimed[0][0].tries >= _SUSPECT_FROM):
            return 1
        return _LINES_PER_WORKER * max(1, self._generate.workers)

    def _begin(self, line: Line, principal: Principal) -> None:
        hold = LineHold.of(line)
        task = self._drawn[hold] = asyncio.create_task(self._draw(line, principal), name=f"line-{line.request_id}")
        task.add_done_callback(lambda _: self._done(hold))

    def _done(self, hold: LineHold) -> None:
        del self._drawn[hold]
        if self._claimed and self._may_begin and len(self._drawn) < self._places:
            self._begin(*self._claimed.popleft())
        else:
            self.wake()

    async def _draw(self, line: Line, principal: Principal) -> None:
        hold = LineHold.of(line)
        try:
            ending = await self._drawing.run(line, principal)
        except Unavailable as error:
            log.info("line_left", line=line.request_id, code=error.code)
            with suppress(SafelightError):
                await self._store.put_back([hold], self._holder)
            return
        await asyncio.shield(self._record(hold, ending))

    async def _record(self, hold: LineHold, ending: LineEnding) -> None:
        # Should it have been lost meanwhile, its files are no line's; they go with the batch.
        await firmly(lambda: self._store.end(hold, self._holder, ending))


def _by_turns(batches: Sequence[Batch], last_owner: str) -> deque[Batch]:
    """One batch of each owner in turn, the oldest first, beginning after the owner who was last."""
    owners: dict[str, list[Batch]] = {}
    for batch in batches:
        owners.setdefault(batch.owner, []).append(batch)
    names = list(owners)
    at = names.index(last_owner) + 1 if last_owner in owners else 0
    turns = deque[Batch]()
    for depth in range(max(map(len, owners.values()), default=0)):
        turns.extend(owners[name][depth] for name in (*names[at:], *names[:at]) if depth < len(owners[name]))
    return turns
