"""How much of a bound is whose: what each key may have waiting, so that no key can take it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class _Group:
    """What one group has within the bound, how many amounts that is, and its weight beside other groups."""

    amount: float = 0.0
    count: int = 0
    weight: float = 1.0


@dataclass
class FairBound:
    """A bound on the sum of amounts (seconds of work, jobs) that groups share by weight.

    An amount fits if it fits into the whole bound, or else into its group's share of it, which is the bound divided
    among the groups that have something within it. So a group alone has all of it; when a second comes, that one gets
    its share at once, although the first has used up everything, and the first gets nothing more before it is within
    its own. A group with nothing within the bound always fits. With `n` groups of equal weight, the sum is at most
    the bound times 1 + 1/2 + … + 1/n, and an amount for each.

    Where the amounts are work and the groups are served by weight, a share is what a group can have done in the time
    that the bound stands for: nobody is let in who would have to wait longer than that.
    """

    bound: float
    _groups: dict[str, _Group] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum of all amounts."""
        return sum(group.amount for group in self._groups.values())

    @property
    def count(self) -> int:
        """How many amounts there are."""
        return sum(group.count for group in self._groups.values())

    def amounts(self) -> list[tuple[str, float, float]]:
        """Each group, its weight and what it has."""
        return [(name, group.weight, group.amount) for name, group in self._groups.items()]

    def of(self, group: str) -> float:
        """What that group has."""
        return self._groups[group].amount if group in self._groups else 0.0

    def has(self, group: str) -> bool:
        """Whether that group has anything within the bound, be it 0."""
        return group in self._groups

    def share(self, group: str, weight: float) -> float:
        """How much of the bound is that group's while the others are there."""
        others = sum(there.weight for name, there in self._groups.items() if name != group)
        return self.bound * weight / (weight + others)

    def excess(self, group: str, weight: float, amount: float) -> float:
        """By how much an amount is too large to be taken in now: 0 if it fits."""
        if group not in self._groups:
            return 0.0
        beyond_share = self.of(group) + amount - self.share(group, weight)
        return max(0.0, min(self.total + amount - self.bound, beyond_share))

    def add(self, group: str, weight: float, amount: float) -> None:
        """Take an amount in, whether it fits or not. The group's last weight counts."""
        there = self._groups.setdefault(group, _Group())
        there.amount += amount
        there.count += 1
        there.weight = weight

    @contextmanager
    def holding(self, group: str, weight: float, amount: float) -> Iterator[None]:
        """While this is entered, an amount is taken in."""
        self.add(group, weight, amount)
        try:
            yield
        finally:
            self.remove(group, amount)

    def change(self, group: str, by: float) -> None:
        """One of a group's amounts has grown or shrunk."""
        there = self._groups[group]
        there.amount = max(0.0, there.amount + by)

    def remove(self, group: str, amount: float) -> None:
        """One of a group's amounts is gone; a group without any has no share."""
        there = self._groups[group]
        there.count -= 1
        there.amount = max(0.0, there.amount - amount)
        if there.count == 0:
            del self._groups[group]


class Work(Protocol):
    """Seconds of one worker's time for an owner of that weight."""

    @property
    def owner(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def seconds(self) -> float: ...


class Wanting(Work, Protocol):
    """Work that asks to be let in. Where it came in there is room for it in `here_seconds`."""

    @property
    def here_seconds(self) -> float: ...


def waits(bound_seconds: float, workers: int, under_way: Iterable[Work], wanted: Iterable[Wanting]) -> list[float]:
    """How long each of the works would have to wait until it fits: 0 if it is let in, and counts for the next.

    There may be `bound_seconds` for each of all `workers` under way, which owners share as in `FairBound`. There must
    be room where it came in too: what all let in and that one refused would count until that is known.
    """
    workers = max(1, workers)
    bound = FairBound(bound_seconds * workers)
    for each in under_way:
        bound.add(each.owner, each.weight, each.seconds)
    found = []
    for each in wanted:
        wait = max(bound.excess(each.owner, each.weight, each.seconds) / workers, each.here_seconds)
        if wait == 0.0:
            bound.add(each.owner, each.weight, each.seconds)
        found.append(wait)
    return found
