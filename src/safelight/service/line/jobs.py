"""The jobs that a line knows: whose they are, which wait, and which are drawn together because they are the same."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from safelight.protocol.cluster.placing import Ask
from safelight.scheduling.line import Waiting


@dataclass(eq=False)
class Placement:
    """One drawing at a host, under the id of the job that it was begun for, and all jobs that wait for it. `group` is
    on whose behalf. `begun`: the host has it, so others can follow it there."""

    leader: str
    host: str
    identity: bytes | None
    group: str = ""
    begun: bool = False
    members: dict[str, Job] = field(default_factory=dict)


@dataclass(eq=False)
class Job:
    """A job of an api process. Without a `placement` it waits, until `patient_until` for a host of its own
    fingerprint. `told`: its process knows where it is drawn. `charged` seconds are on its group's account for it, which
    has its place since `placed_at`."""

    ask: Ask
    api: str
    came: float
    patient_until: float
    placement: Placement | None = None
    told: bool = False
    charged: float = 0.0
    placed_at: float = 0.0

    @property
    def identity(self) -> bytes | None:
        """What it has in common with jobs that are drawn once for all. What is drawn alone or in the background is
        drawn for nobody else."""
        return None if self.ask.alone or self.ask.background else self.ask.identity

    def fingerprint(self, now: float) -> str | None:
        """The fingerprint that it waits for now; None: any will do."""
        return self.ask.fingerprint if now < self.patient_until else None

    def waiting(self, now: float) -> Waiting[Job]:
        """What it is in the line of those that wait: what it needs decides which hosts it may go to."""
        ask = self.ask
        return Waiting(
            ask.job,
            self,
            ask.group,
            ask.source,
            ask.seconds,
            self.came,
            ask.weight,
            ask.background,
            began_with=self.fingerprint(now),
            avoids=tuple(sorted(ask.avoid)),
        )


class JobBook:
    """Every job by its id, those of one process, and those that are the same."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._of_api: dict[str, dict[str, Job]] = {}
        self._same_waiting: dict[bytes, dict[str, Job]] = {}
        self._same_drawn: dict[bytes, Placement] = {}
        self._placements: dict[str, Placement] = {}
        self._drawn_for: Counter[str] = Counter()

    @property
    def waiting(self) -> list[Job]:
        """Those that have no place."""
        return [job for job in self._jobs.values() if job.placement is None]

    @property
    def drawn(self) -> int:
        """How many drawings are under way at hosts."""
        return len(self._placements)

    def drawn_for(self, group: str) -> bool:
        """Whether a host draws anything on that group's behalf."""
        return group in self._drawn_for

    def get(self, job_id: str) -> Job | None:
        """That job."""
        return self._jobs.get(job_id)

    def of(self, api: str) -> list[Job]:
        """All jobs of a process."""
        return list(self._of_api.get(api, {}).values())

    def add(self, job: Job) -> None:
        """A job comes, and waits."""
        self._jobs[job.ask.job] = self._of_api.setdefault(job.api, {})[job.ask.job] = job
        self._waits(job)

    def part(self, job: Job, placement: Placement) -> None:
        """A job waits again."""
        del placement.members[job.ask.job]
        job.placement = None
        self._waits(job)

    def remove(self, job: Job) -> None:
        """A job is known no longer; the drawing that it waited for goes on, if there is one."""
        self._waits_no_longer(job)
        del self._jobs[job.ask.job], self._of_api[job.api][job.ask.job]
        if not self._of_api[job.api]:
            del self._of_api[job.api]
        if job.placement is not None:
            job.placement.members.pop(job.ask.job)
            job.placement = None

    def same_waiting(self, identity: bytes | None) -> list[Job]:
        """Jobs that wait for the same picture."""
        return list(self._same_waiting.get(identity, {}).values()) if identity is not None else []

    def same_drawn(self, job: Job) -> Placement | None:
        """Where the same picture is being drawn already."""
        return self._same_drawn.get(job.identity) if job.identity is not None else None

    def placement(self, leader: str) -> Placement | None:
        """The drawing under way that was begun for that job."""
        return self._placements.get(leader)

    def begin(self, job: Job, host: str, leader: str | None = None) -> Placement:
        """A drawing begins at a host for that job, or was begun there for `leader`, which is as it."""
        placement = Placement(leader or job.ask.job, host, job.identity, job.ask.group)
        self._placements[placement.leader] = placement
        self._drawn_for[placement.group] += 1
        if placement.identity is not None:
            self._same_drawn[placement.identity] = placement
        return placement

    def join(self, job: Job, placement: Placement) -> None:
        """A job waits for that drawing from now on."""
        self._waits_no_longer(job)
        job.placement = placement
        placement.members[job.ask.job] = job

    def is_under_way(self, placement: Placement) -> bool:
        """Whether that drawing is not over."""
        return self._placements.get(placement.leader) is placement

    def end(self, placement: Placement) -> None:
        """A drawing that is under way is over. Its members are known until they say how they ended."""
        del self._placements[placement.leader]
        self._drawn_for[placement.group] -= 1
        if not self._drawn_for[placement.group]:
            del self._drawn_for[placement.group]
        if placement.identity is not None and self._same_drawn.get(placement.identity) is placement:
            del self._same_drawn[placement.identity]

    def _waits(self, job: Job) -> None:
        if job.identity is not None:
            self._same_waiting.setdefault(job.identity, {})[job.ask.job] = job

    def _waits_no_longer(self, job: Job) -> None:
        if job.identity is None or job.identity not in self._same_waiting:
            return
        same = self._same_waiting[job.identity]
        same.pop(job.ask.job, None)
        if not same:
            del self._same_waiting[job.identity]
