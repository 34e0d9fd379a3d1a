"""Durable jobs: who accepts them, who looks back on them, who tends them, and how they stand."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from safelight.contract.records.jobs import JobRecord, Progress, QueuePlace
from safelight.service.jobs.accept import Acceptance
from safelight.service.jobs.library import Library
from safelight.service.jobs.once import DrawnOnce
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.steps import StepsElsewhere, StepsForPeers
from safelight.service.jobs.processes.under_way import UnderWayElsewhere
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.jobs.tending import Tending
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.retention import Retention
from safelight.service.ports.processes.feed import JobFeed, Watcher


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The use cases of durable jobs, and how a job stands now."""

    acceptance: Acceptance
    once: DrawnOnce
    library: Library
    tending: Tending
    runner: JobRunner
    retention: Retention
    feed: JobFeed
    steps: StepsElsewhere
    steps_for_peers: StepsForPeers
    under_way_elsewhere: UnderWayElsewhere
    peers: Peers
    disks: DiskSpace

    def standing(self) -> tuple[int, int, int]:
        """Jobs that wait, jobs that are being drawn, and what all that are kept weighed at the last round, in bytes."""
        return *self.runner.counts, self.retention.held_bytes

    def place(self, job: JobRecord) -> QueuePlace | None:
        """Where a job stands in the queue."""
        return self.runner.place(job.id)

    def progress(self, job: JobRecord) -> Progress | None:
        """How far a running job is."""
        return self.runner.running.progress(job.id) or self.steps.progress(job.id)

    def preview(self, job: JobRecord) -> bytes:
        """The last preview that was made of a running job; empty where there is none."""
        return self.runner.running.preview(job.id) or self.steps.preview(job.id)

    def expires(self, job: JobRecord) -> float | None:
        """When a job will be forgotten for its age, in Unix seconds; None while it is not to be."""
        return None if job.starred or job.course.ended is None else job.course.ended + self.retention.keep_seconds

    def watch(
        self, owner: str, job_id: str | None = None, *, previews: bool = False
    ) -> AbstractContextManager[Watcher]:
        """Watch an owner's jobs, or one of them; with `previews` those are told too."""
        return self.feed.watch(owner, job_id, previews=previews)
