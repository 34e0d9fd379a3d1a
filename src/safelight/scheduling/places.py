"""How many of a line may be served at once: a few, shared fairly, and none held by what cannot be served yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safelight.scheduling.bounds import FairBound
from safelight.scheduling.line import Verdict


@dataclass(frozen=True)
class _Taken:
    group: str
    weight: float
    kind: str


class Places:
    """As many places as `most` says now. A group without any always gets one, and otherwise no more than its share when
    they are scarce.

    `here` says of a kind (a model) whether it is where it is needed. Those that wait for their kind to be brought take
    as many places of their own for each such kind, and none of the others.
    """

    def __init__(self, most: Callable[[], int], here: Callable[[str], bool]) -> None:
        self._most = most
        self._here = here
        self._taken: dict[str, _Taken] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def judge(self, group: str, weight: float, kind: str) -> Verdict:
        """Whether one more of that group and kind may be served."""
        here = self._here(kind)
        bound = FairBound(self._most())
        for taken in self._taken.values():
            if taken.kind == kind or (here and self._here(taken.kind)):
                bound.add(taken.group, taken.weight, 1)
        if not bound.excess(group, weight, 1):
            return "now"
        return "full" if here else "not yet"

    def take(self, name: str, group: str, weight: float, kind: str) -> None:
        """Somebody is served."""
        self._taken[name] = _Taken(group, weight, kind)

    def leave(self, name: str) -> None:
        """It is over."""
        self._taken.pop(name, None)
