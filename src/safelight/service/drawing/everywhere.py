"""One bound for all processes of a store: what is let in here counts with what the others have under way."""

# Tested in tests/service/test_everywhere.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

import structlog
from msgspec.structs import replace

from safelight.contract.errors import SafelightError, Unavailable
from safelight.contract.order import Order, Share
from safelight.scheduling.bounds import FairBound
from safelight.service.drawing.admission import Admission
from safelight.service.ports.bound import LetIn, SharedBound

# A store that is away is not asked for each picture.
_AGAIN_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Everywhere:
    """Lets in by the same rule as `Admission`, over all that the processes have under way and all their workers.

    What is drawn here waits for workers here, so both must have room: this process, and all of them together. Jobs that
    were accepted count from when they are drawn, and are not refused. While the store is away this process's own bound
    is the only one. `shared` None: there are no others.
    """

    def __init__(
        self, admission: Admission, shared: SharedBound | None = None, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._admission = admission
        self._shared = shared
        self._elapsed = elapsed
        self._away_until = float("-inf")
        self._coming: list[LetIn] = []

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
        if self._shared is None or self._elapsed() < self._away_until:
            return
        wanted = LetIn(owner=share.group, weight=share.weight, seconds=sum(parts))

        def judge(others: Sequence[LetIn], workers: int) -> LetIn | float:
            """Both must have room: what is let in by all and refused here would count until that is known."""
            all_workers, under_way = self._admission.workers + workers, [*self._admission.let_in(), *self._coming]
            bound = FairBound(self._admission.bound_seconds * all_workers)
            for each in (*others, *under_way):
                bound.add(each.owner, each.weight, each.seconds)
            everywhere = bound.excess(share.group, share.weight, wanted.seconds) / all_workers
            wait = max(everywhere, self._admission.wait_seconds(share, parts, self._coming))
            if wait > 0:
                return wait
            own = sum(each.seconds for each in under_way if each.owner == share.group)
            self._coming.append(wanted)
            return replace(wanted, seconds=own + wanted.seconds)

        try:
            too_long = await self._shared.let_in(judge)
        except SafelightError as error:
            self._away_until = self._elapsed() + _AGAIN_SECONDS
            log.warning("bound_of_all_not_asked", reason=str(error), effect="this process goes by its own")
            return
        finally:  # from here to where it is admitted nobody else has a turn
            self._coming = [each for each in self._coming if each is not wanted]
        if too_long > 0:
            raise Unavailable(
                f"The servers have as much work as they may: {self._admission.bound_seconds:.0f} s for each worker, "
                "shared among the keys that have work under way. Try again after the time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=too_long,
            )
