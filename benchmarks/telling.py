"""Until another server tells: the time from a change at one of two servers to the line of the other's stream.

Both stand on one PostgreSQL. Their engines are the stand-in, held at a step by a file, so that steps come when they are
asked for. A change whose NOTIFY was lost is a row that was changed without one.
"""

from __future__ import annotations

import json
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.postgres import Server as Postgres
from benchmarks.server import KEY, Server

_HEADERS = {"authorization": f"Bearer {KEY}"}
_BODY = {"model": "postcard", "prompt": "a boat", "size": "256x256"}
_PATIENCE_SECONDS = 60.0
# The most steps that the stand-in takes for a picture; the first is on its way before anybody watches.
_STEPS = 150
_ALL = "9999"
# Without a NOTIFY, as a transaction whose notification went astray would leave it.
_CANCEL = """
WITH ending AS (UPDATE counters SET value = value + 1 WHERE name = 'endings' RETURNING value)
UPDATE jobs SET state = 'cancelled', ended = extract(epoch FROM clock_timestamp()), end_number = ending.value
FROM ending WHERE id = '{job}' AND state = 'queued'
"""


@dataclass(frozen=True)
class Told:
    """How long something took to be told, in seconds, many times; and how long its 95th percentile may be."""

    what: str
    seconds: Sequence[float]
    target: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]

    @property
    def is_met(self) -> bool:
        return self.p95 <= self.target


class Stream:
    """All events of the key, as a server tells them, each with when it came."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._events: queue.Queue[tuple[str, dict[str, Any], float]] = queue.Queue()
        self._opened = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
        self._reader.start()
        assert self._opened.wait(_PATIENCE_SECONDS)

    def _read(self, lines: Iterator[str]) -> None:
        kind = ""
        try:
            for line in lines:
                self._opened.set()
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    self._events.put((kind, data, time.perf_counter()))
        except httpx.HTTPError:
            pass  # it was closed

    def when(self, fits: Callable[[str, dict[str, Any]], bool]) -> float:
        """When the next event came that fits."""
        while True:
            kind, data, at = self._events.get(timeout=_PATIENCE_SECONDS)
            if fits(kind, data):
                return at

    def told(self, kind: str, job: str) -> float:
        """When the next event of that kind came of that job."""
        return self.when(lambda named, data: named == kind and data["id"] == job)


@contextmanager
def watching(server: Server) -> Iterator[Stream]:
    """A stream of that server's, until the block ends."""
    with (
        httpx.Client(base_url=server.client.base_url, headers=_HEADERS, timeout=None) as client,
        client.stream("GET", "/v1/jobs/events") as answer,
    ):
        yield Stream(answer.iter_lines())


def measure(here: Server, there: Server, hold: Path, postgres: Postgres, name: str, samples: int) -> list[Told]:
    """All of it: what is changed at one server, told by the other. `name` is the database's."""
    two = _Two(here, there, hold, samples)
    return [
        Told("a star", two.stars(), 0.2),
        Told("a job's end", two.ends(), 0.2),
        Told("a job that is deleted", two.deletions(), 0.2),
        Told("a cancel", two.cancels(), 0.2),
        Told("a step", two.steps(), 0.3),
        Told("a cancel, until its drawing has stopped", two.stops(), 0.5),
        Told("an end whose NOTIFY was lost", two.lost(lambda statement: postgres.sql(statement, name)), 5.0),
    ]


