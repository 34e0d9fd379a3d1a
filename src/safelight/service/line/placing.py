"""What becomes of jobs: they are asked for, placed, joined, given up, and end."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec.structs import replace

from safelight.protocol.cluster.placing import Ask, Drawing, FromLine, Joined, Placed
from safelight.service.line.host_book import HostBook
from safelight.service.line.hosts import Host
from safelight.service.line.jobs import Job, JobBook, Placement
from safelight.service.line.waiting import WaitingJobs

Say = Callable[[str, FromLine], None]


class Placing:
    """Each job waits, or has one place. `say` tells its api process where, and `patience` is for how many seconds a job
    that does not say so itself waits for a host of its own fingerprint."""

    def __init__(self, hosts: HostBook, say: Say, patience: float) -> None:
        self.jobs = JobBook()
        self.waiting = WaitingJobs()
        self.placed = self.joined = 0
        self._hosts = hosts
        self._say = say
        self._patience = patience

    def ask(self, api: str, ask: Ask, now: float) -> None:
        """A job wants a place. If it had one, that is no use to it any more."""
        before = self.jobs.get(ask.job)
        if before is not None:
            ask = self._asks_anew(before, ask, now)
        patience = self._patience if ask.patience_seconds is None else ask.patience_seconds
        patient_until = now + patience if ask.fingerprint else now
        job = Job(ask, api, now - ask.waited_seconds, patient_until)
        self.jobs.add(job)
        self._find_company(job, now)

    def ask_again(self, api: str, ask: Ask, now: float) -> None:
        """A job wants a place, and has not heard whether it has one."""
        before = self.jobs.get(ask.job)
        if before is None or before.api != api:
            self.ask(api, ask, now)
        elif (there := before.placement) is not None:
            if self.jobs.is_under_way(there):
                before.told = False
                self._say_where(before, there)
            else:  # it has ended without this one: at a host that is gone
                self.ask(api, ask, now)

    def drawing(self, api: str, drawing: Drawing, now: float) -> None:
        """A job has its place: an earlier life of the line gave it, or this one, and it was heard."""
        ask, host, leader = drawing.ask, drawing.host, drawing.leader or drawing.ask.job
        before = self.jobs.get(ask.job)
        if before is not None:
            there = before.placement
            if there is not None and (there.leader, there.host, before.api) == (leader, host, api):
                return
            self.leave(before, now)
        job = Job(ask, api, now - ask.waited_seconds, now, told=True, placed_at=now)
        self.jobs.add(job)
        placement = self.jobs.placement(leader)
        if placement is None or placement.host != host:
            self.end(placement, now)
            placement = self.jobs.begin(job, host, leader)
            placement.begun = True
            self._hosts.place_again(leader, ask, host, now)
        self.jobs.join(job, placement)
        if leader == ask.job:
            self.waiting.charge(job, ask.seconds)

    def leave(self, job: Job, now: float) -> None:
        """Nobody waits for a job any more: its drawing stops, unless others wait for that, or never begins."""
        there = job.placement
        self._forget(job, min(job.charged, now - job.placed_at))
        if there is not None and (not there.members or (there.leader == job.ask.job and not there.begun)):
            self.end(there, now, stopping=there.begun)

    def leave_all(self, api: str, but: Collection[str], now: float) -> None:
        """Nobody waits for any of a process's jobs but for these."""
        for job in self.jobs.of(api):
            if job.ask.job not in but:
                self.leave(job, now)

    def begun(self, leader: str) -> None:
        """A host has a job in hand that the line gave it: others can follow it there."""
        placement = self.jobs.placement(leader)
        if placement is not None:
            placement.begun = True
            for job in placement.members.values():
                self._say_where(job, placement)

    def ended(self, job: Job, seconds: float, now: float) -> None:
        """A job has ended, and so has what is drawn for it, after so many seconds of a device."""
        placement = job.placement
        if placement is not None and self.jobs.is_under_way(placement):
            self.begun(placement.leader)  # a host knows for a while how it ended
        self._forget(job, seconds)
        self.end(placement, now)

    def end(self, placement: Placement | None, now: float, *, stopping: bool = False) -> None:
        """A host has a drawing in hand no longer, or soon. Who was not told of it waits again."""
        if placement is None or not self.jobs.is_under_way(placement):
            return
        self.jobs.end(placement)
        self._hosts.free(placement.leader, placement.host, stopping=stopping)
        for job in [job for job in placement.members.values() if not job.told]:
            self.jobs.part(job, placement)
            self._find_company(job, now)

    def turn(self, now: float) -> None:
        """Place what can be placed."""
        for job, host in self.waiting.next(self._hosts, self.jobs.drawn_for, now):
            self._place(job, host, now)

    def lose_patience(self, now: float) -> None:
        """Any host will do for those that have waited for their own fingerprint for long enough."""
        for job in self.waiting.no_longer_patient(now):
            self._find_company(job, now)

    def _asks_anew(self, job: Job, ask: Ask, now: float) -> Ask:
        """Whom a drawing was begun for has lost it for all; who could not follow one is drawn by itself."""
        placement = job.placement
        if placement is not None and placement.leader == ask.job:
            self.end(placement, now)  # its host has it no more
            placement = None
        self.leave(job, now)
        if placement is None or not self.jobs.is_under_way(placement):
            return ask
        return replace(ask, identity=None)

    def _find_company(self, job: Job, now: float) -> None:
        """Follow where the same is drawn already, or else wait."""
        drawn = self.jobs.same_drawn(job)
        if drawn is not None and self._may_join(job, drawn, now):
            self._join(job, drawn)
        else:
            self.waiting.add(job, now)

    def _may_join(self, job: Job, drawn: Placement, now: float) -> bool:
        fingerprint = job.fingerprint(now)
        return drawn.host not in job.ask.avoid and (
            fingerprint is None or self._hosts.can_draw(drawn.host, job.ask.source, fingerprint)
        )

    def _join(self, job: Job, placement: Placement) -> None:
        self.jobs.join(job, placement)
        self.joined += 1
        self._say_where(job, placement)

    def _place(self, job: Job, host: Host, now: float) -> None:
        """Draw a job there, and for all who wait for the same."""
        placement = self.jobs.begin(job, host.name)
        self._hosts.place(job.ask.job, job.ask, host)
        self.jobs.join(job, placement)
        job.placed_at = now
        self.placed += 1
        self._say_where(job, placement)
        for other in self.jobs.same_waiting(job.identity):
            if self._may_join(other, placement, now):
                self.waiting.remove(other.ask.job)
                self._join(other, placement)

    def _say_where(self, job: Job, there: Placement) -> None:
        """Once: of another's place as soon as that has begun, or whoever follows it would find nothing there."""
        name = job.ask.job
        if job.told or (there.leader != name and not there.begun):
            return
        job.told = True
        if there.leader == name:
            self._say(job.api, Placed(job=name, host=there.host))
        else:
            self._say(job.api, Joined(job=name, leader=there.leader, host=there.host))

    def _forget(self, job: Job, seconds: float) -> None:
        """A job is known no longer; its group's account holds the seconds that it took."""
        self.waiting.remove(job.ask.job)
        self.jobs.remove(job)
        self.waiting.charge(job, seconds - job.charged)
