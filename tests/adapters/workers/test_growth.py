"""Whether several workers draw more than one: by rounds that are given here, disturbed or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from safelight.adapters.workers.sizing.growth import Growth, gain
from safelight.contract.models.costs import CostPoint
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Configure, ModelReady


async def told(alone: Sequence[float], together: Sequence[float | None]) -> float | None:
    seconds = {1: iter(alone), 2: iter(together)}

    async def draw(count: int) -> float | None:
        return next(seconds[count])

    return await gain(draw, 2)


@pytest.mark.parametrize(
    ("alone", "together", "found"),
    [
        ([0.2, 0.2], [0.21, 0.2], 2.0),
        ([0.2, 0.2], [0.4, 0.4], 1.0),
        ([0.9, 0.2, 0.2], [0.2, 0.2, 0.2], 2.0),  # the first pays for what is done once, so there is a third
        ([0.2, 0.5, 0.9, 1.7], [0.2, 0.2, 0.2, 0.2], None),  # somebody else computes: nobody can tell
        ([0.2], [None], None),  # somebody else's order came
    ],
)
async def test_several_are_compared_with_one_in_rounds_until_two_are_alike(
    alone: list[float], together: list[float | None], found: float | None
) -> None:
    assert await told(alone, together) == found


def ready(seconds: float, fingerprint: str = "a") -> ModelReady:
    costs = (CostPoint(pixels=1024, step=seconds),)
    return ModelReady(
        source=fingerprint, fingerprint=fingerprint, device="cpu", steps=8, seconds=1.0, costs=costs, workers=2
    )


def test_slow_pictures_are_not_drawn_for_it_and_unmeasured_ones_neither() -> None:
    growth = Growth(Configure(models=(), warm_up_seconds=10.0))
    assert growth.wanted([ready(0.01)]) == 2
    assert growth.is_open([ready(0.01)], 2)
    assert not growth.is_open([ready(1.0)], 2)
    assert not growth.is_open([ready(0.01), ready(1.0, "b")], 2)
    assert not growth.is_open([ModelReady(source="a", fingerprint="a", device="cpu", steps=8, seconds=1.0)], 2)
    assert not growth.is_open([], 2)


async def test_what_was_seen_is_known_at_the_next_start_on_as_many_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure = Configure(models=(), warm_up_seconds=10.0, measured=str(tmp_path / "measured"))

    async def crowded(orders: Sequence[Order]) -> float:
        return 0.1 * len(orders)

    assert await Growth(configure).pays([ready(0.01)], 2, crowded) is False
    next_start = Growth(configure)
    assert next_start.wanted([ready(0.01)]) == 1
    assert not next_start.is_open([ready(0.01)], 2)
    assert next_start.wanted([ready(0.01, "another model")]) == 2
    monkeypatch.setattr("os.cpu_count", lambda: 1024)
    assert next_start.wanted([ready(0.01)]) == 2
    (tmp_path / "measured" / "workers.json").write_bytes(b"{")
    assert Growth(configure).wanted([ready(0.01)]) == 2
