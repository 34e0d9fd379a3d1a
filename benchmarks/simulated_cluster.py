"""Many workers and several api processes as discrete events, over the real line and the real schedule in each worker.

Nothing is drawn and nobody waits: a step takes 0.1 s of simulated time, a message 5 ms.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from safelight.protocol.cluster.placing import ApiBatch, Ask, Ended, HostModel, HostReport, Placed
from safelight.scheduling.policy import FairShare, Parked
from safelight.service.line.policy import LinePolicy

STEP_SECONDS = 0.1
MESSAGE_SECONDS = 0.005
APIS = 8
IN_HAND, BEYOND = 2, 1
SHORT_STEPS = 5
FLOOD = "flood"
_STEPS = (SHORT_STEPS, 40, 200)
_SHARES = (0.70, 0.25, 0.05)
_MEAN_SECONDS = STEP_SECONDS * sum(steps * share for steps, share in zip(_STEPS, _SHARES, strict=True))
_LIGHT_KEYS = 50
_REPORT_SECONDS = 2.0
_MODEL = HostModel(source="model", status="ready", where="device", fingerprint="f")


@dataclass
class Picture:
    """One picture: of which key, when it came, at which api process, and how many of its steps are done."""

    name: str
    group: str
    came: float
    api: str
    steps: int
    number: int
    done: int = 0
    ended: float = 0.0
    in_flight: bool = False

    @property
    def alone(self) -> float:
        return self.steps * STEP_SECONDS

    def parked(self, now: float) -> Parked:
        return Parked(
            self.name,
            "denoise",
            self.number,
            0,
            self.done,
            self.steps,
            self.group,
            1.0,
            self.came,
            (self.steps - self.done) * STEP_SECONDS,
            self.alone,
            STEP_SECONDS,
            self.in_flight,
        )


def overload(seed: int, number: int, workers: int) -> list[Picture]:
    """One key always has more waiting than the workers can do; another asks for a short picture now and then."""
    made = arrivals(seed, number, workers, load=2.0)
    rng = random.Random(seed)
    for picture in made:
        picture.group = FLOOD
    asked = rng.sample(made[number // 10 :], number // 50)
    for picture in asked:
        picture.group, picture.steps = "light", SHORT_STEPS
    return made


def arrivals(seed: int, number: int, workers: int, load: float) -> list[Picture]:
    """Poisson arrivals at a share of what the workers can do; half of them are of one key."""
    rng, now, made = random.Random(seed), 0.0, []
    for index in range(number):
        now += rng.expovariate(load * workers / _MEAN_SECONDS)
        group = FLOOD if rng.random() < 0.5 else f"key {rng.randrange(_LIGHT_KEYS)}"
        (steps,) = rng.choices(_STEPS, _SHARES)
        made.append(Picture(f"p{index}", group, now, f"api {rng.randrange(APIS)}", steps, index))
    return made


@dataclass
class Worker:
    """One worker: what it has in hand takes turns step by step, as its own schedule says."""

    name: str
    schedule: FairShare = field(default_factory=FairShare)
    pictures: dict[str, Picture] = field(default_factory=dict)
    chosen: Parked | None = None

    @property
    def backlog(self) -> float:
        return sum((picture.steps - picture.done) * STEP_SECONDS for picture in self.pictures.values())


class Chooser(Protocol):
    """Says which worker draws a picture, and when."""

    def began(self, cluster: SimulatedCluster) -> None: ...
    def came(self, picture: Picture) -> None: ...
    def ended(self, picture: Picture, worker: Worker) -> None: ...


class SimulatedCluster:
    """Workers that draw what a chooser gives them. `at` has something done later."""

    def __init__(self, workers: int, chooser: Chooser) -> None:
        self.now = 0.0
        self.workers = {f"host {number}": Worker(f"host {number}") for number in range(workers)}
        self._chooser = chooser
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._left = 0
        chooser.began(self)

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        heappush(self._events, (self.now + seconds, next(self._numbers), do))

    def run(self, pictures: Sequence[Picture]) -> None:
        """Draw them all."""
        self._left = len(pictures)
        for picture in pictures:
            self.at(picture.came, lambda picture=picture: self._chooser.came(picture))  # type: ignore[misc]
        while self._left:
            self.now, _, do = heappop(self._events)
            do()

    def give(self, picture: Picture, worker: Worker) -> None:
        """A worker has that picture in hand from now on."""
        worker.pictures[picture.name] = picture
        if worker.chosen is None:
            self._turn(worker)

    def _turn(self, worker: Worker) -> None:
        if not worker.pictures:
            worker.chosen = None
            return
        worker.chosen = worker.schedule.choose([picture.parked(self.now) for picture in worker.pictures.values()])
        self.at(STEP_SECONDS, lambda: self._stepped(worker))

    def _stepped(self, worker: Worker) -> None:
        assert worker.chosen is not None
        picture = worker.pictures[worker.chosen.run]
        worker.schedule.served(worker.chosen, STEP_SECONDS)
        picture.done, picture.in_flight = picture.done + 1, True
        if picture.done == picture.steps:
            picture.ended = self.now
            self._left -= 1
            del worker.pictures[picture.name]
            self._chooser.ended(picture, worker)
        self._turn(worker)


class OneLine:
    """The real line; every worker is a host."""

    def __init__(self, in_hand: int = IN_HAND, beyond: int = BEYOND) -> None:
        self._in_hand, self._beyond = in_hand, beyond
        self._pictures: dict[str, Picture] = {}
        self.line = LinePolicy(0.0, settle_seconds=0.0)

    def began(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        for number in range(APIS):
            self.line.listen(f"api {number}", 0.0)
            self.line.tell(ApiBatch(api=f"api {number}", whole=True), 0.0)
        self._report()

    def came(self, picture: Picture) -> None:
        self._pictures[picture.name] = picture
        ask = Ask(job=picture.name, group=picture.group, source="model", seconds=picture.alone)
        self._cluster.at(MESSAGE_SECONDS, lambda: self._tell(picture.api, ask))

    def ended(self, picture: Picture, worker: Worker) -> None:
        told = Ended(job=picture.name, seconds=picture.alone)
        self._cluster.at(2 * MESSAGE_SECONDS, lambda: self._tell(picture.api, told))

    def _report(self) -> None:
        """All that stand by say that they do, every two seconds."""
        now = self._cluster.now
        reports = [
            HostReport(
                host=worker.name,
                room=self._in_hand,
                beyond=self._beyond,
                models=(_MODEL,),
                in_hand=tuple(worker.pictures),
            )
            for worker in self._cluster.workers.values()
        ]
        self.line.report(reports, now)
        for number in range(APIS):
            self.line.tell(ApiBatch(api=f"api {number}"), now)
        self._turn()
        self._cluster.at(_REPORT_SECONDS, self._report)

    def _tell(self, api: str, message: Ask | Ended) -> None:
        self.line.tell(ApiBatch(api=api, messages=(message,)), self._cluster.now)
        self._turn()

    def _turn(self) -> None:
        self.line.turn(self._cluster.now)
        for messages in self.line.take_said().values():
            for message in messages:
                if isinstance(message, Placed):
                    worker = self._cluster.workers[message.host]
                    picture = self._pictures.pop(message.job)
                    self._cluster.at(MESSAGE_SECONDS, lambda p=picture, w=worker: self._cluster.give(p, w))  # type: ignore[misc]


class StaleBacklogs:
    """Each api process gives a picture at once to whoever had the least to do some time ago."""

    def __init__(self, seconds_ago: float) -> None:
        self._seconds_ago = seconds_ago
        self._seen: deque[dict[str, float]] = deque()

    def began(self, cluster: SimulatedCluster) -> None:
        self._cluster, self._rng = cluster, random.Random(1)
        self._look()

    def came(self, picture: Picture) -> None:
        least = min(self._seen[0].values())
        # Those with the least: else all api processes would choose the same one until they look again.
        names = [name for name, backlog in self._seen[0].items() if backlog <= least]
        worker = self._cluster.workers[self._rng.choice(names)]
        self._cluster.at(MESSAGE_SECONDS, lambda: self._cluster.give(picture, worker))

    def ended(self, picture: Picture, worker: Worker) -> None:
        """Seen when they are looked at next."""

    def _look(self) -> None:
        self._seen.append({worker.name: worker.backlog for worker in self._cluster.workers.values()})
        if len(self._seen) > 2:
            self._seen.popleft()
        self._cluster.at(self._seconds_ago, self._look)


class BestOfTwo:
    """Each api process gives a picture at once to whoever of two has fewer in hand just now."""

    def began(self, cluster: SimulatedCluster) -> None:
        self._cluster, self._rng = cluster, random.Random(1)
        self._names = list(cluster.workers)

    def came(self, picture: Picture) -> None:
        two = [self._cluster.workers[name] for name in self._rng.sample(self._names, 2)]
        worker = min(two, key=lambda each: len(each.pictures))
        self._cluster.at(MESSAGE_SECONDS, lambda: self._cluster.give(picture, worker))

    def ended(self, picture: Picture, worker: Worker) -> None:
        """It is counted no more."""


@dataclass(frozen=True)
class Slowdown:
    """Time to answer of short pictures over their time alone."""

    mean: float
    p99: float

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Slowdown:
        """Of these pictures."""
        times = sorted((picture.ended - picture.came) / picture.alone for picture in pictures)
        return cls(sum(times) / len(times), times[int(0.99 * len(times))])


def slowdowns(pictures: Sequence[Picture]) -> tuple[Slowdown, Slowdown]:
    """Those of light keys and of the one that floods, once the cluster has filled."""
    warm = [picture for picture in pictures[len(pictures) // 10 :] if picture.steps == SHORT_STEPS]
    light = [picture for picture in warm if picture.group != FLOOD]
    return Slowdown.of(light), Slowdown.of([picture for picture in warm if picture.group == FLOOD])
