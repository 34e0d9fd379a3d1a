"""Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): whose turn it is among groups of different weight."""

# Tested in tests/scheduling/test_policy.py.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A group that has something to do: its weight, and the seconds by which it goes before others when it comes."""

    weight: float = 1.0
    credit: float = 0.0


class Shares:
    """Every group has a virtual time that grows by the seconds it was given, divided by its weight; the least is next.

    A group that comes starts at most its credit before the others: idleness is no savings account. Nor is leaving: what
    a group has spent of its credit it has again once the others' virtual time has grown by as much. Else a group that
    asks for one short picture after another would have a new credit for each, and with it the whole device.
    """

    def __init__(self) -> None:
        self._virtual = self._undisturbed = 0.0
        self._used: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._credits: dict[str, float] = {}

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._used)

    def enter(self, claims: Mapping[str, Claim]) -> None:
        """These groups have something to do now; the others are forgotten once nothing of theirs is owed or spent."""
        came = claims.keys() - self._weights.keys()
        if claims.keys() != self._weights.keys():
            self._undisturbed = 0.0
        self._weights = {group: claim.weight for group, claim in claims.items()}
        for group in came:
            self._credits[group] = claims[group].credit / claims[group].weight
            first = self._virtual - self._credits[group]
            self._used[group] = max(self._used.get(group, first), first)
        for group in [g for g in self._used if g not in claims and self._is_as_new(g)]:
            del self._used[group]
            self._credits.pop(group, None)

    def used(self, group: str) -> float:
        """The virtual time of a group; that of one which is not here yet is now."""
        return self._used.get(group, self._virtual)

    def in_turn(self, groups: Iterable[str]) -> list[str]:
        """Groups in the order of their turns; where it is the same, in the order in which they are given."""
        return sorted(groups, key=self.used)

    def serve(self, group: str, weight: float, seconds: float) -> None:
        """A group was given so many seconds; fewer than 0 take back what had been expected."""
        self._used[group] = self._used.get(group, self._virtual) + seconds / weight
        self._virtual += max(0.0, seconds) / max(sum(self._weights.values()), weight)
        self._undisturbed += max(0.0, seconds)
        if len(self._used) == 1 or self._undisturbed > sum(self._credits.get(each, 0.0) for each in self._weights):
            self._settle({*self._weights, group})

    def _settle(self, here: set[str]) -> None:
        """What all that have been here together for a while are ahead by is nobody's credit: none has it beside others.

        Else groups that came together would keep their credits for as long as they stay, and one that comes later would
        find no advantage in its own: beside three that always want something it took 4 times its time alone.
        """
        ahead = self._virtual - max(self._used.get(group, self._virtual) for group in here)
        if ahead > 0:
            for group in here & self._used.keys():
                self._used[group] += ahead

    def _is_as_new(self, group: str) -> bool:
        """Whether a group would start where it starts now if it had never been here."""
        return self._used[group] <= self._virtual - self._credits.get(group, 0.0)
