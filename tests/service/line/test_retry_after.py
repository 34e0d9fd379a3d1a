"""What the line says of when work will fit is when it fits, over several api processes and hosts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from benchmarks.simulated_cluster import OneLine, Picture, SimulatedCluster

from safelight.protocol.cluster.placing import Amount, ApiBatch, LetInRequest, UnderWay, Wanted

_WORKERS, _BOUND_SECONDS, _STEPS = 8, 20.0, 40
_APIS = [f"api {number}" for number in range(4)]


class Filled:
    """Hosts that draw a key's pictures, let in at four api processes until there is no room; each tells once a second
    what it has under way."""

    def __init__(self) -> None:
        self.line = OneLine()
        self.cluster = SimulatedCluster(_WORKERS, self.line)
        self.pictures: list[Picture] = []
        while self.wait(_APIS[len(self.pictures) % 4], _STEPS / 10) == 0:
            number = len(self.pictures)
            self.pictures.append(Picture(f"p{number}", "key", 0.0, _APIS[number % 4], _STEPS, number))
        self.cluster.at(1.0, self._tell)

    def wait(self, api: str, seconds: float) -> float:
        """How long that process is told to wait with so much work."""
        wanted = (Wanted(owner="key", seconds=seconds),)
        own = self._under_way(api)
        request = LetInRequest(api=api, wanted=wanted, own=own, bound_seconds=_BOUND_SECONDS)
        return self.line.line.let_in(request).waits[0]

    def _under_way(self, api: str) -> tuple[Amount, ...]:
        left = sum((picture.steps - picture.done) / 10 for picture in self.pictures if picture.api == api)
        return (Amount(owner="key", seconds=left),) if left else ()

    def _tell(self) -> None:
        for api in _APIS:
            told = UnderWay(amounts=self._under_way(api))
            self.line.line.tell(ApiBatch(api=api, messages=(told,)), self.cluster.now)
        self.cluster.at(1.0, self._tell)


@pytest.mark.parametrize("seconds", [40.0, 100.0])
def test_work_is_let_in_within_a_fifth_of_the_time_that_was_told(seconds: float) -> None:
    filled, let_in_at = Filled(), list[float]()
    in_all: Sequence[Picture] = filled.pictures
    assert sum(picture.alone for picture in in_all) <= _BOUND_SECONDS * _WORKERS
    told = filled.wait(_APIS[0], seconds)
    assert told == pytest.approx(seconds / _WORKERS)

    def ask_again() -> None:
        if filled.wait(_APIS[1], seconds) == 0:
            let_in_at.append(filled.cluster.now)
        else:
            filled.cluster.at(0.1, ask_again)

    filled.cluster.at(0.1, ask_again)
    filled.cluster.run(filled.pictures)
    assert let_in_at[0] == pytest.approx(told, rel=0.2)
