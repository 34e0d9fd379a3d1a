"""Makes a pool of no set size as large as serves best, and smaller again where more workers bring nothing."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from safelight.adapters.workers.dispatch import Dispatch
from safelight.adapters.workers.pending import PendingOrder
from safelight.adapters.workers.sizing.growth import Growth
from safelight.adapters.workers.supervision import Supervision
from safelight.adapters.workers.team import Team
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished, ModelReady

# Where others compute or orders come all the time it is never known; it is asked less and less, for some three hours.
_TRIES, _FIRST_TRY_PAUSE_SECONDS = 12, 5.0

log = structlog.get_logger(__name__)


class PoolSize:
    """Acts on what `growth` decides: once the first worker has said how every model stands, and once several have been
    tried. `changed` is done when a model's status changes; `announce` says that the workers are others now."""

    def __init__(
        self,
        growth: Growth,
        team: Team,
        dispatch: Dispatch,
        supervision: Supervision,
        *,
        changed: Callable[[], Awaitable[object]],
        announce: Callable[[], None],
    ) -> None:
        self._growth = growth
        self._team = team
        self._dispatch = dispatch
        self._supervision = supervision
        self._changed = changed
        self._announce = announce
        self._decided = False
        self._trying: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Have as many workers as serve every model well: one measured them all first, alone on the machine."""
        said = self._team.members[0].models
        if self._decided or len(said) < len(self._team.loads.offered):
            return
        self._decided = True
        ready = [event for event in said.values() if isinstance(event, ModelReady)]
        wanted = self._growth.wanted(ready)
        more = self._team.enlarge(wanted)
        self._supervision.start(more)
        log.info("workers", count=len(self._team.members))
        if more and self._growth.is_open(ready, wanted):
            self._trying = asyncio.create_task(self._try_out(ready), name="workers-tried-out")

    async def stop(self) -> None:
        """Try no further."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)

    async def _try_out(self, ready: Sequence[ModelReady]) -> None:
        """Whether those that came bring what one expected that measured alone; if not, they go again."""
        sources, members = [event.source for event in ready], self._team.members
        while not all(member.can_draw(source) for member in members for source in sources):
            await self._changed()
        for tries in range(_TRIES):
            pays = await self._growth.pays(ready, len(members), self._draw_at_once)
            if pays is not None:
                break
            await asyncio.sleep(_FIRST_TRY_PAUSE_SECONDS * 2.0**tries)
        if pays is not False or any(member.pending for member in members[1:]):
            return
        self._supervision.dismiss(self._team.shrink())
        log.info("workers", count=len(self._team.members))
        self._announce()

    async def _draw_at_once(self, orders: Sequence[Order]) -> float | None:
        """Each with another worker. Nobody waits for these: None where somebody else's order was there or came."""
        members = self._team.members[: len(orders)]
        able = all(m.can_draw(order.source) for m, order in zip(members, orders, strict=False))
        if not self._dispatch.idle or not able:
            return None
        before, entries = self._dispatch.submitted, [PendingOrder(order) for order in orders]
        self._dispatch.give(list(zip(entries, members, strict=True)))
        took = []
        for entry in entries:
            took += [event.timings.active async for event in entry.events() if isinstance(event, Finished)]
        return max(took) if len(took) == len(orders) and self._dispatch.submitted == before else None
