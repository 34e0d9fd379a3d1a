"""The hosts that a line knows, and which of them would be done with a job first."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from safelight.protocol.cluster.placing import SILENT_SECONDS, Ask, HostReport
from safelight.service.line.hosts import Host

# What always changes a little, like memory in use, is told no more often than that.
_TELL_SECONDS = 10.0


@dataclass(frozen=True)
class Heard:
    """What a report says of jobs that the line gave to the host: those that it has since the last, and those that it
    has no longer. `news` is what api processes are to be told of it, None if nothing is new."""

    begun: Sequence[str]
    left: Sequence[str]
    news: HostReport | None


class _ByLoad:
    """Hosts that have something, in order of how much they have to do."""

    def __init__(self, has: Callable[[Host], bool]) -> None:
        self._has = has
        self._hosts: dict[float, dict[str, Host]] = {}
        self._load_of: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def look(self, host: Host) -> None:
        """How it stands has changed."""
        self.remove(host)
        if self._has(host):
            self._load_of[host.name] = host.load
            self._hosts.setdefault(host.load, {})[host.name] = host

    def remove(self, host: Host) -> None:
        """It is not among them."""
        load = self._load_of.pop(host.name, None)
        if load is not None:
            del self._hosts[load][host.name]
            if not self._hosts[load]:
                del self._hosts[load]

    def first_done(self, ask: Ask, fingerprint: str | None, but: Callable[[Host], bool]) -> Host | None:
        """Who of them is expected to be done first with that job; `but` some."""
        best, least = None, math.inf
        for load in sorted(self._hosts):
            shared = ask.seconds * (1.0 + load)
            if shared >= least:
                break  # nobody who has as much to do is done sooner
            for host in self._hosts[load].values():
                if but(host) or not host.takes(ask, fingerprint):
                    continue
                brings = host.bring_seconds(ask.source)
                if brings + shared < least:
                    best, least = host, brings + shared
                if not brings:
                    break
        return best


class HostBook:
    """All hosts, and among those with room who has how much to do."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self._with_room = _ByLoad(lambda host: host.has_room)
        self._with_place_beyond = _ByLoad(lambda host: host.has_place_beyond)

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    @property
    def any_room(self) -> bool:
        """Whether any host takes one more job of some kind."""
        return bool(self._with_room)

    @property
    def any_place_beyond(self) -> bool:
        """Whether any host without room takes one more of a key of which none draws anything."""
        return bool(self._with_place_beyond)

    @property
    def workers(self) -> int:
        """How many workers draw at all live hosts together."""
        return sum(host.report.workers for host in self if host.report is not None)

    @property
    def told(self) -> tuple[HostReport, ...]:
        """What api processes are told of all of them."""
        return tuple(_news(host.report) for host in self if host.report is not None)

    def can_draw(self, name: str, source: str, fingerprint: str) -> bool:
        """Whether that host has that very model."""
        return name in self._hosts and self._hosts[name].can_draw(source, fingerprint)

    def report(self, report: HostReport, now: float) -> Heard:
        """A host says how it stands."""
        host = self._known(report.host, now)
        before, host.report, host.heard = host.report, report, now
        host.models = {model.source: model for model in report.models}
        in_hand = set(report.in_hand)
        had = set(before.in_hand) if before is not None else set()
        begun, left = [[job for job in jobs if job in host.placed] for jobs in (in_hand - had, had - in_hand)]
        host.foreign = in_hand - host.placed.keys()
        self._index(host)
        news = _news(report)
        if before is not None and now - host.told_at < _TELL_SECONDS and _is_as_told(_news(before), news):
            return Heard(begun, left, None)
        host.told_at = now
        return Heard(begun, left, news)

    def place(self, job: str, ask: Ask, host: Host) -> None:
        """That host has that job in hand from now on."""
        host.foreign.discard(job)
        host.placed[job] = ask.background
        host.alone = job if ask.alone else host.alone
        self._index(host)

    def place_again(self, job: str, ask: Ask, name: str, now: float) -> None:
        """A job has its place at that host, which may not have said yet that it is there."""
        self.place(job, ask, self._known(name, now))

    def free(self, job: str, name: str, *, stopping: bool = False) -> None:
        """A host has a job in hand no longer; one that is `stopping` it has until it says next what it has."""
        host = self._hosts.get(name)
        if host is None or host.placed.pop(job, None) is None:
            return
        if stopping:
            host.foreign.add(job)
        self._index(host)

    def remove(self, name: str) -> Host | None:
        """A host is gone."""
        host = self._hosts.pop(name, None)
        if host is not None:
            self._with_room.remove(host)
            self._with_place_beyond.remove(host)
        return host

    def silent(self, now: float) -> list[str]:
        """Hosts that were not heard for so long that they count as dead."""
        return [host.name for host in self if now - host.heard >= SILENT_SECONDS]

    def choose(
        self, ask: Ask, fingerprint: str | None, kept_free: Host | None = None, *, beyond: bool = False
    ) -> Host | None:
        """The host with room that is expected to be done first; None if there is none. Hosts that a job avoids count
        only where no other could ever draw it. `beyond`: where none has room, one more than that will do."""
        avoid = set(ask.avoid)
        if avoid and not any(
            host.able and host.name not in avoid and host.can_draw(ask.source, fingerprint) for host in self
        ):
            avoid = set()

        def not_there(host: Host) -> bool:
            return host is kept_free or host.name in avoid

        found = self._with_room.first_done(ask, fingerprint, not_there)
        if found is None and beyond:
            return self._with_place_beyond.first_done(ask, fingerprint, not_there)
        return found

    def choose_alone(self, ask: Ask, fingerprint: str | None) -> Host | None:
        """The host to draw a job alone: it may have to end what it has in hand first."""
        able = [host for host in self if host.able and host.can_draw(ask.source, fingerprint)]
        wanted = [host for host in able if host.name not in ask.avoid] or able
        return min(wanted, key=lambda host: (host.taken, host.bring_seconds(ask.source)), default=None)

    def _known(self, name: str, now: float) -> Host:
        if name not in self._hosts:
            self._hosts[name] = Host(name, now)
        return self._hosts[name]

    def _index(self, host: Host) -> None:
        self._with_room.look(host)
        self._with_place_beyond.look(host)


def _news(report: HostReport) -> HostReport:
    """What api processes are told of a host: all but what changes with each job."""
    return replace(report, in_hand=(), work_seconds=0.0)


def _is_as_told(before: HostReport, now: HostReport) -> bool:
    """Whether it stands as before, but for how much memory its workers take and the like, which always changes."""
    return before == replace(now, worker_states=before.worker_states)
