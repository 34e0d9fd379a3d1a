"""Who came first goes first, to the host with the most room: a line without fairness, until there is the real one."""

# Tested in tests/adapters/ray/test_line_desk.py.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from safelight.protocol.placing import (
    SILENT_SECONDS,
    ApiBatch,
    Ask,
    Drawing,
    Ended,
    FromHost,
    FromLine,
    HostGone,
    HostReport,
    Hosts,
    Leave,
    Placed,
)


class FirstCome:
    """Holds who waits, who is drawn where, and which hosts there are. Times are arguments."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._waiting: dict[tuple[str, str], Ask] = {}
        self._placed: dict[tuple[str, str], str] = {}
        self._hosts: dict[str, HostReport] = {}
        self._heard: dict[str, float] = {}
        self._apis: set[str] = set()
        self._said: defaultdict[str, list[FromLine]] = defaultdict(list)

    def opened(self, api: str) -> None:
        self._apis.add(api)
        self._said[api].append(Hosts(hosts=tuple(self._hosts.values()), whole=True))

    def hear_api(self, batch: ApiBatch, now: float) -> None:
        if batch.whole:
            for jobs in (self._waiting, self._placed):
                for api, job in list(jobs):
                    if api == batch.api:
                        del jobs[api, job]
        for message in batch.messages:
            match message:
                case Ask(job=job):
                    self._placed.pop((batch.api, job), None)
                    self._waiting[batch.api, job] = message
                case Drawing(ask=ask, host=host):
                    self._placed[batch.api, ask.job] = host
                case Leave(job=job) | Ended(job=job):
                    self._waiting.pop((batch.api, job), None)
                    self._placed.pop((batch.api, job), None)
        self._place()

    def hear_hosts(self, messages: Sequence[FromHost], now: float) -> None:
        for message in messages:
            match message:
                case HostReport(host=host):
                    self._heard[host] = now
                    if self._hosts.get(host) != message:
                        self._hosts[host] = message
                        self._tell_all(Hosts(hosts=(message,)))
                case HostGone(host=host):
                    self._forget(host)
        self._place()

    def look(self, now: float) -> None:
        for host, heard in list(self._heard.items()):
            if now - heard > SILENT_SECONDS:
                self._forget(host)

    def take_said(self) -> dict[str, list[FromLine]]:
        said, self._said = self._said, defaultdict(list)
        return said

    def _forget(self, host: str) -> None:
        self._heard.pop(host, None)
        if self._hosts.pop(host, None) is not None:
            self._tell_all(Hosts(gone=(host,)))

    def _tell_all(self, message: FromLine) -> None:
        for api in self._apis:
            self._said[api].append(message)

    def _place(self) -> None:
        for (api, job), ask in list(self._waiting.items()):
            free = [host for host in self._hosts.values() if not host.draining and self._room(host, ask) > 0]
            if free := [host for host in free if host.host not in ask.avoid] or free:
                host = max(free, key=lambda each: self._room(each, ask)).host
                del self._waiting[api, job]
                self._placed[api, job] = host
                self._said[api].append(Placed(job=job, host=host))

    def _room(self, host: HostReport, ask: Ask) -> int:
        if not any(model.source == ask.source and model.status == "ready" for model in host.models):
            return 0
        return host.room - sum(where == host.host for where in self._placed.values())
