"""How much all processes of a store have let in together."""

# Tested in tests/service/test_everywhere.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from safelight.protocol.cluster.placing import Amount, LetInReply, LetInRequest
from safelight.scheduling.bounds import waits


class SharedBound(Protocol):
    """Lets in for all processes, one after the other: of two that ask at once the second sees the first."""

    async def let_in(self, request: LetInRequest) -> LetInReply:
        """Judge works when nobody else is judged, and note those that are let in as under way.

        Raises:
            Unavailable: whoever keeps count cannot be reached just now.
        """


def judged(request: LetInRequest, others: Sequence[Amount], workers: int) -> tuple[LetInReply, Sequence[Amount]]:
    """What every `SharedBound` says, given what the others have under way and how many workers there are in all; and
    what the process then has under way for each owner for whom it was let in."""
    all_waits = waits(request.bound_seconds, workers, [*others, *request.own], request.wanted)
    under_way: dict[str, Amount] = {}
    for each, wait in zip(request.wanted, all_waits, strict=True):
        if wait == 0.0:
            before = under_way.get(each.owner)
            own = before.seconds if before else sum(has.seconds for has in request.own if has.owner == each.owner)
            under_way[each.owner] = Amount(owner=each.owner, weight=each.weight, seconds=own + each.seconds)
    return LetInReply(waits=tuple(all_waits)), list(under_way.values())
