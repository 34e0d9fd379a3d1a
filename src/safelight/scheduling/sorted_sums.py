"""A sorted list that knows how much stands before each of its entries."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import accumulate

Key = tuple[float, int]

# Entries in a bucket before it is split.
_BUCKET = 512


class SortedSums:
    """Keys in order, each with an amount.

    What stands before each bucket, and before each key of one, is summed when it is asked for first after a change.
    Asking then takes binary searches; after a change it sums two buckets and the sums of all, in C for the most. A
    place in line among 100,000 of ten keys, which asks ten lists, is 25 µs of a busy CPU, and 50 µs after a change; to
    read all sums for each question took 2.8 and 1.2 ms. A page of jobs asks fifty times.
    """

    def __init__(self) -> None:
        self._buckets: list[list[Key]] = []
        self._sums: list[float] = []
        self._amounts: dict[Key, float] = {}
        self._within: list[list[float] | None] = []
        self._until: tuple[list[int], list[float]] | None = None

    def __len__(self) -> int:
        return len(self._amounts)

    @property
    def first(self) -> Key:
        """The least key of a list that is not empty."""
        return self._buckets[0][0]

    def add(self, key: Key, amount: float) -> None:
        """Put a new key in."""
        at = min(self._bucket_of(key), len(self._buckets) - 1)
        if at < 0:
            self._buckets.append([])
            self._sums.append(0.0)
            self._within.append(None)
            at = 0
        bucket = self._buckets[at]
        insort(bucket, key)
        self._amounts[key] = amount
        self._sums[at] += amount
        self._within[at], self._until = None, None
        if len(bucket) > _BUCKET:
            half = len(bucket) // 2
            self._buckets[at : at + 1] = [bucket[:half], bucket[half:]]
            self._sums[at : at + 1] = [self._sum(bucket[:half]), self._sum(bucket[half:])]
            self._within[at : at + 1] = [None, None]

    def remove(self, key: Key) -> None:
        """Take a key out that is there."""
        at = self._bucket_of(key)
        bucket = self._buckets[at]
        del bucket[bisect_left(bucket, key)]
        self._sums[at] -= self._amounts.pop(key)
        self._within[at], self._until = None, None
        if not bucket:
            del self._buckets[at], self._sums[at], self._within[at]

    def before(self, key: Key) -> tuple[int, float]:
        """How many keys are less than this one, and the sum of their amounts."""
        at = self._bucket_of(key)
        counts, sums = self._before_buckets()
        if at == len(self._buckets):
            return counts[at], sums[at]
        place = bisect_left(self._buckets[at], key)
        return counts[at] + place, sums[at] + self._sums_within(at)[place]

    def begun_within(self, amount: float) -> tuple[int, float]:
        """How many keys have less than `amount` before them, and the sum of their own amounts."""
        counts, sums = self._before_buckets()
        at = bisect_left(sums, amount, lo=1) - 1
        if at >= len(self._buckets):
            return counts[-1], sums[-1]
        within = self._sums_within(at)
        begun = bisect_left(within, amount - sums[at], hi=len(self._buckets[at]))
        return counts[at] + begun, sums[at] + within[begun]

    def _before_buckets(self) -> tuple[list[int], list[float]]:
        """How many keys stand before each bucket and their sum; of all of them at the end."""
        if self._until is None:
            counts = list(accumulate(map(len, self._buckets), initial=0))
            self._until = (counts, list(accumulate(self._sums, initial=0.0)))
        return self._until

    def _sums_within(self, at: int) -> list[float]:
        """What stands before each key of a bucket within it, and the sum of all at the end."""
        found = self._within[at]
        if found is None:
            amounts = map(self._amounts.__getitem__, self._buckets[at])
            found = self._within[at] = list(accumulate(amounts, initial=0.0))
        return found

    def _bucket_of(self, key: Key) -> int:
        """The first bucket whose last key is not less."""
        return bisect_left(self._buckets, key, key=lambda bucket: bucket[-1])

    def _sum(self, keys: list[Key]) -> float:
        return sum(map(self._amounts.__getitem__, keys))
