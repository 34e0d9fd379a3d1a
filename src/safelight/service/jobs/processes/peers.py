"""The other processes that draw from the same store, as they said last how they stand."""

# Tested in tests/service/test_elsewhere.py.

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from safelight.service.ports.processes.news import Processes, ProcessState, UnderWay

# Each start of a process is a new one. Those that ended long ago are of no use to anybody.
_MOST_SILENT = 16


class Peers:
    """Says with every renewal how this process stands, and knows from the answer how the others do.

    `processes` None: there are no others. `workers` says how many workers are here, `seconds` how much of one's time is
    in hand, and `under_way` for whom. `common_workers`: those here are the same as everybody's, hosts of one cluster.
    """

    def __init__(
        self,
        processes: Processes | None,
        *,
        name: str,
        workers: Callable[[], int],
        seconds: Callable[[], float],
        under_way: UnderWay = tuple,
        common_workers: bool = False,
    ) -> None:
        self._common_workers = common_workers
        self._under_way = under_way
        self._processes = processes
        self._own_workers = workers
        self._own_seconds = seconds
        self.name = name
        self.address = ""
        self.others: Sequence[ProcessState] = ()
        self._silent: dict[str, str] = {}

    @property
    def shared(self) -> bool:
        """Whether there may be others."""
        return self._processes is not None

    @property
    def workers(self) -> int:
        """How many workers draw from the store."""
        own = self._own_workers()
        return own if self._common_workers else own + sum(other.workers for other in self.others)

    @property
    def own_workers(self) -> int:
        """For how many of them this process finds work: of those that are everybody's, its part."""
        own = self._own_workers()
        return math.ceil(own / (1 + len(self.others))) if self._common_workers else own

    @property
    def seconds_elsewhere(self) -> float:
        """Seconds of one worker's time that the others have in hand."""
        return sum(other.seconds for other in self.others)

    async def renew(self) -> None:
        """Say how this process stands.

        Raises:
            SafelightError: the store did not answer.
        """
        if self._processes is None:
            return
        mine = ProcessState(
            name=self.name, address=self.address, workers=self._own_workers(), seconds=self._own_seconds()
        )
        before = self.others
        self.others = [state for state in await self._processes.renew(mine, self._under_way) if state.name != self.name]
        alive = {other.name for other in self.others}
        known = self._silent | {other.name: other.address for other in before if other.address}
        self._silent = dict([each for each in known.items() if each[0] not in alive][-_MOST_SILENT:])

    @property
    def addresses(self) -> Sequence[str]:
        """Where the others are reached; also those that do not renew their leases any more, the last ones."""
        return [*self._silent.values(), *(other.address for other in self.others if other.address)]

    async def leave(self) -> None:
        """This process draws no more.

        Raises:
            SafelightError: the store did not answer.
        """
        if self._processes is not None:
            await self._processes.leave(self.name)
