"""How much work waits for each kind of host, so that each is scaled for what it alone, or it too, can draw."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from safelight.service.line.hosts import Host
from safelight.service.line.jobs import Job


def seconds_by_kind(waiting: Iterable[Job], hosts: Iterable[Host], now: float) -> Mapping[str, float]:
    """Seconds of one worker's time by kind, of all kinds that there are.

    What only one kind can draw counts for that one. What several can is shared among them by their workers, so all of
    it counts once; a kind that may have no more hosts has less and less of it while another grows. A job that waits for
    its own fingerprint counts where that is; where that is nowhere, for all who draw it once it has waited enough.
    """
    there = [host for host in hosts if host.able]
    by_need: dict[tuple[str, str | None], float] = defaultdict(float)
    for job in waiting:
        by_need[job.ask.source, job.fingerprint(now)] += job.ask.seconds
    found = dict.fromkeys((host.kind for host in there), 0.0)
    for (source, fingerprint), seconds in by_need.items():
        workers = _workers(there, source, fingerprint) or _workers(there, source, None)
        for kind, count in workers.items():
            found[kind] += seconds * count / workers.total()
    return found


def _workers(hosts: Iterable[Host], source: str, fingerprint: str | None) -> Counter[str]:
    """Of each kind whose hosts draw that, or will when they have loaded it."""
    able: Counter[str] = Counter()
    for host in hosts:
        if host.will_draw(source, fingerprint):
            able[host.kind] += host.workers
    return able
