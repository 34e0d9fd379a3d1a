"""What tells those who watch jobs, in whichever process they watch."""

# Tested in tests/contracts/test_feed_port.py.

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from safelight.contract.records.jobs import JobRecord, JobUpdate


class Watcher(Protocol):
    """One who watches an owner's jobs, or one of them.

    Updates are snapshots, so a slow reader is told the newest of each kind and job and never holds anybody up: what
    waits is bounded by the jobs that there are.
    """

    def close(self) -> None:
        """No more comes."""

    async def next(self) -> JobUpdate | None:
        """The next update, None after the last. Waiting may be cancelled without losing one."""


class JobFeed(Protocol):
    """Passes updates on to those who watch. An update costs nothing for those whom it does not concern.

    No call waits: where watchers are in other processes, what is known of them here may be a moment old.
    """

    def publish(self, update: JobUpdate) -> None:
        """Tell those whom it concerns. What is not listed is nobody's to watch but by its id."""

    def watch(
        self, owner: str, job_id: str | None = None, *, previews: bool = False, for_peer: bool = False
    ) -> AbstractContextManager[Watcher]:
        """Watch an owner's jobs, or one of them, from now on; with `previews` those are told too. `for_peer`: on behalf
        of those who watch at another process."""

    def on_look(self, act: Callable[[], None]) -> None:
        """Have `act` called whenever somebody begins or ceases to look."""

    def wants_previews(self, job: JobRecord) -> bool:
        """Whether anybody wants previews of that job."""

    def concerns_anybody(self, job: JobRecord) -> bool:
        """Whether anybody watches that job."""

    @property
    def owners(self) -> Sequence[str]:
        """Whose jobs are watched."""

    @property
    def lookers(self) -> Collection[tuple[str, str | None]]:
        """Whose jobs, or which of them, somebody looks at in this process."""

    @property
    def idle(self) -> bool:
        """Nobody watches anything."""

    def dismiss(self, owner: str) -> None:
        """That owner's key was ended: so is every watch of it."""

    def close(self) -> None:
        """The server stops: every watch ends, and those that begin later have ended."""
