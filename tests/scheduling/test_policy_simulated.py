"""The schedule tried out on thousands of seeded arrivals: one device, one call at a time, time by arithmetic alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from safelight.scheduling.policy import CREDIT_STEPS, PATIENCE, FairShare, FirstComeFirstServed, Parked, Schedule

ENCODE, STEP, DECODE = 0.5, 1.0, 2.0


@dataclass
class Picture:
    """One request in the simulation; seconds are those of the device."""

    name: str
    group: str
    came: float
    steps: int
    weight: float = 1.0
    done: int = 0
    decoded: bool = False
    encoded: bool = False
    ended: float = 0.0

    @property
    def alone(self) -> float:
        return ENCODE + self.steps * STEP + DECODE

    def call(self) -> tuple[str, float]:
        if not self.encoded:
            return "encode_prompt", ENCODE
        return ("denoise", STEP) if self.done < self.steps else ("decode", DECODE)

    def remaining(self) -> float:
        return (0.0 if self.encoded else ENCODE) + (self.steps - self.done) * STEP + DECODE

    def advance(self) -> bool:
        """One call is done; whether it was the last."""
        stage, _ = self.call()
        if stage == "encode_prompt":
            self.encoded = True
        elif stage == "denoise":
            self.done += 1
        return stage == "decode"


@dataclass
class Device:
    """Runs calls as the schedule says."""

    schedule: Schedule
    now: float = 0.0
    busy: float = 0.0
    here: dict[str, Picture] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    came: int = 0

    def run(
        self, arrivals: Sequence[Picture], next_of: Callable[[float, int], Picture | None] = lambda now, number: None
    ) -> list[Picture]:
        """Serve all of them; returns them in the order in which they ended.

        `next_of` makes the first picture of somebody who asks for the next when the last has come, and each next.
        """
        todo, ended = sorted(arrivals, key=lambda p: p.came), list[Picture]()
        number, asked, asked_for = 0, next_of(0.0, 0), ""
        while todo or self.here:
            if asked is not None and asked.came <= self.now:
                self._take(asked)
                asked_for, asked = asked.name, None
            if not self.here:
                self.now = max(self.now, todo[0].came)
            while todo and todo[0].came <= self.now:
                self._take(todo.pop(0))
            chosen = self.schedule.choose([*self.parked.values()])
            picture = self.here[chosen.run]
            _, seconds = picture.call()
            self.now += seconds
            self.busy += seconds
            if picture.advance():
                picture.ended = self.now
                ended.append(self.here.pop(picture.name))
                del self.parked[picture.name]
                if picture.name == asked_for:
                    number += 1
                    asked = next_of(self.now, number)
            else:
                self.parked[picture.name] = self._parked(chosen.arrived, picture)
            self.schedule.served(chosen, seconds)
        return ended

    def _take(self, picture: Picture) -> None:
        self.came += 1
        self.here[picture.name] = picture
        self.parked[picture.name] = self._parked(self.came, picture)

    def _parked(self, number: int, p: Picture) -> Parked:
        stage, _ = p.call()
        return Parked(
            p.name,
            stage,
            number,
            0,
            p.done,
            p.steps,
            p.group,
            p.weight,
            p.came,
            p.remaining(),
            p.alone,
            STEP,
            around=ENCODE + DECODE,
        )


def arrivals(seed: int, count: int, load: float, groups: int = 5) -> list[Picture]:
    """Poisson arrivals at a share of what the device can do; one in four is long."""
    rng = random.Random(seed)
    mean = ENCODE + DECODE + STEP * (0.25 * 50 + 0.75 * 6)
    now, made = 0.0, []
    for number in range(count):
        now += rng.expovariate(load / mean)
        steps = 50 if rng.random() < 0.25 else rng.choice((4, 4, 8))
        made.append(Picture(f"p{number}", f"g{rng.randrange(groups)}", now, steps))
    return made


def test_four_steps_behind_fifty_are_answered_in_less_than_twice_their_time_alone() -> None:
    for same_key in (True, False):
        for moment in [0.1 + 0.7 * i for i in range(75)]:
            long, short = Picture("long", "a", 0.0, 50), Picture("short", "a" if same_key else "b", moment, 4)
            Device(FairShare()).run([long, short])
            assert short.ended - short.came < 2 * short.alone, (same_key, moment)
            assert max(long.ended, short.ended) < long.alone + short.alone + STEP


@pytest.mark.parametrize("others", [1, 3, 7])
def test_beside_keys_that_always_want_something_a_short_picture_now_and_then_is_answered_at_once(others: int) -> None:
    """The ideal that shares each moment equally would take `others` + 1 times the time alone; credit makes it less."""
    device, rng = Device(FairShare()), random.Random(7)
    flood = [Picture(f"{key}-{number}", f"flood-{key}", 0.0, 8) for key in range(others) for number in range(20)]
    asked: list[Picture] = []

    def now_and_then(now: float, number: int) -> Picture | None:
        if number == 8:
            return None
        asked.append(Picture(f"short-{number}", "modest", now + rng.uniform(12, 20) * others, 4))
        return asked[-1]

    device.run(flood, now_and_then)
    assert sum(p.ended - p.came for p in asked) / sum(p.alone for p in asked) < 1.5


@pytest.mark.parametrize("moment", [30 + 0.37 * i for i in range(60)])
def test_a_picture_of_few_steps_waits_for_the_turn_under_way_alone(moment: float) -> None:
    """Its credit reaches to its end, decoding included; two more keys always want something."""
    long = [Picture(f"{key}-{number}", f"flood-{key}", 0.0, 8) for key in "ab" for number in range(20)]
    short = Picture("short", "modest", moment, 8)
    Device(FairShare()).run([*long, short])
    assert short.ended - short.came <= short.alone + max(ENCODE, STEP, DECODE)


@pytest.mark.parametrize("seed", range(3))
def test_every_picture_is_drawn_and_the_device_never_idles_while_there_is_work(seed: int) -> None:
    fair, first = Device(FairShare()), Device(FirstComeFirstServed())
    ended = fair.run(arrivals(seed, 600, 0.9))
    before = first.run(arrivals(seed, 600, 0.9))
    assert len(ended) == len(before) == 600
    # Work is conserved: the last picture ends when it ends under first come first served, to rounding.
    assert fair.now == pytest.approx(first.now, rel=0.02)
    assert fair.busy == pytest.approx(first.busy)


@pytest.mark.parametrize("seed", range(2))
def test_short_pictures_are_answered_sooner_than_first_come_first_served(seed: int) -> None:
    def slowdown(schedule: Schedule) -> float:
        """Response over time alone, the median of the short ones."""
        short = [p for p in Device(schedule).run(arrivals(seed, 800, 0.9)) if p.steps <= 8]
        return sorted((p.ended - p.came) / p.alone for p in short)[len(short) // 2]

    assert slowdown(FairShare()) < 0.4 * slowdown(FirstComeFirstServed())


@pytest.mark.parametrize("load", [0.6, 0.95])
@pytest.mark.parametrize("seed", range(2))
def test_no_picture_waits_longer_than_the_stated_bound(seed: int, load: float) -> None:
    everything = arrivals(seed, 800, load)
    Device(FairShare()).run(everything)
    for p in everything:
        present = [q for q in everything if q.came < p.ended and q.ended > p.came]
        groups = len({q.group for q in present})
        own = [q for q in present if q.group == p.group and q is not p and q.came <= p.came + 1.05 * PATIENCE * p.alone]
        work = sum(q.alone for q in own) + p.alone
        bound = groups * (work + CREDIT_STEPS * STEP + ENCODE + DECODE) + DECODE
        assert p.ended - p.came <= bound


def overload(greedy: int, modest: int) -> list[Picture]:
    """One key asks for very much at once, another for a little every now and then."""
    flood = [Picture(f"flood{i}", "greedy", 0.0, 50) for i in range(greedy)]
    return flood + [Picture(f"modest{i}", "modest", 40.0 * i, 4) for i in range(modest)]


def test_a_key_that_floods_the_queue_does_not_delay_another_key_by_much() -> None:
    pictures = overload(greedy=60, modest=40)
    Device(FairShare()).run(pictures)
    assert max((p.ended - p.came) / p.alone for p in pictures if p.group == "modest") < 2.3


def given_by(seconds: float, pictures: Sequence[Picture], device: Device, chosen: Callable[[Picture], bool]) -> float:
    """Seconds of device time that some pictures had got when the clock stood at `seconds`."""
    device.run(pictures)
    return sum(p.alone for p in pictures if chosen(p) and p.ended <= seconds)


def test_weighted_keys_get_their_shares_of_a_saturated_device() -> None:
    heavy = [Picture(f"h{i}", "heavy", 0.0, 8, weight=3.0) for i in range(100)]
    light = [Picture(f"l{i}", "light", 0.0, 8, weight=1.0) for i in range(100)]
    got = given_by(800.0, [*heavy, *light], Device(FairShare()), lambda p: p.group == "heavy")
    assert got == pytest.approx(600.0, abs=30)


def test_beside_two_hundred_waiting_pictures_a_short_one_takes_at_most_half_as_long_again() -> None:
    rng = random.Random(11)
    flood = [Picture(f"flood{i}", "greedy", 0.0, 8) for i in range(200)]
    modest = [Picture(f"modest{i}", "modest", 30.0 * i + 10 * rng.random(), 4) for i in range(50)]
    Device(FairShare()).run([*flood, *modest])
    slowdowns = [(p.ended - p.came) / p.alone for p in modest]
    assert sum(slowdowns) / len(slowdowns) <= 1.5


def test_a_key_that_sends_short_pictures_one_after_another_has_its_share_and_no_more() -> None:
    # Each is sent when the answer to the last has come: in between the key has nothing there for a moment.
    device = Device(FairShare())
    flood = [Picture(f"flood{i}", "greedy", 0.0, 50) for i in range(30)]
    served = device.run(flood, next_of=lambda now, i: Picture(f"short{i}", "modest", now + 0.1, 4) if i < 100 else None)
    both = max(p.ended for p in served if p.group == "modest")
    modest = sum(p.alone for p in served if p.group == "modest")
    assert modest == pytest.approx(both / 2, rel=0.05)
