"""One bound for all processes of a store: what is let in here counts with what the others have under way."""

# Tested in tests/service/test_everywhere.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

import structlog

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
        self._asking: dict[str, float] = {}

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
        seconds, asking = sum(parts), self._asking.get(share.group, 0.0)
        here = {each.owner: each for each in self._admission.let_in()}
        own = here[share.group].seconds if share.group in here else 0.0

        def wait(others: Sequence[LetIn], workers: int) -> float:
            """Both must have room, or what was let in by all would be refused here, and count until that is known."""
            all_workers = self._admission.workers + workers
            bound = FairBound(self._admission.bound_seconds * all_workers)
            for each in (*others, *here.values()):
                bound.add(each.owner, each.weight, each.seconds)
            if asking:
                bound.add(share.group, share.weight, asking)
            everywhere = bound.excess(share.group, share.weight, seconds) / all_workers
            return max(everywhere, self._admission.wait_seconds(share, parts))

        self._asking[share.group] = asking + seconds
        try:
            mine = LetIn(owner=share.group, weight=share.weight, seconds=own + asking + seconds)
            too_long = await self._shared.let_in(mine, wait)
        except SafelightError as error:
            self._away_until = self._elapsed() + _AGAIN_SECONDS
            log.warning("bound_of_all_not_asked", reason=str(error), effect="this process goes by its own")
            return
        finally:
            self._asking[share.group] -= seconds
            if self._asking[share.group] <= 0.0:
                del self._asking[share.group]
        if too_long > 0:
            raise Unavailable(
                f"The servers have as much work as they may: {self._admission.bound_seconds:.0f} s for each worker, "
                "shared among the keys that have work under way. Try again after the time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=too_long,
            )
