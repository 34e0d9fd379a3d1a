"""What drawing costs: seconds by size and batch for one model, measured at warm-up and followed ever after."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

# Weight of the newest measurement in the running mean: follows a machine that gets busy within some five pictures.
_NEWEST = 0.3
_REMEMBERED_SHAPES = 256
WORTH_A_WORKER = 1.25
"""Another worker holds every model once more; that must bring at least so many times the pictures."""
# Between two measured sizes, seconds are taken to go by a power of the pixels. Convolutions have 1, attention 2; fixed
# costs of a call bring it towards 0, and two noisy measurements close together could say anything.
_LEAST_POWER, _GREATEST_POWER = 0.1, 2.0


class CostPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of each stage at one size: the prompt's encoding, one step of `batch` pictures together, the decoding.

    `threads` is how many it was measured with where others were tried too; 0: as many as are fastest.
    `passes` tells apart what a step does: with a negative prompt it may take two passes where it takes one without.
    """

    pixels: int
    step: float
    encode_prompt: float = 0.0
    decode: float = 0.0
    batch: int = 1
    passes: str = ""
    threads: int = 0

    def total(self, steps: int) -> float:
        """Seconds of a picture of so many steps."""
        return self.encode_prompt + steps * self.step + self.decode


class Costs:
    """The step-time curve of one model on one device. Knows nothing but what it is told: no clock, no tensors."""

    def __init__(self, points: Iterable[CostPoint] = ()) -> None:
        self._points: OrderedDict[tuple[str, int, int], CostPoint] = OrderedDict()
        self.observed = 0
        for point in points:
            self._keep(point)

    @property
    def points(self) -> tuple[CostPoint, ...]:
        """Everything measured, oldest first."""
        return tuple(self._points.values())

    def observe(self, seen: CostPoint) -> None:
        """Learn from a picture that was drawn; a prompt that was known already cost nothing and says nothing."""
        self.observed += 1
        before = self._points.pop((seen.passes, seen.batch, seen.pixels), None)
        if before is not None:
            seen = msgspec.structs.replace(
                seen,
                step=_mean(before.step, seen.step),
                decode=_mean(before.decode, seen.decode),
                encode_prompt=_mean(before.encode_prompt, seen.encode_prompt),
            )
        self._keep(seen)

    def at(self, pixels: int, *, batch: int = 1, passes: str = "") -> CostPoint | None:
        """What is known, or expected by the two nearest sizes, for that size; None if nothing was ever measured."""
        found = self._points.get((passes, batch, pixels))
        if found is not None:
            return found
        alike = [p for p in self._points.values() if p.passes == passes and p.batch == batch]
        alike = alike or [p for p in self._points.values() if p.batch == batch]
        if not alike:
            return None
        near, *others = sorted(alike, key=lambda p: abs(math.log(p.pixels / pixels)))
        other = next((p for p in others if p.pixels != near.pixels), None)
        return CostPoint(
            pixels=pixels,
            batch=batch,
            passes=passes,
            encode_prompt=near.encode_prompt,
            step=_scaled(near, other, pixels, "step"),
            decode=_scaled(near, other, pixels, "decode"),
        )

    def _keep(self, point: CostPoint) -> None:
        self._points[point.passes, point.batch, point.pixels] = point
        if len(self._points) > _REMEMBERED_SHAPES:
            self._points.popitem(last=False)


def _mean(before: float, now: float) -> float:
    return before + _NEWEST * (now - before)


def _scaled(near: CostPoint, other: CostPoint | None, pixels: int, stage: str) -> float:
    """Seconds at `pixels` on the power law through two points, or in proportion to the pixels of one."""
    seconds: float = getattr(near, stage)
    power = 1.0
    if other is not None and seconds > 0 and getattr(other, stage) > 0:
        power = math.log(seconds / getattr(other, stage)) / math.log(near.pixels / other.pixels)
        power = min(max(power, _LEAST_POWER), _GREATEST_POWER)
    return seconds * math.pow(pixels / near.pixels, power)
