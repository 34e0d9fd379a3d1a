"""Pictures a minute by a clock that the test sets."""

from __future__ import annotations

from safelight.adapters.throughput import Throughput


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_pictures_of_the_last_five_minutes_are_counted_by_model() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    clock.now += 600
    for _ in range(10):
        throughput.add("slow")
    throughput.add("other")
    assert throughput.per_minute() == {"slow": 2.0, "other": 0.2}
    clock.now += 301
    assert throughput.per_minute() == {}


def test_a_first_picture_is_not_sixty_a_minute() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    clock.now += 1
    throughput.add("quick")
    assert throughput.per_minute() == {"quick": 1.0}
    clock.now += 119
    assert throughput.per_minute() == {"quick": 0.5}
