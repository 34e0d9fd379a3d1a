"""The line of durable jobs: bounded and fair among keys, with places for those that are drawn."""

# Tested in tests/api/test_fairness.py.

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from safelight.contract.errors import Unavailable
from safelight.contract.records.jobs import JobRecord, QueuePlace
from safelight.scheduling.bounds import FairBound
from safelight.scheduling.line import FairLine, Verdict, Waiting
from safelight.scheduling.places import Places

# Of each worker one is drawn and the next already waits in it: it never stands idle, and who waits for an answer on an
# open connection is not behind a whole queue of those who do not.
_PLACES_PER_WORKER = 2


class JobLine:
    """Which job is drawn next. Keys take turns by weight, and short jobs of a key go first; a key of which nothing is
    drawn has a place at once, as the engine then shares its devices among keys.

    `is_here` says of a model's source whether its weights are on a device: what has to wait for that takes no place
    from others. At most `most` jobs wait, of which every key has its share. `workers` says how many draw at once now,
    `all_workers` with those of other processes that draw from this line too.

    A job that was begun before, with a certain fingerprint, is left for `patience_seconds` to a process whose model has
    that, if `has` says that ours has not: so it has the bytes that it would have had.
    """

    def __init__(
        self,
        *,
        most: int,
        workers: Callable[[], int],
        is_here: Callable[[str], bool],
        all_workers: Callable[[], int] | None = None,
        has: Callable[[str, str], bool] = lambda source, fingerprint: True,
        patience_seconds: float = 0.0,
    ) -> None:
        self._has = has
        self._patience_seconds = patience_seconds
        self._patient: dict[str, tuple[float, Waiting[JobRecord]]] = {}
        self._bound = FairBound(most)
        self._all_workers = all_workers or workers
        self._line: FairLine[JobRecord] = FairLine()
        self._places = Places(lambda: _PLACES_PER_WORKER * max(1, workers()), is_here)
        self._owners: dict[str, dict[str, JobRecord]] = {}

    def __len__(self) -> int:
        return len(self._line)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._line

    @property
    def ids(self) -> list[str]:
        """Who waits."""
        return [job.id for job in self._line]

    @property
    def owners(self) -> list[str]:
        """Whose jobs wait."""
        return [owner for owner, waiting in self._owners.items() if waiting]

    def of(self, owner: str) -> list[JobRecord]:
        """An owner's jobs that wait."""
        return list(self._owners.get(owner, {}).values())

    @contextmanager
    def room(self, owner: str, weight: float, retry_after_seconds: float) -> Iterator[None]:
        """While this is entered, room is kept for a job that is on its way into the line.

        Raises:
            Unavailable: `engine_overloaded`: there is none, in all and in the owner's share.
        """
        if self._bound.excess(owner, weight, 1) > 0:
            share = max(1, int(self._bound.share(owner, weight)))
            raise Unavailable(
                f"{self._bound.count} jobs are waiting, {self._bound.of(owner):.0f} of them of your key; the most is "
                f"{self._bound.bound:.0f} (the server's setting `jobs_waiting`), of which your key has {share} now.",
                code="engine_overloaded",
                retry_after_seconds=retry_after_seconds,
            )
        self._bound.add(owner, weight, 1)
        try:
            yield
        finally:
            self._bound.remove(owner, 1)

    def add(self, job: JobRecord, *, source: str, seconds: float, weight: float) -> None:
        """A job comes that a model of that source draws in about so many seconds."""
        self._bound.add(job.origin.owner, weight, 1)
        self._owners.setdefault(job.origin.owner, {})[job.id] = job
        now = monotonic()
        waiting = Waiting(job.id, job, job.origin.owner, source, seconds, came=now, weight=weight)
        if job.course.began_with is not None and self._patience_seconds > 0:
            self._patient[job.id] = now + self._patience_seconds, waiting
            waiting = replace(waiting, began_with=job.course.began_with)
        self._line.add(waiting)

    def remove(self, job_id: str) -> None:
        """A job waits no longer; nothing happens if it did not."""
        job = self._line.remove(job_id)
        if job is not None:
            self._left(job)

    def taken(self, job_id: str) -> None:
        """Another process draws that job: it waits no longer, and its owner's turn is spent."""
        job = self._line.served_elsewhere(job_id)
        if job is not None:
            self._left(job)

    def next(self) -> JobRecord | None:
        """The job that is drawn next, which has a place from now on until `leave`; None while there is no place."""
        self._lose_patience()
        waiting = self._line.take(self._judge)
        if waiting is None:
            return None
        self._left(waiting.item)
        self._places.take(waiting.name, waiting.group, waiting.weight, waiting.kind)
        return waiting.item

    @property
    def is_patient(self) -> bool:
        """Whether some may wait for another process, or for our model to say what it is: `next` is to be asked again
        after a while."""
        return bool(self._patient)

    def _judge(self, waiting: Waiting[JobRecord]) -> Verdict:
        if waiting.began_with and not self._has(waiting.kind, waiting.began_with):
            return "not yet"
        return self._places.judge(waiting.group, waiting.weight, waiting.kind)

    def _lose_patience(self) -> None:
        """Any fingerprint will do for those that have waited for their own for long enough."""
        now = monotonic()
        for name, (until, waiting) in list(self._patient.items()):
            if now >= until:
                del self._patient[name]
                self._line.remove(name)
                self._line.add(waiting)

    def leave(self, job_id: str) -> None:
        """A job that had a place is drawn, or given up."""
        self._places.leave(job_id)

    def place(self, job_id: str, ahead_seconds: float) -> QueuePlace | None:
        """Where a job stands, if it waits. `ahead_seconds`: what is left of those that are drawn, of one worker's."""
        found = self._line.place(job_id)
        if found is None:
            return None
        position, seconds = found
        return QueuePlace(position, round((seconds + ahead_seconds) / max(1, self._all_workers()), 1))

    def _left(self, job: JobRecord) -> None:
        self._patient.pop(job.id, None)
        self._bound.remove(job.origin.owner, 1)
        del self._owners[job.origin.owner][job.id]
        if not self._owners[job.origin.owner]:
            del self._owners[job.origin.owner]
