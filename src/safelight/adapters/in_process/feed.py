"""Who watches which job, and what they have not been told yet, within one process."""

# Tested in tests/contracts/test_feed_port.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from safelight.contract.records.jobs import JobRecord, JobUpdate


class LocalWatcher:
    """A `Watcher`: the newest of each kind and job waits until it is asked for. `previews`: it wants those too."""

    def __init__(self, owner: str, job_id: str | None, *, previews: bool = False, for_peer: bool = False) -> None:
        self.owner = owner
        self.job_id = job_id
        self.wants_previews = previews
        self.for_peer = for_peer
        self._waiting: dict[tuple[str, str], JobUpdate] = {}
        self._arrived = asyncio.Event()
        self._closed = False

    def tell(self, update: JobUpdate) -> None:
        if update.kind in ("end", "deleted"):
            for kind in ("job", "queue", "progress", "preview", "end"):
                self._waiting.pop((update.job.id, kind), None)
        self._waiting[update.job.id, update.kind] = update
        self._arrived.set()

    def close(self) -> None:
        """No more comes."""
        self._closed = True
        self._arrived.set()

    async def next(self) -> JobUpdate | None:
        """The next update, None after the last. Waiting may be cancelled without losing one."""
        while not self._waiting:
            if self._closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.pop(next(iter(self._waiting)))


class LocalFeed:
    """A `JobFeed` whose watchers are all in this process."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[LocalWatcher]] = {}
        self._closed = False
        self._on_look: list[Callable[[], None]] = []

    @contextmanager
    def watch(
        self, owner: str, job_id: str | None = None, *, previews: bool = False, for_peer: bool = False
    ) -> Iterator[LocalWatcher]:
        """Watch an owner's jobs, or one of them, from now on; with `previews` those are told too."""
        watcher = LocalWatcher(owner, job_id, previews=previews, for_peer=for_peer)
        self._watchers.setdefault(owner, set()).add(watcher)
        self._looked(watcher)
        if self._closed:
            watcher.close()
        try:
            yield watcher
        finally:
            self._watchers[owner].discard(watcher)
            if not self._watchers[owner]:
                del self._watchers[owner]
            self._looked(watcher)

    def on_look(self, act: Callable[[], None]) -> None:
        """Have `act` called whenever somebody begins or ceases to look."""
        self._on_look.append(act)

    def wants_previews(self, job: JobRecord) -> bool:
        """Whether anybody wants previews of that job."""
        return any(watcher.wants_previews for watcher in self._concerned(job))

    def concerns_anybody(self, job: JobRecord) -> bool:
        """Whether anybody watches that job."""
        return any(True for _ in self._concerned(job))

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose jobs are watched."""
        return tuple(self._watchers)

    @property
    def lookers(self) -> set[tuple[str, str | None]]:
        """Whose jobs, or which of them, somebody looks at in this process."""
        every = (watcher for watchers in self._watchers.values() for watcher in watchers)
        return {(watcher.owner, watcher.job_id) for watcher in every if watcher.wants_previews and not watcher.for_peer}

    @property
    def idle(self) -> bool:
        """Nobody watches anything."""
        return not self._watchers

    def publish(self, update: JobUpdate) -> None:
        """Tell those whom it concerns. What is not listed is nobody's to watch but by its id."""
        for watcher in self._concerned(update.job):
            if watcher.wants_previews or update.kind != "preview":
                watcher.tell(update)

    def dismiss(self, owner: str) -> None:
        """That owner's key was ended: so is every watch of it."""
        for watcher in self._watchers.get(owner, ()):
            watcher.close()

    def close(self) -> None:
        """The server stops: every watch ends."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close()

    def _looked(self, watcher: LocalWatcher) -> None:
        if watcher.wants_previews:
            for act in self._on_look:
                act()

    def _concerned(self, job: JobRecord) -> Iterator[LocalWatcher]:
        for watcher in self._watchers.get(job.origin.owner, ()):
            if watcher.job_id == job.id or (watcher.job_id is None and job.origin.listed):
                yield watcher
