"""Who waits for a host: in turns that are fair among keys, or for a host of their own fingerprint, or for one alone."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from safelight.scheduling.line import FairLine, Need, Verdict, Waiting
from safelight.service.line.host_book import HostBook
from safelight.service.line.hosts import Host
from safelight.service.line.jobs import Job


class WaitingJobs:
    """Jobs without a place. What is drawn alone goes before all others, as a pool has it with what may end workers."""

    def __init__(self) -> None:
        self._line: FairLine[Job] = FairLine()
        self._alone: dict[str, Job] = {}
        self._patient: list[tuple[float, str]] = []

    def add(self, job: Job, now: float) -> None:
        """A job waits."""
        ask = job.ask
        if ask.alone:
            self._alone[ask.job] = job
            return
        self._line.add(job.waiting(now))
        if job.patient_until > now:
            heappush(self._patient, (job.patient_until, ask.job))

    def remove(self, job_id: str) -> Job | None:
        """A job waits no longer; None if it did not."""
        return self._alone.pop(job_id, None) or self._line.remove(job_id)

    def no_longer_patient(self, now: float) -> Iterator[Job]:
        """Jobs that have waited for their own fingerprint for long enough, out of the line."""
        while self._patient and self._patient[0][0] <= now:
            job = self._line.get(heappop(self._patient)[1])
            if job is not None and job.patient_until <= now:
                self._line.remove(job.ask.job)
                yield job

    def next(self, hosts: HostBook, drawn_for: Callable[[str], bool], now: float) -> Iterator[tuple[Job, Host]]:
        """Whose turn it is, out of the line, and the host that has room for it; whoever asks places it there.

        A group on whose behalf no host draws anything (`drawn_for`) may be given a place beyond a host's room.
        """
        kept_free: Host | None = None
        for job in list(self._alone.values()) if hosts.any_room or hosts.any_place_beyond else ():
            host = hosts.choose_alone(job.ask, job.fingerprint(now))
            if host is not None and host.taken:
                kept_free = host  # it gets nothing else, so that it is free for this one soon
                break
            if host is not None:
                del self._alone[job.ask.job]
                self.charge(job, job.ask.seconds)
                yield job, host
        yield from self._in_turns(hosts, drawn_for, kept_free, now)

    def _in_turns(
        self, hosts: HostBook, drawn_for: Callable[[str], bool], kept_free: Host | None, now: float
    ) -> Iterator[tuple[Job, Host]]:
        hopeless: set[tuple[Need, bool, bool]] = set()
        chosen: list[Host] = []

        def comes_new(group: str) -> bool:
            return hosts.any_place_beyond and not drawn_for(group)

        def judge(waiting: Waiting[Job]) -> Verdict:
            beyond = not waiting.background and comes_new(waiting.group)
            need = (waiting.needs, waiting.background, beyond)
            if need in hopeless or not (hosts.any_room or beyond):
                return "not yet"
            host = hosts.choose(waiting.item.ask, waiting.item.fingerprint(now), kept_free, beyond=beyond)
            if host is None:  # another need of the same group may find room elsewhere
                hopeless.add(need)
                return "not yet"
            chosen.append(host)
            return "now"

        while hosts.any_room or any(comes_new(group) for group in self._line.groups):
            waiting = self._line.take(judge)
            if waiting is None:
                break
            waiting.item.charged = waiting.seconds
            yield waiting.item, chosen[-1]

    def charge(self, job: Job, seconds: float) -> None:
        """So many more seconds, or fewer, are on the account of a job's group for it."""
        if seconds:
            job.charged += seconds
            self._line.correct(job.ask.group, job.ask.weight, seconds)
