"""How much all api processes have under way, as the line keeps count of it."""

# Tested in tests/service/line/test_let_in.py.

from __future__ import annotations

from collections.abc import Iterable

from safelight.protocol.cluster.placing import Amount, LetInReply, LetInRequest
from safelight.service.ports.processes.bound import judged


class BoundOfAll:
    """What each api process has under way, as it said last, and what it was let in since."""

    def __init__(self) -> None:
        self._of_api: dict[str, dict[str, Amount]] = {}

    def under_way(self, api: str, amounts: Iterable[Amount]) -> None:
        """A process says all that it has under way."""
        self._of_api[api] = {amount.owner: amount for amount in amounts}

    def forget(self, api: str) -> None:
        """A process is gone."""
        self._of_api.pop(api, None)

    def let_in(self, request: LetInRequest, workers: int) -> LetInReply:
        """Judge works, given what all processes have under way, with so many workers that are everybody's."""
        others = [amount for api, amounts in self._of_api.items() if api != request.api for amount in amounts.values()]
        reply, now_under_way = judged(request, others, request.workers + workers)
        self.under_way(request.api, (*request.own, *now_under_way))
        return reply