class _Two:
    """The server at which something is changed or drawn, and that which tells of it."""

    def __init__(self, here: Server, there: Server, hold: Path, samples: int) -> None:
        self._here, self._there = here.client, there.client
        self._hold, self._samples = hold, samples
        self._told_by = there

    def stars(self) -> list[float]:
        self._hold.write_text(_ALL)
        job = self._accept()
        self._until_ended(job)
        with watching(self._told_by) as stream:
            return [self._star(stream, job, number % 2 == 0) for number in range(self._samples)]

    def _star(self, stream: Stream, job: str, starred: bool) -> float:
        begun = time.perf_counter()
        self._here.patch(f"/v1/jobs/{job}", json={"starred": starred}).raise_for_status()
        return stream.when(lambda kind, data: kind == "job" and data["starred"] is starred) - begun

    def ends(self) -> list[float]:
        """From the end that its row says, by the clock of the machine that all of them share."""
        self._hold.write_text(_ALL)
        seconds = []
        with watching(self._told_by) as stream:
            for _ in range(self._samples):
                ahead = time.time() - time.perf_counter()
                job, ended = self._accept(), 0.0

                def is_end(kind: str, data: dict[str, Any], job: str = job) -> bool:
                    nonlocal ended
                    if kind != "end" or data["id"] != job:
                        return False
                    ended = data["ended"]
                    return True

                seconds.append(stream.when(is_end) + ahead - ended)
        return seconds

    def deletions(self) -> list[float]:
        self._hold.write_text(_ALL)
        jobs = [self._accept() for _ in range(self._samples)]
        for job in jobs:
            self._until_ended(job)
        return self._ended_by_deleting(jobs, "deleted")

    def cancels(self) -> list[float]:
        self._hold.write_text("1")
        return self._ended_by_deleting([self._accept() for _ in range(self._samples)], "end")

    def _ended_by_deleting(self, jobs: Sequence[str], told: str) -> list[float]:
        seconds = []
        with watching(self._told_by) as stream:
            for job in jobs:
                begun = time.perf_counter()
                self._here.delete(f"/v1/jobs/{job}").raise_for_status()
                seconds.append(stream.told(told, job) - begun)
        return seconds

    def steps(self) -> list[float]:
        """From the word to take a step; the stand-in looks for it each 20 ms."""
        seconds: list[float] = []
        while len(seconds) < self._samples:
            seconds += self._steps_of_one(self._samples - len(seconds))
        return seconds

    def _steps_of_one(self, most: int) -> list[float]:
        self._hold.write_text("1")
        with watching(self._told_by) as stream:
            job = self._drawn_here(steps=_STEPS)
            self._step(stream, job, 2)  # from here on somebody has been heard to watch
            seconds = [self._step(stream, job, step) for step in range(3, min(most + 3, _STEPS))]
        self._here.delete(f"/v1/jobs/{job}").raise_for_status()
        return seconds

    def _step(self, stream: Stream, job: str, step: int) -> float:
        begun = time.perf_counter()
        self._hold.write_text(str(step))
        return stream.when(lambda kind, data: kind == "progress" and data["id"] == job and data["step"] >= step) - begun

    def stops(self) -> list[float]:
        """What is drawn here is cancelled there; until this server draws nothing."""
        self._hold.write_text("1")
        seconds = []
        for _ in range(self._samples):
            job = self._drawn_here()
            begun = time.perf_counter()
            self._there.delete(f"/v1/jobs/{job}").raise_for_status()
            while self._draws():
                pass
            seconds.append(time.perf_counter() - begun)
        return seconds

    def lost(self, sql: Callable[[str], object]) -> list[float]:
        """Jobs that wait are ended one after the other, by nobody who tells."""
        self._hold.write_text("1")
        jobs = [self._accept() for _ in range(self._samples + 8)]  # some are drawn: two at each
        waiting = [job for job in jobs if self._here.get(f"/v1/jobs/{job}").json()["state"] == "queued"]
        changed: dict[str, float] = {}
        with watching(self._told_by) as stream:
            for job in waiting[: self._samples]:
                changed[job] = time.perf_counter()
                sql(_CANCEL.format(job=job))
            seconds = []
            told: dict[str, Any] = {}
            for _ in changed:
                at = stream.when(lambda kind, data: kind == "end" and told.update(id=data["id"]) is None)
                seconds.append(at - changed[told["id"]])
        for job in jobs:
            self._here.delete(f"/v1/jobs/{job}")
        return seconds

    def _accept(self, **fields: object) -> str:
        answer = self._here.post("/v1/images/generations", json=_BODY | fields, headers={"prefer": "respond-async"})
        return str(answer.raise_for_status().json()["id"])

    def _drawn_here(self, **fields: object) -> str:
        """A job that this server draws, and not the other: whoever accepts one draws it, if it has a place."""
        while True:
            job = self._accept(**fields)
            while self._here.get(f"/v1/jobs/{job}").json()["state"] != "running":
                pass
            if self._draws():
                return job
            self._here.delete(f"/v1/jobs/{job}").raise_for_status()

    def _draws(self) -> bool:
        lines = self._here.get("/metrics").text.splitlines()
        return any(line.startswith("safelight_jobs_running ") and float(line.split()[1]) > 0 for line in lines)

    def _until_ended(self, job: str) -> None:
        while self._here.get(f"/v1/jobs/{job}").json()["ended"] is None:
            time.sleep(0.005)
