"""Hosts and api processes around a real line, as they behave in a cluster; time passes when a test says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from safelight.protocol.cluster.placing import (
    ApiBatch,
    Ask,
    Drawing,
    Ended,
    FromApi,
    FromLine,
    HostModel,
    HostReport,
    Hosts,
    Joined,
    Leave,
    Placed,
    TellAll,
)
from safelight.service.line.policy import LinePolicy


def model(source: str = "m", where: str = "device", fingerprint: str = "f", **fields: float) -> HostModel:
    """A model that is ready."""
    assert where in ("device", "host", "none")
    known = {"device": "device", "host": "host", "none": "none"}
    return HostModel(source=source, status="ready", where=known[where], fingerprint=fingerprint, **fields)  # type: ignore[arg-type]


@dataclass
class SimHost:
    """A host that never draws by itself: the test says what ends."""

    name: str
    room: int = 2
    beyond: int = 0
    workers: int = 1
    models: tuple[HostModel, ...] = (model(),)
    draining: bool = False
    kind: str = "k"
    frozen: bool = False
    in_hand: set[str] = field(default_factory=set)
    stopping: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    given_up_unheard: set[str] = field(default_factory=set)  # of which the line may not know that it has them

    def report(self) -> HostReport:
        return HostReport(
            host=self.name,
            kind=self.kind,
            room=self.room,
            beyond=self.beyond,
            workers=self.workers,
            in_hand=tuple(sorted(self.in_hand)),
            models=self.models,
            draining=self.draining,
        )


@dataclass
class SimJob:
    """A job of an api process: what it asks, and where it believes to be drawn."""

    ask: Ask
    came: float
    host: str = ""
    leader: str = ""
    times_placed: int = 0


@dataclass
class SimApi:
    """An api process. One that is `deaf` does not read its stream."""

    name: str
    jobs: dict[str, SimJob] = field(default_factory=dict)
    deaf: bool = False


class SimCluster:
    """All of them. Every message is heard at once, unless a process is deaf or a host frozen."""

    def __init__(self, hosts: Iterable[SimHost] = (), apis: Sequence[str] = ("a", "b"), patience: float = 10.0) -> None:
        self.now = 100.0
        self.patience = patience
        self.hosts = {host.name: host for host in hosts}
        self.apis = {name: SimApi(name) for name in apis}
        self.order: list[str] = []  # jobs that began to be drawn, in turn
        self.line = self.new_line(settled=True)

    def new_line(self, *, settled: bool = False) -> LinePolicy:
        """The line begins, and knows nothing."""
        settle = 0.0 if settled else 1.0
        self.line = LinePolicy(self.now, load_wait_seconds=self.patience, settle_seconds=settle)
        for api in self.apis.values():
            if not api.deaf:
                self.line.listen(api.name, self.now)
        self.hear()
        if settled:
            self.report(*self.hosts)
        return self.line

    def hear(self) -> None:
        """Whatever the line says is heard and acted on, until it says nothing more."""
        self.line.turn(self.now)
        while said := self.line.take_said():
            for name, messages in said.items():
                for message in messages:
                    self._take(self.apis[name], message)
            self.line.report([host.report() for host in self.hosts.values() if not host.frozen], self.now)
            self.line.turn(self.now)

    def tell(self, api: str, *messages: FromApi, whole: bool = False) -> None:
        self.line.tell(ApiBatch(api=api, messages=messages, whole=whole), self.now)

    def report(self, *names: str) -> None:
        """These hosts say how they stand."""
        self.line.report([self.hosts[name].report() for name in names], self.now)
        self.hear()

    def ask(self, job: str, api: str = "a", **fields: object) -> SimJob:
        """A job comes in at an api process."""
        asked = replace(Ask(job=job, group="key", source="m", seconds=1.0), **fields)
        sim = self.apis[api].jobs[job] = SimJob(asked, self.now)
        if not self.apis[api].deaf:
            self.tell(api, asked)
            self.hear()
        return sim

    def end(self, job: str, seconds: float = 1.0) -> None:
        """A host has drawn a job: all who read it are told, and tell the line."""
        host = next(host for host in self.hosts.values() if job in host.in_hand)
        host.in_hand.discard(job)
        host.stopping.discard(job)
        host.alone.discard(job)
        for api in self.apis.values():
            for name in [name for name, sim in api.jobs.items() if sim.host == host.name and sim.leader == job]:
                del api.jobs[name]
                if not api.deaf:
                    self.tell(api.name, Ended(job=name, seconds=seconds) if name == job else Leave(job=name))
        self.report(host.name)

    def leave(self, job: str, api: str = "a") -> None:
        """A caller leaves: the host stops where nobody else reads it, at its next step (`stop`)."""
        sim = self.apis[api].jobs.pop(job)
        if sim.host and not self.readers(sim.leader, sim.host):
            there = self.hosts[sim.host]
            there.stopping.add(sim.leader)
            if there.frozen:
                there.given_up_unheard.add(sim.leader)
        self.tell(api, Leave(job=job))
        self.hear()

    def stop(self, host: str) -> None:
        """What nobody reads any more is stopped there."""
        there = self.hosts[host]
        there.in_hand -= there.stopping
        there.alone -= there.stopping
        there.stopping.clear()
        self.report(host)

    def readers(self, leader: str, host: str) -> list[SimJob]:
        """Who reads what is drawn there."""
        jobs = [job for api in self.apis.values() for job in api.jobs.values()]
        return [job for job in jobs if job.host == host and job.leader == leader]

    def lose(self, api: str, job: str) -> None:
        """A job is drawn at its host no more: it is asked for again, and not there."""
        sim = self.apis[api].jobs[job]
        sim.ask = replace(sim.ask, avoid=(*sim.ask.avoid, sim.host), waited_seconds=self.now - sim.came)
        sim.host = sim.leader = ""
        if not self.apis[api].deaf:
            self.tell(api, sim.ask)

    def crash(self, host: str) -> None:
        """A host's process is there no longer; the api processes notice at once, the line does not."""
        del self.hosts[host]
        for api in self.apis.values():
            for name in [name for name, sim in api.jobs.items() if sim.host == host]:
                self.lose(api.name, name)
        self.hear()

    def wait(self, seconds: float) -> None:
        """Time passes; who is not frozen or deaf says every two seconds that it lives."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 0.5)
            if round(self.now * 2) % 4 == 0:
                for api in self.apis.values():
                    if not api.deaf:
                        self.tell(api.name)
                self.report(*(host.name for host in self.hosts.values() if not host.frozen))
            self.hear()

    def _take(self, api: SimApi, message: FromLine) -> None:
        match message:
            case TellAll():
                everything = [self._standing(sim) for sim in api.jobs.values()]
                self.tell(api.name, *everything, whole=True)
            case Placed(job=job, host=host):
                self._placed(api, job, job, host)
            case Joined(job=job, leader=leader, host=host):
                self._placed(api, job, leader, host)
            case Hosts(gone=gone):
                for name in [name for name, sim in api.jobs.items() if sim.host in gone]:
                    self.lose(api.name, name)

    def _standing(self, sim: SimJob) -> FromApi:
        ask = replace(sim.ask, waited_seconds=self.now - sim.came)
        return Drawing(ask=ask, host=sim.host, leader=sim.leader) if sim.host else ask

    def _placed(self, api: SimApi, job: str, leader: str, host: str) -> None:
        sim = api.jobs.get(job)
        if sim is None:  # it has ended meanwhile
            self.tell(api.name, Leave(job=job))
            return
        assert not sim.host, f"{job} is placed at {host}, and has a place at {sim.host}"
        sim.host, sim.leader = host, leader
        there = self.hosts.get(host)
        if there is None or (leader != job and leader not in there.in_hand):  # it died just now; or has ended it
            self.lose(api.name, job)
            return
        if leader == job:
            self._taken(there, sim)

    def _taken(self, host: SimHost, sim: SimJob) -> None:
        assert not host.draining, f"{host.name} drains and is given {sim.ask.job}"
        alone = [job for job in host.alone if self.readers(job, host.name)]  # of orphans the host itself takes care
        assert not alone, f"{host.name} draws one alone, and is given {sim.ask.job}"
        known = host.in_hand - host.given_up_unheard
        assert not (sim.ask.alone and known), f"{sim.ask.job} is to be alone, and is not"
        sim.times_placed += 1
        self.order.append(sim.ask.job)
        host.in_hand.add(sim.ask.job)
        if sim.ask.alone:
            host.alone.add(sim.ask.job)
        most = host.room + (0 if sim.ask.background else host.beyond)
        assert len({*known, sim.ask.job}) <= most, f"{host.name} has more in hand than it takes"
