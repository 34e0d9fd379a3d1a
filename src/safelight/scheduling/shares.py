"""Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): whose turn it is among groups of different weight."""

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

    A group that comes back from idleness starts at most its credit before the others: idleness is no savings account.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        self._used: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._used)

    def enter(self, claims: Mapping[str, Claim]) -> None:
        """These groups have something to do now; the others are forgotten once these have caught up with them."""
        came = claims.keys() - self._weights.keys()
        self._weights = {group: claim.weight for group, claim in claims.items()}
        for group in came:
            first = self._virtual - claims[group].credit / claims[group].weight
            self._used[group] = max(self._used.get(group, first), first)
        self._used = {g: used for g, used in self._used.items() if g in claims or used > self._virtual}

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
        if len(self._weights) == 1:  # nobody to be ahead of: a credit is not kept for later
            self._used[group] = self._virtual
