"""Durable jobs tried out on a simulated device: the line says whose is next, places how many are drawn at once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

import pytest

from safelight.scheduling.line import FairLine, Waiting
from safelight.scheduling.places import Places
from safelight.scheduling.policy import FairShare, Parked
from tests.scheduling.test_policy_simulated import STEP, Picture

_PLACES = 2


class Jobs:
    """One device, and a line before it; models in `loading` are there from that second on."""

    def __init__(self, loading: Mapping[str, float] | None = None) -> None:
        self.now = 0.0
        self._loading = loading or {}
        self._line: FairLine[Picture] = FairLine()
        self._places = Places(lambda: _PLACES, self._is_here)
        self._schedule = FairShare()
        self._models: dict[str, str] = {}
        self._drawn: dict[str, Picture] = {}

    def run(self, arrivals: Iterable[tuple[Picture, str]], until: float) -> None:
        """Draw jobs of a model each, as they come, until that second or the last."""
        todo = sorted(arrivals, key=lambda arrival: arrival[0].came)
        while self.now < until and (todo or self._drawn or len(self._line)):
            while todo and todo[0][0].came <= self.now:
                picture, model = todo.pop(0)
                self._models[picture.name] = model
                self._line.add(Waiting(picture.name, picture, picture.group, model, picture.alone, picture.came))
            while (waiting := self._line.take(lambda w: self._places.judge(w.group, w.weight, w.kind))) is not None:
                self._places.take(waiting.name, waiting.group, waiting.weight, waiting.kind)
                self._drawn[waiting.name] = waiting.item
            self._take_turn()

    def _is_here(self, model: str) -> bool:
        return self.now >= self._loading.get(model, 0.0)

    def _take_turn(self) -> None:
        able = [picture for name, picture in self._drawn.items() if self._is_here(self._models[name])]
        if not able:
            self.now += STEP
            return
        chosen = self._schedule.choose([_parked(number, picture) for number, picture in enumerate(able)])
        picture = self._drawn[chosen.run]
        seconds = picture.call()[1]
        self.now += seconds
        self._schedule.served(chosen, seconds)
        if picture.advance():
            picture.ended = self.now
            self._places.leave(picture.name)
            del self._drawn[picture.name]


def _parked(number: int, p: Picture) -> Parked:
    stage, _ = p.call()
    return Parked(p.name, stage, number, 0, p.done, p.steps, p.group, p.weight, p.came, p.remaining(), p.alone, STEP)


def _modest(seed: int, every: float = 30.0) -> list[Picture]:
    rng = random.Random(seed)
    return [Picture(f"modest{i}", "modest", every * i + 10 * rng.random(), 4) for i in range(50)]


def _mean_slowdown(pictures: list[Picture]) -> float:
    assert all(picture.ended for picture in pictures)
    return sum((p.ended - p.came) / p.alone for p in pictures) / len(pictures)


@pytest.mark.parametrize("seed", range(3))
def test_beside_two_hundred_jobs_of_a_key_anothers_short_job_takes_at_most_half_as_long_again(seed: int) -> None:
    flood = [Picture(f"flood{i}", "greedy", 0.0, 8) for i in range(200)]
    modest = _modest(seed)
    Jobs().run([(picture, "m") for picture in [*flood, *modest]], until=1e6)
    assert _mean_slowdown(modest) <= 1.5


def test_among_four_keys_each_has_a_fourth_of_the_device_and_a_short_job_waits_for_no_more() -> None:
    flood = [Picture(f"{key}{i}", key, 0.0, 50) for key in ("a", "b", "c") for i in range(100)]
    modest = _modest(7, every=60.0)
    Jobs().run([(picture, "m") for picture in [*flood, *modest]], until=1e6)
    # Where three keys came with a credit each, a fourth is ahead of none of them: it has its turns among four.
    assert _mean_slowdown(modest) <= 4.5
    by_then = {key: sum(0 < p.ended <= 3000 for p in flood if p.group == key) for key in ("a", "b", "c")}
    assert max(by_then.values()) - min(by_then.values()) <= 1


def test_jobs_whose_model_is_not_there_hold_up_no_job_whose_model_is() -> None:
    waiting = [Picture(f"waiting{i}", "modest", 0.0, 8) for i in range(200)]  # of the same key
    modest = _modest(1)
    jobs = Jobs(loading={"large": 1e5})
    jobs.run([*((picture, "large") for picture in waiting), *((picture, "m") for picture in modest)], until=3000)
    assert _mean_slowdown(modest) <= 1.1
    jobs.run([], until=1e6)
    assert all(picture.ended > 1e5 for picture in waiting)
