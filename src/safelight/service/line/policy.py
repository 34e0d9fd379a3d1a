"""Who goes next over many hosts, and where: everything that is said to the line, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from safelight.protocol.cluster.placing import (
    SILENT_SECONDS,
    ApiBatch,
    Ask,
    Drawing,
    Ended,
    FromApi,
    FromHost,
    FromLine,
    HostGone,
    HostReport,
    Hosts,
    Leave,
    LetInReply,
    LetInRequest,
    LineStanding,
    UnderWay,
)
from safelight.service.line.demand import seconds_by_kind
from safelight.service.line.host_book import HostBook
from safelight.service.line.let_in import BoundOfAll
from safelight.service.line.outboxes import Outboxes
from safelight.service.line.placing import Placing

SETTLE_SECONDS = 1.0
"""A line that just began waits so long for hosts and api processes to tell it what there is."""
LOOK_SECONDS = 0.5
"""So often it looks who is silent, and who has waited long enough."""


class LinePolicy:
    """Jobs of all api processes wait here, and go to a host when it has room: never more at once than it takes.

    Keys take turns by weight, and of a key short work goes first (`FairLine`), whichever process it came in at. The
    same picture is drawn once. Whoever calls says what time it is, on one monotonic clock. After calls `turn` places
    what can be placed, and `take_said` has what the api processes are to be told.

    It does not begin a job anew: should a host be gone, the api process is told so and asks again.
    """

    def __init__(self, now: float, *, load_wait_seconds: float = 120.0, settle_seconds: float = SETTLE_SECONDS) -> None:
        self.settled_at = now + settle_seconds
        self._began = self._next_look = now
        self._hosts = HostBook()
        self._bound = BoundOfAll()
        self._outboxes = Outboxes()
        self._placing = Placing(self._hosts, self._outboxes.say, load_wait_seconds)
        self._heard: dict[str, float] = {}

    def listen(self, api: str, now: float) -> None:
        """An api process takes along what is said to it from now on."""
        self._heard[api] = now
        self._outboxes.open(api, Hosts(hosts=self._hosts.told, whole=True))

    def listen_no_longer(self, api: str) -> None:
        """An api process takes nothing along any more; it may be back soon."""
        self._outboxes.close(api)

    def tell(self, batch: ApiBatch, now: float) -> None:
        """An api process says what has changed, or all that there is."""
        if batch.api not in self._heard and not batch.whole:
            self._outboxes.ask_for_all(batch.api)
        self._heard[batch.api] = now
        if batch.whole:
            self._outboxes.has_told_all(batch.api)
            self._placing.leave_all(batch.api, {_job_of(message) for message in batch.messages}, now)
        for message in batch.messages:
            if batch.whole and isinstance(message, Ask):
                self._placing.ask_again(batch.api, message, now)
            else:
                self._hear(batch.api, message, now)

    def report(self, messages: Sequence[FromHost], now: float) -> None:
        """Hosts say how they stand."""
        for message in messages:
            match message:
                case HostReport():
                    heard = self._hosts.report(message, now)
                    for leader in heard.begun:
                        self._placing.begun(leader)
                    for leader in heard.left:  # it ended there; what became of it the api process says
                        self._placing.end(self._placing.jobs.placement(leader), now)
                    if heard.news is not None:
                        self._outboxes.say_to_all(Hosts(hosts=(heard.news,)))
                case HostGone(host=name):
                    self._lose(name, now)

    def let_in(self, request: LetInRequest) -> LetInReply:
        """Whether works fit into what all api processes may have under way, given all hosts' workers."""
        reply = self._bound.let_in(request, self._hosts.workers)
        return replace(reply, sharers=len({request.api, *self._heard}))

    def turn(self, now: float) -> None:
        """Forget who is silent, and place what can be placed."""
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._forget_silent(now)
            self._placing.lose_patience(now)
        if now >= self.settled_at:
            self._placing.turn(now)

    def take_said(self) -> Mapping[str, Sequence[FromLine]]:
        """What api processes that listen are to be told, by process, since this was asked last."""
        return self._outboxes.take()

    def standing(self, now: float) -> LineStanding:
        """How it all stands, for people and for counting."""
        waiting = self._placing.jobs.waiting
        return LineStanding(
            age_seconds=now - self._began,
            waiting=len(waiting),
            oldest_seconds=max((now - job.came for job in waiting), default=0.0),
            waiting_seconds=sum(job.ask.seconds for job in waiting),
            waiting_by_kind=seconds_by_kind(waiting, self._hosts, now),
            drawing=self._placing.jobs.drawn,
            placed=self._placing.placed,
            joined=self._placing.joined,
            workers=self._hosts.workers,
            apis=tuple(sorted(self._heard)),
            hosts=tuple(host.standing(now) for host in self._hosts),
        )

    def _hear(self, api: str, message: FromApi, now: float) -> None:
        match message:
            case Ask():
                self._placing.ask(api, message, now)
            case Drawing():
                self._placing.drawing(api, message, now)
            case Leave(job=job_id):
                if (job := self._placing.jobs.get(job_id)) is not None:
                    self._placing.leave(job, now)
            case Ended(job=job_id, seconds=seconds):
                if (job := self._placing.jobs.get(job_id)) is not None:
                    self._placing.ended(job, seconds, now)
            case UnderWay(amounts=amounts):
                self._bound.under_way(api, amounts)

    def _forget_silent(self, now: float) -> None:
        for name in self._hosts.silent(now):
            self._lose(name, now)
        for api in [api for api, heard in self._heard.items() if now - heard >= SILENT_SECONDS]:
            del self._heard[api]
            self._bound.forget(api)
            self._placing.leave_all(api, (), now)

    def _lose(self, name: str, now: float) -> None:
        """A host is gone. Who drew there is told so, and asks again."""
        host = self._hosts.remove(name)
        if host is None:
            return
        for leader in host.placed:
            self._placing.end(self._placing.jobs.placement(leader), now)
        self._outboxes.say_to_all(Hosts(gone=(name,)))


def _job_of(message: FromApi) -> str:
    match message:
        case Ask(job=job) | Leave(job=job) | Ended(job=job):
            return job
        case Drawing(ask=ask):
            return ask.job
        case UnderWay():
            return ""
