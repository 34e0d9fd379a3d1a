"""A line that is fair among groups: what waits for a worker, or for its place among durable jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Literal, TypeVar

from safelight.scheduling.policy import due
from safelight.scheduling.shares import Claim, Shares
from safelight.scheduling.sorted_sums import Key, SortedSums

Item = TypeVar("Item")

Verdict = Literal["now", "full", "not yet"]
"""Whether one who waits may go: now; not while there is no room for its group; not before what it needs is there."""

Need = tuple[str, str | None, tuple[str, ...]]
"""A kind, the state of it that is asked for, and where it is not to go."""


@dataclass(frozen=True)
class Waiting(Generic[Item]):
    """One who waits. `name` is its own; `kind` says what it needs (a model), `began_with` the state of that which it
    would have back (its fingerprint), `avoids` where it is not to go (hosts), `seconds` how long it is expected to
    take, `came` when it came, on any clock that all of a line share. Who waits in the `background` goes after all
    groups that do not; a group does so as a whole."""

    name: str
    item: Item
    group: str
    kind: str
    seconds: float
    came: float
    weight: float = 1.0
    background: bool = False
    began_with: str | None = None
    avoids: tuple[str, ...] = ()

    @property
    def needs(self) -> Need:
        """What is judged of it: who needs the same is judged alike."""
        return self.kind, self.began_with, self.avoids


@dataclass
class _Group(Generic[Item]):
    """Those of one group: all of them in order, and by need who comes first of it (who has left is still in there)."""

    weight: float
    background: bool = False
    order: SortedSums = field(default_factory=SortedSums)
    needs: dict[Need, list[tuple[Key, str]]] = field(default_factory=dict)


class FairLine(Generic[Item]):
    """Groups by weighted fair share, and in each group short work first, with patience for long."""

    def __init__(self) -> None:
        self._shares = Shares()
        self._groups: dict[str, _Group[Item]] = {}
        self._waiting: dict[str, tuple[Waiting[Item], Key]] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, name: str) -> bool:
        return name in self._waiting

    def __iter__(self) -> Iterator[Item]:
        """Everybody who waits, in the order in which they came into the line."""
        return (waiting.item for waiting, _ in self._waiting.values())

    @property
    def groups(self) -> Collection[str]:
        """Groups of which somebody waits."""
        return self._groups.keys()

    def get(self, name: str) -> Item | None:
        """Who waits under that name."""
        return self._waiting[name][0].item if name in self._waiting else None

    def add(self, waiting: Waiting[Item]) -> None:
        """Somebody comes."""
        key = (due(waiting.came, waiting.seconds, waiting.seconds), next(self._numbers))
        group = self._groups.setdefault(waiting.group, _Group(waiting.weight, waiting.background))
        group.weight = waiting.weight
        group.order.add(key, waiting.seconds)
        heappush(group.needs.setdefault(waiting.needs, []), (key, waiting.name))
        self._waiting[waiting.name] = (waiting, key)

    def remove(self, name: str) -> Item | None:
        """Somebody leaves without having been served."""
        if name not in self._waiting:
            return None
        waiting, key = self._waiting.pop(name)
        group = self._groups[waiting.group]
        group.order.remove(key)
        if not group.order:
            del self._groups[waiting.group]
        return waiting.item

    def served_elsewhere(self, name: str) -> Item | None:
        """Somebody was served by another who serves this line too: it leaves, and its group is charged as if by us."""
        if name not in self._waiting:
            return None
        waiting = self._waiting[name][0]
        self._enter()
        self._shares.serve(waiting.group, waiting.weight, waiting.seconds)
        return self.remove(name)

    def take(self, judge: Callable[[Waiting[Item]], Verdict]) -> Waiting[Item] | None:
        """Whose turn it is among those who may go, out of the line, and the expected seconds on its group's account.

        `judge` is asked in the order of turns, once for each need that a group waits for.
        """
        self._enter()
        for name in sorted(self._shares.in_turn(self._groups), key=lambda name: self._groups[name].background):
            for waiting in self._heads(self._groups[name]):
                verdict = judge(waiting)
                if verdict == "now":
                    self.remove(waiting.name)
                    self._shares.serve(waiting.group, waiting.weight, waiting.seconds)
                    return waiting
                if verdict == "full":
                    break
        return None

    def correct(self, group: str, weight: float, seconds: float) -> None:
        """What a group was served took so much longer (or shorter, below 0) than expected."""
        self._shares.serve(group, weight, seconds)

    def place(self, name: str) -> tuple[int, float] | None:
        """Where one who waits stands: 1 is next, and the seconds of those before it; None if it does not wait.

        As it looks now: who comes later may be shorter, or of a group with more of its share left.
        """
        if name not in self._waiting:
            return None
        self._enter()
        waiting, key = self._waiting[name]
        own, before = self._groups[waiting.group], self._shares.used(waiting.group)
        position, seconds = own.order.before(key)
        turn = before + seconds / own.weight
        for other, group in self._groups.items():
            if group is not own:
                begun, ahead = group.order.begun_within((turn - self._shares.used(other)) * group.weight)
                position, seconds = position + begun, seconds + ahead
        return position + 1, seconds

    def _enter(self) -> None:
        self._shares.enter({name: Claim(group.weight) for name, group in self._groups.items()})

    def _heads(self, group: _Group[Item]) -> list[Waiting[Item]]:
        """Who comes first of each need, in order."""
        heads: list[tuple[Key, Waiting[Item]]] = []
        for need, heap in list(group.needs.items()):
            while heap and (heap[0][1] not in self._waiting or self._waiting[heap[0][1]][1] != heap[0][0]):
                heappop(heap)
            if heap:
                heads.append((heap[0][0], self._waiting[heap[0][1]][0]))
            else:
                del group.needs[need]
        return [waiting for _, waiting in sorted(heads, key=lambda head: head[0])]
