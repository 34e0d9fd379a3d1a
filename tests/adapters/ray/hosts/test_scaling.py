"""How many hosts there are to be, on a simulated clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from safelight.adapters.ray.hosts.scaling import IN_HAND, WAITING, BySecondsOfWork

TARGET = 20.0
KEEP = 60.0


@dataclass
class Told:
    """What Serve says."""

    current_time: float
    target_num_replicas: int
    aggregated_metrics: Mapping[str, Mapping[Any, float]] | None
    policy_state: Mapping[str, Any] = field(default_factory=dict)
    capacity_adjusted_min_replicas: int = 1
    capacity_adjusted_max_replicas: int = 8


def run(work: Callable[[int], float], seconds: int) -> Iterator[int]:
    """The number of hosts in each second, where so much work waits."""
    policy, count, state = BySecondsOfWork(TARGET, KEEP), 1, dict[str, Any]()
    for now in range(seconds):
        metrics = {IN_HAND: dict.fromkeys(range(count), 0.0), WAITING: dict.fromkeys(range(count), work(now))}
        count, state = policy(Told(float(now), count, metrics, state))
        yield count


def changes(counts: list[int]) -> int:
    return sum(before != after for before, after in pairwise(counts))


def test_work_brings_hosts_at_once_and_idleness_takes_them_after_a_minute() -> None:
    counts = list(run(lambda now: 100.0 if now < 10 else 0.0, 120))
    assert counts[0] == 5
    assert counts[60] == 5
    assert counts[-1] == 1
    assert changes(counts) == 1


def test_more_than_the_most_and_fewer_than_the_least_there_never_are() -> None:
    assert set(run(lambda now: 1e6, 10)) == {8}
    assert set(run(lambda now: 0.0, 10)) == {1}


def test_bursts_make_no_hosts_come_and_go() -> None:
    """A burst each half minute for an hour; and noise about what two hosts have."""
    counts = list(run(lambda now: 100.0 if now % 30 < 5 else 0.0, 3600))
    assert changes(counts) == 0
    noise = random.Random(1)
    noisy = list(run(lambda now: noise.uniform(30.0, 50.0), 3600))
    assert set(noisy[60:]) == {3}


def test_what_hosts_have_in_hand_counts_with_what_waits() -> None:
    policy = BySecondsOfWork(TARGET, KEEP)
    count, _ = policy(Told(0.0, 2, {IN_HAND: {"a": 25.0, "b": 25.0}, WAITING: {"a": 10.0, "b": 9.0}}))
    assert count == 3


def test_before_anything_is_told_nothing_changes() -> None:
    policy = BySecondsOfWork(TARGET, KEEP)
    assert policy(Told(0.0, 4, None))[0] == 4
    assert policy(Told(0.0, 0, {}))[0] == 1


def test_of_two_kinds_that_draw_the_same_one_grows_for_what_the_other_may_not() -> None:
    """What waits is shared by hosts (`service/line/demand.py`): one host of a kind that may have no more, and another
    kind, which comes to have the seven that are wanted beside it. Neither is ever given back while that work waits."""
    work, policies, most = 160.0, [BySecondsOfWork(TARGET, KEEP), BySecondsOfWork(TARGET, KEEP)], [1, 16]
    counts, states = [1, 1], [dict[str, Any](), dict[str, Any]()]
    seen = []
    for now in range(0, 120, 2):
        shares = [work * count / sum(counts) for count in counts]
        for kind, share in enumerate(shares):
            metrics = {IN_HAND: {0: 0.0}, WAITING: {0: share}}
            told = Told(float(now), counts[kind], metrics, states[kind], capacity_adjusted_max_replicas=most[kind])
            counts[kind], states[kind] = policies[kind](told)
        seen.append(tuple(counts))
    assert seen[-1] == (1, 7)
    assert seen == sorted(seen)
