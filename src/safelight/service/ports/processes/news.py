"""What other processes change in a store that several draw from, and who they are."""

# Tested in tests/service/test_elsewhere.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from safelight.protocol.cluster.placing import Amount
from safelight.service.ports.processes.bound import SharedBound

ChangeKind = Literal["waits", "drawn", "ended", "gone", "changed"]
UnderWay = Callable[[], Sequence[Amount] | None]
"""What a process has under way, by owner; None while a question of its own is on its way, which says it."""


class RowChange(msgspec.Struct, frozen=True, array_like=True):
    """What became of a job: it waits for whoever comes, is drawn by somebody, has ended, is gone, or something else
    about it has changed."""

    kind: ChangeKind
    job_id: str
    owner: str
    listed: bool = True


class JobNews(Protocol):
    """Tells of changes that other processes have written, soon after they are there to be read."""

    def changes(self) -> AsyncIterator[Sequence[RowChange]]:
        """What the others changed from now on, until cancelled. One may be lost, whoever needs all looks for himself:
        an empty sequence says that some may have been, as after a connection broke."""


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """A process that draws from the store: its name as a holder, the address at which the others reach it (empty: they
    cannot), how many workers it has, and the seconds of one worker's time that it has in hand."""

    name: str
    address: str
    workers: int
    seconds: float


class Processes(SharedBound, Protocol):
    """The processes that are alive, by the clock of the store."""

    async def renew(self, mine: ProcessState, under_way: UnderWay = tuple) -> Sequence[ProcessState]:
        """Say how this process stands and what it has under way for whom, for as long as a lease lasts; all that are
        alive, this one among them. `under_way` is asked when nobody else is judged: what was let in by then is in it,
        and what is let in later stays beside it."""

    async def leave(self, name: str) -> None:
        """That process is gone."""
