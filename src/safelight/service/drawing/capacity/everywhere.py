"""One bound for all processes of a store: what is let in here counts with what the others have under way."""

# Tested in tests/service/test_everywhere.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog
from msgspec.structs import replace

from safelight.contract.errors import SafelightError, Unavailable
from safelight.contract.requests.order import Order, Share
from safelight.protocol.cluster.placing import Amount, LetInRequest, Wanted
from safelight.scheduling.bounds import waits
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.ports.processes.bound import SharedBound

# A store that is away is not asked for each picture.
_AGAIN_SECONDS = 3.0
# In one question, so that others have their turn soon.
_MOST_AT_ONCE = 32

log = structlog.get_logger(__name__)


@dataclass(eq=False, frozen=True)
class _Asking:
    """Work that waits to be asked for; `answer` is how long it would have to wait."""

    share: Share
    parts: Sequence[float]
    answer: asyncio.Future[float]


class Everywhere:
    """Lets in by the same rule as `Admission`, over all that the processes have under way and all their workers.

    What is drawn here waits for workers here, so both must have room: this process, and all of them together. Jobs that
    were accepted count from when they are drawn, and are not refused. While the store is away this process's own bound
    is the only one, for its part of workers that are everybody's. `shared` None: there are no others. `own_workers` is
    how many of the workers nobody else counts.

    What comes while a question is on its way is asked in the next one, together.
    """

    def __init__(
        self,
        admission: Admission,
        shared: SharedBound | None = None,
        elapsed: Callable[[], float] = monotonic,
        own_workers: Callable[[], int] | None = None,
    ) -> None:
        self._admission = admission
        self._shared = shared
        self._elapsed = elapsed
        self._own_workers = own_workers or (lambda: admission.workers)
        self._away_until = float("-inf")
        self._sharers = 1
        self._coming: dict[_Asking, Amount] = {}  # let in, and not admitted yet
        self._waiting: list[_Asking] = []
        self._questions: asyncio.Task[None] | None = None

    def settled_under_way(self) -> list[Amount] | None:
        """The same as `under_way`; None while a question is on its way, which says it, and may add to it."""
        return None if self._questions is not None else self.under_way()

    def under_way(self) -> list[Amount]:
        """What is under way here, by owner; what was let in just now is."""
        amounts = {amount.owner: amount for amount in self._admission.let_in()}
        for more in self._coming.values():
            before = amounts.get(more.owner)
            amounts[more.owner] = replace(more, seconds=before.seconds + more.seconds) if before else more
        return list(amounts.values())

    async def check(self, orders: Sequence[Order]) -> None:
        """Before orders of one key are admitted here.

        Raises:
            Unavailable: `engine_overloaded`; `Retry-After` is when the work ahead will have shrunk enough.
        """
        if orders:
            await self.check_seconds(orders[0].share, [self._admission.estimate(each.recipe) for each in orders])

    async def check_seconds(self, share: Share, parts: Sequence[float]) -> None:
        """Before so much work of one key is admitted here, in these parts.

        Raises:
            Unavailable: as `check`.
        """
        if self._shared is None:
            return
        asking = _Asking(share, parts, asyncio.get_running_loop().create_future())
        self._waiting.append(asking)
        if self._questions is None:
            self._questions = asyncio.create_task(self._ask_all(self._shared), name="bound-of-all")
        try:
            too_long = await asking.answer
        finally:  # from here to where it is admitted nobody else has a turn
            self._coming.pop(asking, None)
        if too_long > 0:
            raise Unavailable(
                f"The servers have as much work as they may: {self._admission.bound_seconds:.0f} s for each worker, "
                "shared among the keys that have work under way. Try again after the time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=too_long,
            )

    async def _ask_all(self, shared: SharedBound) -> None:
        """Ask until nobody waits to be asked for."""
        asked: list[_Asking] = []
        try:
            while self._waiting:
                now, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                asked = [asking for asking in now if not asking.answer.done()]
                for asking, wait in zip(asked, await self._ask(shared, asked), strict=True):
                    if not asking.answer.done():  # else its caller has left
                        if wait == 0:
                            self._coming[asking] = _amount(asking)
                        asking.answer.set_result(wait)
        except Exception as error:  # becomes the answer of all who wait
            log.error("bound_of_all_failed", exc_info=error)
            for asking in [*asked, *self._waiting]:
                if not asking.answer.done():
                    asking.answer.set_exception(error)
            self._waiting = []
        finally:
            self._questions = None

    async def _ask(self, shared: SharedBound, asked: Sequence[_Asking]) -> Sequence[float]:
        request = self._request(asked)
        if self._elapsed() >= self._away_until:
            try:
                reply = await shared.let_in(request)
                self._sharers = reply.sharers
                return reply.waits
            except SafelightError as error:
                self._away_until = self._elapsed() + _AGAIN_SECONDS
                log.warning("bound_of_all_not_asked", reason=str(error), effect="this process goes by its own")
        if self._sharers == 1:
            return [0.0 for _ in asked]  # the admission judges by itself
        return waits(request.bound_seconds / self._sharers, self._admission.workers, request.own, request.wanted)

    def _request(self, asked: Sequence[_Asking]) -> LetInRequest:
        """Both must have room: what is let in by all and refused here would count until that is known."""
        coming, wanted = list(self._coming.values()), list[Wanted]()
        for asking in asked:
            amount = _amount(asking)
            here = self._admission.wait_seconds(asking.share, asking.parts, coming)
            wanted.append(Wanted(owner=amount.owner, weight=amount.weight, seconds=amount.seconds, here_seconds=here))
            if here == 0:
                coming.append(amount)
        return LetInRequest(
            wanted=tuple(wanted),
            own=tuple(self.under_way()),
            workers=self._own_workers(),
            bound_seconds=self._admission.bound_seconds,
        )


def _amount(asking: _Asking) -> Amount:
    return Amount(owner=asking.share.group, weight=asking.share.weight, seconds=sum(asking.parts))
