"""The sorted list with sums, beside a plain sorted list."""

from __future__ import annotations

import random

import pytest

from safelight.scheduling.sorted_sums import SortedSums


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_a_plain_list_says_through_thousands_of_changes(seed: int) -> None:
    rng, sums, plain = random.Random(seed), SortedSums(), dict[tuple[float, int], float]()
    for number in range(6000):
        if plain and rng.random() < 0.35:
            gone = rng.choice(list(plain)) if number % 50 == 0 else next(iter(plain))
            sums.remove(gone)
            del plain[gone]
        else:
            key = (rng.choice((rng.random(), 0.5)), number)
            plain[key] = rng.choice((0.0, 1.0, rng.random()))
            sums.add(key, plain[key])
        if number % 200 == 0 and plain:
            check(sums, plain, rng)
    assert len(sums) == len(plain)


def check(sums: SortedSums, plain: dict[tuple[float, int], float], rng: random.Random) -> None:
    ordered = sorted(plain)
    asked = (rng.random(), 0)
    before = [key for key in ordered if key < asked]
    count, total = sums.before(asked)
    assert (sums.first, count) == (ordered[0], len(before))
    assert total == pytest.approx(sum(plain[key] for key in before), abs=1e-6)
    amount, begun, passed = rng.random() * sum(plain.values()), 0, 0.0
    for key in ordered:
        if passed >= amount:
            break
        begun, passed = begun + 1, passed + plain[key]
    count, total = sums.begun_within(amount)
    assert count == begun
    assert total == pytest.approx(passed, abs=1e-6)
    assert sums.begun_within(-1.0) == (0, 0.0)
