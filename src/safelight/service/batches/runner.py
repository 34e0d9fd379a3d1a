"""Reading and drawing batches in one process, beside others that do so too: each line by whoever has claimed it."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from safelight.contract.errors import SafelightError, Unavailable
from safelight.contract.records.batches import Batch, LineEnding
from safelight.service.access.keys import Principal
from safelight.service.batches.course import BatchCourse, Content
from safelight.service.batches.in_hand import ClaimedLine, LinesInHand
from safelight.service.batches.line_claims import LineClaims
from safelight.service.batches.line_drawing import LineDrawing
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.processes.peers import Peers
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.firmly import firmly
from safelight.service.ports.stores.batches import BatchStore, LineHold

# As with jobs: a claim lasts 12 s.
RENEW_SECONDS = 3.0
# What other processes began, cancelled or lost is seen so soon. Of what happens here the runner is told.
LOOK_SECONDS = 4.0
log = structlog.get_logger(__name__)


class BatchRunner:
    """`content` gives an uploaded file's bytes, `principal_of` whoever holds a key now, None if nobody does. A line may
    have `most_line_bytes`. `peers` says under which name lines are claimed, and for how many workers: of those that are
    everybody's for this process's part, or each process would claim lines for all of them.
    """

    def __init__(
        self,
        *,
        store: BatchStore,
        claims: LineClaims,
        drawing: LineDrawing,
        generate: Generate,
        disks: DiskSpace,
        content: Content,
        principal_of: Callable[[str], Awaitable[Principal | None]],
        peers: Peers,
        most_line_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._course = BatchCourse(store, content, peers.name, most_line_bytes, clock)
        self._claims = claims
        self._drawing = drawing
        self._generate = generate
        self._disks = disks
        self._principal_of = principal_of
        self._holder = peers.name
        self._clock = clock
        self._peers = peers
        self._in_hand = LinesInHand()
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
            for task in self._in_hand.tasks:
                task.cancel()

    async def settle(self, within_seconds: float | None = None) -> None:
        """Begin nothing new, and return when what is drawn has been recorded, in a service that drains.

        What cannot be recorded or put back within that time is given up: others claim it once its lease has ended.
        """
        self._stopping = True
        waiting = [*self._in_hand.tasks]
        if unbegun := self._in_hand.give_back():
            waiting.append(asyncio.create_task(self._claims.put_back(unbegun), name="batches-put-back"))
        if waiting:
            await asyncio.wait(waiting, timeout=within_seconds)

    def drop(self, batch_id: str) -> None:
        """That batch was cancelled or has expired: draw it no further."""
        self._in_hand.drop({hold for hold in self._in_hand.holds if hold.batch_id == batch_id})
        self.wake()

    async def _look_forever(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._round()
            except SafelightError as error:
                log.error("batches_not_drawn", reason=str(error), again_in_seconds=LOOK_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(SafelightError):
                await self.renew()

    async def renew(self) -> None:
        """Prolong what is claimed here, and drop what is not ours any more."""
        held = self._in_hand.holds  # as of before we asked: what is claimed meanwhile may not be in the answer
        self._in_hand.drop(set(held) - set(await self._store.renew(self._holder)))

    @property
    def _may_begin(self) -> bool:
        if self._generate.readiness.away is not None:  # others may draw them
            return False
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
        here = self._in_hand.batches
        waiting = _by_turns(batches, self._last_owner)
        while self._has_place:
            if (claimed := self._in_hand.next()) is not None:
                self._begin(claimed)
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
            elif next_ones := await self._claims.next(batch.id):
                self._last_owner = batch.owner
                self._in_hand.claimed(ClaimedLine(line, principal, batch.trace) for line in next_ones)
                waiting.append(batch)
            elif batch.id not in here:
                await self._course.end(batch)

    @property
    def _has_place(self) -> bool:
        return self._may_begin and self._in_hand.has_place(self._peers.own_workers)

    def _begin(self, claimed: ClaimedLine) -> None:
        hold = LineHold.of(claimed.line)
        task = asyncio.create_task(self._draw(claimed), name=f"line-{claimed.line.request_id}")
        self._in_hand.drawn(hold, task)
        task.add_done_callback(lambda _: self._done(hold))

    def _done(self, hold: LineHold) -> None:
        self._in_hand.done(hold)
        if self._has_place and (claimed := self._in_hand.next()) is not None:
            self._begin(claimed)
        else:
            self.wake()

    async def _draw(self, claimed: ClaimedLine) -> None:
        hold = LineHold.of(claimed.line)
        try:
            ending = await self._drawing.run(*claimed)
        except Unavailable as error:
            log.info("line_left", line=claimed.line.request_id, code=error.code)
            await self._claims.put_back([hold])
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
