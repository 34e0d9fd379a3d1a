"""How many workers a pool of no set size has: as many as one expected when it measured alone, if they keep to it.

What one expects of several is worked out from what it takes with fewer threads. Caches and memory are shared too, and
what that costs only several that draw at once can show. So where pictures are quick, they are measured doing so.
"""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog

from safelight.adapters.home.atomic_file import write_whole
from safelight.contract.models.costs import WORTH_A_WORKER
from safelight.contract.requests.order import FileSpec, Order, Recipe
from safelight.protocol.messages import Configure, ModelReady

# Alone and together in turns, so that a neighbour disturbs both: at least twice, and again where the two least of
# either differ by more than `_ALIKE`, since then somebody did.
_ROUNDS, _MOST_ROUNDS, _ALIKE = 2, 4, 1.3
_STEPS = 8
_PROMPT = "a lighthouse on a cliff by the sea at sunset"

log = structlog.get_logger(__name__)

DrawAtOnce = Callable[[Sequence[Order]], Awaitable[float | None]]
"""Draws each of these with another worker, all at once; the longest one's seconds. None: somebody else wanted some."""


class Growth:
    """Decides by what workers say of their models, and keeps what was measured under their fingerprints and the
    machine's cores."""

    def __init__(self, configure: Configure) -> None:
        self._budget_seconds = configure.warm_up_seconds
        self._file = Path(configure.measured) / "workers.json" if configure.measured else None
        self._gains = self._read()

    def wanted(self, ready: Sequence[ModelReady]) -> int:
        """Workers to have: as many as every model is served best by."""
        expected = min((event.workers for event in ready), default=1)
        gain = self._gains.get(_name(ready, expected))
        return expected if gain is None or gain >= WORTH_A_WORKER else 1

    def is_open(self, ready: Sequence[ModelReady], count: int) -> bool:
        """Whether it is still to be seen what that many bring, and can be within what measuring may take."""
        pictures = sum(_seconds(event) for event in ready) * 2 * _MOST_ROUNDS
        return _name(ready, count) not in self._gains and 0 < pictures <= self._budget_seconds

    async def pays(self, ready: Sequence[ModelReady], count: int, draw: DrawAtOnce) -> bool | None:
        """Whether so many draw enough more than one. None: the machine was not theirs; it should be tried again."""
        gains = [await gain(partial(_at_once, draw, event), count) for event in ready]
        known = [each for each in gains if each is not None]
        if len(known) < len(gains):
            return None
        log.info("workers_measured", count=count, gain=round(min(known), 2))
        self._keep(_name(ready, count), min(known))
        return min(known) >= WORTH_A_WORKER

    def _read(self) -> dict[str, float]:
        try:
            kept = self._file.read_bytes() if self._file is not None else b"{}"
            return msgspec.json.decode(kept, type=dict[str, float])
        except (OSError, msgspec.MsgspecError):  # the first start, or to be measured again
            return {}

    def _keep(self, name: str, gain: float) -> None:
        self._gains[name] = gain
        if self._file is not None:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._file, msgspec.json.encode(self._gains))
            except OSError as error:  # no reason not to draw
                log.warning("workers_measured_not_kept", error=error.strerror)


async def gain(draw: Callable[[int], Awaitable[float | None]], count: int) -> float | None:
    """How many times the pictures of one so many draw in the same time; None if that could not be told."""
    alone, together = list[float](), list[float]()
    while len(alone) < _ROUNDS or (len(alone) < _MOST_ROUNDS and not (_calm(alone) and _calm(together))):
        for found, how_many in ((alone, 1), (together, count)):
            seconds = await draw(how_many)
            if seconds is None:
                return None
            found.append(seconds)
    if not (_calm(alone) and _calm(together)):
        return None
    return count * min(alone) / max(min(together), 1e-9)


async def _at_once(draw: DrawAtOnce, ready: ModelReady, count: int) -> float | None:
    return await draw([*_orders(ready, count)])


def _calm(seconds: Sequence[float]) -> bool:
    least, second = sorted(seconds)[:2]
    return second <= _ALIKE * least


def _orders(ready: ModelReady, count: int) -> Iterator[Order]:
    """The largest picture that was measured, so many times."""
    side = math.isqrt(max(point.pixels for point in ready.costs))
    for number in range(count):
        yield Order(
            id=f"trial of {count} workers, {number}: {ready.source}",
            recipe=Recipe(
                source=ready.source, prompt=_PROMPT, width=side, height=side, seed=1, options={"steps": _STEPS}
            ),
            file=FileSpec(format="png", metadata="none"),
        )


def _seconds(ready: ModelReady) -> float:
    """Of such a picture; infinite where nothing was measured."""
    return max(ready.costs, key=lambda point: point.pixels).total(_STEPS) if ready.costs else math.inf


def _name(ready: Sequence[ModelReady], count: int) -> str:
    prints = "+".join(sorted(event.fingerprint for event in ready))
    return f"{prints}, {count} workers, {os.cpu_count()} cores"
